"""Records of quantum jumps against steady states, evolutions, exact variances, and their own balance."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
import scipy.stats

import oracles
import qthermo_jax as qj
from problems import occupation
from qthermo_jax import Status

KEY = jax.random.key(7)
SIGMAS = 5.0
N = 2000


def refrigerator() -> qj.OpenSystem:
    """Three levels in a cycle: every bath has a current."""
    return qj.models.three_level_refrigerator(T_c=0.5, T_h=0.6, T_w=2.0)


@cache
def record(method: str) -> qj.Trajectories:
    m = 128 if method == "dense" else None
    return qj.trajectories(refrigerator(), [5.0, 20.0], KEY, N, max_jumps=m, method=method)


def of_the_same_shape(
    times: list[float],
    initial: object = None,
    T: tuple[float, ...] = (0.5, 0.6, 2.0),
    key: jax.Array = KEY,
) -> qj.Trajectories:
    """Another record by the programs that are compiled for the first one."""
    system = qj.models.three_level_refrigerator(T_c=T[0], T_h=T[1], T_w=T[2])
    m = record("populations").jump_times.shape[1]
    return qj.trajectories(system, times, key, N, initial, max_jumps=m, method="populations")


def jumps_of_refrigerator() -> list[tuple[int, int, int, float, float]]:
    """(bath, from, to, rate, energy given to the bath), by hand: J = 1."""
    found = []
    for bath, (low, high, omega, T) in enumerate([(0, 1, 0.3, 0.5), (0, 2, 1.0, 0.6), (1, 2, 0.7, 2.0)]):
        n = occupation(omega, T)
        found += [(bath, high, low, n + 1, omega), (bath, low, high, n, -omega)]
    return found


def moments(d: int, jumps: list[tuple[int, int, int, float, float]], time: float) -> np.ndarray:
    """Exact covariance of the energies given to the baths till a time, from the steady state.

    Derivatives of 1^T exp(L(chi) t) p by chi from the exponential of a block triangular matrix.
    """
    K = 1 + max(own[0] for own in jumps)
    first, second = np.zeros((K, d, d)), np.zeros((K, d, d))
    L = np.zeros((d, d))
    for bath, origin, target, rate, energy in jumps:
        L[target, origin] += rate
        L[origin, origin] -= rate
        first[bath, target, origin] += rate * energy
        second[bath, target, origin] += rate * energy**2
    p = steady(L)
    zero = np.zeros((d, d))
    covariance = np.zeros((K, K))
    mean = np.array([np.sum(first[k] @ p) for k in range(K)]) * time
    for k in range(K):
        for m in range(K):
            both = second[k] if k == m else zero
            blocks = [
                [L, first[k], first[m], both],
                [zero, L, zero, first[m]],
                [zero, zero, L, first[k]],
                [zero, zero, zero, L],
            ]
            mixed = scipy.linalg.expm(np.block(blocks) * time)[:d, 3 * d :]
            covariance[k, m] = np.sum(mixed @ p) - mean[k] * mean[m]
    return covariance


def steady(L: np.ndarray) -> np.ndarray:
    p = scipy.linalg.null_space(L)[:, 0]
    return p / p.sum()


def zero_frequency_noise(d: int, jumps: list[tuple[int, int, int, float, float]]) -> np.ndarray:
    """S_kl by the group inverse of L."""
    K = 1 + max(own[0] for own in jumps)
    L, first, second = np.zeros((d, d)), np.zeros((K, d, d)), np.zeros((K, d))
    for bath, origin, target, rate, energy in jumps:
        L[target, origin] += rate
        L[origin, origin] -= rate
        first[bath, target, origin] += rate * energy
        second[bath, origin] += rate * energy**2
    p = steady(L)
    projector = np.outer(p, np.ones(d))
    inverse = np.linalg.inv(L - projector) + projector
    S = np.diag(second @ p)
    for k in range(K):
        for m in range(K):
            S[k, m] -= np.sum(first[k] @ inverse @ first[m] @ p + first[m] @ inverse @ first[k] @ p)
    return S


def assert_within_errors(samples: np.ndarray, expected: np.ndarray) -> None:
    """The mean over the first axis, within so many standard errors."""
    error = samples.std(axis=0, ddof=1) / np.sqrt(len(samples))
    np.testing.assert_array_less(np.abs(samples.mean(axis=0) - expected), SIGMAS * error + 1e-12)


# --- statistics


@pytest.mark.long
@pytest.mark.parametrize("method", ["populations", "dense"])
def test_means_are_those_of_the_steady_state(method: str) -> None:
    system, found = refrigerator(), record(method)
    state = qj.steadystate(system)
    assert found.status == Status.OK
    assert not found.exceeded.any()
    J = np.asarray(qj.heat_currents(system, state))
    for at, time in enumerate(found.times):
        assert_within_errors(np.asarray(found.heat[:, at]) / time, J)
        assert_within_errors(np.asarray(found.level_populations[:, at]), state.level_populations)


@pytest.mark.long
@pytest.mark.parametrize("method", ["populations", "dense"])
def test_the_variance_is_exact_and_grows_as_the_zero_frequency_noise(method: str) -> None:
    found, jumps = record(method), jumps_of_refrigerator()
    times = np.asarray(found.times)
    for at, time in enumerate(times):
        heat = np.asarray(found.heat[:, at])
        centred = heat - heat.mean(axis=0)
        products = np.einsum("nk,nl->nkl", centred, centred)
        assert_within_errors(products, moments(3, jumps, float(time)))
    growth = (moments(3, jumps, 400.0) - moments(3, jumps, 200.0)) / 200.0
    np.testing.assert_allclose(growth, zero_frequency_noise(3, jumps), rtol=1e-9, atol=1e-12)


@pytest.mark.long
def test_populations_follow_the_evolution() -> None:
    for times in ([0.0, 0.3], [1.0, 4.0]):
        found = of_the_same_shape(times, "2")
        states = qj.evolve(refrigerator(), times, [0.0, 0.0, 1.0], method="populations")
        assert (found.initial == 2).all()
        assert_within_errors(np.asarray(found.populations), np.asarray(states.populations))
    start = np.array([0.5, 0.2, 0.3])
    mixed = of_the_same_shape([0.0, 1.0], start)
    assert_within_errors(np.asarray(mixed.populations[:, 0]), start)


def coherent_pair(generator: str) -> qj.OpenSystem:
    """Two qubits in resonance, their exchange as slow as their baths."""
    up = np.array([[0.0, 0.0], [1.0, 0.0]])
    x, z = up + up.T, np.diag([0.0, 1.0])
    one = np.eye(2)
    bare = np.kron(z, one) + np.kron(one, z)
    hop = np.kron(up, up.T)
    couplings = np.kron(x, one), np.kron(one, x)
    baths = [qj.Bath(S, T, qj.Ohmic(0.2)) for S, T in zip(couplings, (2.0, 0.5), strict=True)]
    H = bare + 0.15 * (hop + hop.T)
    options = {"secular_tol": 0.4} if generator == "partial_secular" else {"local": bare}
    return qj.OpenSystem(H, baths, generator=generator, **options)


@pytest.mark.long
@pytest.mark.parametrize("generator", [pytest.param("local", marks=pytest.mark.slow), "partial_secular"])
def test_wave_functions_follow_the_evolution_and_give_what_their_jumps_carry(generator: str) -> None:
    system, times = coherent_pair(generator), np.array([0.0, 0.7, 3.0, 12.0])
    psi = np.array([0.0, 0.6, 0.8j, 0.0])
    rho = np.outer(psi, psi.conj())
    found = qj.trajectories(system, times, KEY, 1000, initial=rho)
    assert found.status == Status.OK
    assert found.amplitudes is not None
    fine = np.linspace(0.0, 12.0, 121)
    step = scipy.linalg.expm(np.asarray(qj.liouvillian(system)) * 0.1)
    vectors = [oracles.stack(rho)]
    for _ in fine[1:]:
        vectors.append(step @ vectors[-1])
    states = np.array([oracles.unstack(own) for own in vectors])
    expected = states[np.searchsorted(fine, times - 1e-9)]
    p = np.einsum("taa->ta", states).real
    assert_within_errors(np.asarray(found.level_populations), np.einsum("taa->ta", expected).real)
    psi = np.einsum("ai,nti->nta", found.basis.vectors, found.amplitudes)
    products = np.einsum("nta,ntb->ntab", psi, psi.conj())
    assert_within_errors(products.real, expected.real)
    assert_within_errors(products.imag, expected.imag)
    # Both equations take every rate at the bare frequency 1 here.
    excited = np.stack([p[:, 2] + p[:, 3], p[:, 1] + p[:, 3]], axis=1)
    n = np.array([occupation(1.0, 2.0), occupation(1.0, 0.5)])
    flow = 0.2 * ((n + 1) * excited - n * (1 - excited))
    assert_within_errors(np.asarray(found.heat[:, -1]), scipy.integrate.simpson(flow, x=fine, axis=0))
    sizes = np.abs(np.asarray(found.energies)[np.isfinite(found.jump_times)])
    np.testing.assert_allclose(sizes, 1.0, rtol=1e-12)


@pytest.mark.slow
def test_a_degenerate_level_gives_what_the_heat_currents_say() -> None:
    """One bath on two transitions of one frequency makes coherences in the global equation."""
    S, x = np.zeros((3, 3)), np.diag([0.3, -0.2, 0.0])
    S[0, 2] = S[2, 0] = S[1, 2] = S[2, 1] = 1.0
    x[0, 2] = x[2, 0] = 0.5
    baths = [qj.Bath(S, 1.0, qj.Ohmic(0.5)), qj.Bath(x, 0.3, qj.Ohmic(1.0))]
    system = qj.OpenSystem(np.diag([0.0, 0.0, 1.0]), baths)
    times = np.array([0.5, 2.0, 6.0])
    found = qj.trajectories(system, times, KEY, 4000, "1")
    assert found.amplitudes is not None
    states = qj.evolve(system, times, [1.0, 0.0, 0.0])
    assert_within_errors(np.asarray(found.level_populations), np.asarray(states.level_populations))
    fine = np.linspace(0.0, 6.0, 201)
    states = qj.evolve(system, fine, [1.0, 0.0, 0.0], method="dense")
    J = np.asarray(jax.vmap(lambda state: qj.heat_currents(system, state))(states))
    expected = scipy.integrate.simpson(J, x=fine, axis=0)
    assert_within_errors(np.asarray(found.heat[:, -1]), expected)
    lost = np.asarray(found.populations)[:, -1] @ np.array([0.0, 0.0, 1.0])
    np.testing.assert_allclose(np.asarray(found.heat[:, -1]).sum(axis=1), -lost, atol=1e-12)


@pytest.mark.slow
def test_the_first_jump_of_a_defective_decay_comes_when_the_exponential_says() -> None:
    """H_eff at its exceptional point: no eigenvectors, and |psi|^2 is a polynomial times e^-t."""
    H = np.diag([0.0, 3.0, 3.0])
    H[1, 2] = H[2, 1] = 0.25
    S = np.zeros((3, 3))
    S[0, 1] = S[1, 0] = 1.0
    system = qj.OpenSystem(
        H, qj.Bath(S, 0.0, qj.Flat(1.0)), local=np.diag([0.0, 3.0, 3.0]), generator="local"
    )
    found = qj.trajectories(system, [60.0], KEY, 1000, np.diag([0.0, 1.0, 0.0]), max_jumps=2)
    assert (found.counts == 1).all()
    effective = H.astype(complex)
    effective[1, 1] -= 0.5j
    values, vectors = np.linalg.eig(effective[1:, 1:])
    assert abs(values[0] - values[1]) < 1e-6
    assert np.linalg.cond(vectors) > 1e6

    def survives(t: float) -> float:
        return float(np.linalg.norm(scipy.linalg.expm(-1j * effective * t)[:, 1]) ** 2)

    fallen = 1.0 - np.array([survives(float(t)) for t in found.jump_times[:300, 0]])
    assert scipy.stats.kstest(fallen, "uniform").pvalue > 1e-3
    np.testing.assert_allclose(found.heat[:, 0, 0], 3.0, rtol=1e-13)


# --- single trajectories


@pytest.mark.long
@pytest.mark.parametrize("method", ["populations", "dense"])
def test_each_trajectory_keeps_its_energy_balance_and_its_record(method: str) -> None:
    found = record(method)
    energies = np.array([0.0, 0.3, 1.0])
    heat, p = np.asarray(found.heat), np.asarray(found.populations)
    begin = np.asarray(found.initial)
    begin = np.eye(3)[begin] if method == "populations" else np.abs(begin) ** 2
    lost = (begin[:, None] - p) @ energies
    np.testing.assert_allclose(heat.sum(axis=2), lost, atol=1e-12)
    times, happened = np.asarray(found.jump_times), np.isfinite(found.jump_times)
    assert (happened.sum(axis=1) == np.asarray(found.counts)).all()
    assert (np.diff(np.where(happened, times, 1e3 + np.arange(times.shape[1])), axis=1) > 0).all()
    assert (np.asarray(found.baths)[~happened] == -1).all()
    assert (np.asarray(found.energies)[~happened] == 0).all()
    for at, time in enumerate(np.asarray(found.times)):
        for bath in range(3):
            mine = (times <= time) & (np.asarray(found.baths) == bath)
            given = np.sum(np.where(mine, found.energies, 0.0), axis=1)
            np.testing.assert_allclose(heat[:, at, bath], given, atol=1e-12)


def test_each_jump_is_one_that_its_bath_drives() -> None:
    found = record("populations")
    states = np.concatenate([found.initial[:, None], found.states], axis=1)
    before, after = states[:, :-1], states[:, 1:]
    happened = np.isfinite(found.jump_times)
    taken = zip(
        np.asarray(found.baths)[happened],
        before[happened],
        after[happened],
        np.asarray(found.energies)[happened].round(12),
        strict=True,
    )
    driven = {(bath, i, j, round(energy, 12)) for bath, i, j, _, energy in jumps_of_refrigerator()}
    assert {tuple(own) for own in taken} == driven
    assert (before[~happened] == after[~happened]).all()


def test_nothing_happens_any_more_in_a_dark_state() -> None:
    """At T = 0 the highest level decays at once to the lowest, or in two steps."""
    found = of_the_same_shape([0.0, 1e3], "2", T=(0.0, 0.0, 0.0))
    counts, heat = np.asarray(found.counts), np.asarray(found.heat)
    assert set(counts.tolist()) == {1, 2}
    np.testing.assert_array_equal(heat[:, 0], 0.0)
    steps = np.where(counts[:, None] == 1, np.array([[0.0, 1.0, 0.0]]), np.array([[0.3, 0.0, 0.7]]))
    np.testing.assert_allclose(heat[:, 1], steps, rtol=1e-14)
    np.testing.assert_array_equal(found.populations[:, 1], [[1.0, 0.0, 0.0]] * N)


# --- keys, lengths, maps


@pytest.mark.parametrize("method", ["populations", pytest.param("dense", marks=pytest.mark.slow)])
def test_one_key_makes_one_record_whatever_its_length_and_number(method: str) -> None:
    found = record(method)
    again = qj.trajectories(refrigerator(), [5.0, 20.0], KEY, 8, max_jumps=16, method=method)
    np.testing.assert_array_equal(again.jump_times, found.jump_times[:8, :16])
    np.testing.assert_array_equal(again.baths, found.baths[:8, :16])
    np.testing.assert_array_equal(again.exceeded, found.counts[:8] > 16)
    missing = np.asarray(found.jump_times[:8, 16])
    known = np.asarray(found.times)[None] < missing[:, None]
    assert known.any()
    assert not known.all()
    np.testing.assert_array_equal(np.isfinite(again.heat).all(axis=2), known)
    np.testing.assert_array_equal(np.isfinite(again.populations).all(axis=2), known)
    np.testing.assert_allclose(
        np.asarray(again.heat)[known], np.asarray(found.heat[:8])[known], atol=1e-13
    )


@pytest.mark.long
def test_it_maps_over_temperatures_and_keys() -> None:
    m = record("populations").jump_times.shape[1]

    @jax.jit
    @jax.vmap
    def heat(T: jax.Array, key: jax.Array) -> jax.Array:
        system = qj.models.three_level_refrigerator(T_c=0.5, T_h=0.6, T_w=T)
        return qj.trajectories(system, [5.0, 20.0], key, N, max_jumps=m, method="populations").heat

    found = heat(jnp.array([1.0, 2.0]), jax.random.split(KEY, 2))
    assert found.shape == (2, N, 2, 3)
    for own, T, key in zip(found, (1.0, 2.0), jax.random.split(KEY, 2), strict=True):
        single = of_the_same_shape([5.0, 20.0], T=(0.5, 0.6, T), key=key)
        np.testing.assert_allclose(own, single.heat, atol=1e-12)


def test_it_says_what_it_holds() -> None:
    text = str(record("populations"))
    assert text.startswith(f"{N} trajectories between eigenstates, up to ")
    assert "state found" in text
    assert "exceeded  0 of the trajectories" in text


# --- what is wrong


def test_bad_input_is_one_line(unchecked: None) -> None:
    system = refrigerator()
    with pytest.raises(ValueError, match=r"generator 'redfield' has no jumps to record"):
        qj.trajectories(system.with_generator("redfield"), [1.0], KEY, 1)
    with pytest.raises(ValueError, match="n = 0: at least 1"):
        qj.trajectories(system, [1.0], KEY, 0)
    with pytest.raises(ValueError, match="max_jumps = 0: at least 1"):
        qj.trajectories(system, [1.0], KEY, 1, max_jumps=0)
    with pytest.raises(ValueError, match="initial '3' is not one of the basis states 0, 1, 2"):
        qj.trajectories(system, [1.0], KEY, 1, initial="3")
    with pytest.raises(ValueError, match=r"times have the shape \(t,\) with t > 0, not \(\)"):
        qj.trajectories(system, 1.0, KEY, 1)
    with pytest.raises(ValueError, match=r"key is one of jax.random, such as .* not 3"):
        qj.trajectories(system, [1.0], 3, 1)
    with pytest.raises(ValueError, match="method 'exact' is not one of auto, populations, dense"):
        qj.trajectories(system, [1.0], KEY, 1, method="exact")
    with pytest.raises(ValueError, match="the length of the records is given: max_jumps="):
        jax.jit(lambda key: qj.trajectories(system, [1.0], key, 1).heat)(KEY)


def test_bad_values_are_a_status() -> None:
    negative = of_the_same_shape([0.0, 1.0], [1.2, -0.2, 0.0])
    assert negative.status == Status.BAD_INITIAL_STATE
    assert np.isnan(negative.heat).all()
    assert np.isnan(negative.jump_times).all()
    assert (negative.states == -1).all()
    assert not negative.counts.any()
    for times in ([2.0, 1.0], [-1.0, 1.0], [0.0, np.nan], [0.0, np.inf]):
        assert of_the_same_shape(times).status == Status.PARAMETER_OUT_OF_RANGE
    cold = of_the_same_shape([0.0, 1.0], T=(0.5, 0.6, -1.0))
    assert cold.status == Status.PARAMETER_OUT_OF_RANGE
    endless = qj.trajectories(refrigerator(), [0.0, np.inf], KEY, N, method="populations")
    assert endless.status == Status.PARAMETER_OUT_OF_RANGE


@pytest.mark.long
def test_the_jumps_of_a_wide_group_give_its_mean_frequency() -> None:
    """As the counted heat does: two spins whose frequencies 1.5 and 0.75 are one group."""
    flip, one = np.array([[0.0, 1.0], [1.0, 0.0]]), np.eye(2)
    first, second = np.kron(flip, one), np.kron(one, flip)
    system = qj.OpenSystem(
        np.diag([1.3, -0.2, 0.25, -0.95]),
        [qj.Bath(first, 2.0, qj.Flat(1.0)), qj.Bath(second, 0.3, qj.Flat(0.1))],
        generator="partial_secular",
        secular_tol=0.35,
    )
    record = {
        method: qj.trajectories(
            system, [20.0], KEY, 4, np.array([1.0, 0, 0, 0]), method=method, max_jumps=60
        )
        for method in ("populations", "dense")
    }
    populations, dense = (
        np.unique(np.abs(own.energies[own.energies != 0]).round(9)) for own in record.values()
    )
    np.testing.assert_array_equal(populations, dense)
    assert populations.size == 1
