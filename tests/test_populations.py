"""The rate equation's solver: the dense one where both apply, mpmath at low temperature, its limits."""

from functools import partial
from itertools import permutations

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from hypothesis import assume, given

import oracles
import qthermo_jax as qj
from matrices import SIGMA_X
from qthermo_jax.registry import Method
from qthermo_jax.steady import Status
from systems import Draw, dense_couplings, draws, solved

pytestmark = pytest.mark.accuracy


@pytest.mark.slow
@given(draw=draws(2, 3))
def test_it_agrees_with_the_dense_solver_or_says_that_it_is_not_exact(draw: Draw) -> None:
    dense = solved(draw.system, "dense")
    assume(dense["status"] == Status.OK)
    alone = solved(draw.system, "populations")
    energies = np.linalg.eigvalsh(draw.H)
    if np.diff(energies).min() > 1e-6:
        assert alone["status"] == Status.OK
        for name in ("rho", "heat_currents", "entropy_production"):
            np.testing.assert_allclose(alone[name], dense[name], rtol=1e-9, atol=1e-12)
    else:  # a random coupling mixes the states of a degenerate level
        assert alone["status"] == Status.METHOD_NOT_EXACT
        assert np.isnan(alone["rho"]).all()


@pytest.mark.thorough
@given(draw=draws(3))
def test_auto_takes_the_cheapest_that_is_exact(draw: Draw) -> None:
    result = solved(draw.system, "auto")
    degenerate = np.diff(np.linalg.eigvalsh(draw.H)).min() < 1e-6
    assert result["method"] == (Method.DENSE if degenerate else Method.POPULATIONS)


@pytest.mark.thorough
def test_a_weak_bath_inside_a_degenerate_level_is_not_taken_for_round_off() -> None:
    """Nothing else acts on the coherence, so that it is large however weak the bath that drives it."""
    couplings = np.zeros((3, 4, 4))
    couplings[0, 0, 3] = 1.0
    couplings[1, 0, 1:3] = [1e-5, 0.5e-5]
    couplings[2, 1, 3] = 1e-5
    couplings += couplings.transpose(0, 2, 1)
    bath = qj.Bath(couplings, np.array([0.5, 0.9, 0.3]), qj.Flat(1.0))
    system = qj.OpenSystem(np.diag([0.0, 1.0, 1.0, 2.3]), bath, sectors=[(i,) for i in range(4)])
    dense, auto = (jax.jit(partial(qj.steadystate, method=m))(system) for m in ("dense", "auto"))
    assert abs(dense.rho[1, 2]) > 0.01
    assert auto.method == Method.DENSE
    np.testing.assert_array_equal(auto.rho, dense.rho)


ENERGIES = np.array([0.0, 0.9, 2.1, 2.4])
S = np.random.default_rng(1).normal(size=(4, 4))


def log_ratios(T: jax.Array) -> jax.Array:
    """ln p_i/p_0 of four levels in one bath."""
    bath = qj.Bath(S + S.T, T, qj.Ohmic(1.0))
    system = qj.OpenSystem(np.diag(ENERGIES), bath, sectors=[(0,), (1,), (2,), (3,)])
    p = qj.steadystate(system, method="populations").rho_eigen.diagonal().real
    return jnp.log(p / p[0])


FORWARD, REVERSE = jax.jit(jax.jacfwd(log_ratios)), jax.jit(jax.jacrev(log_ratios))
SECOND = jax.jit(jax.jacfwd(jax.jacrev(log_ratios)))


@pytest.mark.long
@pytest.mark.parametrize("T", [0.8, 0.1, 0.02])
def test_log_derivatives_keep_their_digits_where_populations_are_tiny(T: float) -> None:
    """In equilibrium d ln(p_i/p_0)/dT = (E_i - E_0)/T^2; at T = 0.02 the smallest p is 1e-52."""
    expected = (ENERGIES - ENERGIES[0]) / T**2
    np.testing.assert_allclose(FORWARD(T), expected, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(REVERSE(T), expected, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(SECOND(T), -2 * expected / T, rtol=1e-9, atol=1e-9)


@jax.jit
def sites_of_chain(parameters: jax.Array) -> jax.Array:
    g, h = parameters
    system = qj.models.chain(sites=4, g=g, h=h, T_L=0.5, T_R=0.2)
    return qj.site_populations(system, qj.steadystate(system, method="populations"))


@pytest.mark.slow
def test_derivatives_by_tunnelling_and_energy_although_the_ground_levels_are_degenerate() -> None:
    point, step = jnp.array([0.3, 1.1]), 1e-4
    expected = np.stack(
        [
            (8 * (shifted(1) - shifted(-1)) - (shifted(2) - shifted(-2))) / (12 * step)
            for axis in np.eye(2)
            for shifted in [lambda n, axis=axis: np.asarray(sites_of_chain(point + n * step * axis))]
        ],
        axis=1,
    )
    for derivative in (jax.jacfwd(sites_of_chain), jax.jacrev(sites_of_chain)):
        np.testing.assert_allclose(derivative(point), expected, rtol=1e-8, atol=1e-10)


def cascade(*temperatures: float) -> qj.OpenSystem:
    """Levels 0, 1, 2, ... with a bath of its own between each and the last."""
    d = len(temperatures) + 1
    couplings = np.zeros((d - 1, d, d))
    for k in range(d - 1):
        couplings[k, k, -1] = couplings[k, -1, k] = 1.0
    bath = qj.Bath(couplings, np.array(temperatures), qj.Flat(1.0))
    H = np.diag([*(0.1 * np.arange(d - 1)), 1.0])
    return qj.OpenSystem(H, bath, sectors=[(i,) for i in range(d)])


@pytest.mark.parametrize("cold", [0, 1, 2])
def test_one_bath_at_zero_temperature_collects_everything(cold: int) -> None:
    temperatures = [0.3, 0.4, 0.5]
    temperatures[cold] = 0.0
    state = qj.steadystate(cascade(*temperatures), method="populations")
    assert state.status == Status.OK
    np.testing.assert_array_equal(state.rho_eigen.diagonal().real, np.eye(4)[cold])


def test_two_baths_at_zero_temperature_leave_two_steady_states() -> None:
    state = qj.steadystate(cascade(0.0, 0.4, 0.0), method="populations")
    assert state.status == Status.NOT_UNIQUE


# Levels of one closed class {a, b} in a bath at T > 0, and transient ones that fall towards it.
LEVELS = np.array([0.0, 0.7, 1.5, 2.6, 3.2, 4.35])
PAIR, FALLS = [(0, 1)], [(2, 0), (3, 2), (3, 1), (4, 3), (5, 4), (5, 0)]
# Without the way out of it, level 4 is a closed class by itself.
SPLIT_FALLS = [fall for fall in FALLS if fall != (4, 3)]


def falls_at(order: np.ndarray, edges: list[list[tuple[int, int]]]) -> list[np.ndarray]:
    """H and the couplings, the levels standing in this order."""
    couplings = np.zeros((2, 6, 6))
    for S, own in zip(couplings, edges, strict=True):
        for a, b in own:
            S[a, b] = S[b, a] = 1.0
    return [np.diag(LEVELS)[np.ix_(order, order)], couplings[np.ix_([0, 1], order, order)]]


def one_pair_and_falls(H: jax.Array, couplings: jax.Array) -> qj.OpenSystem:
    bath = qj.Bath(couplings, np.array([0.5, 0.0]), qj.Flat(1.0))
    return qj.OpenSystem(H, bath, sectors=[(i,) for i in range(6)])


@jax.jit
@jax.vmap
def fallen(H: jax.Array, couplings: jax.Array) -> tuple[jax.Array, jax.Array]:
    state = qj.steadystate(one_pair_and_falls(H, couplings), method="populations")
    return state.populations, state.status


ORDERS = np.array(list(permutations(range(6))))
WEIGHTS = np.exp(-LEVELS[:2] / 0.5)
END = np.array([*(WEIGHTS / WEIGHTS.sum()), 0.0, 0.0, 0.0, 0.0])


@pytest.mark.long
def test_transient_levels_are_empty_in_whatever_order_they_leave() -> None:
    """A JAX array's zeros are not known: the levels leave in the order of the basis, all 720 of them."""
    given = (jnp.stack(part) for part in zip(*(falls_at(o, [PAIR, FALLS]) for o in ORDERS), strict=True))
    populations, status = fallen(*given)
    assert (status == Status.OK).all()
    np.testing.assert_allclose(populations, END[ORDERS], rtol=1e-14, atol=0.0)


@pytest.mark.long
def test_two_closed_classes_are_found_in_whatever_order_they_leave() -> None:
    given = zip(*(falls_at(o, [PAIR, SPLIT_FALLS]) for o in ORDERS), strict=True)
    _, status = fallen(*(jnp.stack(part) for part in given))
    assert (status == Status.NOT_UNIQUE).all()


@pytest.mark.long
@pytest.mark.parametrize("order", [(5, 3, 1, 4, 2, 0), (2, 4, 0, 5, 1, 3)], ids=str)
def test_transient_levels_are_empty_where_the_transitions_are_known(order: tuple[int, ...]) -> None:
    """What leaves first, and together, is then chosen from where the couplings' zeros stand."""
    system = one_pair_and_falls(*falls_at(np.array(order), [PAIR, FALLS]))
    assert system.pairs.i.size < 42
    result = solved(system, "populations")
    assert result["status"] == Status.OK
    np.testing.assert_allclose(result["level_populations"], END[list(order)], rtol=1e-14, atol=0.0)


# --- what populations drive


@jax.jit
def leak_of(system: qj.OpenSystem) -> tuple[jax.Array, jax.Array]:
    state = qj.steadystate(system, method="populations")
    return state.leak, state.basis.vectors


def driven_coherences(L: np.ndarray, V: np.ndarray) -> float:
    """Largest element of a generator from a population to a coherence, in the basis V."""
    d = len(V)
    W = np.kron(V.conj(), V)
    seen = np.abs(W.conj().T @ L @ W)
    diagonal = np.arange(d) * (d + 1)
    return float(np.delete(seen, diagonal, axis=0)[:, diagonal].max())


@pytest.mark.long
@given(draw=draws(3))
def test_the_leak_bounds_what_populations_drive_and_is_0_where_they_drive_nothing(draw: Draw) -> None:
    leak, V = (np.asarray(part) for part in leak_of(draw.system))
    largest = driven_coherences(draw.generator, V)
    if np.diff(np.linalg.eigvalsh(draw.H)).min() > 1e-6:
        assert largest < 1e-9
        assert leak < 1e-9
    else:
        assert largest > 1e-6  # a random coupling mixes the states of a degenerate level
        assert leak >= largest * (1 - 1e-9)


def test_the_leak_of_two_baths_that_drive_one_coherence_is_not_less_than_their_sum() -> None:
    """Both baths act on both states of a level with like signs: their drives add."""
    S = np.zeros((2, 3, 3))
    S[:, 0, 1:] = [1.0, 0.9]
    bath = qj.Bath(S + S.transpose(0, 2, 1), np.array([6.0, 8.0]), qj.Flat(0.5))
    system = qj.OpenSystem(np.diag([0.0, 1.1, 1.1]), bath, sectors=[(0,), (1,), (2,)])
    leak, V = (np.asarray(part) for part in leak_of(system))
    rates = [oracles.bath_rate(lambda _: 0.5, 0.0, T) for T in (6.0, 8.0)]
    L = oracles.generator(np.asarray(system.H), dense_couplings(system), rates)
    assert leak >= driven_coherences(L, V) * (1 - 1e-12)


def test_temperatures_apart_by_a_factor_of_a_million() -> None:
    """Lambda: P_2/P_1 = n_1 (n_2 + 1)/(n_2 (n_1 + 1)) = e^{omega/T_2 - omega/T_1}, some 1e300."""
    T_1, T_2 = 1450.0, 1.45e-3
    state = qj.steadystate(qj.models.lambda_system(T_1=T_1, T_2=T_2), method="populations")
    p = np.asarray(state.rho_eigen.diagonal().real)
    assert state.status == Status.OK
    np.testing.assert_allclose(np.log(p[0]), 1 / T_1 - 1 / T_2, rtol=1e-13)
    assert p[1] == 1.0


@pytest.mark.long
@pytest.mark.parametrize(
    ("ratios", "status"),
    [
        ((702.0, 702.5, 703.0), Status.OK),
        ((702.0, 702.5, 709.0), Status.UNDERFLOW),  # a rate of 1e-308 beside one of 1e-305
        ((600.0, 600.5, 800.0), Status.OK),  # the lost rate is nothing beside one of 1e-261
    ],
)
def test_a_rate_that_underflows_is_flagged_where_it_may_count(
    ratios: tuple[float, float, float], status: Status
) -> None:
    """Two baths between states 0 and 2, one between 1 and 2; `ratios` are omega/T of each."""
    ends = [(0, 2), (1, 2), (0, 2)]
    couplings = np.zeros((3, 3, 3))
    for S, (i, j) in zip(couplings, ends, strict=True):
        S[i, j] = S[j, i] = 1.0
    bank = qj.Bath(couplings, 1.0 / np.array(ratios), qj.Flat(1.0))
    state = qj.steadystate(qj.OpenSystem(np.diag([0.0, 0.0, 1.0]), bank), method="populations")
    assert state.status == status
    if status == Status.OK:
        up = [mpmath.exp(-ratio) for ratio in ratios]
        ratio = 2 * up[1] / (up[0] + up[2])
        expected = [float(ratio / (1 + ratio)), float(1 / (1 + ratio))]
        np.testing.assert_allclose(state.populations[:2], expected, rtol=1e-12)
        assert bool(state.note & qj.Note.UNDERFLOW) == (ratios[2] == 800.0)


@pytest.mark.long
def test_a_population_that_underflows_has_a_note_although_no_rate_does() -> None:
    ladder = np.diag([1.0, 1.0], 1) + np.diag([1.0, 1.0], -1)
    system = qj.OpenSystem(np.diag([0.0, 1.0, 2.0]), qj.Bath(ladder, 1 / 460, qj.Flat(1.0)))
    weak = qj.OpenSystem(np.diag([0.0, 1.0]), qj.Bath(1e-13 * SIGMA_X, 1 / 690, qj.Flat(1.0)))
    for own in (system, weak):
        state = qj.steadystate(own, method="populations")
        assert state.status == Status.OK
        assert state.populations[-1] == 0.0  # e^-920, and e^-690 by a rate of 1e-326
        assert state.note == qj.Note.UNDERFLOW
