"""Sectors, eigenvectors and levels against plain numpy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given

import oracles
import qthermo_jax as qj
from matrices import hermitian, random_matrix, random_unitary
from qthermo_jax.eigenbasis import cluster
from systems import DRAWS, Draw, partition, uncoupled

pytestmark = pytest.mark.accuracy

_compiled = jax.jit(qj.OpenSystem.eigenbasis)


def eigenbasis(system: qj.OpenSystem) -> qj.Eigenbasis:
    """Compiled, and in numpy's arrays, which mix real and complex."""
    return jax.tree.map(np.asarray, _compiled(system))


@jax.jit
def _there_and_back(system: qj.OpenSystem) -> tuple[jax.Array, jax.Array]:
    basis = system.eigenbasis()
    there = basis.rotate_in(system.H)
    return there, basis.rotate_out(there)


@pytest.mark.long
@given(draw=DRAWS)
def test_eigenvectors_diagonalise_H(draw: Draw) -> None:
    basis = eigenbasis(draw.system)
    rebuilt = (basis.vectors * basis.energies) @ basis.vectors.conj().T
    np.testing.assert_allclose(rebuilt, draw.H, atol=1e-13)
    there, back = _there_and_back(draw.system)
    np.testing.assert_allclose(there, np.diag(basis.energies), atol=1e-13)
    np.testing.assert_allclose(back, draw.H, atol=1e-13)


@pytest.mark.long
@given(draw=DRAWS)
def test_levels_are_the_energies_as_numpy_clusters_them(draw: Draw) -> None:
    basis = eigenbasis(draw.system)
    expected = {frozenset(members.tolist()) for members in oracles.clusters(basis.energies, 1e-8)}
    assert partition(basis.level) == expected
    apart = np.abs(basis.energies[:, None] - basis.energies[None, :])
    np.testing.assert_array_equal(_compiled(draw.system).degenerate, apart < 1e-8)


@pytest.mark.long
@given(draw=DRAWS)
def test_round_off_grows_by_the_size_of_H_over_the_distance_of_the_next_level(draw: Draw) -> None:
    basis = eigenbasis(draw.system)
    energies = np.linalg.eigvalsh(draw.H)
    distances = np.abs(energies[:, None] - energies[None, :])
    nearest = np.where(distances > 1e-8, distances, np.inf).min(axis=1)
    size = np.abs(draw.H.diagonal()).max() / 2 + np.ptp(energies)
    is_basis_state = (basis.vectors != 0).sum(axis=0) == 1
    expected = np.where(is_basis_state, 0.0, np.maximum(size / nearest, 1.0))
    np.testing.assert_allclose(basis.amplification, expected, rtol=1e-6)


def test_an_eigenvector_that_is_a_basis_state_has_no_round_off() -> None:
    H = np.array([[0.0, 0.0, 0.0], [0.0, 1.0, 0.1], [0.0, 0.1, 1.0]])
    basis = eigenbasis(uncoupled(H))
    assert (basis.amplification == 0).tolist() == [True, False, False]
    assert (eigenbasis(uncoupled(np.diag([2.0, 2.0 + 1e-9, 1.0]))).amplification == 0).all()


@pytest.mark.parametrize("is_complex", [False, True])
def test_round_off_does_not_split_a_degenerate_level(is_complex: bool) -> None:
    U = random_unitary(np.random.default_rng(3), 5, is_complex)
    H = hermitian(U @ np.diag([0.0, 1.0, 1.0, 1.0 + 3e-16, 2.0]).astype(U.dtype) @ U.conj().T)
    basis = eigenbasis(uncoupled(H))
    assert len(np.unique(np.linalg.eigvalsh(H))) > 3  # the splitting is there, and is made none
    assert len(np.unique(basis.energies)) == 3
    assert partition(basis.level) == {frozenset({0}), frozenset({1, 2, 3}), frozenset({4})}


def test_secular_tol_is_absolute_and_explicit() -> None:
    H = np.diag([0.0, 1.0, 1.01])
    levels = {
        tol: len(partition(eigenbasis(uncoupled(H, secular_tol=tol)).level))
        for tol in (None, 1e-3, 0.05)
    }
    assert levels == {None: 3, 1e-3: 3, 0.05: 2}
    scaled = eigenbasis(uncoupled(1e6 * H, secular_tol=0.05))
    assert len(partition(scaled.level)) == 3


def test_the_default_tolerance_scales_with_the_energies() -> None:
    for scale in (1e-6, 1.0, 1e6):
        basis = eigenbasis(uncoupled(scale * np.diag([0.0, 1.0, 1.0 + 1e-12, 1.0 + 1e-6])))
        assert basis.level.tolist() == [0, 1, 1, 2]


def test_the_default_tolerance_is_1e_10_of_the_norm() -> None:
    for splitting, n_levels in ((0.9e-10, 3), (1.1e-10, 4)):
        basis = eigenbasis(uncoupled(np.diag([0.0, 0.5, 0.5 + splitting, 1.0])))
        assert len(partition(basis.level)) == n_levels


SECTORS = [
    [(0, 1, 2, 3, 4, 5)],
    [(0,), (1,), (2,), (3,), (4,), (5,)],
    [(0, 3), (1, 4), (2, 5)],
    [(5,), (2, 4), (0, 1, 3)],
    [(3, 1, 0, 4), (2,), (5,)],
]


@pytest.mark.parametrize("sectors", SECTORS, ids=str)
def test_each_sector_is_diagonalised_by_itself(sectors: list[tuple[int, ...]]) -> None:
    rng = np.random.default_rng(5)
    home = np.empty(6, int)
    for number, sector in enumerate(sectors):
        home[list(sector)] = number
    H = np.where(home[:, None] == home[None, :], hermitian(random_matrix(rng, 6, True)), 0.0)
    basis = eigenbasis(uncoupled(H, sectors=sectors))
    rebuilt = (basis.vectors * basis.energies) @ basis.vectors.conj().T
    np.testing.assert_allclose(rebuilt, H, atol=1e-14)
    column = 0
    for sector in sectors:
        mine = slice(column, column + len(sector))
        outside = np.setdiff1d(np.arange(6), sector)
        np.testing.assert_array_equal(basis.vectors[outside, mine], 0.0)
        assert (np.diff(basis.energies[mine]) > 0).all()
        column += len(sector)


def test_sectors_that_share_a_level_keep_their_eigenvectors_apart() -> None:
    basis = eigenbasis(qj.models.chain(sites=4, g=0.3))
    np.testing.assert_array_equal(basis.vectors[:4, :4], np.eye(4))
    np.testing.assert_array_equal(basis.vectors[:4, 4:], 0.0)
    assert partition(basis.level) == {frozenset(range(4)), *(frozenset({i}) for i in range(4, 8))}


def test_levels_are_shared_across_sectors() -> None:
    basis = eigenbasis(uncoupled(np.diag([1.0, 0.0, 1.0, 2.0]), sectors=[(0,), (1, 3), (2,)]))
    np.testing.assert_array_equal(basis.energies, [1.0, 0.0, 2.0, 1.0])
    assert basis.level.tolist() == [1, 0, 2, 1]
    assert (basis.amplification == 0.0).all()  # each state is a sector of its own


@pytest.mark.long
def test_it_maps() -> None:
    U = random_unitary(np.random.default_rng(6), 3, False)
    ladder, pair = (U @ np.diag(E) @ U.T for E in ([0.0, 1.0, 2.0], [0.0, 1.0, 1.0]))
    mapped = jax.vmap(lambda H: uncoupled(H).eigenbasis())(
        jnp.stack([hermitian(ladder), hermitian(pair)])
    )
    for k, H in enumerate((ladder, pair)):
        alone = eigenbasis(uncoupled(hermitian(H)))
        np.testing.assert_allclose(mapped.energies[k], alone.energies, atol=1e-14)
        assert partition(mapped.level[k]) == partition(alone.level)


def test_a_hamiltonian_that_is_not_finite_counts_as_zero() -> None:
    basis = eigenbasis(uncoupled(np.array([[0.0, np.nan], [np.nan, 1.0]])))
    np.testing.assert_array_equal(basis.energies, 0.0)
    assert np.isfinite(basis.vectors).all()


@pytest.mark.parametrize("size", [1, 2, 7, 64, 65, 200])
def test_values_are_clustered_as_numpy_does_it(size: int) -> None:
    """Up to 64 values are compared each with each, more of them are sorted."""
    rng = np.random.default_rng(size)
    values = np.repeat(rng.normal(size=size), 2)[:size] + rng.choice([0.0, 1e-9, 3e-9], size)
    rng.shuffle(values)
    order = np.argsort(values, kind="stable")
    label = np.empty(size, int)
    label[order] = np.cumsum(np.diff(values[order], prepend=values[order][0]) > 2e-9)
    mean = np.array([values[label == own].mean() for own in label])
    found = jax.jit(cluster)(jnp.array(values), jnp.float64(2e-9))
    np.testing.assert_array_equal(found[0], label)
    np.testing.assert_allclose(found[1], mean, rtol=1e-14)
