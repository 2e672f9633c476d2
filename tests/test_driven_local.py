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


@pytest.mark.long
@settings(max_examples=8)
@given(seed=SEEDS)
def test_the_first_law_and_a_state_that_is_one(seed: int) -> None:
    drive, bare = random_drive(seed, 3), bare_hamiltonian(seed % 1000, 3)
    state = solved(drive.system(generator="local", local=bare, steps=128))
    assert state.status == Status.OK
    assert abs(state.energy_balance) <= 2 * np.sum(state.heat_bounds)
    rho = np.asarray(state.rho_at)
    assert np.linalg.eigvalsh(rho).min() > -1e-9
    np.testing.assert_allclose(np.trace(rho, axis1=1, axis2=2), 1.0, atol=1e-11)


@pytest.mark.long
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


MASER = {"drive": 0.05, "omega_c": 1.0, "omega_h": 3.0, "T_c": 0.5, "T_h": 3.0}
DETUNINGS = pytest.mark.parametrize("detuning", [0.0, 0.04, -0.3])


def maser_in_time(
    drive: float,
    omega_c: float,
    omega_h: float,
    T_c: float,
    T_h: float,
    detuning: float,
    rate: tuple[float, float] = (0.02, 0.02),
) -> qj.PeriodicState:
    """State of the maser whose field turns, without a rotating frame."""
    coupled = np.zeros((3, 3))
    coupled[2, 1] = drive
    quanta = np.diag([0.0, omega_c, omega_h])
    levels = quanta + np.diag([0.0, detuning / 2, -detuning / 2])
    hot, cold = np.zeros((3, 3)), np.zeros((3, 3))
    hot[0, 2] = hot[2, 0] = cold[0, 1] = cold[1, 0] = 1.0
    baths = [qj.Bath(hot, T_h, qj.Flat(rate[0])), qj.Bath(cold, T_c, qj.Flat(rate[1]))]
    period = 2 * np.pi / (omega_h - omega_c)
    return qj.periodic_state(
        qj.DrivenSystem([levels, coupled], period, baths, generator="local", local=quanta, steps=128)
    )


@pytest.mark.long
@DETUNINGS
def test_the_maser_in_its_rotating_frame_is_the_one_in_time(detuning: float) -> None:
    state = maser_in_time(**MASER, detuning=detuning)
    system = qj.models.maser(**MASER, rate=0.02, detuning=detuning)
    steady = qj.steadystate(system)
    assert (state.status, steady.status) == (Status.OK, Status.OK)
    for time, rho in list(zip(np.asarray(state.times), np.asarray(state.rho_at), strict=True))[::16]:
        turned = np.exp(-1j * time * np.array([0.0, 1.0, 3.0]))
        expected = turned[:, None] * np.asarray(steady.rho) * turned.conj()
        np.testing.assert_allclose(rho, expected, rtol=0, atol=1e-10)
    # What the field does is no matter of definition: the mean of Tr[rho dH/dt].
    np.testing.assert_allclose(-state.power, qj.observe(system, steady, "output_power"), rtol=1e-8)


@DETUNINGS
def test_the_maser_has_its_closed_form(detuning: float) -> None:
    # Quanta per time through all three transitions, from the balance of populations: the coherence
    # of |1> and |2> decays at the mean of their rates and follows the difference of their populations.
    n_h, n_c = (1 / np.expm1(omega / T) for omega, T in ((3.0, 3.0), (1.0, 0.5)))
    up_h, up_c, down_h, down_c = 0.02 * np.array([n_h, n_c, 1 + n_h, 1 + n_c])
    decay = (down_h + down_c) / 2
    W = 2 * 0.05**2 * decay / (decay**2 + detuning**2)
    balance = np.array([[1.0, 1, 1], [up_c, -down_c - W, W], [up_h, W, -down_h - W]])
    p = np.linalg.solve(balance, [1.0, 0, 0])
    flux = W * (p[2] - p[1])
    system = qj.models.maser(**MASER, rate=0.02, detuning=detuning)
    state = qj.steadystate(system)
    np.testing.assert_allclose(state.level_populations, p, rtol=1e-12)
    for name, quantum in (("output_power", 2.0), ("heat_from_hot", 3.0), ("heat_to_cold", 1.0)):
        np.testing.assert_allclose(qj.observe(system, state, name), quantum * flux, rtol=1e-10)


@pytest.mark.long
def test_heat_by_the_detuned_levels_would_violate_the_second_law() -> None:
    # Just above the Carnot point, omega_c = 1, with unequal baths: the heat currents of H(t) count the
    # energy of the coherence that the drive makes, and give more than Carnot's efficiency.
    near = MASER | {"omega_c": 1.001, "T_c": 1.0, "detuning": 0.3}
    state = maser_in_time(**near, rate=(0.01, 0.04))
    assert -state.power / -state.heat_currents[0] > 1 - 1.0 / 3.0 + 0.01
    system = qj.models.maser(**near, rate=np.array([0.01, 0.04]))
    steady = qj.steadystate(system)
    cold, hot = (float(qj.observe(system, steady, name)) for name in ("heat_to_cold", "heat_from_hot"))
    np.testing.assert_allclose(-state.power, hot - cold, rtol=1e-8)
    assert cold / 1.0 - hot / 3.0 > 0


@jax.jit
def engine(
    omega_c: jax.Array, T_c: jax.Array, T_h: jax.Array, detuning: jax.Array | float = 0.0
) -> dict[str, jax.Array]:
    system = qj.models.maser(omega_c=omega_c, T_c=T_c, T_h=T_h, detuning=detuning)
    state = qj.steadystate(system, method="dense")
    return {name: qj.observe(system, state, name) for name in system.observables}


@pytest.mark.long
@settings(max_examples=20)
@given(
    omega_c=st.floats(0.3, 2.7),
    T_c=st.floats(0.3, 2.0),
    T_h=st.floats(0.3, 4.0),
    detuning=st.floats(-0.2, 0.2),
)
def test_the_maser_amplifies_up_to_the_carnot_point(
    omega_c: float, T_c: float, T_h: float, detuning: float
) -> None:
    found = engine(omega_c, T_c, T_h, detuning)
    carnot, eta = 1 - T_c / T_h, 1 - omega_c / 3.0
    if abs(carnot - eta) < 1e-3:
        return
    assert (found["output_power"] > 0) == (eta < carnot)
    np.testing.assert_allclose(found["efficiency"], eta, rtol=1e-8)
    np.testing.assert_allclose(
        found["output_power"], found["heat_from_hot"] - found["heat_to_cold"], atol=1e-14
    )


@DETUNINGS
def test_the_maser_rests_at_the_carnot_point(detuning: float) -> None:
    found = engine(1.0, 1.0, 3.0, detuning)
    assert abs(found["output_power"]) < 1e-15


@pytest.mark.long
def test_a_bath_at_0_that_takes_nothing_makes_no_entropy() -> None:
    """The drive of |1> + |2> leaves |1> - |2> dark: no heat flows, and round-off over T = 0 is none."""
    drive = np.zeros((3, 3))
    drive[:2, 2] = drive[2, :2] = 0.05
    bare = np.diag([0.0, 0.0, 1.0])
    couplings = np.zeros((2, 3, 3))
    couplings[0, 0, 2] = couplings[0, 2, 0] = couplings[1, 1, 2] = couplings[1, 2, 1] = 1.0
    baths = [qj.Bath(S, 0.0, qj.Flat(0.1)) for S in couplings]
    system = qj.DrivenSystem(
        [bare, drive], 2 * np.pi / 1.1, baths, generator="local", local=bare, steps=256
    )
    state = solved(system)
    assert state.status == Status.OK
    assert abs(state.heat_currents).max() < 1e-12
    assert abs(state.entropy_production) < 1e-9
