"""Hierarchical interpolation, without a sweep: functions in closed form on a line and in a plane."""

import numpy as np
import pytest

from qthermo_jax.sweeping.execute.hierarchy import finer, mean, refined

TOLERANCE = 0.01


def at_points(function, size, axes, tolerance, levels):
    """The interpolation of a function on the unit square or interval, and what was asked of it."""
    places = []

    def asked(level, index):
        places.append((level, index))
        return function(*(index / ((size - 1) * 2**level)).T)

    found = [*refined(asked, (size,) * axes, tolerance, levels)]
    values = function(*np.meshgrid(*[np.linspace(0, 1, size)] * axes, indexing="ij"))
    for level in range(1, len(found) + 1):
        values = finer(values, mean, axes)
        for _, index in (own for own in places if own[0] == level):
            values[tuple(index.T)] = function(*(index / ((size - 1) * 2**level)).T)
    exact = function(*np.meshgrid(*[np.linspace(0, 1, len(values))] * axes, indexing="ij"))
    return values, exact, sum(len(index) for _, index in places), found


@pytest.mark.parametrize(
    ("function", "levels", "share"),
    [
        (lambda x, y: 1 / (1 + ((y - x**2 - 0.1) / 0.02) ** 2), 6, 0.1),  # a ridge
        (lambda x, y: np.exp(-((x - 0.5) ** 2 + (y - 0.5) ** 2) / 0.002), 6, 0.02),  # a peak
        (lambda x, y: np.tanh((x + y - 0.9) / 0.02), 5, 0.3),  # a step along a diagonal
        (lambda x, y: np.abs(x - y / 3), 5, 0.1),  # a kink
    ],
)
def test_what_is_interpolated_in_a_plane_is_within_the_tolerance(function, levels, share):
    values, exact, asked, found = at_points(function, 11, 2, TOLERANCE, levels)
    assert np.abs(values - exact).max() <= TOLERANCE
    assert asked <= share * values.size
    assert max(level.surplus for level in found) <= TOLERANCE


@pytest.mark.long
def test_the_error_of_random_functions_is_near_the_tolerance_at_most():
    """Sums of three Gaussians, as narrow as a third of a cell: what no point meets is not seen."""
    random = np.random.default_rng(1)
    errors = []
    for _ in range(300):
        centres = random.uniform(0, 1, (3, 2))
        widths, heights = 10 ** random.uniform(-1.5, 0, 3), random.normal(size=3)
        parts = [*zip(centres, widths, heights, strict=True)]

        def function(x, y, parts=parts):
            return sum(h * np.exp(-((x - a) ** 2 + (y - b) ** 2) / w**2) for (a, b), w, h in parts)

        values, exact, _, found = at_points(function, 11, 2, TOLERANCE, 6)
        assert max(level.surplus for level in found) <= TOLERANCE
        errors.append(np.abs(values - exact).max() / TOLERANCE)
    assert max(errors) <= 2.5
    assert np.sum(np.array(errors) > 1) <= 3
    assert np.median(errors) <= 0.5


@pytest.mark.parametrize("width", [0.1, 0.01, 0.001])
def test_what_is_interpolated_on_a_line_is_within_the_tolerance(width):
    values, exact, asked, _ = at_points(lambda x: np.tanh((x - 0.4) / width), 9, 1, TOLERANCE, 10)
    assert np.abs(values - exact).max() <= TOLERANCE
    assert asked < 150


def test_a_bilinear_function_is_divided_once():
    values, exact, asked, found = at_points(lambda x, y: 1 + 2 * x - y + 3 * x * y, 4, 2, 1e-12, 6)
    assert len(found) == 1
    assert asked == values.size == 7**2
    np.testing.assert_allclose(values, exact, rtol=0, atol=1e-14)


def test_where_a_function_ends_all_is_known_to_the_last_level():
    values, exact, _, found = at_points(
        lambda x, y: np.where(x + y < 1.1, x + y, np.nan), 9, 2, TOLERANCE, 5
    )
    np.testing.assert_array_equal(np.isnan(values), np.isnan(exact))
    assert found[-1].edges > 0
    assert found[-1].bending == 0


def test_no_point_is_asked_for_twice():
    seen = set()

    def asked(level, index):
        for own in (index << (4 - level)).tolist():
            assert tuple(own) not in seen
            seen.add(tuple(own))
        x, y = (index / (6 * 2**level)).T
        return np.exp(-((x - y) ** 2) / 0.01)

    [*refined(asked, (7, 7), TOLERANCE, 4)]
