"""Sums and maxima over groups against plain numpy."""

import jax.numpy as jnp
import numpy as np
import pytest

from qthermo_jax.gathers import Groups

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
