"""How accurate steady states are, against mpmath: every digit promised, every error reported.

The oracles (`exact`) take the doubles at their exact values. What arithmetic in doubles cannot give is
stated beside each tolerance.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import exact
import oracles
import qthermo_jax as qj
from exact import DIGITS, SMALLEST, ExactRate, Real
from matrices import hermitian, random_matrix, random_unitary
from qthermo_jax.bounded import Bounded
from qthermo_jax.observables import bounded_currents
from qthermo_jax.steady import Status
from systems import METHODS, SEEDS, Draw, divided_draw, draws, random_draw, with_structure

pytestmark = pytest.mark.accuracy

mp = mpmath.mp

# --- the chain: single populations and heat currents ----------------------------------------------

SITES = 10


@jax.jit
def solved_chain(g: float, T_L: float, T_R: float) -> tuple[qj.SteadyState, Bounded]:
    system = qj.models.chain(sites=SITES, g=g, T_L=T_L, T_R=T_R)
    state = qj.steadystate(system, method="populations")
    return state, bounded_currents(system, state)


@dataclass(frozen=True)
class Chain:
    """One point of the chain: what was computed, what is true, and how far apart they are.

    Attributes:
        populations: largest relative error of one above 1e-300.
        currents: largest relative error of a current of which at most 99 % cancel.
        flows: largest error of a current relative to the flows of which it is the difference.
    """

    state: qj.SteadyState
    true: exact.Flows
    populations: float
    currents: float
    flows: float
    covered: bool

    @classmethod
    def at(cls, g: float, T_L: float, T_R: float) -> "Chain":
        state, J = solved_chain(g, T_L, T_R)
        true = exact.chain(SITES, g, T_L, T_R)
        if state.status != Status.OK:
            return cls(state, true, np.inf, np.inf, np.inf, False)
        relative = exact.relative_errors(np.asarray(state.populations), true.populations, SMALLEST)
        with mp.workdps(40):
            found = zip(J.value, true.currents, strict=True)
            errors = [abs(Real(float(own)) - other) for own, other in found]
            covered = all(e <= Real(float(b)) + SMALLEST for e, b in zip(errors, J.bound, strict=True))
            flows = [float(e / f) for e, f in zip(errors, true.gross, strict=True) if f > SMALLEST]
            whole = [float(errors[k] / abs(true.currents[k])) for k in true.uncancelled]
        largest = (max(values, default=0.0) for values in (relative, whole, flows))
        return cls(state, true, *largest, covered or bool(J.exact))

    def assert_accurate(self) -> None:
        """e^{-x} turns an error of 1 ulp in x = omega/T, up to 700 here, into one of x ulp: 1.5e-13.

        A current is a difference of flows that are as accurate as the populations are.
        """
        assert self.state.status == Status.OK
        assert self.populations < 1e-12
        assert self.currents < 1e-11
        assert self.flows < 1e-12

    def assert_honest(self) -> None:
        """The bound supposes that all goes wrong at once: some thousand times too large."""
        assert self.populations <= self.state.error
        assert self.state.error < 1e-10
        assert self.covered


CHAINS = [
    (0.05, 2.0, 1.0),
    (1.3, 0.8, 0.4),
    (0.3, 0.02, 0.01),
    (0.05, 0.01, 0.005),
    (0.1, 0.5, 0.005),
    (1.3, 0.02, 0.01),
    (1.3, 0.007, 0.01),
    # equal temperatures
    (0.3, 0.3, 0.3),
    (1.3, 0.01, 0.01),
    (1.3, 0.005, 0.005),
    # T_1/T_2 = 10^6
    (0.1, 2000.0, 0.002),
    (0.3, 20.0, 2e-5),
    (1.3, 2.0, 2e-6),
    (1.3, 2e-6, 2.0),
    # a bath at T = 0: below g = 0.52 it takes everything, above there are modes of negative energy
    (0.1, 2.0, 0.0),
    (1.3, 2.0, 0.0),
    (1.3, 0.0, 0.05),
]


@pytest.mark.parametrize(("g", "T_L", "T_R"), CHAINS)
def test_populations_and_currents_of_the_chain_keep_their_digits_and_report_their_error(
    g: float, T_L: float, T_R: float
) -> None:
    point = Chain.at(g, T_L, T_R)
    point.assert_accurate()
    point.assert_honest()


def test_these_chains_reach_populations_of_1e_200_and_currents_of_1e_60_that_do_not_cancel() -> None:
    points = [exact.chain(SITES, *point) for point in CHAINS]
    populations = [float(p) for point in points for p in point.populations]
    for low, high in ((1e-90, 1e-70), (1e-210, 1e-190)):
        assert any(low < p < high for p in populations)
    currents = [abs(float(point.currents[k])) for point in points for k in point.uncancelled]
    for low, high in ((1e-45, 1e-30), (1e-90, 1e-60)):
        assert any(low < J < high for J in currents)


def test_equal_temperatures_carry_no_heat() -> None:
    state, J = solved_chain(0.3, 0.3, 0.3)
    np.testing.assert_allclose(J.value, 0.0, atol=1e-15)
    with mp.workdps(40):
        E = np.asarray(state.basis.energies)
        weights = [mp.exp(-Real(float(e)) / Real(0.3)) for e in E]
        gibbs = [w / mp.fsum(weights) for w in weights]
    assert exact.relative_errors(np.asarray(state.populations), gibbs, 0.0).max() < 1e-13


@pytest.mark.parametrize(
    ("g", "T_L", "T_R"),
    [
        (1.3, 2.0, 0.005),
        (1.3, 0.01, 0.005),
        (1.25, 0.5, 0.005),
        (0.3, 2000.0, 0.002),
        (1.3, 2.0, 0.002),
    ],
)
def test_chains_with_rates_near_the_smallest_number_keep_their_digits(
    g: float, T_L: float, T_R: float
) -> None:
    Chain.at(g, T_L, T_R).assert_accurate()


@pytest.mark.slow
@pytest.mark.parametrize("g", [0.05, 0.1, 0.3, 0.5, 0.53, 0.7, 1.0, 1.3])
def test_populations_and_currents_of_the_chain_keep_their_digits_on_a_grid(g: float) -> None:
    """Or the point says that it is out of reach: rates below 1e-290."""
    temperatures = [2.0, 0.5, 0.1, 0.05, 0.02, 0.01, 0.007, 0.005]
    for T_L in temperatures:
        for T_R in temperatures:
            point = Chain.at(g, T_L, T_R)
            point.assert_accurate()
            point.assert_honest()


def test_the_chain_oracle_does_not_depend_on_its_digits() -> None:
    few, many = exact.chain(SITES, 1.3, 0.01, 0.01), exact.chain(SITES, 1.3, 0.01, 0.01, digits=1400)
    with mp.workdps(60):
        assert all(
            abs(a / b - 1) < 1e-50 for a, b in zip(few.populations, many.populations, strict=True)
        )


# --- reported errors ------------------------------------------------------------------------------


@partial(jax.jit, static_argnames="method")
def solve(system: qj.OpenSystem, method: str) -> tuple[qj.SteadyState, jax.Array]:
    state = qj.steadystate(system, method=method)
    return state, qj.heat_currents(system, state)


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


def as_complex(draw: Draw) -> Draw:
    """Real ones too: one compilation serves both. For the same reason most have three levels."""
    return replace(draw, H=draw.H.astype(complex), couplings=draw.couplings.astype(complex))


def random_system(seed: int, d: int, spectrum: str) -> Draw:
    return as_complex(random_draw(seed, d, bool(seed % 2), spectrum))


def as_arrays(draw: Draw, **structure: tuple[tuple[int, ...], ...]) -> qj.OpenSystem:
    """Couplings as arrays of JAX: numpy's zeros would become structure, and each pattern a compilation.

    With sectors of one state each, they say which basis of a level is meant.
    """
    spectra = [jax.tree.map(lambda leaf: leaf[0], bath.spectrum) for bath in draw.system.baths]
    banks = [
        qj.Bath(jnp.asarray(S), float(T), spectrum)
        for S, T, spectrum in zip(draw.couplings, draw.T, spectra, strict=True)
    ]
    return qj.OpenSystem(draw.H, banks, **structure)


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


@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize("case", HARDER)
def test_reported_errors_cover_the_true_ones_at_extremes(case: str, spectrum: str) -> None:
    draw = HARDER[case](random_system(3, 3, spectrum))
    assert_honest(errors(draw, digits=400 if "cold" in case else 120), largest=1e-9)


@pytest.mark.parametrize("spectrum", ["generic", "ladder"])
def test_reported_relative_errors_cover_populations_down_to_1e_100(spectrum: str) -> None:
    draw = scaled(random_system(3, 3, spectrum), T=0.006)
    assert solve(as_arrays(draw), "populations")[0].populations.min() < 1e-50
    assert_honest(errors(draw, digits=900), largest=1e-9)


def close_levels(seed: int, gap: float) -> Draw:
    """Three levels of which two are this close, seen from another basis."""
    rng = np.random.default_rng(seed)
    couplings = np.stack([hermitian(random_matrix(rng, 3, True)) for _ in range(3)])
    return with_structure(rng, np.array([0.0, 1.0, 1.0 + gap]), couplings, random_unitary(rng, 3, True))


@pytest.mark.parametrize("gap", [1e-2, 1e-4, 1e-6, 1e-8])
def test_reported_errors_grow_as_levels_approach_and_so_do_the_true_ones(gap: float) -> None:
    """Eigenvectors are known to 1e-16/gap: no algorithm has more from an H in doubles."""
    assert_honest(errors(close_levels(0, gap)), largest=1e-11 / gap)


@pytest.mark.parametrize("rates", [1e-4, 1e-8])
@pytest.mark.parametrize("spectrum", ["generic", "ladder"])
def test_reported_errors_cover_the_true_ones_at_weak_coupling(rates: float, spectrum: str) -> None:
    assert_honest(errors(scaled(random_system(3, 3, spectrum), rates=rates)), largest=1e-9)


@pytest.mark.parametrize("rates", [1e-4, 1e-8])
def test_reported_errors_cover_the_true_ones_at_weak_coupling_inside_a_level(rates: float) -> None:
    draw = scaled(random_system(3, 3, "degenerate"), rates=rates)
    assert_honest(errors(draw, ("secular_block", "dense")), largest=1e-5)


@pytest.mark.parametrize("method", ["secular_block", "dense"])
def test_reported_errors_cover_the_true_ones_far_from_zero_energy(method: str) -> None:
    assert_honest(errors(scaled(random_system(3, 3, "generic"), offset=1e4), [method]), largest=1e-9)


def test_reported_relative_errors_cover_the_true_ones_far_from_zero_energy() -> None:
    draw = scaled(random_system(3, 3, "generic"), offset=1e4)
    assert_honest(errors(draw, ["populations"]), largest=1e-9)


@partial(jax.jit, static_argnames=("sites", "method"))
def chain_with_coherences(sites: int, g: float, T_L: float, T_R: float, method: str) -> qj.SteadyState:
    return qj.steadystate(qj.models.chain(sites=sites, g=g, T_L=T_L, T_R=T_R), method=method)


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


# --- the three tiers ------------------------------------------------------------------------------


def assert_tiers_agree(found: dict[str, tuple[qj.SteadyState, jax.Array]], degenerate: bool) -> None:
    """To 1e-12 of the largest element and of the largest current; where the error of the dense
    solution, which grows as states come close to being conserved, is above that, to this error.

    An error in the eigenbasis may add up over a row in the basis in which H was given.
    """
    (dense, J), (alone, _), (block, _) = (found[m] for m in ("dense", "populations", "secular_block"))
    assert block.status == dense.status
    if alone.status != dense.status:
        assert alone.status == Status.METHOD_NOT_EXACT
        assert degenerate
    if dense.status != Status.OK:
        assert dense.status == Status.NOT_UNIQUE
        return
    scale = max(1.0, np.abs(J).max())
    tolerance = max(1e-12, len(dense.rho) * float(dense.error))
    for state, currents in found.values():
        if state.status == Status.OK:
            assert np.abs(state.rho - dense.rho).max() < tolerance
            assert np.abs(currents - J).max() < tolerance * scale


FROZEN = st.sampled_from([(), (), (0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)])


def frozen(draw: Draw, baths: tuple[int, ...]) -> Draw:
    """These baths at T = 0."""
    T = draw.T.copy()
    T[list(baths)] = 0.0
    return replace(as_complex(draw), T=T)


def is_degenerate(draw: Draw) -> bool:
    return bool(np.diff(np.linalg.eigvalsh(draw.H)).min() < 1e-6)


def by_every_method(system: qj.OpenSystem) -> dict[str, tuple[qj.SteadyState, jax.Array]]:
    return {method: solve(system, method) for method in METHODS}


@given(draw=draws(3), baths=FROZEN)
def test_the_tiers_agree(draw: Draw, baths: tuple[int, ...]) -> None:
    assert_tiers_agree(by_every_method(as_arrays(frozen(draw, baths))), is_degenerate(draw))


@pytest.mark.slow
@given(draw=draws(2, 4), baths=FROZEN)
def test_the_tiers_agree_on_two_and_four_levels(draw: Draw, baths: tuple[int, ...]) -> None:
    assert_tiers_agree(by_every_method(as_arrays(frozen(draw, baths))), is_degenerate(draw))


def one_state_a_level(seed: int, is_complex: bool, baths: tuple[int, ...]) -> Draw:
    """Degenerate levels of which each bath reaches one state: populations drive no coherence."""
    rng = np.random.default_rng(seed)
    level = rng.integers(0, 2, size=3)
    couplings = np.zeros((3, 3, 3), complex)
    for S in couplings:
        reached = np.array([rng.choice(np.flatnonzero(level == number)) for number in np.unique(level)])
        full = hermitian(random_matrix(rng, 3, is_complex))
        S[np.ix_(reached, reached)] = full[np.ix_(reached, reached)]
    return frozen(with_structure(rng, np.array([-0.6, 0.5])[level], couplings, np.eye(3)), baths)


@pytest.mark.slow
@given(seed=SEEDS, is_complex=st.booleans(), baths=FROZEN)
def test_the_tiers_agree_where_each_bath_reaches_one_state_of_a_degenerate_level(
    seed: int, is_complex: bool, baths: tuple[int, ...]
) -> None:
    draw = one_state_a_level(seed, is_complex, baths)
    found = by_every_method(as_arrays(draw))
    found["populations"] = solve(as_arrays(draw, sectors=((0,), (1,), (2,))), "populations")
    assert_tiers_agree(found, degenerate=False)


def assert_not_unique(system: qj.OpenSystem, method: str) -> None:
    state, J = solve(system, method)
    assert state.status == Status.NOT_UNIQUE
    assert np.isnan(state.rho).all()
    assert np.isnan(J).all()


@given(seed=SEEDS, is_complex=st.booleans(), baths=FROZEN)
def test_the_tiers_agree_that_two_disconnected_blocks_have_no_unique_state(
    seed: int, is_complex: bool, baths: tuple[int, ...]
) -> None:
    draw = frozen(divided_draw(seed, 3, is_complex), baths)
    for method in METHODS:
        assert_not_unique(as_arrays(draw), method)


def dephasing(seed: int, baths: tuple[int, ...]) -> Draw:
    """Couplings that commute with H, seen from another basis: every population is conserved."""
    rng = np.random.default_rng(seed)
    diagonal = np.stack([np.diag(rng.normal(size=3)) for _ in range(3)]).astype(complex)
    U = random_unitary(rng, 3, True)
    return frozen(with_structure(rng, np.array([-0.6, 0.0, 1.1]), diagonal, U), baths)


@pytest.mark.parametrize(
    ("method", "baths"),
    [
        ("populations", ()),
        ("populations", (0, 1, 2)),
        ("dense", ()),
        ("dense", (0, 1, 2)),
        ("secular_block", ()),
        ("secular_block", (0, 1, 2)),
    ],
)
def test_baths_that_only_dephase_leave_no_unique_state(method: str, baths: tuple[int, ...]) -> None:
    for seed in range(20):
        assert_not_unique(as_arrays(dephasing(seed, baths)), method)
