"""Local master equations with a periodic Hamiltonian, and the maser in its rotating frame."""

import jax
import numpy as np
import pytest
import qutip
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles
import qthermo_jax as qj
from floquet_oracle import Drive, random_drive
from matrices import hermitian, random_matrix
from qthermo_jax.steady import Status
from systems import SEEDS

solved = jax.jit(qj.periodic_state)


def bare_hamiltonian(seed: int, d: int) -> np.ndarray:
    return hermitian(random_matrix(np.random.default_rng(seed + 1000), d, is_complex=True))


def dissipators(drive: Drive, bare: np.ndarray) -> list[np.ndarray]:
    given = zip(drive.couplings, drive.rates, strict=True)
    return [oracles.bath_generator(bare, S, gamma) for S, gamma in given]


def local_of_qutip(drive: Drive, bare: np.ndarray, points: int) -> np.ndarray:
    """rho(t) of the periodic state: the fixed point of QuTiP's propagator, then its evolution."""
    D = qutip.Qobj(sum(dissipators(drive, bare)), dims=[[[3], [3]], [[3], [3]]], superrep="super")
    L = qutip.QobjEvo(lambda t: qutip.liouvillian(qutip.Qobj(drive.at(t))) + D)
    options = {"atol": 1e-13, "rtol": 1e-12, "method": "dop853", "nsteps": 10**5}
    times = drive.period * np.arange(points + 1) / points
    maps = [step.full() for step in qutip.propagator(L, times, options=options)]
    whole = maps[-1] - np.eye(9)
    whole[0] = np.eye(3).reshape(-1)
    start = np.linalg.solve(whole, np.eye(9)[0].astype(complex))
    return np.array([oracles.unstack(step @ start) for step in maps[:-1]])


@pytest.mark.long
def test_the_periodic_state_is_the_fixed_point_of_qutips_propagator() -> None:
    drive, bare = random_drive(7, 3), bare_hamiltonian(7, 3)
    state = solved(drive.system(generator="local", local=bare, steps=128))
    assert state.status == Status.OK
    expected = local_of_qutip(drive, bare, 16)
    np.testing.assert_allclose(state.rho_at[::8], expected, rtol=0, atol=1e-8)
    assert np.max(np.abs(state.rho_at[::8] - expected)) <= state.error
    # The mean over 16 times is the integral over the period to 1e-8.
    H = [drive.at(t) for t in drive.period * np.arange(16) / 16]
    J = []
    for D in dissipators(drive, bare):
        changes = [oracles.unstack(D @ oracles.stack(rho)) for rho in expected]
        J.append(-np.mean([np.trace(own @ at).real for own, at in zip(changes, H, strict=True)]))
    np.testing.assert_allclose(state.heat_currents, J, rtol=1e-6, atol=1e-8)


@pytest.mark.long
def test_without_a_drive_it_is_the_local_steady_state() -> None:
    drive, bare = random_drive(8, 3), bare_hamiltonian(8, 3)
    H = drive.components[0]
    steady_system = qj.OpenSystem(H, drive.baths, local=bare, generator="local")
    steady = qj.steadystate(steady_system)
    zero = [H, np.zeros((3, 3), complex)]
    state = solved(qj.DrivenSystem(zero, 2.0, drive.baths, generator="local", local=bare, steps=128))
    assert (state.status, steady.status) == (Status.OK, Status.OK)
    np.testing.assert_allclose(state.rho_at[0], steady.rho, atol=1e-12)
    np.testing.assert_allclose(state.rho_at[50], steady.rho, atol=1e-12)
    J = qj.heat_currents(steady_system, steady)
    np.testing.assert_allclose(state.heat_currents, J, rtol=1e-11, atol=1e-13)
    assert abs(state.power) < 1e-13


@settings(max_examples=8)
@given(seed=SEEDS)
def test_the_first_law_and_a_state_that_is_one(seed: int) -> None:
    drive, bare = random_drive(seed, 3), bare_hamiltonian(seed % 1000, 3)
    state = solved(drive.system(generator="local", local=bare, steps=128))
    if state.status == Status.TOO_FEW_STEPS:
        assert np.isnan(state.power)
        return
    assert state.status == Status.OK
    assert abs(state.energy_balance) <= 2 * np.sum(state.heat_bounds)
    rho = np.asarray(state.rho_at)
    assert np.linalg.eigvalsh(rho).min() > -1e-9
    np.testing.assert_allclose(np.trace(rho, axis1=1, axis2=2), 1.0, atol=1e-11)


def test_statuses_of_the_local_equation(unchecked: None) -> None:
    drive, bare = random_drive(9, 3), bare_hamiltonian(9, 3)
    system = drive.system(generator="local", local=bare, steps=128)
    slow = qj.DrivenSystem(drive.components, 80.0, drive.baths, generator="local", local=bare, steps=128)
    assert solved(slow).status == Status.TOO_FEW_STEPS
    no_period = qj.DrivenSystem(
        drive.components, -1.0, drive.baths, generator="local", local=bare, steps=128
    )
    assert solved(no_period).status == Status.PARAMETER_OUT_OF_RANGE
    with pytest.raises(ValueError, match="takes method auto, dense"):
        qj.periodic_state(system, method="populations")
    with pytest.raises(ValueError, match="needs the Hamiltonian without interactions"):
        drive.system(generator="local")


# --- the maser


def maser_in_time(drive: float, omega_c: float, omega_h: float, T_c: float, T_h: float) -> jax.Array:
    """Levels populated by the maser whose field turns, without a rotating frame."""
    coupled = np.zeros((3, 3))
    coupled[2, 1] = drive
    bare = np.diag([0.0, omega_c, omega_h])
    hot, cold = np.zeros((3, 3)), np.zeros((3, 3))
    hot[0, 2] = hot[2, 0] = cold[0, 1] = cold[1, 0] = 1.0
    baths = [qj.Bath(hot, T_h, qj.Flat(0.02)), qj.Bath(cold, T_c, qj.Flat(0.02))]
    period = 2 * np.pi / (omega_h - omega_c)
    return qj.periodic_state(
        qj.DrivenSystem([bare, coupled], period, baths, generator="local", local=bare, steps=128)
    )


@pytest.mark.long
def test_the_maser_in_its_rotating_frame_is_the_one_in_time() -> None:
    state = maser_in_time(0.05, 1.0, 3.0, 0.5, 3.0)
    system = qj.models.maser(drive=0.05, omega_c=1.0, omega_h=3.0, T_c=0.5, T_h=3.0, rate=0.02)
    steady = qj.steadystate(system)
    assert (state.status, steady.status) == (Status.OK, Status.OK)
    for rho in np.asarray(state.rho_at)[::16]:
        np.testing.assert_allclose(rho.diagonal().real, steady.level_populations, atol=1e-10)
        np.testing.assert_allclose(abs(rho[1, 2]), abs(steady.rho[1, 2]), atol=1e-10)
    np.testing.assert_allclose(-state.power, qj.observe(system, steady, "output_power"), rtol=1e-8)


@jax.jit
def engine(omega_c: jax.Array, T_c: jax.Array, T_h: jax.Array) -> dict[str, jax.Array]:
    system = qj.models.maser(omega_c=omega_c, T_c=T_c, T_h=T_h)
    state = qj.steadystate(system, method="dense")
    return {name: qj.observe(system, state, name) for name in system.observables}


@pytest.mark.long
@settings(max_examples=20)
@given(omega_c=st.floats(0.3, 2.7), T_c=st.floats(0.3, 2.0), T_h=st.floats(0.3, 4.0))
def test_the_maser_amplifies_up_to_the_carnot_point(omega_c: float, T_c: float, T_h: float) -> None:
    found = engine(omega_c, T_c, T_h)
    carnot, eta = 1 - T_c / T_h, 1 - omega_c / 3.0
    if abs(carnot - eta) < 1e-3:
        return
    assert (found["output_power"] > 0) == (eta < carnot)
    np.testing.assert_allclose(found["efficiency"], eta, rtol=1e-8)
    np.testing.assert_allclose(
        found["output_power"], found["heat_from_hot"] - found["heat_to_cold"], atol=1e-14
    )


def test_the_maser_rests_at_the_carnot_point() -> None:
    found = engine(1.0, 1.0, 3.0)
    assert abs(found["output_power"]) < 1e-15
