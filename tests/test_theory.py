"""The paper's closed forms against the formulas as printed, and against the exact populations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from problems import lambda_populations, v_populations
from qthermo_jax import theory

OCCUPATIONS = st.floats(1e-6, 1e3)


@given(n_1=OCCUPATIONS, n_2=OCCUPATIONS)
def test_lambda_unbalance_is_equation_8_as_printed(n_1: float, n_2: float) -> None:
    mean, difference = (n_1 + n_2) / 2, n_2 - n_1
    printed = -difference / (mean * (3 * mean + 2) - 0.75 * difference**2)
    np.testing.assert_allclose(theory.Delta_ss(n_1, n_2), printed, rtol=1e-6)


@given(n_1=OCCUPATIONS, n_2=OCCUPATIONS)
def test_v_unbalance_is_the_rest_of_equations_13_and_14(n_1: float, n_2: float) -> None:
    """At rest m* Omega_V^2 <X>_V = F_V, with <X>_V = (d/2) Delta and F_V = (delta_n/2) m* Gamma^2 d."""
    mean, difference = (n_1 + n_2) / 2, n_2 - n_1
    omega_squared = (3 * mean + 1) * (mean + 1) - 0.75 * difference**2
    np.testing.assert_allclose(theory.Delta_ss_V(n_1, n_2), difference / omega_squared, rtol=1e-6)


@given(n_1=OCCUPATIONS, n_2=OCCUPATIONS)
def test_unbalances_are_differences_of_the_exact_populations(n_1: float, n_2: float) -> None:
    P_1, P_2, _ = lambda_populations(n_1, n_2)
    np.testing.assert_allclose(theory.Delta_ss(n_1, n_2), P_2 - P_1, rtol=1e-12, atol=1e-15)
    _, P_1, P_2 = v_populations(n_1, n_2)
    np.testing.assert_allclose(theory.Delta_ss_V(n_1, n_2), P_2 - P_1, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("n_1", [1e-300, 1e-9, 0.7, 1e6])
def test_a_cold_bath_at_zero_temperature_takes_all(n_1: float) -> None:
    assert theory.Delta_ss(n_1, 0.0) == 1.0
    assert theory.Delta_ss(0.0, n_1) == -1.0
