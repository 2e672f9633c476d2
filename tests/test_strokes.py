"""Cycles of strokes: their limit cycle against an integrator, closed forms and the laws of physics."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qthermo_jax as qj
from matrices import SIGMA_X
from qthermo_jax.steady import Status
from stroke_oracle import Answer, Part, cycle_of, limit_cycle, random_parts
from systems import SEEDS

pytestmark = pytest.mark.accuracy

SIGMA_Z = np.diag([1.0, -1.0])

solved = qj.limit_cycle


def qubit(omega: jax.Array | float, transverse: float = 0.0) -> jax.Array:
    return omega * jnp.asarray(SIGMA_Z) / 2 + transverse * jnp.asarray(SIGMA_X) / 2


def bath(T: jax.Array | float, rate: jax.Array | float = 0.1) -> qj.Bath:
    return qj.Bath(SIGMA_X, T, qj.Ohmic(rate))


def cycle(*strokes: tuple[object, ...], generator: str = "global") -> qj.Cycle:
    """Of strokes as (H, duration, baths by name, options)."""
    made, baths = [], {}
    for H, duration, *rest in strokes:
        on, options = [*rest, {}, {}][:2]
        baths |= on
        made.append(qj.Stroke(H, duration, baths=list(on), **options))
    return qj.Cycle(made, baths or {"bath": bath(1.0)}, generator=generator)


def otto(
    tau: jax.Array | float,
    T_h: jax.Array | float = 4.0,
    T_c: jax.Array | float = 1.0,
    transverse: float = 0.3,
    contact: jax.Array | float = 10.0,
    steps: int = 64,
) -> qj.Cycle:
    return cycle(
        (qubit(2.0, transverse), contact, {"hot": bath(T_h)}),
        (lambda s: qubit(2.0 - s, transverse), tau, {}, {"steps": steps}),
        (qubit(1.0, transverse), contact, {"cold": bath(T_c)}),
        (lambda s: qubit(1.0 + s, transverse), tau, {}, {"steps": steps}),
    )


# --- against scipy


def assert_is(state: qj.CycleState, expected: Answer) -> None:
    assert state.status == Status.OK
    np.testing.assert_allclose(state.rho_at[:-1], expected.rho_at, rtol=0, atol=1e-8)
    np.testing.assert_allclose(state.stroke_heat, expected.heat, rtol=0, atol=1e-8)
    np.testing.assert_allclose(state.stroke_work, expected.work, rtol=0, atol=1e-8)


@pytest.mark.parametrize(("seed", "d"), [(0, 2), (1, 2), pytest.param(2, 3, marks=pytest.mark.thorough)])
def test_it_is_what_scipy_integrates(seed: int, d: int) -> None:
    parts = random_parts(seed, d)
    assert_is(solved(cycle_of(parts)), limit_cycle(parts))


@pytest.mark.long
@pytest.mark.parametrize("steps", [8, pytest.param(16, marks=pytest.mark.thorough), 32])
def test_bounds_cover_the_error_of_few_steps(steps: int) -> None:
    parts = random_parts(1, 2)
    # Short enough that eight steps are enough to have digits at all.
    parts = [Part(part.H, 0.2 * part.duration, part.baths, part.moves) for part in parts]
    state, expected = solved(cycle_of(parts, steps=steps)), limit_cycle(parts)
    assert state.status == Status.OK
    error = float(np.max(np.abs(state.rho_at[:-1] - expected.rho_at)))
    assert 1e-15 < error <= state.error
    off = np.abs(state.heat - np.sum(expected.heat, axis=0))
    assert np.all(off <= state.stroke_heat_bounds.sum(axis=0))
    assert abs(state.work - np.sum(expected.work)) <= np.sum(state.stroke_work_bounds)


@pytest.mark.long
def test_a_wrong_number_is_never_called_right() -> None:
    """From far too few steps to enough of them: whatever is OK is right within its bounds."""
    parts = [Part(part.H, 8 * part.duration, part.baths, part.moves) for part in random_parts(0, 2)]
    expected, found = limit_cycle(parts), []
    for steps in (8, 16, 32, 64, 128, 256):
        state = solved(cycle_of(parts, steps=steps))
        found.append(int(state.status))
        if state.status == Status.OK:
            assert np.max(np.abs(state.rho_at[:-1] - expected.rho_at)) <= state.error <= 1e-3
    assert found[0] == Status.TOO_FEW_STEPS
    assert found[-1] == Status.OK


# --- laws


@pytest.mark.long
@given(seed=SEEDS)
def test_first_and_second_law_hold_on_random_cycles(seed: int) -> None:
    state = solved(cycle_of(random_parts(seed, 2)))
    assert state.status == Status.OK
    moved = np.sum(np.abs(state.stroke_heat)) + np.sum(np.abs(state.stroke_work))
    assert np.all(np.abs(state.stroke_balance) <= 1e-10 * moved)
    assert abs(np.sum(state.heat) - state.work) <= 1e-10 * moved
    assert state.entropy_production >= -1e-10 * moved
    assert np.all(np.linalg.eigvalsh(state.rho_at) >= -1e-12)


@pytest.mark.long
def test_two_laws_hold_in_each_of_many_otto_cycles() -> None:
    states = jax.jit(jax.vmap(lambda tau: qj.limit_cycle(otto(tau))))(jnp.linspace(0.0, 5.0, 20))
    assert np.all(states.status == Status.OK)
    assert np.max(np.abs(states.stroke_balance)) < 1e-13
    assert np.min(states.entropy_production) > 0


# --- what is known otherwise


@pytest.mark.long
def test_one_bath_and_no_change_is_gibbs() -> None:
    H = qubit(1.3, 0.4)
    state = solved(cycle((H, 2.0, {"bath": bath(0.7)})))
    assert state.status == Status.OK
    np.testing.assert_allclose(state.rho, qj.gibbs_state(H, 0.7), rtol=0, atol=1e-14)
    assert abs(state.heat[0]) < 1e-15


@pytest.mark.long
@pytest.mark.parametrize("generator", ["global", "local"])
def test_two_baths_and_no_change_is_the_steady_state(generator: str) -> None:
    rng = np.random.default_rng(3)
    H = np.diag([0.0, 1.0, 2.3]) + 0.3 * np.ones((3, 3))
    bare = {"local": np.diag([0.0, 1.0, 2.3])}
    S = [own + own.T for own in rng.normal(size=(2, 3, 3))]
    baths = [qj.Bath(own, T, qj.Ohmic(0.1)) for own, T in zip(S, (2.0, 0.5), strict=True)]
    both = {"a": baths[0], "b": baths[1]}
    state = solved(cycle((H, 30.0, both, bare), generator=generator))
    system = qj.OpenSystem(H, baths, generator=generator, **bare)
    steady = qj.steadystate(system, method="dense")
    assert state.status == Status.OK
    np.testing.assert_allclose(state.rho, steady.rho, rtol=0, atol=1e-12)
    np.testing.assert_allclose(state.heat_currents, qj.heat_currents(system, steady), atol=1e-12)
    assert abs(state.work) < 1e-12


@pytest.mark.long
@pytest.mark.parametrize("duration", [1e4, 1e8])
def test_a_long_isochore_comes_out_thermal(duration: float) -> None:
    """Duration x rate of 1e4 and more."""
    hot, cold = bath(4.0, 1.0), bath(0.5, 1.0)
    state = solved(cycle((qubit(2.0, 0.3), duration, {"hot": hot}), (qubit(1.0), 1.0, {"cold": cold})))
    assert state.status == Status.OK
    expected = qj.gibbs_state(qubit(2.0, 0.3), 4.0)
    expected = np.asarray(expected)
    error = np.max(np.abs(np.asarray(state.rho_at[1]) - expected))
    assert error <= 1e-14
    assert error <= state.error
    moved = np.trace(np.asarray(qubit(2.0, 0.3)) @ (expected - np.asarray(state.rho_at[0]))).real
    off, bound = abs(state.stroke_heat[0, 0] + moved), state.stroke_heat_bounds[0, 0]
    assert off <= 1e-12
    assert off <= bound <= 1e-12 * duration


@pytest.mark.long
def test_a_duration_of_0_is_a_sudden_change() -> None:
    sudden = solved(otto(0.0, contact=300.0))
    H_h, H_c = qubit(2.0, 0.3), qubit(1.0, 0.3)
    rho_h, rho_c = qj.gibbs_state(H_h, 4.0), qj.gibbs_state(H_c, 1.0)
    change = np.asarray(H_c) - np.asarray(H_h)
    work = np.trace(change @ (np.asarray(rho_h) - np.asarray(rho_c))).real
    assert sudden.status == Status.OK
    np.testing.assert_allclose(sudden.work, work, rtol=1e-6)
    by_jumps = cycle((H_h, 300.0, {"hot": bath(4.0)}), (H_c, 300.0, {"cold": bath(1.0)}))
    np.testing.assert_allclose(solved(by_jumps).work, sudden.work, rtol=1e-12)
    # The change of H belongs to the stroke that begins with it.
    assert abs(solved(by_jumps).stroke_work[0]) > 0.01


@pytest.mark.long
def test_friction_and_work_of_a_sudden_turn_of_the_field() -> None:
    """A Gibbs state of sigma_z, seen from sigma_x, is all coherence: its relative entropy by hand."""
    z = jnp.asarray(SIGMA_Z) / 2
    turned = lambda s: (1 - s) * z + s * jnp.asarray(SIGMA_X) / 2  # noqa: E731
    state = solved(cycle((z, 1e3, {"bath": bath(0.5, 1.0)}), (turned, 0.0)))
    p = np.array([1.0, np.exp(-2.0)]) / (1.0 + np.exp(-2.0))
    np.testing.assert_allclose(state.friction[1], np.log(2) + np.sum(p * np.log(p)), rtol=1e-10)
    assert abs(state.friction[0]) < 1e-12
    np.testing.assert_allclose(state.stroke_work[1], (p[0] - p[1]) / 2, rtol=1e-10)


@pytest.mark.long
@pytest.mark.parametrize("omega_c", [0.5, 1.0])
def test_quasi_static_otto_has_the_otto_efficiency(omega_c: float) -> None:
    """H of all times commute: 1 - omega_c/omega_h whatever the durations (Kosloff, Entropy 15, 2100)."""
    state = solved(
        cycle(
            (qubit(2.0), 3.0, {"hot": bath(6.0)}),
            (lambda s: qubit(2.0 + s * (omega_c - 2.0)), 1.0, {}, {"steps": 64}),
            (qubit(omega_c), 3.0, {"cold": bath(0.5)}),
            (lambda s: qubit(omega_c + s * (2.0 - omega_c)), 1.0, {}, {"steps": 64}),
        )
    )
    np.testing.assert_allclose(-state.work / -state.heat[0], 1 - omega_c / 2.0, rtol=1e-12)
    assert np.max(state.friction) < 1e-14


@pytest.mark.long
def test_a_swap_engine_has_its_closed_form() -> None:
    """Two qubits at their own temperatures, swapped: work (w_h - w_c)(p_c - p_h) (Campisi, Pekola &
    Fazio, New J. Phys. 17, 035012 (2015))."""
    w_h, w_c, T_h, T_c = 2.0, 1.0, 5.0, 1.0
    one, z, x = np.eye(2), SIGMA_Z / 2, SIGMA_X
    H = w_h * np.kron(z, one) + w_c * np.kron(one, z)
    swap = np.eye(4)[[0, 2, 1, 3]]
    baths = {
        "hot": qj.Bath(np.kron(x, one), T_h, qj.Flat(1.0)),
        "cold": qj.Bath(np.kron(one, x), T_c, qj.Flat(1.0)),
    }
    state = solved(cycle((H, 60.0, baths), (H, 0.0, {}, {"unitary": swap})))
    p_h, p_c = (1 / (1 + np.exp(w / T)) for w, T in ((w_h, T_h), (w_c, T_c)))
    assert state.status == Status.OK
    np.testing.assert_allclose(state.work, (w_h - w_c) * (p_c - p_h), rtol=1e-12)
    np.testing.assert_allclose(state.heat, [w_h * (p_c - p_h), w_c * (p_h - p_c)], rtol=1e-12)
    np.testing.assert_allclose(state.stroke_work, [0.0, state.work], atol=1e-14)


@pytest.mark.long
def test_the_approach_is_the_decay_of_a_qubit() -> None:
    """The populations decay at J coth(omega/2T), coherences at half of that."""
    T, omega, tau = 0.7, 1.3, 2.0
    state = solved(cycle((qubit(omega), tau, {"bath": bath(T)})))
    rate = 0.1 * omega / np.tanh(omega / (2 * T))
    np.testing.assert_allclose(state.convergence, np.exp(-rate * tau / 2), rtol=1e-9)


# --- derivatives, maps, compiled functions


@pytest.mark.long
def test_derivatives_are_those_of_finite_differences() -> None:
    def power(x: jax.Array) -> jax.Array:
        return qj.limit_cycle(otto(x[0], T_h=x[1], contact=x[2])).power

    x, h = jnp.array([0.7, 4.0, 6.0]), 1e-4
    found = jax.jit(jax.grad(power))(x)
    shifts = h * np.eye(3)
    expected = [(power(x + own) - power(x - own)) / (2 * h) for own in shifts]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    np.testing.assert_allclose(jax.jit(jax.jacfwd(power))(x), found, rtol=1e-9)


@pytest.mark.long
def test_derivatives_at_a_duration_of_0_and_of_friction_are_finite() -> None:
    friction = jax.grad(lambda tau: jnp.sum(qj.limit_cycle(otto(tau)).friction))
    assert np.isfinite(friction(0.0))
    assert np.isfinite(friction(1.0))


@pytest.mark.long
def test_a_map_is_point_by_point_the_same() -> None:
    tau = jnp.linspace(0.1, 2.0, 3)
    states = jax.vmap(lambda own: qj.limit_cycle(otto(own)))(tau)
    single = solved(otto(tau[1]))
    np.testing.assert_allclose(states.stroke_work[1], single.stroke_work, rtol=0, atol=1e-14)
    assert "20" not in repr(states.status)
    assert "limit" not in states.explain()


@pytest.mark.long
def test_temperatures_and_observables_are_exchanged() -> None:
    own = otto(1.0)
    assert own.bath_names == ("hot", "cold")
    np.testing.assert_array_equal(own.temperatures, [4.0, 1.0])
    warmer = own.with_temperatures(jnp.array([5.0, 2.0]))
    np.testing.assert_array_equal(warmer.temperatures, [5.0, 2.0])
    np.testing.assert_allclose(solved(warmer).work, solved(otto(1.0, 5.0, 2.0)).work, rtol=1e-13)
    upper = qj.Observable(np.array([1.0, 0.0]), qj.Quantity("upper population", "p", 0))
    assert list(own.with_observables({"upper": upper}).observables) == ["upper"]


# --- statuses


def status_of(given: qj.Cycle) -> str:
    state = solved(given)
    if state.status != Status.OK:
        assert np.all(np.isnan(state.stroke_heat))
        assert np.isnan(state.work)
    return Status(int(state.status)).name


@pytest.mark.long
@pytest.mark.parametrize("duration", [-1.0, np.nan, np.inf])
def test_a_duration_out_of_range_is_a_status(duration: float) -> None:
    assert status_of(otto(duration)) == "PARAMETER_OUT_OF_RANGE"


@pytest.mark.long
def test_a_cycle_without_duration_is_out_of_range() -> None:
    assert status_of(otto(0.0, contact=0.0)) == "PARAMETER_OUT_OF_RANGE"


@pytest.mark.long
def test_nothing_that_dissipates_is_not_unique() -> None:
    assert status_of(cycle((qubit(1.0, 0.3), 1.0))) == "NOT_UNIQUE"
    off = cycle((qubit(1.0), 1.0, {"bath": bath(1.0, 0.0)}))
    assert status_of(off) == "NOT_UNIQUE"


@pytest.mark.long
def test_matrices_that_are_not_what_they_should_be_are_statuses() -> None:
    skew = np.array([[0.0, 1.0], [0.0, 1.0]])
    hot = {"bath": bath(1.0)}
    assert status_of(cycle((skew, 1.0, hot))) == "NOT_HERMITIAN"
    turn = cycle((qubit(1.0), 1.0, hot, {"unitary": skew}))
    assert status_of(turn) == "PARAMETER_OUT_OF_RANGE"
    assert status_of(cycle((qubit(1.0), 1.0, {"bath": bath(-1.0)}))) == "PARAMETER_OUT_OF_RANGE"


@pytest.mark.long
def test_a_fast_oscillation_has_too_few_steps() -> None:
    fast = (lambda s: qubit(2.0, jnp.sin(300 * s)), 40.0, {}, {"steps": 16})
    assert status_of(cycle((qubit(2.0), 3.0, {"hot": bath(6.0)}), fast)) == "TOO_FEW_STEPS"


@pytest.mark.long
@pytest.mark.parametrize("T", [0.0, 1e-3])
def test_cold_baths_leave_the_ground_state(T: float) -> None:
    on = {"bath": bath(T)}
    state = solved(cycle((qubit(2.0), 400.0, on), (lambda s: qubit(2.0 - s), 400.0, on)))
    assert state.status == Status.OK
    np.testing.assert_allclose(state.rho, np.diag([0.0, 1.0]), atol=1e-12)
    assert np.all(np.isfinite(state.stroke_heat))


@pytest.mark.long
def test_levels_that_cross_in_a_bath_are_right_or_have_a_status() -> None:
    """An ohmic bath's rate stays finite at omega = 0; a flat one's does not."""
    z = SIGMA_Z.astype(complex) / 2
    there, back = (lambda s: z - 2.0 * s * z), (lambda s: 2.0 * s * z - z)
    part = (SIGMA_X, 1.0, 0.2)
    parts = [Part(there, 5.0, {"bath": part}), Part(back, 5.0, {"bath": part})]
    state = solved(cycle_of(parts, steps=256))
    assert state.status in (Status.OK, Status.TOO_FEW_STEPS)
    if state.status == Status.OK:
        expected = limit_cycle(parts)
        assert np.max(np.abs(state.rho_at[:-1] - expected.rho_at)) <= state.error
    flat = {"bath": qj.Bath(SIGMA_X, 1.0, qj.Flat(0.2))}
    crossing = [(lambda s, H=H: H(s.astype(complex)), 5.0, flat) for H in (there, back)]
    assert status_of(cycle(*crossing)) in ("TOO_FEW_STEPS", "DIVERGENT_RATE")


# --- errors


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: qj.Cycle([], {}), "a cycle has at least one stroke"),
        (lambda: cycle((np.eye(2), 1.0), (np.eye(3), 1.0)), "stroke 2 has dimension 3, and stroke 1 2"),
        (lambda: qj.Stroke(np.eye(2), 1.0, steps=6), "steps is a multiple of 8, from 8, not 6"),
        (
            lambda: qj.Stroke(np.eye(2), [1.0, 2.0]),
            "the duration is one number, not of shape (2,)",
        ),
        (lambda: qj.Stroke(np.ones((2, 3)), 1.0), "H is a square matrix, not of shape (2, 3)"),
        (
            lambda: qj.Stroke(np.eye(2), 1.0, unitary=np.eye(3)),
            "unitary of shape (3, 3) does not fit H of shape (2, 2)",
        ),
        (
            lambda: cycle((np.eye(2), 1.0, {"a": bath(1.0)}), generator="local"),
            "stroke 1: generator 'local' needs the Hamiltonian without interactions, `local`",
        ),
        (
            lambda: cycle((np.eye(2), 1.0), generator="redfield"),
            "generator 'redfield' of a cycle is not one of global, local",
        ),
        (
            lambda: qj.Cycle([qj.Stroke(np.eye(2), 1.0, baths=["hot"])], {"cold": bath(1.0)}),
            "stroke 1: bath 'hot' is not one of the cycle's: 'cold'",
        ),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_what_cannot_be_is_said_in_one_line(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


@pytest.mark.long
@given(steps=st.integers(1, 6))
def test_a_duration_changes_no_structure(steps: int) -> None:
    first, second = otto(1.0, steps=8 * steps), otto(2.0, steps=8 * steps)
    assert jax.tree.structure(first) == jax.tree.structure(second)


@pytest.mark.long
@pytest.mark.parametrize("gap", [1e-7, 1e-9])
def test_bounds_cover_eigenvectors_of_nearly_degenerate_levels(gap: float) -> None:
    """The same cycle in the eigenstates of H, where they are exact, and in a basis that is turned."""
    angle = 0.7
    R = np.eye(3)
    R[1:, 1:] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    H = np.diag([0.0, 1.0, 1.0 + gap])
    S = np.array([[0.0, 1.0, 0.3], [1.0, 0.0, 0.2], [0.3, 0.2, 0.0]])
    S_c = np.array([[0.0, 0.1, 1.0], [0.1, 0.0, 0.0], [1.0, 0.0, 0.0]])

    def of(turn: np.ndarray) -> qj.CycleState:
        hot, cold = (qj.Bath(turn @ own @ turn.T, T, qj.Ohmic(0.1)) for own, T in ((S, 2.0), (S_c, 0.5)))
        matrix = turn @ H @ turn.T
        return solved(cycle((matrix, 3.0, {"hot": hot}), (matrix, 2.0, {"cold": cold})))

    exact, turned = of(np.eye(3)), of(R)
    assert exact.status == turned.status == Status.OK
    off = np.abs(R.T @ np.asarray(turned.rho) @ R - np.asarray(exact.rho))
    assert 1e-12 < np.max(off) <= turned.error  # not round-off alone
    assert np.all(np.abs(turned.heat - exact.heat) <= turned.stroke_heat_bounds.sum(axis=0))
