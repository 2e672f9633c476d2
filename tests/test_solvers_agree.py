"""All solvers find the same state, and agree where it is not unique."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qthermo_jax as qj
from matrices import hermitian, random_matrix, random_unitary
from qthermo_jax.steady import Status
from systems import (
    METHODS,
    SEEDS,
    Draw,
    as_arrays,
    as_complex,
    divided_draw,
    draws,
    solve,
    with_structure,
)

pytestmark = pytest.mark.accuracy


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


@pytest.mark.long
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


@pytest.mark.long
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


@pytest.mark.long
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
