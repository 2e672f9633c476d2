"""Friction of strokes: its value and bound against the same cycle with 60 digits."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp

import qthermo_jax as qj
from exact import dissipator, exact_matrix, jumps_between, levels_of
from matrices import SIGMA_X, hermitian, random_matrix
from oracles import exact_rate
from qthermo_jax.steady import Status
from qthermo_jax.strokes.friction import coherence
from systems import SEEDS

pytestmark = pytest.mark.accuracy

DIGITS = 60
solved = qj.limit_cycle


@dataclass(frozen=True)
class Hold:
    """A stroke whose H stays, with a bath (S, T, eta) of ohmic spectral density, or none."""

    H: np.ndarray
    duration: float
    bath: tuple[np.ndarray, float, float] | None = None


def cycle_of(holds: list[Hold]) -> qj.Cycle:
    names = [None if own.bath is None else str(number) for number, own in enumerate(holds)]
    strokes = [
        qj.Stroke(own.H, own.duration, baths=[name] if name else [])
        for own, name in zip(holds, names, strict=True)
    ]
    baths = {
        name: qj.Bath(own.bath[0], own.bath[1], qj.Ohmic(own.bath[2]))
        for own, name in zip(holds, names, strict=True)
        if own.bath is not None
    }
    return qj.Cycle(strokes, baths)


def exact_map(hold: Hold) -> mpmath.matrix:
    """Of column-stacked states."""
    d, H = len(hold.H), exact_matrix(hold.H)
    L = mp.zeros(d * d)
    if hold.bath is not None:
        S, T, eta = hold.bath
        jumps = jumps_between(levels_of(hold.H), exact_matrix(S))
        rates = [
            mp.mpf(eta) * T if omega == 0 else exact_rate(eta * abs(omega), omega, T)
            for omega, _ in jumps
        ]
        L += dissipator([(rate, A) for rate, (_, A) in zip(rates, jumps, strict=True)], d)
    for a in range(d):
        for b in range(d):
            for i in range(d):
                L[b * d + a, b * d + i] -= 1j * H[a, i]
                L[b * d + a, i * d + a] += 1j * H[i, b]
    return mp.expm(L * mp.mpf(hold.duration), method="pade")


def entropy(rho: mpmath.matrix) -> mpmath.mpf:
    p = mp.eighe(rho, eigvals_only=True)
    return -mp.fsum(own * mp.log(own) for own in p if own > mp.mpf(10) ** (-DIGITS + 15))


def exact_friction(holds: list[Hold]) -> list[mpmath.mpf]:
    """S(Delta rho) - S(rho) at the end of each stroke of the limit cycle."""
    d = len(holds[0].H)
    with mp.workdps(DIGITS):
        maps = [exact_map(own) for own in holds]
        whole = mp.eye(d * d)
        for own in maps:
            whole = own * whole
        fixed, right = whole - mp.eye(d * d), mp.zeros(d * d, 1)
        for n in range(d * d):
            fixed[0, n] = 1 if n % (d + 1) == 0 else 0
        right[0] = 1
        state, found = mp.lu_solve(fixed, right), []
        for hold, own in zip(holds, maps, strict=True):
            state = own * state
            rho = mp.matrix(d)
            for n in range(d * d):
                rho[n % d, n // d] = state[n]
            rho = (rho + rho.H) / 2
            blocks = sum((P * rho * P for _, P in levels_of(hold.H)), mp.zeros(d))
            found.append(entropy(blocks) - entropy(rho))
        return found


def assert_covered(holds: list[Hold]) -> qj.CycleState:
    """The bound covers the error of each friction."""
    state = solved(cycle_of(holds))
    assert state.status == Status.OK
    with mp.workdps(DIGITS):
        for found, bound, exact in zip(
            state.friction, state.friction_bounds, exact_friction(holds), strict=True
        ):
            assert abs(mp.mpf(float(found)) - exact) <= mp.mpf(float(bound)), (found, bound, exact)
    return state


def random_holds(seed: int, d: int, turn: float, T: float) -> list[Hold]:
    """Hot, alone, cold; the Hamiltonians differ by `turn` of a random one."""
    rng = np.random.default_rng(seed)
    first, change, S_h, S_c = (hermitian(random_matrix(rng, d, is_complex=True)) for _ in range(4))
    return [
        Hold(first, 1.3, (S_h, 4 * T, 0.2)),
        Hold(first + turn * change, 0.7),
        Hold(first - turn * change, 2.1, (S_c, T, 0.3)),
    ]


@pytest.mark.long
@settings(max_examples=12, deadline=None)
@given(
    seed=SEEDS,
    turn=st.sampled_from([0.5, 1e-3, 1e-6]),
    T=st.sampled_from([0.1, 0.5, 2.0]),
)
def test_the_bound_covers_the_error_in_qubits(seed: int, turn: float, T: float) -> None:
    assert_covered(random_holds(seed, 2, turn, T))


@pytest.mark.long
@pytest.mark.parametrize(("turn", "T"), [(0.5, 1.0), (1e-4, 1.0), (0.3, 0.05)])
def test_the_bound_covers_the_error_in_three_levels(turn: float, T: float) -> None:
    assert_covered(random_holds(3, 3, turn, T))


@pytest.mark.long
@pytest.mark.parametrize("gap", [1e-3, 1e-6, 1e-9])
def test_the_bound_covers_levels_that_are_nearly_equal(gap: float) -> None:
    """The stroke without a bath ends at two levels of which round-off knows the eigenvectors badly."""
    angle = 0.7
    turned = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    near = turned @ np.diag([1.0, 1.0 + gap]) @ turned.T
    hot = Hold(np.diag([0.0, 1.0]), 2.0, (SIGMA_X.astype(float), 1.0, 0.2))
    state = assert_covered([hot, Hold(near, 0.5)])
    assert state.friction_bounds[1] < 1e-13 / gap


@pytest.mark.long
def test_the_bound_covers_a_cold_state() -> None:
    """An eigenvalue of rho that is below round-off."""
    x = SIGMA_X.astype(float)
    cold = Hold(np.diag([0.0, 1.0]), 60.0, (x, 0.01, 1.0))
    state = assert_covered([cold, Hold(np.diag([0.0, 1.0]) + 0.3 * x, 0.5)])
    assert state.friction_bounds[1] < 1e-7 * state.friction[1]


@pytest.mark.long
def test_small_coherences_keep_their_digits() -> None:
    """A difference of entropies would be round-off; the friction is 1e-14, and known to four digits."""
    state = assert_covered(random_holds(0, 2, 1e-6, 1.0))
    assert 1e-16 < state.friction[1] < 1e-11
    assert state.friction_bounds[1] < 1e-4 * state.friction[1]


@pytest.mark.long
def test_without_coherence_it_is_nothing() -> None:
    state = solved(qj.models.otto(transverse=0.0))
    assert np.max(state.friction) < 1e-18
    assert np.max(state.friction_bounds) < 1e-15


def test_pure_and_mixed_states_by_hand() -> None:
    """ln d of an even superposition, 0 of what is diagonal, and of one level nothing is coherence."""
    plus = jnp.full((3, 3), 1 / 3, complex)
    apart = jnp.eye(3, dtype=bool)
    np.testing.assert_allclose(coherence(plus, apart).value, np.log(3), rtol=1e-14)
    assert coherence(jnp.diag(jnp.array([0.5, 0.5, 0.0])).astype(complex), apart).value == 0
    np.testing.assert_allclose(coherence(plus, jnp.ones((3, 3), bool)).value, 0.0, atol=1e-15)


@pytest.mark.long
def test_a_sweep_gives_what_it_knows() -> None:
    """Friction that is nothing is given as such; a bound of more than its share is NaN and a note."""

    def near(gap: float = 1e-3) -> qj.Cycle:
        x = jnp.array([[0.0, 1.0], [1.0, 0.0]])
        nearly = jnp.eye(2) + gap * (0.8 * x + 0.6 * jnp.diag(jnp.array([1.0, -1.0])))
        hot = qj.Stroke(jnp.diag(jnp.array([0.0, 1.0])), 2.0, baths=["hot"])
        return qj.Cycle([hot, qj.Stroke(nearly, 0.5)], {"hot": qj.Bath(x, 1.0, qj.Ohmic(0.2))})

    data = qj.sweep(near, axes={"gap": [1e-2, 1e-11]}, observables=["friction"])
    assert data.status.values.tolist() == [0, 0]
    assert data.note.values.tolist() == [0, qj.Note.CURRENTS_CANCEL]
    assert np.isfinite(data.friction[0]).all()
    assert np.isnan(data.friction[1, 1])


@pytest.mark.long
def test_a_sweep_gives_derivatives_that_it_knows() -> None:
    """Friction grows with the square of a small transverse field, and is nothing without one."""
    data = qj.sweep(
        "otto",
        axes={"transverse": [0.0, 1e-6, 1e-2]},
        parameters={"ramp": 1.0},
        observables=["friction"],
        derivatives=["transverse"],
    )
    slope = data.d_friction_d_transverse
    assert data.note.values.tolist() == [0, qj.Note.CURRENTS_CANCEL, 0]
    assert (data.friction[0] < 1e-18).all()
    assert (slope[0] == 0).all()
    assert np.isnan(slope[1]).all()  # of 1e-14, known to four digits
    np.testing.assert_allclose(data.friction[1], 1e-8 * data.friction[2], rtol=2e-3)
    np.testing.assert_allclose(slope[2], 2 * data.friction[2] / 1e-2, rtol=2e-3)


def test_it_has_a_first_derivative_and_no_second_one() -> None:
    """D = ln 2 - h(1/2 + c) of a qubit's coherence c: dD/dc = 2 artanh(2c)."""

    def distance(c: jax.Array) -> jax.Array:
        rho = jnp.array([[0.5, 0.0], [0.0, 0.5]], complex) + c * jnp.asarray(SIGMA_X, complex)
        return coherence(rho, jnp.eye(2, dtype=bool)).value

    c = jnp.asarray(0.2)
    np.testing.assert_allclose(jax.grad(distance)(c), 2 * np.arctanh(0.4), rtol=1e-12)
    assert np.isnan(jax.grad(jax.grad(distance))(c))
