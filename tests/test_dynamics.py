"""Time evolution against scipy's exponentials and ODEs, closed forms, and conservation laws."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles
import qthermo_jax as qj
from matrices import hermitian, random_matrix
from problems import atom, occupation
from qthermo_jax import Method, Status
from qthermo_jax.dynamics import changing
from systems import Draw, draws

TIMES = np.array([0.0, 0.3, 2.0, 40.0])


def density_matrix(seed: int, d: int) -> np.ndarray:
    A = random_matrix(np.random.default_rng(seed), d, is_complex=True)
    return A @ A.conj().T / np.trace(A @ A.conj().T)


@jax.jit
def dense(system: qj.OpenSystem, rho: jax.Array) -> tuple[jax.Array, jax.Array]:
    states = qj.evolve(system, TIMES, rho)
    return states.rho, states.status


@pytest.mark.long
@given(draw=draws(3), seed=st.integers(0, 100))
@settings(max_examples=15)
def test_it_is_the_exponential_of_the_explicit_generator(draw: Draw, seed: int) -> None:
    rho = density_matrix(seed, 3)
    found, status = dense(draw.system, rho)
    assert (status == Status.OK).all()
    for time, own in zip(TIMES, np.asarray(found), strict=True):
        expected = oracles.unstack(scipy.linalg.expm(draw.generator * time) @ oracles.stack(rho))
        np.testing.assert_allclose(own, expected, atol=1e-10)


@pytest.mark.long
@pytest.mark.parametrize("name", ["redfield", "local"])
def test_every_generator_evolves(name: str) -> None:
    rng = np.random.default_rng(5)
    H, S, bare = (hermitian(random_matrix(rng, 3, is_complex=True)) for _ in range(3))
    system = qj.OpenSystem(H, qj.Bath(S, 0.8, qj.Ohmic(0.05)), generator=name, local=bare)
    rho = density_matrix(1, 3)
    expected = oracles.unstack(
        scipy.linalg.expm(np.asarray(qj.liouvillian(system)) * 2.0) @ oracles.stack(rho)
    )
    np.testing.assert_allclose(qj.evolve(system, 2.0, rho).rho, expected, atol=1e-12)


def test_a_defective_generator_keeps_its_digits() -> None:
    """Two steps down at one rate and T = 0: eigenvectors coincide, and p_1 = rate t e^(-rate t)."""
    ladder = np.diag([1.0, 1.0], 1) + np.diag([1.0, 1.0], -1)
    system = qj.OpenSystem(np.diag([0.0, 1.0, 2.5]), qj.Bath(ladder, 0.0, qj.Flat(0.7)))
    states = qj.evolve(system, TIMES, [0.0, 0.0, 1.0])
    assert (states.method == Method.POPULATIONS).all()
    decayed = np.exp(-0.7 * TIMES)
    expected = np.stack([1 - decayed * (1 + 0.7 * TIMES), 0.7 * TIMES * decayed, decayed], axis=1)
    np.testing.assert_allclose(states.level_populations, expected, atol=1e-14)


@pytest.mark.long
def test_populations_alone_are_taken_where_that_is_exact() -> None:
    system = qj.models.chain(sites=3, g=0.4)
    localised = np.diag([0.0, 0.0, 1.0, 0.0, 0.0, 0.0])
    alone = qj.evolve(system, TIMES, localised)
    assert (alone.method == Method.POPULATIONS).all()
    np.testing.assert_allclose(alone.rho, dense(system, localised)[0], atol=1e-12)
    excited = np.diag([0.0, 0.0, 0.0, 1.0, 0.0, 0.0])  # on one site: coherent between eigenstates
    assert (qj.evolve(system, TIMES, excited).method == Method.DENSE).all()
    flagged = qj.evolve(system, TIMES, excited, method="populations")
    assert (flagged.status == Status.METHOD_NOT_EXACT).all()
    assert np.isnan(flagged.populations).all()


@pytest.mark.long
def test_it_begins_at_the_initial_state_and_ends_in_the_steady_one() -> None:
    system = qj.models.v_system(T_1=0.9, T_2=0.3, rate=0.2)
    rho = density_matrix(2, 3)
    states = qj.evolve(system, jnp.array([0.0, 1e7]), rho)
    np.testing.assert_allclose(states.rho[0], rho, atol=1e-15)
    np.testing.assert_allclose(states.rho[1], qj.steadystate(system).rho, atol=1e-9)


@pytest.mark.slow
def test_its_slope_in_time_is_the_generators() -> None:
    system = qj.models.v_system(T_1=0.9, T_2=0.3, rate=0.2)
    rho = density_matrix(3, 3)

    def at(time: jax.Array) -> jax.Array:
        return qj.evolve(system, time, rho).rho

    time = jnp.array(1.7)
    slope = jax.jacfwd(at)(time)
    expected = oracles.unstack(np.asarray(qj.liouvillian(system)) @ oracles.stack(np.asarray(at(time))))
    np.testing.assert_allclose(slope, expected, atol=1e-13)


@pytest.mark.long
def test_it_maps_over_parameters() -> None:
    T = jnp.array([0.2, 0.9])
    over = jax.vmap(lambda T: qj.evolve(qj.models.lambda_system(T_1=T), TIMES, jnp.eye(3)[0]).rho)(T)
    for own, t in zip(over, T, strict=True):
        single = qj.evolve(qj.models.lambda_system(T_1=t), TIMES, jnp.eye(3)[0])
        np.testing.assert_allclose(own, single.rho, atol=1e-13)


@pytest.mark.long
def test_what_is_wrong_is_said(unchecked: None) -> None:
    system = qj.models.lambda_system()
    with pytest.raises(ValueError, match="no initial state: give it one"):
        qj.evolve(system, 1.0)
    with pytest.raises(
        ValueError, match=r"initial is a density matrix \(3, 3\) or .* not of shape \(2,\)"
    ):
        qj.evolve(system, 1.0, [0.5, 0.5])
    with pytest.raises(ValueError, match="method 'exact' is not one of auto, populations, dense"):
        qj.evolve(system, 1.0, [1.0, 0.0, 0.0], method="exact")
    for wrong in ([1.0, 0.1, 0.0], [1.5, -0.5, 0.0]):
        assert qj.evolve(system, 1.0, wrong).status == Status.BAD_INITIAL_STATE
    statuses = qj.evolve(system, jnp.array([-1.0, np.nan, 1.0]), [1.0, 0.0, 0.0]).status
    assert statuses.tolist() == [Status.PARAMETER_OUT_OF_RANGE] * 2 + [Status.OK]


# --- baths that warm up: the Dufour effect


@given(
    low=st.floats(0.02, 0.3),
    more=st.floats(0.01, 0.3),
    T=st.floats(0.2, 2.0),
)
@settings(max_examples=20)
def test_heat_leaves_faster_to_the_bath_of_the_emptier_level(low: float, more: float, T: float) -> None:
    """J_1 > J_2 > 0 where P_2 > P_1 and P_e > P_2 n/(n + 1) (paper, "Quantum Dufour effect")."""
    n = occupation(1.0, T)
    P = np.array([low, low + more, 0.0])
    P[2] = max(1.0, 2 * P[1] * n / (n + 1))
    P = P / P.sum()
    system = qj.models.lambda_system(T_1=T, T_2=T, rate=0.7)
    J_1, J_2 = qj.heat_currents(system, qj.evolve(system, 0.0, P, method="populations"))
    assert J_1 > J_2 > 0
    np.testing.assert_allclose([J_1, J_2], 0.7 * ((n + 1) * P[2] - n * P[:2]), rtol=1e-12)


@pytest.mark.long
def test_a_gradient_appears_and_stays() -> None:
    """Bath k alone fills |k>: C T_k - omega P_k stays too, so the end is known."""
    system = qj.models.lambda_system(T_1=0.5, T_2=0.5)
    P, C = np.array([0.1, 0.3, 0.6]), 5.0
    warming = qj.evolve_with_baths(system, np.linspace(0.0, 400.0, 81), C, P)
    assert (warming.states.status == Status.OK).all()
    T, p = np.asarray(warming.temperatures), np.asarray(warming.states.level_populations)
    assert (T[1:, 0] > T[1:, 1]).all()
    energy = p @ np.asarray(system.H).diagonal() + C * T.sum(axis=1)
    np.testing.assert_allclose(energy, energy[0], rtol=0, atol=1e-9)

    def balance(p_1: mpmath.mpf, p_2: mpmath.mpf) -> list[mpmath.mpf]:
        warm = [0.5 + (now - before) / C for now, before in zip((p_1, p_2), P, strict=False)]
        return [
            (1 - p_1 - p_2) - now * mpmath.exp(-1 / t) for now, t in zip((p_1, p_2), warm, strict=True)
        ]

    final = np.array(mpmath.findroot(balance, (0.4, 0.4)).tolist(), float)[:, 0]
    np.testing.assert_allclose(p[-1, :2], final, rtol=1e-9)
    np.testing.assert_allclose(T[-1], 0.5 + (final - P[:2]) / C, rtol=1e-9)


@pytest.mark.long
def test_baths_that_a_system_connects_meet_at_one_temperature() -> None:
    system = atom((0.9, qj.Flat(0.3)), (0.4, qj.Flat(0.7)))  # of frequency 1.3
    C = np.array([2.0, 3.0])
    warming = qj.evolve_with_baths(system, np.linspace(0.0, 300.0, 31), C, [0.2, 0.8])
    T, p = np.asarray(warming.temperatures), np.asarray(warming.states.level_populations)
    energy = 1.3 * p[:, 1] + T @ C
    np.testing.assert_allclose(energy, energy[0], rtol=0, atol=1e-9)
    final = mpmath.findroot(lambda t: 5 * t + 1.3 / (mpmath.exp(1.3 / t) + 1) - energy[0], 0.6)
    np.testing.assert_allclose(T[-1], float(final), rtol=1e-9)


@pytest.mark.slow
def test_baths_of_large_capacity_stay_as_they_are() -> None:
    system = qj.models.chain(sites=2, g=0.3, T_L=0.8, T_R=0.4)
    rho = density_matrix(4, 4)
    times = jnp.array([0.0, 0.5, 3.0])
    warming = qj.evolve_with_baths(system, times, 1e12, rho)
    np.testing.assert_allclose(warming.states.rho, qj.evolve(system, times, rho).rho, atol=1e-10)
    np.testing.assert_allclose(warming.temperatures, [[0.8, 0.4]] * 3, rtol=1e-11)


@pytest.mark.slow
def test_warming_has_derivatives() -> None:
    system = qj.models.lambda_system(T_1=0.5, T_2=0.5)

    def gradient(C: jax.Array) -> jax.Array:
        T = qj.evolve_with_baths(
            system, jnp.array([2.0]), C, [0.1, 0.3, 0.6], method="populations"
        ).temperatures
        return T[0, 0] - T[0, 1]

    C, step = jnp.array(5.0), 1e-4
    difference = (gradient(C + step) - gradient(C - step)) / (2 * step)
    np.testing.assert_allclose(jax.jacfwd(gradient)(C), difference, rtol=1e-6)


@pytest.mark.long
def test_warming_refuses_what_makes_no_sense(unchecked: None) -> None:
    system = qj.models.lambda_system()
    start = [1.0, 0.0, 0.0]
    with pytest.raises(ValueError, match=r"heat_capacities are \(\) or \(2,\), not \(3,\)"):
        qj.evolve_with_baths(system, [0.0, 1.0], [1.0, 1.0, 1.0], start)
    for times, C in ([0.0, 1.0], -1.0), ([1.0, 0.5], 1.0):
        states = qj.evolve_with_baths(system, times, C, start).states
        assert (states.status == Status.PARAMETER_OUT_OF_RANGE).all()


@pytest.mark.long
@pytest.mark.parametrize("most", [3, pytest.param(100_000, marks=pytest.mark.slow)])
def test_an_integration_that_fails_is_a_status_at_its_point(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others keep their numbers; a NaN among them fails too."""
    monkeypatch.setattr(changing, "_MAX_STEPS", most)
    jax.clear_caches()
    system = qj.models.lambda_system(T_1=0.5, T_2=0.5)

    def warmed(time: jax.Array) -> changing.Warming:
        return qj.evolve_with_baths(system, time[None], 5.0, [0.1, 0.3, 0.6], method="populations")

    times = jnp.array([0.0, 1.0, 1e3, np.inf])
    found = jax.jit(jax.vmap(warmed))(times)
    jax.clear_caches()
    long = Status.LARGE_RESIDUAL if most == 3 else Status.OK
    assert found.states.status[:, 0].tolist() == [
        Status.OK,
        *[Status.LARGE_RESIDUAL if most == 3 else Status.OK],
        long,
        Status.PARAMETER_OUT_OF_RANGE,
    ]
    assert (np.isnan(found.temperatures[:, 0, 0]) == (found.states.status[:, 0] != Status.OK)).all()


# --- driven systems


def atom_of(time: jax.Array) -> qj.OpenSystem:
    """A two-level atom whose frequency and temperature change."""
    excited = jnp.array([[0.0, 0.0], [0.0, 1.0]])
    frequency = 1.0 + 0.3 * jnp.sin(time)
    x = np.array([[0.0, 1.0], [1.0, 0.0]])
    return qj.OpenSystem(frequency * excited, qj.Bath(x, 0.5 + 0.1 * time, qj.Flat(0.4)))


@pytest.mark.long
def test_a_driven_atom_follows_its_rate_equation() -> None:
    def slope(time: float, p: np.ndarray) -> np.ndarray:
        n = occupation(1.0 + 0.3 * np.sin(time), 0.5 + 0.1 * time)
        return 0.4 * (n - (2 * n + 1) * p)

    times = np.array([0.0, 1.0, 4.0])
    expected = scipy.integrate.solve_ivp(
        slope, (0.0, 4.0), [0.2], t_eval=times, rtol=1e-11, atol=1e-13, method="DOP853"
    )
    states = qj.evolve_driven(atom_of, times, [0.8, 0.2])
    assert (states.status == Status.OK).all()
    np.testing.assert_allclose(states.level_populations[:, 1], expected.y[0], atol=1e-9)


@pytest.mark.long
def test_a_constant_drive_is_none() -> None:
    system = qj.models.v_system(T_1=0.9, T_2=0.3)
    rho = density_matrix(6, 3)
    states = qj.evolve_driven(lambda time: system, jnp.array([0.5, 2.0]), rho)
    np.testing.assert_allclose(states.rho, qj.evolve(system, jnp.array([0.5, 2.0]), rho).rho, atol=1e-9)
