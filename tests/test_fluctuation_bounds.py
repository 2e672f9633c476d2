"""What the fluctuations say of their own errors, beside 80 digits; and laws where coherences matter."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qthermo_jax as qj
from counting_oracle import Lindblad, Network, random_network
from qthermo_jax.bounded import Bounded
from qthermo_jax.dynamics.reduced import packed, start_of
from qthermo_jax.fluctuations.cumulants import bounded_noise
from qthermo_jax.fluctuations.finite_time import counted
from qthermo_jax.fluctuations.generating import bounded_rate_function
from qthermo_jax.fluctuations.unknowns import Known, counting

pytestmark = pytest.mark.accuracy

mp = mpmath.mp
DIGITS = 80

# Two levels of one energy, whose coherence the baths drive: eigenstates in the basis that H is given in.
LEVELS = ((0, 1), (2,), (3,))
ENERGIES = np.array([0.0, 0.0, 0.9, 2.2])

# Bounds that no error comes near say nothing.
LOOSE = 1e6


class Drawn:
    """Baths with dense random couplings, complex ones, on some levels."""

    def __init__(self, seed: int, energies: np.ndarray, cold: float = 1.0) -> None:
        rng = np.random.default_rng(seed)
        d = len(energies)
        self.H = np.diag(energies)
        both = rng.normal(size=(2, d, d)) + 1j * rng.normal(size=(2, d, d))
        self.couplings = (both + both.conj().swapaxes(1, 2)) / 2
        self.T = rng.uniform(0.5, 2.0, 2) / cold
        self.J = rng.lognormal(size=2)

    def system(self, **more: object) -> qj.OpenSystem:
        baths = [
            qj.Bath(jnp.asarray(S), float(T), qj.Flat(float(J)))
            for S, T, J in zip(self.couplings, self.T, self.J, strict=True)
        ]
        return qj.OpenSystem(jnp.asarray(self.H, complex), baths, **more)

    def exact(self) -> Lindblad:
        return Lindblad.of(self.H, self.couplings, self.T, self.J)


class DrivenQubit(Drawn):
    """A qubit with a field across, whose baths see the levels of H_0: the local master equation."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed, np.array([0.0, 1.3]))
        self.local = self.H
        self.H = self.H + 0.4 * np.array([[0.0, 1.0], [1.0, 0.0]])
        # The diagonal would be dephasing, at a rate that a flat spectrum makes infinite.
        self.couplings = self.couplings * (1 - np.eye(2))

    def system(self, **more: object) -> qj.OpenSystem:
        return super().system(local=self.local, generator="local", **more)

    def exact(self) -> Lindblad:
        return Lindblad.of(self.H, self.couplings, self.T, self.J, self.local)


def without_dephasing(drawn: Drawn) -> Drawn:
    """No element between states of nearly one energy, where the rate of a flat spectrum diverges."""
    energies = np.diag(drawn.H)
    drawn.couplings = drawn.couplings * (abs(energies[:, None] - energies[None]) > 0.3)
    return drawn


@partial(jax.jit, static_argnames="method")
def noise_and_bound(system: qj.OpenSystem, method: str) -> Bounded:
    return bounded_noise(system, qj.steadystate(system, method=method))


def assert_covered(found: Known | Bounded, exact: mpmath.matrix | list[mpmath.mpf]) -> list[float]:
    """Every bound covers its error; returns the ratios of the two."""
    bounds = np.asarray(found.bound if isinstance(found, Bounded) else found.error)
    ratios = []
    for at, bound in np.ndenumerate(bounds):
        value = exact[at] if len(at) == 2 else exact[at[0]]
        error = abs(mpmath.mpf(float(np.asarray(found.value)[at])) - value)
        assert error <= float(bound), (at, float(error), float(bound))
        ratios.append(float(bound / error) if error else np.inf)
    return ratios


@pytest.mark.long
@pytest.mark.parametrize("method", ["dense", "secular_block"])
@pytest.mark.parametrize("cold", [1.0, 6.0])
def test_the_bound_covers_the_error_of_the_noise_with_coherences(method: str, cold: float) -> None:
    ratios = []
    for seed in range(4):
        drawn = without_dephasing(Drawn(seed, ENERGIES, cold))
        found = noise_and_bound(drawn.system(levels=LEVELS), method)
        assert bool(jnp.all(found.reliable)), seed
        with mp.workdps(DIGITS):
            ratios += assert_covered(found, drawn.exact().noise())
    assert np.median(ratios) < LOOSE


@pytest.mark.long
def test_the_bound_covers_the_error_of_the_local_noise() -> None:
    for seed in range(4):
        drawn = DrivenQubit(seed)
        with mp.workdps(DIGITS):
            assert_covered(noise_and_bound(drawn.system(), "dense"), drawn.exact().noise())


@pytest.mark.long
def test_the_noise_of_many_points_is_covered_at_each() -> None:
    """Mapped along two axes, one of which leaves most arrays as they are."""
    network = random_network(7, 4, 2)
    warm, cold = np.array([1.0, 1.4, 2.0]), np.array([0.3, 0.7])

    def at(T_1: jax.Array, T_2: jax.Array) -> Bounded:
        return noise_and_bound(network.system.with_temperatures(jnp.stack([T_1, T_2])), "populations")

    found = jax.vmap(jax.vmap(at, (None, 0)), (0, None))(jnp.asarray(warm), jnp.asarray(cold))
    for i, k in np.ndindex(warm.size, cold.size):
        with mp.workdps(DIGITS):
            _, exact = network.noise([mpmath.mpf(float(T)) for T in (warm[i], cold[k])])
            assert_covered(Known(found.value[i, k], found.bound[i, k]), exact)
        assert np.all(found.reliable[i, k])


@partial(jax.jit, static_argnames="method")
def finite_time(system: qj.OpenSystem, times: jax.Array, method: str) -> tuple[Known, Known]:
    basis = system.eigenbasis()
    count = counting(system, basis, method)
    begin = packed(start_of(system, basis).rho, method)
    return jax.vmap(partial(counted, count, begin))(times)


def each(known: Known, at: int) -> Known:
    return Known(known.value[at], known.error[at])


# In units of the time in which the fastest element changes.
TIMES = np.array([0.05, 2.0, 30.0])


def assert_covered_at_all_times(system: qj.OpenSystem, exact: Callable, method: str) -> None:
    d = system.dimension
    fastest = float(np.abs(np.asarray(qj.liouvillian(system))).sum(axis=0).max())
    rho = np.diag([0.25, 0.75, *np.zeros(d - 2)])
    mean, covariance = finite_time(system.with_initial(rho), jnp.asarray(TIMES / fastest), method)
    with mp.workdps(DIGITS):
        start = mp.matrix(d * d, 1)
        start[0], start[d + 1] = mpmath.mpf("0.25"), mpmath.mpf("0.75")
        for at, time in enumerate(TIMES / fastest):
            true_mean, true_covariance = exact().finite_time(start, mpmath.mpf(float(time)))
            assert_covered(each(mean, at), true_mean)
            assert_covered(each(covariance, at), true_covariance)


@pytest.mark.long
@pytest.mark.parametrize(
    "make",
    [DrivenQubit, lambda seed: without_dephasing(Drawn(seed, np.array([0.0, 0.9, 0.9])))],
    ids=["local", "degenerate"],
)
def test_the_bounds_cover_the_errors_of_finite_times(make: Callable[[int], Drawn]) -> None:
    for seed in range(2):
        drawn = make(seed)
        assert_covered_at_all_times(drawn.system(), drawn.exact, "dense")


@pytest.mark.long
@pytest.mark.parametrize("cold", [1.0, 10.0])
def test_the_bounds_cover_the_errors_of_finite_times_of_a_rate_equation(cold: float) -> None:
    for seed in range(2):
        network = random_network(seed, 3, 2, cold=cold)
        assert_covered_at_all_times(network.system, partial(of_network, network), "populations")


def of_network(network: Network) -> Lindblad:
    return Lindblad.of(np.diag(network.energies), network.couplings, network.T, network.J)


@partial(jax.jit, static_argnames="method")
def improbability(system: qj.OpenSystem, current: jax.Array, method: str) -> Known:
    return bounded_rate_function(system, 0, current, method)[0]


@pytest.mark.long
@pytest.mark.parametrize("method", ["populations", "dense"])
def test_the_bound_covers_the_error_of_the_rate_function(method: str) -> None:
    for seed in range(3):
        if method == "populations":
            network = random_network(seed, 4, 2)
            system, cgf = network.system, network.largest_eigenvalue
        else:
            drawn = DrivenQubit(seed)
            system, cgf = drawn.system(), drawn.exact().largest_eigenvalue
        with mp.workdps(DIGITS):
            step = mpmath.mpf(10) ** -25

            def at(field: mpmath.mpf, cgf: Callable = cgf) -> mpmath.mpf:
                return cgf([field, mpmath.mpf(0)])

            for field in (mpmath.mpf("0.4"), mpmath.mpf("-0.7"), mpmath.mpf("3")):
                slope = (at(field + step) - at(field - step)) / (2 * step)
                current = float(slope)
                # I changes by field times what was rounded off the current, and by its square.
                exact = field * slope - at(field) + field * (mpmath.mpf(current) - slope)
                assert_covers(improbability(system, jnp.array(current), method), exact)


def assert_covers(found: Known, exact: mpmath.mpf) -> None:
    error = abs(mpmath.mpf(float(found.value)) - exact)
    assert error <= float(found.error), (float(exact), float(error), float(found.error))
    assert float(found.error) <= 1e-6 * abs(exact)


# --- laws


@pytest.mark.long
@settings(max_examples=8)
@given(seed=st.integers(0, 10**6), tilt=st.floats(-0.6, 0.6), shift=st.floats(-0.5, 0.5))
@pytest.mark.parametrize(
    ("energies", "tolerance"),
    [([0.0, 0.9, 0.9], None), ([0.0, 0.8, 0.95], 0.3)],
    ids=["degenerate", "partial_secular"],
)
def test_symmetries_of_the_generating_function_with_coherences(
    energies: list[float], tolerance: float | None, seed: int, tilt: float, shift: float
) -> None:
    """lambda(chi + c) = lambda(chi), and lambda(-chi - beta) is that of the system reversed in time.

    Reversed in time, couplings are conjugate to what they were. Where the coherences stand between
    levels of one energy they do not turn, and the reversed system has the same lambda. In the partially
    secular equation each group acts at its mean frequency; those here add up around every loop.
    """
    drawn, turned = (without_dephasing(Drawn(seed, np.array(energies))) for _ in range(2))
    turned.couplings = turned.couplings.conj()
    more = {} if tolerance is None else {"generator": "partial_secular", "secular_tol": tolerance}
    system, reversed_system = drawn.system(**more), turned.system(**more)
    chi, beta = jnp.array([tilt, -0.3]), 1 / jnp.asarray(drawn.T)
    here = float(generating(system, chi))
    near = pytest.approx(here, rel=1e-9, abs=1e-10 * float(jnp.abs(qj.liouvillian(system)).max()))
    assert float(generating(system, chi + shift)) == near
    assert float(generating(reversed_system, -chi - beta)) == near
    if tolerance is None:
        assert float(generating(system, -chi - beta)) == near


@jax.jit
def generating(system: qj.OpenSystem, chi: jax.Array) -> jax.Array:
    return qj.scaled_cgf(system, chi, method="dense")


@pytest.mark.long
@settings(max_examples=8)
@given(seed=st.integers(0, 10**6), tilt=st.floats(-0.6, 0.6), shift=st.floats(-0.5, 0.5))
def test_symmetries_of_the_local_generating_function_on_resonance(
    seed: int, tilt: float, shift: float
) -> None:
    """The interaction of two qubits of one frequency conserves H_0, the energy that is counted.

    Then e^(c H_0) turns L(chi) into L(chi + c), and detailed balance by H_0 gives the first law.
    """
    drawn = resonant_qubits(seed)
    chi, beta = jnp.array([tilt, -0.3]), 1 / jnp.asarray(drawn.T)
    cgf = partial(generating, drawn.system(local=drawn.local, generator="local"))
    here = float(cgf(chi))
    assert float(cgf(-chi - beta)) == pytest.approx(here, rel=1e-9, abs=1e-10)
    assert float(cgf(chi + shift)) == pytest.approx(here, rel=1e-9, abs=1e-10)


def resonant_qubits(seed: int) -> Drawn:
    """Two qubits of one frequency that exchange excitations, with a bath on each."""
    drawn = Drawn(seed, np.array([0.0, 1.0, 1.0, 2.0]))
    drawn.local = drawn.H
    exchange = np.zeros((4, 4))
    exchange[1, 2] = exchange[2, 1] = np.random.default_rng(seed).uniform(0.05, 0.5)
    drawn.H = drawn.H + exchange
    flip = np.array([[0.0, 1.0], [1.0, 0.0]])
    drawn.couplings = np.stack([np.kron(flip, np.eye(2)), np.kron(np.eye(2), flip)]).astype(complex)
    return drawn
