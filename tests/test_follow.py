"""[root]: points and lines where a formula has a value, against curves in closed form."""

import warnings

import jax.numpy as jnp
import numpy as np
import pytest
from click.testing import CliRunner
from scipy import constants

import qthermo_jax as qj
from qthermo_jax.cli import app
from qthermo_jax.sweeping import SpecError, SpecWarning

SQUARE = {"start": -2.0, "stop": 2.0, "num": 21}


def plane(x: float = 0.0, y: float = 0.0, T: float = 1.0) -> qj.OpenSystem:
    """Two levels that know nothing of x and y: formulas of these alone are curves from textbooks."""
    flip = jnp.array([[0.0, 1.0], [1.0, 0.0]])
    return qj.OpenSystem(jnp.diag(jnp.array([0.0, 1.0])), [qj.Bath(flip, T, qj.Ohmic(0.1))])


def curve(formula, **settings):
    axes = {"x": SQUARE, "y": SQUARE}
    return qj.follow(plane, formula, axes=axes, observables=["level_populations"], **settings)


def lengths(found):
    return np.hypot(np.diff(found.x), np.diff(found.y))


@pytest.mark.long
def test_a_closed_line_is_closed_and_smooth():
    found = curve("x**2 + y**2", value=1.0, step=0.05)
    np.testing.assert_allclose(np.hypot(found.x, found.y), 1.0, rtol=1e-12)
    assert (found.along >= 0).all()
    assert (found.along < 1).all()
    np.testing.assert_allclose([found.x[0], found.y[0]], [found.x[-1], found.y[-1]], atol=1e-12)
    assert lengths(found).max() <= 0.05 * 4.0 * 1.1  # of the axes' length
    assert lengths(found).sum() == pytest.approx(2 * np.pi, rel=3e-3)


@pytest.mark.long
def test_a_fold_is_followed_around():
    """y = x^3 - x turned by a quarter: three x for one y."""
    found = curve("y**3 - y - x")
    np.testing.assert_allclose(found.x, found.y**3 - found.y, atol=1e-11)
    one = found.isel(along=found.along < 1)
    turns = np.diff(np.sign(np.diff(one.x)))
    assert np.count_nonzero(turns) == 2
    assert abs(one.x[np.flatnonzero(turns) + 1]).values == pytest.approx(2 / 3**1.5, rel=1e-3)


@pytest.mark.long
def test_lines_that_do_not_meet_have_numbers():
    found = curve("x**2 - y**2", value=1.0)
    number = np.floor(found.along)
    assert set(number.values) == {0.0, 1.0}
    for own in (0.0, 1.0):
        assert len(set(np.sign(found.x[number == own]).values)) == 1
    np.testing.assert_allclose(abs(found.y).max(), np.sqrt(3.0), rtol=1e-9)  # they end on the edge


@pytest.mark.long
def test_a_pole_is_no_line():
    """1/(x - 0.33) - y changes its sign at x = 0.33 and is 0 nowhere there."""
    with pytest.warns(SpecWarning, match="points left out"):
        found = curve("1/(x - 0.33) - y")
    np.testing.assert_allclose(found.y * (found.x - 0.33), 1.0, rtol=1e-9)


@pytest.mark.long
def test_on_one_axis_the_places_are_points():
    found = qj.follow(
        plane, "x**3 - x", axes={"x": SQUARE}, value=0.2, observables=["level_populations"]
    )
    np.testing.assert_allclose(found.x, np.sort(np.roots([1, 0, -1, -0.2]).real), rtol=1e-12)
    assert found.along.values.tolist() == [0.0, 1.0, 2.0]


@pytest.mark.long
def test_the_boundary_of_negative_thermophoresis_of_a_v_system():
    """V system: the paper's closed form of the boundary, T_1 = T_2, where the unbalance changes sign."""
    axes = {name: {"start": 0.2, "stop": 1.0, "num": 7} for name in ("T_1", "T_2")}
    found = qj.follow("lambda_system", "unbalance", axes=axes, observables=["unbalance"])
    np.testing.assert_allclose(found.T_1, found.T_2, rtol=1e-9)
    np.testing.assert_allclose(found.unbalance, 0.0, atol=1e-12)


@pytest.mark.long
def test_a_population_of_two_levels_is_that_of_gibbs():
    """p_2 = 1/(e^{1/T} + 1) at a temperature on a logarithmic axis."""
    axis = {"start": 0.1, "stop": 10.0, "num": 9, "spacing": "log"}
    found = qj.follow(plane, "level_populations['2']", axes={"T": axis}, value=0.3)
    np.testing.assert_allclose(found["T"], 1 / np.log(1 / 0.3 - 1), rtol=1e-10)


# What 1 meV and 1 mK are in GHz.
MEV, MK = (own * 1e-3 / (1e9 * constants.h) for own in (constants.e, constants.k))
GIBBS = "level_populations['e']/level_populations['1']"


@pytest.mark.long
def test_a_line_in_units_is_that_of_gibbs_and_of_the_converted_numbers():
    """Bath 1 alone drives |1> <-> |e>: p_e/p_1 = e^{-omega_1/T_1}, of a frequency in meV, T_1 in mK."""
    settings = {"observables": ["level_populations"], "energy_unit": "GHz"}
    held = {"omega_2": 12.0, "T_2": 400.0}
    frequency = {"start": 0.02, "stop": 0.1, "num": 5}
    temperature = {"start": 50.0, "stop": 1000.0, "num": 7, "spacing": "log"}
    found = qj.follow(
        "lambda_system",
        GIBBS,
        axes={"omega_1": frequency, "T_1": temperature},
        value=0.3,
        parameters=held,
        units={"omega_1": "meV", "T_1": "mK", "T_2": "mK"},
        **settings,
    )
    np.testing.assert_allclose(found.T_1 * MK, -found.omega_1 * MEV / np.log(0.3), rtol=1e-9)
    assert [found[own].attrs["units"] for own in ("omega_1", "T_1")] == ["meV", "mK"]
    assert found.T_1.max() > 900.0
    ends = [
        own | {end: own[end] * size for end in ("start", "stop")}
        for own, size in ((frequency, MEV), (temperature, MK))
    ]
    inside = qj.follow(
        "lambda_system",
        GIBBS,
        axes=dict(zip(("omega_1", "T_1"), ends, strict=True)),
        value=0.3,
        parameters=held | {"T_2": 400.0 * MK},
        **settings,
    )
    np.testing.assert_allclose(found.T_1 * MK, inside.T_1, rtol=1e-9)
    np.testing.assert_allclose(found.omega_1 * MEV, inside.omega_1, rtol=1e-9)
    np.testing.assert_allclose(found.level_populations, inside.level_populations, rtol=1e-9)


@pytest.mark.long
def test_names_in_a_formula_are_numbers_in_energy_units(tmp_path):
    """T_1 - 2 T_2 = 3 GHz, with T_1 in mK and T_2 in K, on the grid and on the line."""
    spec = tmp_path / "line.toml"
    spec.write_text(
        """model = "lambda_system"
observables = ["unbalance"]
energy_unit = "GHz"
units = { T_1 = "mK", T_2 = "K" }
[axes]
T_1 = { start = 300.0, stop = 1000.0, num = 4 }
T_2 = { start = 0.05, stop = 0.5, num = 4 }
[root]
formula = "T_1 - 2*T_2"
value = 3.0
"""
    )
    out, picture = tmp_path / "line.h5", tmp_path / "line.png"
    for arguments in (["run", str(spec), "--out", str(out)], ["plot", str(out), "--out", str(picture)]):
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
    with qj.open_result(out) as found:
        np.testing.assert_allclose(found.T_1 * MK - 2 * found.T_2 * 1e3 * MK, 3.0, rtol=1e-9)
        assert found.T_1.attrs["units"] == "mK"


@pytest.mark.long
def test_a_spec_with_a_root_makes_a_file_that_map_and_report_take(tmp_path):
    spec = tmp_path / "edge.toml"
    spec.write_text(
        """model = "lambda_system"
observables = ["unbalance"]
[axes]
T_1 = { start = 0.2, stop = 1.0, num = 5 }
T_2 = { start = 0.2, stop = 1.0, num = 5 }
[root]
formula = "unbalance"
value = 0.1
"""
    )
    out = tmp_path / "edge.h5"
    for arguments in (["check", str(spec)], ["run", str(spec), "--out", str(out)], ["info", str(out)]):
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
    with qj.open_result(out) as found:
        np.testing.assert_allclose(found.unbalance, 0.1, rtol=1e-9)
        assert found["T_1"].attrs["long_name"]


@pytest.mark.parametrize(
    ("axes", "root", "line"),
    [
        ({"x": [0.0]}, {"formula": "x"}, "root: takes axes of two values or more, and axes.x has one"),
        ({}, {"formula": "x"}, "root: takes one axis or two, got 0"),
        ({"x": [0.0, 1.0]}, {"formula": "z"}, "root.formula: unknown name 'z'"),
        ({"x": [0.0, 1.0]}, {"formula": "x +"}, "root.formula: 'x +' is no formula"),
        (
            {"x": [0.0, 1.0]},
            {"formula": "x", "value": 5.0},
            "root: no place was found between the points",
        ),
        ({"x": [0.0, 1.0]}, {"formula": "x", "vale": 5.0}, "did you mean 'value'?"),
        ({"x": {"x": [0.0, 1.0]}}, {"formula": "x"}, "root: takes axes of one parameter each"),
    ],
)
def test_what_cannot_be_followed_is_told_in_one_line(axes, root, line):
    with pytest.raises(SpecError) as caught:
        qj.sweep(plane, axes=axes, root=root, observables=["level_populations"])
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.long
def test_a_line_is_drawn_over_the_map_that_it_lies_in_with_a_gap_between_lines():
    axes = {"x": SQUARE, "y": SQUARE}
    data = qj.sweep(plane, axes=axes, observables=["level_populations"])
    found = curve("x**2 - y**2", value=1.0)
    picture = data.qthermo.plot("level_populations", select={"level": "1"}, lines=[(found, None)])
    (drawn,) = (own for own in picture.figure.axes[0].lines if len(own.get_xdata()) > 10)
    assert np.isnan(drawn.get_xdata()).sum() == 1
    x, y = (own[np.isfinite(own)] for own in (drawn.get_xdata(), drawn.get_ydata()))
    first, second = (
        (found.x, found.y) if picture.figure.axes[0].get_xlabel() == "x" else (found.y, found.x)
    )
    np.testing.assert_allclose(x, first)
    np.testing.assert_allclose(y, second)


def roots_of(formula, x, **settings):
    """The places on one axis, and the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = qj.follow(plane, formula, axes={"x": x}, observables=["level_populations"], **settings)
    return found.x.values, [str(one.message) for one in caught]


SLOPE = "(exp(80*(x - 0.579)) - 1)/(exp(80*(x - 0.579)) + 1)"


@pytest.mark.long
def test_every_change_of_sign_between_two_points_is_a_root_of_its_own():
    found, told = roots_of("(x - 0.3)*(x - 0.5)*(x - 0.75)", [0.2, 0.45, 0.55, 0.95])
    np.testing.assert_allclose(found, [0.3, 0.5, 0.75], rtol=1e-12)
    assert told == []
    # Newton's steps from the chord of a steep place go far away.
    found, told = roots_of(f"(x - 0.3)*{SLOPE}", [0.2, 0.4, 0.6, 0.8])
    np.testing.assert_allclose(found, [0.3, 0.579], rtol=1e-12)
    assert told == []
    found, _ = roots_of("x*(x - 0.2)", [0.0, 0.2, 0.5])  # at points of the grid
    np.testing.assert_allclose(found, [0.0, 0.2], atol=1e-15)


@pytest.mark.long
@pytest.mark.parametrize("formula", ["1/(x - 0.6)", "(x - 0.5)/abs(x - 0.5)"], ids=["pole", "jump"])
def test_a_change_of_sign_without_a_root_is_none(formula):
    with pytest.raises(SpecError, match="no place was found"):
        roots_of(formula, [0.2, 0.45, 0.75, 1.0])
    found, told = roots_of(f"(x - 0.3)*{formula}", [0.2, 0.45, 0.75, 1.0])
    np.testing.assert_allclose(found, [0.3], rtol=1e-12)
    assert len(told) == 1
    assert "1 of 2 points left out" in told[0]


@pytest.mark.long
def test_three_lines_between_the_points_of_an_uneven_grid_are_three():
    axes = {"x": [0.2, 0.45, 0.55, 0.95], "y": [0.3, 0.6, 0.9]}
    formula = "(x - 0.3)*(x - 0.5)*(x - 0.75) + 0*y"
    found = qj.follow(plane, formula, axes=axes, observables=["level_populations"])
    number = np.floor(found.along)
    places = sorted({round(float(x), 12) for x in found.x.values})
    assert places == [0.3, 0.5, 0.75]
    assert len(np.unique(number)) == 3


def test_an_axis_that_is_not_finite_is_refused():
    with pytest.raises(SpecError, match=r"axes\.x: has a number that is not finite"):
        roots_of("x", [-0.2, 0.45, np.inf])
