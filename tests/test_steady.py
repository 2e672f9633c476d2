"""Steady states: the laws they obey, explicit projectors, statuses, derivatives and precision."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import oracles
import qthermo_jax as qj
from matrices import SIGMA_X
from problems import atom
from qthermo_jax.registry import Method
from qthermo_jax.solvers import linear
from qthermo_jax.steady import Status, bytes_per_point, solve
from systems import DRAWS, SEEDS, Draw, divided_draw, random_draw, solved

pytestmark = pytest.mark.accuracy

# The oracle's second smallest singular value over its largest: above, its null vector is good to
# 1e-11; a null space of two dimensions is at round-off; between, it cannot tell.
UNIQUE, NOT_UNIQUE = 1e-5, 1e-13


def assert_is_the_null_state(draw: Draw) -> None:
    expected, isolation = oracles.null_state(draw.generator)
    result = solved(draw.system)
    if isolation > UNIQUE:
        assert result["status"] == Status.OK
        np.testing.assert_allclose(result["rho"], expected, atol=1e-10)
    elif isolation < NOT_UNIQUE:
        assert result["status"] == Status.NOT_UNIQUE


@pytest.mark.thorough
@given(draw=DRAWS)
def test_state_is_the_null_space_of_explicit_projectors(draw: Draw) -> None:
    assert_is_the_null_state(draw)


@pytest.mark.slow
@pytest.mark.parametrize("spectrum", ["generic", "degenerate", "ladder"])
@pytest.mark.parametrize("d", [2, 3, 4, 5, 6])
def test_state_is_the_null_space_of_explicit_projectors_on_many(d: int, spectrum: str) -> None:
    for seed in range(100):
        assert_is_the_null_state(random_draw(seed, d, bool(seed % 2), spectrum))


@pytest.mark.long
@given(draw=DRAWS)
def test_state_is_a_state_and_obeys_both_laws(draw: Draw) -> None:
    result = solved(draw.system)
    assume(result["status"] == Status.OK)
    rho = np.asarray(result["rho"])
    assert abs(np.trace(rho) - 1.0) < 1e-12
    np.testing.assert_allclose(rho, rho.conj().T, atol=1e-13)
    assert np.linalg.eigvalsh(rho)[0] >= -1e-12
    assert result["min_eigenvalue"] >= -1e-12
    assert abs(result["heat_currents"].sum()) < 1e-11
    assert result["entropy_production"] >= -1e-12
    assert result["residual"] < 1e-13


@pytest.mark.long
@given(draw=DRAWS, T=st.floats(0.3, 3.0))
def test_equal_temperatures_give_the_gibbs_state(draw: Draw, T: float) -> None:
    equal = Draw(**{**vars(draw), "T": np.full(3, T)})
    _, isolation = oracles.null_state(equal.generator)
    assume(isolation > UNIQUE)
    result = solved(equal.system)
    assert result["status"] == Status.OK
    np.testing.assert_allclose(result["rho"], oracles.gibbs(draw.H, T), atol=1e-11)
    np.testing.assert_allclose(result["heat_currents"], 0.0, atol=1e-11)


@pytest.mark.slow
@given(seed=SEEDS, d=st.integers(2, 6), is_complex=st.booleans())
def test_two_blocks_that_only_round_off_connects_have_no_unique_state(
    seed: int, d: int, is_complex: bool
) -> None:
    draw = divided_draw(seed, d, is_complex)
    _, isolation = oracles.null_state(draw.generator)
    assert isolation < NOT_UNIQUE
    for method in ("dense", "populations"):
        result = solved(draw.system, method)
        assert result["status"] == Status.NOT_UNIQUE, method
        assert np.isnan(result["rho"]).all()


# --- statuses

FLAT = qj.Flat(1.0)
CHAIN = qj.models.chain
LAMBDA = qj.models.lambda_system


def v_with_one_common_bath() -> qj.OpenSystem:
    """Both transitions of equal frequency couple to one bath: (|1> - |2>)/sqrt(2) is dark."""
    coupling = np.zeros((3, 3))
    coupling[0, 1:] = coupling[1:, 0] = 1.0
    return qj.OpenSystem(np.diag([0.0, 1.0, 1.0]), qj.Bath(coupling, 0.7, FLAT))


def connected_sectors() -> qj.OpenSystem:
    H = np.array([[0.0, 0.1], [0.1, 1.0]])
    return qj.OpenSystem(H, qj.Bath(SIGMA_X, 0.5, FLAT), sectors=[(0,), (1,)])


def with_H(*rows: list[complex], **options: float) -> qj.OpenSystem:
    return qj.OpenSystem(np.array(rows), qj.Bath(SIGMA_X, 0.5, FLAT), **options)


def with_coupling(*rows: list[float]) -> qj.OpenSystem:
    return qj.OpenSystem(np.diag([0.0, 1.0]), qj.Bath(np.array(rows), 0.5, FLAT))


FAULTS: dict[str, tuple[Callable[[], qj.OpenSystem], Status]] = {
    "negative temperature": (lambda: atom((-0.1, FLAT)), Status.PARAMETER_OUT_OF_RANGE),
    "temperature NaN": (lambda: atom((np.nan, FLAT)), Status.PARAMETER_OUT_OF_RANGE),
    "temperature infinite": (lambda: atom((np.inf, FLAT)), Status.PARAMETER_OUT_OF_RANGE),
    "H holds NaN": (lambda: with_H([0.0, 0.0], [0.0, np.nan]), Status.PARAMETER_OUT_OF_RANGE),
    "H holds infinity": (lambda: with_H([np.inf, 0.0], [0.0, 1.0]), Status.PARAMETER_OUT_OF_RANGE),
    "coupling holds NaN": (
        lambda: with_coupling([0.0, np.nan], [np.nan, 0.0]),
        Status.PARAMETER_OUT_OF_RANGE,
    ),
    "negative rate": (lambda: atom((0.5, qj.Flat(-1.0))), Status.PARAMETER_OUT_OF_RANGE),
    "one negative rate in a bank": (
        lambda: CHAIN(sites=2, rate=np.array([1.0, -1.0])),
        Status.PARAMETER_OUT_OF_RANGE,
    ),
    "cut-off 0": (lambda: atom((0.5, qj.DrudeLorentz(1.0, 0.0))), Status.PARAMETER_OUT_OF_RANGE),
    "negative tolerance": (
        lambda: with_H([0.0, 0.0], [0.0, 1.0], secular_tol=-1e-9),
        Status.PARAMETER_OUT_OF_RANGE,
    ),
    "infinite tolerance": (
        lambda: with_H([0.0, 0.0], [0.0, 1.0], secular_tol=np.inf),
        Status.PARAMETER_OUT_OF_RANGE,
    ),
    "H not Hermitian": (lambda: with_H([0.0, 0.3], [0.1, 1.0]), Status.NOT_HERMITIAN),
    "H with a complex energy": (
        lambda: with_H([0.0, 0.0], [0.0, 1.0 + 0.1j]),
        Status.NOT_HERMITIAN,
    ),
    "coupling not Hermitian": (lambda: with_coupling([0.0, 1.0], [0.0, 0.0]), Status.NOT_HERMITIAN),
    "H connects its sectors": (connected_sectors, Status.NOT_HERMITIAN),
    "flat bath that dephases": (
        lambda: with_coupling([1.0, 1.0], [1.0, -1.0]),
        Status.DIVERGENT_RATE,
    ),
    "chain without tunnelling": (lambda: CHAIN(sites=3, g=0.0), Status.NOT_UNIQUE),
    "V with a dark state": (v_with_one_common_bath, Status.NOT_UNIQUE),
    "Lambda, both baths at T = 0": (lambda: LAMBDA(T_1=0.0, T_2=0.0), Status.NOT_UNIQUE),
    "no bath acts": (lambda: atom((0.5, qj.Flat(0.0))), Status.NOT_UNIQUE),
    "coupling 0": (lambda: with_coupling([0.0, 0.0], [0.0, 0.0]), Status.NOT_UNIQUE),
    "a rate beyond the largest number": (
        lambda: atom((9.0, qj.Flat(1e308)), (3.0, qj.Flat(1.0))),
        Status.DIVERGENT_RATE,
    ),
    "rates whose sum is beyond the largest number": (
        lambda: atom((0.1, qj.Flat(1.5e308)), (0.1, qj.Flat(1.5e308))),
        Status.NOT_UNIQUE,
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_becomes_a_status_and_nan(fault: str) -> None:
    build, status = FAULTS[fault]
    result = solved(build())
    assert Status(int(result["status"])) == status
    for name in (
        "rho",
        "level_populations",
        "heat_currents",
        "entropy_production",
        "min_eigenvalue",
    ):
        assert np.isnan(result[name]).all(), name


def test_a_solution_that_does_not_satisfy_its_equation_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No input is known that defeats the solver: a solver that is wrong stands in for one."""

    solve_rightly = linear.solve_linear

    def too_large(*system: jax.Array) -> linear.LinearSolution:
        solved = solve_rightly(*system)
        return solved._replace(x=solved.x.at[2].mul(1.01))

    monkeypatch.setattr(linear, "solve_linear", too_large)
    anew = jax.jit(solve.solved.__wrapped__, static_argnames="method")
    state = anew(atom((0.5, FLAT)), method="dense")
    assert state.status == Status.LARGE_RESIDUAL
    assert np.isnan(state.rho).all()


def test_every_status_has_its_words() -> None:
    assert len({status.meaning for status in Status}) == len(Status)
    assert qj.steadystate(atom((0.5, FLAT))).explain() == Status.OK.meaning


def test_a_state_says_how_and_how_well_it_was_found() -> None:
    state = qj.steadystate(atom((0.5, FLAT)))
    assert state.method == Method.POPULATIONS
    assert state.status.dtype == jnp.int8
    assert state.residual < 1e-15


def test_an_unknown_method_is_refused_by_name() -> None:
    with pytest.raises(
        ValueError, match="'cholesky' is not one of auto, populations, secular_block, dense"
    ):
        qj.steadystate(atom((0.5, FLAT)), method="cholesky")


# --- transformations


def chain_state(g: jax.Array, T_L: jax.Array, T_R: jax.Array) -> tuple[jax.Array, jax.Array]:
    system = CHAIN(sites=3, g=g, T_L=T_L, T_R=T_R)
    state = qj.steadystate(system)
    return qj.site_populations(system, state), state.status


@pytest.mark.thorough
def test_a_bad_point_leaves_the_others_of_its_batch_alone() -> None:
    points = jnp.array(
        [
            [0.3, 0.8, 0.4],
            [0.0, 0.8, 0.4],
            [0.3, -0.8, 0.4],
            [0.5, np.nan, 0.4],
            [np.nan, 0.8, 0.4],
            [1.3, 0.3, 0.1],
            [np.inf, 0.8, 0.4],
            [0.3, 0.5, 0.0],
        ]
    )
    populations, status = jax.jit(jax.vmap(chain_state))(*points.T)
    S = Status
    bad = S.PARAMETER_OUT_OF_RANGE
    assert status.tolist() == [S.OK, S.NOT_UNIQUE, bad, bad, bad, S.OK, bad, S.OK]
    alone = jax.jit(chain_state)
    for point, population, code in zip(points, populations, status, strict=True):
        if code == S.OK:
            np.testing.assert_allclose(population, alone(*point)[0], rtol=1e-13, atol=1e-15)
        else:
            assert np.isnan(population).all()


@pytest.mark.long
def test_a_batch_explains_itself() -> None:
    states = jax.jit(jax.vmap(lambda T: qj.steadystate(LAMBDA(T_1=T))))(jnp.array([0.5, 0.6, -1.0]))
    words = states.explain()
    assert "2 x state found" in words
    assert f"1 x {Status.PARAMETER_OUT_OF_RANGE.meaning}" in words


@pytest.mark.long
def test_compiled_and_eager_agree() -> None:
    system = atom((0.5, FLAT), (0.8, FLAT))
    eager, compiled = qj.steadystate(system), jax.jit(qj.steadystate)(system)
    np.testing.assert_allclose(compiled.rho, eager.rho, atol=1e-15)
    assert compiled.status == eager.status


@pytest.mark.slow
def test_nested_maps_agree_with_single_points() -> None:
    gs, Ts = jnp.array([0.2, 1.3]), jnp.array([0.3, 0.6, 0.9])
    plane = jax.jit(jax.vmap(jax.vmap(lambda g, T: chain_state(g, T, 0.4)[0], (None, 0)), (0, None)))(
        gs, Ts
    )
    for i, g in enumerate(gs):
        for j, T in enumerate(Ts):
            np.testing.assert_allclose(plane[i, j], CHAIN_STATE(g, T, 0.4)[0], rtol=1e-13)


CHAIN_STATE = jax.jit(chain_state)


def populations_at(point: jax.Array) -> jax.Array:
    """Site populations at the point (g, T_L, T_R)."""
    return chain_state(*point)[0]


POINT = jnp.array([0.3, 0.8, 0.4])
VALUES = jax.jit(populations_at)
FORWARD = jax.jit(jax.jacfwd(populations_at))


def central_difference(f: Callable[[jax.Array], jax.Array], step: float) -> np.ndarray:
    """df/dpoint at POINT, fourth order in the step; the last axis is the point's."""

    def slope(direction: np.ndarray, h: float) -> np.ndarray:
        return (np.asarray(f(POINT + h * direction)) - np.asarray(f(POINT - h * direction))) / (2 * h)

    axes = np.eye(POINT.size)
    return np.stack([(4 * slope(e, step / 2) - slope(e, step)) / 3 for e in axes], axis=-1)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_derivatives_agree_with_central_differences(mode: str) -> None:
    derivative = FORWARD if mode == "forward" else jax.jit(jax.jacrev(populations_at))
    np.testing.assert_allclose(derivative(POINT), central_difference(VALUES, 4e-3), atol=2e-9)


@pytest.mark.slow
def test_second_derivatives_agree_with_central_differences_of_the_first() -> None:
    second = jax.jit(jax.jacfwd(jax.jacrev(populations_at)))(POINT)
    np.testing.assert_allclose(second, central_difference(FORWARD, 4e-3), atol=2e-8)


@pytest.mark.long
def test_derivatives_are_zero_where_a_bath_is_frozen() -> None:
    slopes = np.asarray(FORWARD(jnp.array([0.3, 0.8, 0.0])))
    assert np.isfinite(slopes).all()
    np.testing.assert_allclose(slopes.sum(axis=0), 0.0, atol=1e-12)  # the populations sum to 1


@pytest.mark.slow
def test_a_bad_point_leaves_the_derivatives_of_the_others_alone() -> None:
    points = jnp.stack([POINT, POINT.at[1].set(-1.0), POINT.at[0].set(0.0)])
    slopes = jax.jit(jax.vmap(jax.jacrev(populations_at)))(points)
    np.testing.assert_allclose(slopes[0], FORWARD(POINT), atol=1e-13)


@pytest.mark.long
@pytest.mark.parametrize("T", [[-0.1, 0.5], [0.0, 0.0]])
def test_a_flagged_point_has_no_forward_derivatives(T: list[float]) -> None:
    def populations(T: jax.Array) -> jax.Array:
        return qj.steadystate(LAMBDA(T_1=T[0], T_2=T[1]), method="populations").populations

    assert np.isnan(jax.jacfwd(populations)(jnp.array(T))).all()


@pytest.mark.long
@pytest.mark.parametrize(("sites", "method"), [(10, "populations"), (3, "secular_block"), (2, "dense")])
def test_the_memory_that_a_point_takes_is_known_within_a_factor_of_two_and_a_half(
    sites: int, method: str
) -> None:
    """By XLA's own account of many points with an H each."""

    def populations(T: jax.Array, g: jax.Array) -> jax.Array:
        system = qj.models.chain(sites=sites, T_L=T, g=g)
        return qj.steadystate(system, method=method).populations

    many = jax.ShapeDtypeStruct((256,), float)
    needs = jax.jit(jax.vmap(populations)).lower(many, many).compile().memory_analysis()
    told = bytes_per_point(qj.models.chain(sites=sites), Method[method.upper()])
    assert 0.4 < needs.temp_size_in_bytes / 256 / told < 2.5


@pytest.mark.long
def test_a_system_from_outside_is_solved_inside_a_compiled_function() -> None:
    system, start = qj.models.thermal_diode(), [1.0, 0.0, 0.0, 0.0]

    def everything(factor: float) -> list[jax.Array]:
        return [
            factor * qj.steadystate(system).populations,
            qj.scaled_cgf(system, factor * jnp.array([0.1, 0.0])),
            qj.rate_function(system, 0, 0.01 * factor),
            qj.finite_time_cumulants(system, factor, start).mean,
            qj.evolve(system, factor, start).populations,
        ]

    for own, expected in zip(jax.jit(everything)(1.0), everything(1.0), strict=True):
        np.testing.assert_allclose(own, expected, rtol=1e-9)


@pytest.mark.long
def test_32_bit_operators_between_temperatures_of_64_bit_count_as_64_bit() -> None:
    flip = SIGMA_X.real.astype(np.float32)
    baths = [qj.Bath(flip, T, qj.Ohmic(0.1)) for T in (0.3, 0.7)]
    system = qj.OpenSystem(np.diag([0.0, 1.0]).astype(np.float32), baths)
    assert system.H.dtype == jnp.float64
    T = jnp.array([[0.3, 0.7], [0.5, 0.5]])
    found = jax.vmap(lambda own: qj.steadystate(system.with_temperatures(own)).populations)(T)
    np.testing.assert_allclose(found[1, 1], 1 / (np.exp(2.0) + 1), rtol=1e-12)
