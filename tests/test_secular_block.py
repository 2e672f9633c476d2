"""The solver of the elements inside degenerate levels: equal to the dense one, or it says why not."""

from functools import partial, reduce

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given

import oracles
import qthermo_jax as qj
from matrices import hermitian, random_matrix, random_unitary
from problems import degenerate_pair
from qthermo_jax.registry import Method
from qthermo_jax.solvers import Note
from qthermo_jax.steady import Status
from systems import SEEDS, Draw, draws, solved, with_structure

pytestmark = pytest.mark.accuracy

QUANTITIES = ("rho", "heat_currents", "entropy_production", "level_populations")


def assert_same(mine: dict[str, jax.Array], theirs: dict[str, jax.Array], atol: float) -> None:
    assert mine["status"] == theirs["status"] == Status.OK
    for name in QUANTITIES:
        np.testing.assert_allclose(mine[name], theirs[name], atol=atol, err_msg=name)


@pytest.mark.slow
@given(draw=draws(3))
def test_it_equals_the_dense_solver_where_it_knows_no_levels(draw: Draw) -> None:
    dense = solved(draw.system, "dense")
    assume(dense["status"] == Status.OK)
    block = solved(draw.system, "secular_block")
    assert block["method"] == Method.SECULAR_BLOCK
    assert block["leak"] == 0.0
    assert_same(block, dense, 1e-12)


PAIR_IN_A_LADDER = np.array([0.0, 0.8, 0.8, 1.6])
ITS_LEVELS = ((0,), (1, 2), (3,))


def draw_with_a_pair(seed: int) -> Draw:
    """A ladder whose middle step is degenerate, in a random basis, with random complex couplings."""
    rng = np.random.default_rng(seed)
    couplings = np.stack([hermitian(random_matrix(rng, 4, True)) for _ in range(3)])
    return with_structure(rng, PAIR_IN_A_LADDER, couplings, random_unitary(rng, 4, True))


@pytest.mark.slow
@given(seed=SEEDS)
def test_it_equals_the_dense_solver_where_its_levels_are_declared(seed: int) -> None:
    draw = draw_with_a_pair(seed)
    dense = solved(draw.system, "dense")
    block = solved(draw.system.with_levels(ITS_LEVELS), "secular_block")
    assert_same(block, dense, 1e-12)
    expected, isolation = oracles.null_state(draw.generator)
    np.testing.assert_allclose(block["rho"], expected, atol=1e-13 / isolation)


@pytest.mark.long
@pytest.mark.parametrize("sites", [3, *(pytest.param(N, marks=pytest.mark.slow) for N in (4, 5))])
def test_it_equals_the_dense_solver_on_a_chain(sites: int) -> None:
    for g, T_L, T_R in ((0.1, 0.8, 0.4), (1.3, 0.3, 0.2)):
        system = qj.models.chain(sites=sites, g=g, T_L=T_L, T_R=T_R)
        block, dense = solved(system, "secular_block"), solved(system, "dense")
        assert block["method"] == Method.SECULAR_BLOCK
        assert_same(block, dense, 1e-12)


# --- levels that are declared and are not all


def pair_between(T_1: float, T_2: float) -> qj.OpenSystem:
    """A degenerate pair above a ground state, driven by two baths that do not agree on its basis."""
    return degenerate_pair(1.0).with_temperatures(jnp.array([T_1, T_2]))


@pytest.mark.thorough
def test_declared_levels_that_miss_a_degeneracy_that_matters_are_not_exact() -> None:
    system = pair_between(0.3, 0.9)
    dense = solved(system, "dense")
    assert np.abs(np.asarray(dense["rho"])[1, 2]) > 0.01
    right, wrong = system.with_levels([(1, 2)]), system.with_levels([])
    assert_same(solved(right, "secular_block"), dense, 1e-13)
    missed = solved(wrong, "secular_block")
    assert missed["status"] == Status.METHOD_NOT_EXACT
    assert missed["leak"] > 0.0
    assert np.isnan(missed["rho"]).all()


@pytest.mark.long
def test_declared_levels_may_miss_a_degeneracy_that_no_population_drives() -> None:
    system = qj.models.chain(sites=3, g=0.4)
    block = solved(system.with_levels([]), "secular_block")
    assert block["leak"] == 0.0
    assert_same(block, solved(system, "dense"), 1e-12)


@pytest.mark.thorough
def test_declared_levels_may_hold_states_that_are_not_degenerate() -> None:
    system = draw_with_a_pair(0).system
    block = solved(system.with_levels([(0, 3), (1, 2)]), "secular_block")
    assert_same(block, solved(system, "dense"), 1e-12)


@pytest.mark.slow
def test_auto_takes_the_declared_block_where_populations_leak() -> None:
    leaking = pair_between(0.3, 0.9)
    declared, missed = leaking.with_levels([(1, 2)]), leaking.with_levels([(0, 1)])
    assert solved(declared, "auto")["method"] == Method.SECULAR_BLOCK
    assert solved(missed, "auto")["method"] == Method.DENSE
    dense = solved(leaking, "dense")
    for system in (declared, missed):
        assert_same(solved(system, "auto"), dense, 1e-13)


# --- what is conserved inside levels


def three_qubits_with_zz_couplings() -> qj.OpenSystem:
    """H and every sigma_x commute with the flip of all qubits, sigma_x sigma_x sigma_x: it is conserved.

    Its coherences |s><not s| lie inside the two-fold levels, and no population drives them.
    """
    one, X, Z = np.eye(2), np.array([[0.0, 1.0], [1.0, 0.0]]), np.diag([1.0, -1.0])

    def at(*operators: np.ndarray) -> np.ndarray:
        return reduce(np.kron, operators)

    H = 1.0 * at(Z, Z, one) + 0.6 * at(one, Z, Z) + 0.25 * at(Z, one, Z)
    flips = np.stack([at(X, one, one), at(one, X, one), at(one, one, X)])
    bath = qj.Bath(flips, np.array([0.7, 1.1, 1.6]), qj.Ohmic(0.5))
    return qj.OpenSystem(H, bath, sectors=[(i,) for i in range(8)])


@pytest.mark.long
@pytest.mark.parametrize("method", ["dense", "secular_block"])
def test_a_conserved_coherence_leaves_no_unique_state(method: str) -> None:
    result = solved(three_qubits_with_zz_couplings(), method)
    assert result["status"] == Status.NOT_UNIQUE
    assert np.isnan(result["rho"]).all()


@pytest.mark.long
def test_populations_say_that_coherences_were_not_examined() -> None:
    result = solved(three_qubits_with_zz_couplings(), "populations")
    assert result["status"] == Status.OK
    assert result["method"] == Method.POPULATIONS
    assert Note(int(result["note"])) == Note.COHERENCES_NOT_EXAMINED
    # The flip of all qubits is a symmetry of the rate equation, and its state the only one.
    p = np.asarray(result["level_populations"])
    np.testing.assert_allclose(p, p[::-1], rtol=1e-12)
    assert len({round(value, 6) for value in p.tolist()}) == 4


@pytest.mark.long
def test_the_gap_of_a_conserved_coherence_is_zero() -> None:
    system = three_qubits_with_zz_couplings()
    state = jax.jit(partial(qj.steadystate, method="populations"))(system)
    gap = jax.jit(qj.liouvillian_gap)(system, state)
    assert 0.0 <= gap < 1e-13


@pytest.mark.long
def test_nothing_is_noted_where_every_coherence_decays() -> None:
    result = solved(qj.models.chain(sites=3), "populations")
    assert Note(int(result["note"])) == Note.NONE
