"""What a driven system says of itself where something is wrong, and at the edges of what is right."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import qthermo_jax as qj
from driven_systems import FINE, SIGMA_Z, as_complex, driven_qubit, solved
from matrices import SIGMA_X
from qthermo_jax.steady import Status


def status_of(system: qj.DrivenSystem) -> Status:
    state = solved(system)
    if state.status != Status.OK:
        assert np.isnan(state.heat_currents).all()
        assert np.isnan(state.rho_at).all()
    return Status(int(state.status))


@pytest.mark.long
def test_statuses() -> None:
    baths = driven_qubit().baths
    sigma_x, sigma_z = jnp.asarray(SIGMA_X), jnp.asarray(SIGMA_Z)
    for period in (0.0, -1.0, np.inf, np.nan):
        assert status_of(qj.DrivenSystem([sigma_z], period, baths)) == Status.PARAMETER_OUT_OF_RANGE
    assert status_of(driven_qubit(T=(-1.0, 0.3))) == Status.PARAMETER_OUT_OF_RANGE
    assert status_of(driven_qubit(jnp.nan)) == Status.PARAMETER_OUT_OF_RANGE
    skew = jnp.array([[0.0, 1.0], [0.0, 0.0]])
    assert status_of(qj.DrivenSystem([sigma_z + skew], 1.0, baths)) == Status.NOT_HERMITIAN
    flat = [qj.Bath(sigma_x + sigma_z, 1.0, qj.Flat(0.1))]
    assert status_of(qj.DrivenSystem([sigma_z], 1.0, flat)) == Status.DIVERGENT_RATE


def test_a_hamiltonian_that_is_skew_in_the_middle_of_the_period_is_noticed() -> None:
    skew = jnp.array([[0.0, 1.0], [0.0, 0.0]])

    def H(t: jax.Array) -> jax.Array:
        return as_complex(jnp.asarray(SIGMA_Z) + jnp.sin(2 * jnp.pi * t) * skew)

    system = qj.DrivenSystem(H, 1.0, driven_qubit().baths)
    assert status_of(system) == Status.NOT_HERMITIAN


@pytest.mark.parametrize("turns", [0.5, 1.25])
def test_a_hamiltonian_that_is_not_periodic_is_noticed(turns: float) -> None:
    def H(t: jax.Array) -> jax.Array:
        return as_complex(jnp.asarray(SIGMA_Z) + jnp.sin(2 * jnp.pi * turns * t) * jnp.asarray(SIGMA_X))

    assert status_of(qj.DrivenSystem(H, 1.0, driven_qubit().baths)) == Status.NOT_PERIODIC


@pytest.mark.long
def test_too_few_steps_and_too_few_photons_are_noticed() -> None:
    assert status_of(driven_qubit(2.0, 0.1)) == Status.TOO_FEW_STEPS
    assert status_of(driven_qubit(4.0, 1.0)) == Status.TOO_FEW_PHOTONS
    assert status_of(driven_qubit(4.0, 1.0, **FINE)) == Status.OK


def test_two_states_that_nothing_connects_have_no_unique_state() -> None:
    sigma_z = jnp.asarray(SIGMA_Z)
    baths = [qj.Bath(sigma_z, 1.0, qj.Ohmic(0.01)), qj.Bath(sigma_z, 0.3, qj.Ohmic(0.02))]
    assert status_of(qj.DrivenSystem([sigma_z, 0.2 * sigma_z], 4.0, baths)) == Status.NOT_UNIQUE


def test_shapes_are_refused(unchecked: None) -> None:
    baths = driven_qubit().baths
    with pytest.raises(ValueError, match="square matrices of one shape"):
        qj.DrivenSystem([np.eye(2), np.eye(3)], 1.0, baths)
    with pytest.raises(ValueError, match="numbered 0, 1, 2"):
        qj.DrivenSystem({-1: np.eye(2)}, 1.0, baths)
    with pytest.raises(ValueError, match="at least one Fourier component"):
        qj.DrivenSystem([], 1.0, baths)
    with pytest.raises(ValueError, match="steps is even and at least"):
        qj.DrivenSystem([np.eye(2)], 1.0, baths, steps=10, photons=4)
    with pytest.raises(ValueError, match="photons is a whole number"):
        qj.DrivenSystem([np.eye(2)], 1.0, baths, photons=1.5)
    with pytest.raises(ValueError, match="is not one of global, local"):
        qj.DrivenSystem([np.eye(2)], 1.0, baths, generator="redfield")
    with pytest.raises(ValueError, match="does not fit H"):
        qj.DrivenSystem([np.eye(3)], 1.0, baths)
    with pytest.raises(ValueError, match="the period is one number"):
        qj.DrivenSystem([np.eye(2)], np.ones(2), baths)
    with pytest.raises(ValueError, match="H\\(t\\) is a square matrix"):
        qj.DrivenSystem(lambda t: jnp.ones(2) * t, 1.0, baths)
    with pytest.raises(ValueError, match="takes method"):
        qj.periodic_state(driven_qubit(), method="secular_block")


def test_at_zero_temperature_the_ground_state_is_found() -> None:
    state = solved(driven_qubit(0.0, T=(0.0, 0.0)))
    assert state.status == Status.OK
    np.testing.assert_allclose(state.populations, [1.0, 0.0], atol=0)
    assert state.entropy_production == 0
    driven = solved(driven_qubit(0.3, T=(0.0, 0.0)))
    assert driven.power > 0
    assert driven.entropy_production == np.inf


@pytest.mark.long
def test_a_bath_that_couples_to_nothing_changes_nothing() -> None:
    system, identity = driven_qubit(), jnp.eye(2)
    baths = [system.baths[0], qj.Bath(identity, 0.3, qj.Ohmic(0.02))]
    state = solved(qj.DrivenSystem([SIGMA_Z, 0.15 * SIGMA_X], system.period, baths))
    alone = solved(qj.DrivenSystem([SIGMA_Z, 0.15 * SIGMA_X], system.period, baths[:1]))
    assert state.status == Status.OK
    np.testing.assert_allclose(
        state.heat_currents, [alone.heat_currents[0], 0.0], rtol=1e-12, atol=1e-20
    )


def test_secular_ratio_is_the_largest_rate_over_the_smallest_gap() -> None:
    system = driven_qubit(0.0)
    state = solved(system)
    n = 1 / np.expm1(1.0)
    gap = 1.3 - 1.0
    np.testing.assert_allclose(state.secular_ratio, 0.01 * (n + 1) / gap, rtol=1e-12)


# --- 32 bit


@pytest.mark.long
def test_single_precision_keeps_its_digits_or_says_so() -> None:
    expected = solved(driven_qubit())
    with jax.enable_x64(False):
        state = jax.jit(qj.periodic_state)(driven_qubit(jnp.float32(0.3), jnp.float32(1.3)))
        assert state.rho.dtype == jnp.complex64
        assert state.status == Status.OK
        found, bounds = np.asarray(state.heat_currents), np.asarray(state.heat_bounds)
    np.testing.assert_allclose(found, expected.heat_currents, rtol=2e-4)
    assert np.all(np.abs(found - np.asarray(expected.heat_currents)) <= bounds)


def between_a_ladder(quanta: float, **options: Any) -> qj.DrivenSystem:
    """No drive, but levels that are so many quanta apart, and one between them."""
    direct, by_way = np.zeros((3, 3)), np.zeros((3, 3))
    direct[0, 2] = direct[2, 0] = 1.0
    by_way[0, 1] = by_way[1, 0] = by_way[1, 2] = by_way[2, 1] = 1.0
    baths = [qj.Bath(direct, 1.0, qj.Ohmic(0.01)), qj.Bath(by_way, 0.3, qj.Ohmic(0.01))]
    return qj.DrivenSystem([jnp.diag(jnp.array([0.0, 0.37, 1.0]))], 2 * np.pi * quanta, baths, **options)


@pytest.mark.long
@pytest.mark.parametrize("quanta", [3, 10, 14, pytest.param(20, marks=pytest.mark.slow), 40, 90, 96])
def test_levels_many_quanta_apart_are_right_or_flagged(quanta: int) -> None:
    """The jump between them has as many photons as are quanta, which may be more than are kept."""
    system = between_a_ladder(quanta)
    state = qj.periodic_state(system, method="populations")
    if quanta <= 10:
        steady = qj.steadystate(qj.OpenSystem(system.H[0], system.baths))
        np.testing.assert_allclose(state.mean_populations, steady.level_populations, rtol=1e-10)
    else:
        assert state.status in (qj.Status.TOO_FEW_PHOTONS, qj.Status.TOO_FEW_STEPS)
    if quanta == 20:
        more = between_a_ladder(quanta, photons=32, steps=192)
        steady = qj.steadystate(qj.OpenSystem(more.H[0], more.baths))
        found = qj.periodic_state(more, method="populations")
        np.testing.assert_allclose(found.mean_populations, steady.level_populations, rtol=1e-10)
