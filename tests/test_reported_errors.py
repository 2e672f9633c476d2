"""The errors that steady states report cover the true ones, against mpmath."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

import exact
import oracles
import qthermo_jax as qj
from exact import DIGITS, SMALLEST, ExactRate, Real
from matrices import hermitian, random_matrix, random_unitary
from qthermo_jax.steady import Status
from systems import METHODS, Draw, as_arrays, as_complex, random_draw, solve, with_structure

pytestmark = pytest.mark.accuracy


mp = mpmath.mp


def exact_rates(draw: Draw) -> list[ExactRate]:
    """gamma of the draw's three baths."""
    eta, s, cutoff, reorganisation, width, flat = (
        Real(value)
        for value in (draw.eta, draw.s, draw.cutoff, draw.reorganisation, draw.width, draw.flat)
    )
    T = [Real(float(value)) for value in draw.T]

    def family(omega: Real) -> Real:
        if omega == 0:
            return eta * T[0] if s == 1 else Real(0)
        reduced = abs(omega) / cutoff
        return oracles.exact_rate(eta * cutoff * reduced**s * mp.exp(-reduced), omega, T[0])

    def drude(omega: Real) -> Real:
        if omega == 0:
            return 2 * reorganisation / width * T[1]
        J = 2 * reorganisation * width * abs(omega) / (omega**2 + width**2)
        return oracles.exact_rate(J, omega, T[1])

    return [family, drude, lambda omega: oracles.exact_rate(flat, omega, T[2])]


def error_in_the_eigenbasis(state: qj.SteadyState, true: exact.Exact) -> float:
    """max |rho_ij - (V^dag rho V)_ij| with the eigenvectors V of the state."""
    with mp.workdps(40):
        V = exact.exact_matrix(np.asarray(state.basis.vectors))
        apart = exact.exact_matrix(np.asarray(state.rho_eigen)) - V.H * true.rho * V
        return float(max(abs(entry) for entry in apart))


SPECTRA = ("generic", "degenerate", "ladder")


def random_system(seed: int, d: int, spectrum: str) -> Draw:
    return as_complex(random_draw(seed, d, bool(seed % 2), spectrum))


def errors(
    draw: Draw, methods: Sequence[str] = METHODS, digits: int = DIGITS
) -> list[tuple[float, float]]:
    """(true error, reported error) of every method that finds a state."""
    true = exact.steady(draw.H, list(draw.couplings), exact_rates(draw), digits)
    found = []
    for method in methods:
        state, _ = solve(as_arrays(draw), method)
        if state.status == Status.OK and method == "populations":
            relative = exact.relative_errors(np.asarray(state.populations), true.populations, SMALLEST)
            found.append((float(relative.max()), float(state.error)))
        elif state.status == Status.OK:
            found.append((error_in_the_eigenbasis(state, true), float(state.error)))
    return found


def assert_honest(found: list[tuple[float, float]], largest: float) -> None:
    assert found
    for true, reported in found:
        assert true <= reported < largest


@pytest.mark.long
@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_reported_errors_cover_the_true_ones(seed: int, spectrum: str) -> None:
    assert_honest(errors(random_system(seed, 3, spectrum)), largest=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize("d", [2, 3, 4])
def test_reported_errors_cover_the_true_ones_on_many(d: int, spectrum: str) -> None:
    """Large where levels lie close or a coherence hardly decays; mostly not."""
    reported = []
    for number in range(30):
        found = errors(random_system(100 + number, d, spectrum))
        assert all(true <= error for true, error in found)
        reported += [error for _, error in found]
    assert np.median(reported) < 1e-11


def scaled(
    draw: Draw, rates: float = 1.0, T: Sequence[float] | float = 1.0, offset: float = 0.0
) -> Draw:
    """Rates and temperatures times these, energies plus this."""
    return replace(
        draw,
        H=draw.H + offset * np.eye(len(draw.H)),
        T=draw.T * np.asarray(T),
        eta=draw.eta * rates,
        reorganisation=draw.reorganisation * rates,
        flat=draw.flat * rates,
    )


HARDER = {
    "cold": lambda draw: scaled(draw, T=0.1),
    "one bath at T = 0": lambda draw: scaled(draw, T=[0.0, 1.0, 1.0]),
    "two baths at T = 0": lambda draw: scaled(draw, T=[0.0, 1.0, 0.0]),
    "temperatures apart by 1e6": lambda draw: scaled(draw, T=[1e3, 1e-3, 1.0]),
    "hot": lambda draw: scaled(draw, T=1e5),
    "energies around 100": lambda draw: scaled(draw, offset=100.0),
}


@pytest.mark.long
@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize("case", HARDER)
def test_reported_errors_cover_the_true_ones_at_extremes(case: str, spectrum: str) -> None:
    draw = HARDER[case](random_system(3, 3, spectrum))
    assert_honest(errors(draw, digits=400 if "cold" in case else 120), largest=1e-9)


@pytest.mark.long
@pytest.mark.parametrize("spectrum", ["generic", "ladder"])
def test_reported_relative_errors_cover_populations_down_to_1e_100(spectrum: str) -> None:
    draw = scaled(random_system(3, 3, spectrum), T=0.006)
    state, _ = solve(as_arrays(draw), "populations")
    assert state.populations.min() < 1e-50
    assert_honest(errors(draw, digits=900), largest=1e-9)
    # So the error of each population is known to be as small as it is.
    np.testing.assert_allclose(state.population_errors, state.error * state.populations, rtol=1e-12)


def close_levels(seed: int, gap: float) -> Draw:
    """Three levels of which two are this close, seen from another basis."""
    rng = np.random.default_rng(seed)
    couplings = np.stack([hermitian(random_matrix(rng, 3, True)) for _ in range(3)])
    return with_structure(rng, np.array([0.0, 1.0, 1.0 + gap]), couplings, random_unitary(rng, 3, True))


@pytest.mark.long
@pytest.mark.parametrize("gap", [1e-2, 1e-4, 1e-6, 1e-8])
def test_reported_errors_grow_as_levels_approach_and_so_do_the_true_ones(gap: float) -> None:
    """Eigenvectors are known to 1e-16/gap: no algorithm has more from an H in doubles."""
    assert_honest(errors(close_levels(0, gap)), largest=1e-11 / gap)


@pytest.mark.long
@pytest.mark.parametrize("rates", [1e-4, 1e-8])
@pytest.mark.parametrize("spectrum", ["generic", "ladder"])
def test_reported_errors_cover_the_true_ones_at_weak_coupling(rates: float, spectrum: str) -> None:
    assert_honest(errors(scaled(random_system(3, 3, spectrum), rates=rates)), largest=1e-9)


@pytest.mark.long
@pytest.mark.parametrize("rates", [1e-4, 1e-8])
def test_reported_errors_cover_the_true_ones_at_weak_coupling_inside_a_level(rates: float) -> None:
    draw = scaled(random_system(3, 3, "degenerate"), rates=rates)
    assert_honest(errors(draw, ("secular_block", "dense")), largest=1e-5)


@pytest.mark.long
@pytest.mark.parametrize("method", ["secular_block", "dense"])
def test_reported_errors_cover_the_true_ones_far_from_zero_energy(method: str) -> None:
    assert_honest(errors(scaled(random_system(3, 3, "generic"), offset=1e4), [method]), largest=1e-9)


@pytest.mark.long
def test_reported_relative_errors_cover_the_true_ones_far_from_zero_energy() -> None:
    draw = scaled(random_system(3, 3, "generic"), offset=1e4)
    assert_honest(errors(draw, ["populations"]), largest=1e-9)


def strong_beside_weak(strength: float) -> Draw:
    """A weak bath acts on all of three levels, a strong one on two of them."""
    rng = np.random.default_rng(0)
    couplings = np.stack([hermitian(random_matrix(rng, 3, True)) for _ in range(3)])
    couplings[1:] = 0.0
    couplings[1, 0, 1] = couplings[1, 1, 0] = strength
    return with_structure(rng, np.array([0.0, 1.0, 2.5]), couplings, random_unitary(rng, 3, True))


@pytest.mark.long
@pytest.mark.parametrize("strength", [1e9, 1e11])
def test_the_bound_covers_amplitudes_that_round_off_gives_a_strong_bath(strength: float) -> None:
    """What it does to the third level is less than its amplitudes are known to, and counts as 0.

    It is not 0 beside what the weak bath does.
    """
    draw = strong_beside_weak(strength)
    ((true, reported),) = errors(draw, ["populations"])
    assert true <= reported < 1e-8 * (strength / 1e9) ** 2
    assert true > 1e-14 * (strength / 1e9) ** 2  # it is more than the elimination's round-off


@pytest.mark.long
def test_rates_of_0_leave_that_bound_as_it_is() -> None:
    """At T = 0 no bath excites."""
    draw = strong_beside_weak(1e9)
    state, _ = solve(as_arrays(replace(draw, T=np.zeros(3))), "populations")
    assert state.status == Status.OK
    np.testing.assert_allclose(np.sort(state.populations), [0.0, 0.0, 1.0], atol=1e-15)


@pytest.mark.long
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_bound_grows_with_the_slope_of_a_narrow_peak_below_1(seed: int) -> None:
    """On the flank of a peak of width 2e-9 a relative error of the frequency counts 2e8 times in J."""
    rng = np.random.default_rng(seed)
    U = random_unitary(rng, 2, True)
    H = hermitian(U @ np.diag([0.0, 0.2]) @ U.conj().T)
    couplings = [hermitian(random_matrix(rng, 2, True)) for _ in range(2)]
    strength, width, resonance = 1e-5, 2e-9, 0.2 - 1e-9
    T = (0.1, 0.4)
    peak = qj.baths.UnderDamped(strength, width, resonance)
    baths = [
        qj.Bath(jnp.asarray(S), own, density)
        for S, own, density in zip(couplings, T, (peak, qj.Ohmic(0.1)), strict=True)
    ]

    def at_peak(omega: Real) -> Real:
        w, r = abs(omega), Real(resonance)
        if w == 0:
            return Real(strength) ** 2 * Real(width) / r**4 * T[0]
        detuning, damping = (r - w) * (r + w), Real(width) * w
        return oracles.exact_rate(
            Real(strength) ** 2 * damping / (detuning**2 + damping**2), omega, T[0]
        )

    def ohmic(omega: Real) -> Real:
        slope = Real(0.1)
        return slope * T[1] if omega == 0 else oracles.exact_rate(slope * abs(omega), omega, T[1])

    state = qj.steadystate(qj.OpenSystem(H, baths), method="populations")
    true = exact.steady(H, couplings, [at_peak, ohmic])
    assert state.status == Status.OK
    off = exact.relative_errors(np.asarray(state.populations), true.populations, SMALLEST).max()
    assert 1e-10 < off <= state.error < 1e-6


@partial(jax.jit, static_argnames=("sites", "method"))
def chain_with_coherences(sites: int, g: float, T_L: float, T_R: float, method: str) -> qj.SteadyState:
    return qj.steadystate(qj.models.chain(sites=sites, g=g, T_L=T_L, T_R=T_R), method=method)


@pytest.mark.long
@pytest.mark.parametrize(
    ("sites", "method"),
    [
        (3, "dense"),
        pytest.param(3, "secular_block", marks=pytest.mark.slow),
        pytest.param(10, "secular_block", marks=pytest.mark.slow),
    ],
)
def test_reported_errors_of_the_other_tiers_cover_the_true_ones_on_the_chain(
    sites: int, method: str
) -> None:
    """Its exact state is diagonal in the eigenbasis."""
    for g, T_L, T_R in [(0.05, 2.0, 1.0), (1.3, 0.8, 0.4), (0.3, 0.2, 0.1), (1.3, 2.0, 0.0)]:
        state = chain_with_coherences(sites, g, T_L, T_R, method)
        assert state.status == Status.OK
        p = exact.chain(sites, g, T_L, T_R).populations
        apart = np.abs(np.asarray(state.rho_eigen) - np.diag([float(value) for value in p])).max()
        # The oracle's numbers are rounded to doubles here.
        assert apart <= state.error + 1e-16
        assert state.error < 1e-8
