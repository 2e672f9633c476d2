"""Sums and maxima over groups, and values by a table, against plain numpy."""

import jax.numpy as jnp
import numpy as np
import pytest

from qthermo_jax.gathers import Groups, placed

RAGGED = np.array([2, 0, 2, 2, 4, 0, 2])  # groups 1 and 3 hold nothing
EVEN = np.array([0, 0, 1, 1, 2, 2])
SHUFFLED = np.array([2, 0, 1, 2, 1, 0])
NOTHING = np.zeros(0, int)


@pytest.mark.parametrize(
    ("group", "n_groups"), [(RAGGED, 5), (RAGGED, 7), (EVEN, 3), (SHUFFLED, 3), (EVEN, 4), (NOTHING, 2)]
)
def test_sums_and_maxima_of_groups_are_numpys(group: np.ndarray, n_groups: int) -> None:
    values = np.random.default_rng(0).uniform(0.1, 1.0, size=group.size)
    members = [values[group == g] for g in range(n_groups)]
    groups = Groups.of(group, n_groups)
    np.testing.assert_allclose(groups.sum(jnp.asarray(values)), [m.sum() for m in members], rtol=1e-15)
    largest = [m.max(initial=0.0) for m in members]
    np.testing.assert_array_equal(groups.max(jnp.asarray(values)), largest)


def test_a_group_sums_complex_numbers() -> None:
    values = np.random.default_rng(1).normal(size=(2, RAGGED.size))
    z = values[0] + 1j * values[1]
    expected = [z[g == RAGGED].sum() for g in range(5)]
    np.testing.assert_allclose(Groups.of(RAGGED, 5).sum(jnp.asarray(z)), expected, atol=1e-15)


@pytest.mark.parametrize(
    "table",
    [
        np.arange(2, 8).reshape(2, 3),
        np.arange(2, 8).reshape(3, 2).T,
        np.array([[2, 5], [4, 3]]),  # in no order
        np.array([[3, 9], [9, 0]]),
        np.array([[8, 9]]),  # it counts on beyond the values
        np.full((2, 2), 9),
        np.zeros((0, 3), int),
    ],
)
@pytest.mark.parametrize("shape", [(9,), (9, 2)])
def test_values_stand_where_their_table_says_and_0_where_it_says_none(
    table: np.ndarray, shape: tuple[int, ...]
) -> None:
    values = 1.0 + np.arange(np.prod(shape)).reshape(shape)
    expected = np.concatenate([values, np.zeros((1, *shape[1:]))])[table]
    np.testing.assert_array_equal(placed(jnp.asarray(values), table), expected)
