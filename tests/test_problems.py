"""The table of exact answers, checked: against explicit projectors, then the package against it."""

import jax.numpy as jnp
import numpy as np
import pytest

import oracles
import qthermo_jax as qj
from problems import PROBLEMS, Problem
from systems import dense_couplings, solved

each_problem = pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.name)


def plain_rates(bath: qj.Bath) -> list[oracles.Rate]:
    """The rates of a bank, J read off the flat or ohmic density."""
    density = bath.spectrum
    strength = np.asarray(density.rate if isinstance(density, qj.Flat) else density.eta)
    is_flat = isinstance(density, qj.Flat)
    return [
        oracles.bath_rate(
            lambda w, J=J: J if is_flat else J * w, np.inf if is_flat else float(J), float(T)
        )
        for J, T in zip(strength, bath.T, strict=True)
    ]


def test_names_are_unique() -> None:
    assert len({problem.name for problem in PROBLEMS}) == len(PROBLEMS)


@each_problem
def test_the_exact_populations_are_the_null_space_of_explicit_projectors(problem: Problem) -> None:
    system = problem.system
    rates = [gamma for bath in system.baths for gamma in plain_rates(bath)]
    L = oracles.generator(np.asarray(system.H), dense_couplings(system), rates)
    rho, isolation = oracles.null_state(L)
    assert isolation > 1e-12
    np.testing.assert_allclose(rho.diagonal().real, problem.populations, atol=1e-15 / isolation)


@each_problem
def test_steady_state_is_exact(problem: Problem) -> None:
    result = solved(problem.system)
    assert result["status"] == qj.Status.OK
    np.testing.assert_allclose(result["level_populations"], problem.populations, atol=1e-12)
    coherences = result["rho"] - jnp.diag(result["rho"].diagonal())
    np.testing.assert_allclose(coherences, 0.0, atol=1e-12)


@each_problem
def test_heat_flows_unless_all_temperatures_are_equal(problem: Problem) -> None:
    result = solved(problem.system)
    np.testing.assert_allclose(result["energy_balance"], 0.0, atol=1e-12)
    assert result["entropy_production"] >= -1e-12
    if problem.equilibrium:
        np.testing.assert_allclose(result["heat_currents"], 0.0, atol=1e-12)
