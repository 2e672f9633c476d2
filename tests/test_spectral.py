"""Sectors, Bohr frequencies and their groups against plain numpy."""

import subprocess
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given

import oracles
import qthermo_jax as qj
from systems import DRAWS, Draw, hermitian, random_matrix, random_unitary

_compiled = jax.jit(qj.eigenbasis)


def eigenbasis(system: qj.OpenSystem) -> qj.Eigenbasis:
    """Compiled, and in numpy's arrays, which mix real and complex."""
    return jax.tree.map(np.asarray, _compiled(system))


def system(H: Any, **options: Any) -> qj.OpenSystem:
    return qj.OpenSystem(H, qj.Bath(jnp.zeros_like(H), 1.0, qj.Ohmic(1.0)), **options)


@jax.jit
def _there_and_back(system: qj.OpenSystem) -> tuple[jax.Array, jax.Array]:
    basis = qj.eigenbasis(system)
    there = basis.rotate_in(system.H)
    return there, basis.rotate_out(there)


def partition(labels: np.ndarray) -> set[frozenset[int]]:
    """Labels as sets of flat indices, whatever the labels are called."""
    flat = np.asarray(labels).reshape(-1)
    return {frozenset(np.flatnonzero(flat == label).tolist()) for label in np.unique(flat)}


@given(draw=DRAWS)
def test_eigenvectors_diagonalise_H(draw: Draw) -> None:
    basis = eigenbasis(draw.system)
    rebuilt = (basis.vectors * basis.energies) @ basis.vectors.conj().T
    np.testing.assert_allclose(rebuilt, draw.H, atol=1e-13)
    there, back = _there_and_back(draw.system)
    np.testing.assert_allclose(there, np.diag(basis.energies), atol=1e-13)
    np.testing.assert_allclose(back, draw.H, atol=1e-13)


@given(draw=DRAWS)
def test_bohr_frequencies_are_grouped_as_numpy_clusters_them(draw: Draw) -> None:
    basis = eigenbasis(draw.system)
    energies = basis.energies
    frequencies = (energies[None, :] - energies[:, None]).reshape(-1)
    expected = {frozenset(members.tolist()) for members in oracles.clusters(frequencies, 1e-8)}
    assert partition(basis.group) == expected
    np.testing.assert_allclose(basis.bohr.reshape(-1), frequencies, atol=1e-14)


@given(draw=DRAWS)
def test_bohr_frequencies_are_antisymmetric_to_the_last_bit_and_equal_in_a_group(
    draw: Draw,
) -> None:
    basis = eigenbasis(draw.system)
    np.testing.assert_array_equal(basis.bohr, -basis.bohr.T)
    np.testing.assert_array_equal(basis.bohr.diagonal(), 0.0)
    for members in partition(basis.group):
        in_group = basis.bohr.reshape(-1)[list(members)]
        np.testing.assert_allclose(in_group, in_group[0], rtol=1e-15, atol=1e-16)


@pytest.mark.parametrize("is_complex", [False, True])
def test_round_off_does_not_split_a_degenerate_level(is_complex: bool) -> None:
    U = random_unitary(np.random.default_rng(3), 5, is_complex)
    H = hermitian(U @ np.diag([0.0, 1.0, 1.0, 1.0 + 3e-16, 2.0]).astype(U.dtype) @ U.conj().T)
    basis = eigenbasis(system(H))
    assert len(np.unique(basis.energies)) > 3  # the splitting is there, and counts for nothing
    assert len(partition(basis.group)) == 5
    assert (basis.group[1:4, 1:4] == basis.group[0, 0]).all()
    np.testing.assert_array_equal(basis.bohr[1:4, 1:4], 0.0)


@pytest.mark.parametrize("d", [2, 5, 9])
def test_an_equally_spaced_ladder_has_one_group_for_each_step(d: int) -> None:
    U = random_unitary(np.random.default_rng(4), d, True)
    H = hermitian(U @ np.diag(0.1 * np.arange(d)).astype(complex) @ U.conj().T)
    basis = eigenbasis(system(H))
    steps = np.arange(d)[None, :] - np.arange(d)[:, None]
    assert partition(basis.group) == partition(steps)


def test_secular_tol_is_absolute_and_explicit() -> None:
    H = np.diag([0.0, 1.0, 1.01])
    groups = {
        tol: len(partition(eigenbasis(system(H, secular_tol=tol)).group)) for tol in (None, 1e-3, 0.05)
    }
    assert groups == {None: 7, 1e-3: 7, 0.05: 3}
    scaled = eigenbasis(system(1e6 * H, secular_tol=0.05))
    assert len(partition(scaled.group)) == 7


def test_the_default_tolerance_scales_with_the_energies() -> None:
    for scale in (1e-6, 1.0, 1e6):
        basis = eigenbasis(system(scale * np.diag([0.0, 1.0, 1.0 + 1e-12, 1.0 + 1e-6])))
        assert basis.group[0, 1] == basis.group[0, 2]
        assert basis.group[0, 1] != basis.group[0, 3]


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
    basis = eigenbasis(system(H, sectors=sectors))
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


def test_it_maps() -> None:
    U = random_unitary(np.random.default_rng(6), 3, False)
    ladder, pair = (U @ np.diag(E) @ U.T for E in ([0.0, 1.0, 2.0], [0.0, 1.0, 1.0]))
    mapped = jax.vmap(lambda H: qj.eigenbasis(system(H)))(
        jnp.stack([hermitian(ladder), hermitian(pair)])
    )
    for k, H in enumerate((ladder, pair)):
        alone = eigenbasis(system(hermitian(H)))
        np.testing.assert_allclose(mapped.energies[k], alone.energies, atol=1e-14)
        assert partition(mapped.group[k]) == partition(alone.group)


def test_a_hamiltonian_that_is_not_finite_counts_as_zero() -> None:
    basis = eigenbasis(system(np.array([[0.0, np.nan], [np.nan, 1.0]])))
    np.testing.assert_array_equal(basis.energies, 0.0)
    assert np.isfinite(basis.vectors).all()


SECTORS_OF_SEVERAL_SIZES = """
import jax, numpy as np, qthermo_jax as qj
sizes = [40, 44, 48]
edges = np.cumsum([0, *sizes])
H = np.random.default_rng(0).normal(size=(edges[-1], edges[-1]))
sector = np.repeat(range(len(sizes)), sizes)
H = np.where(sector[:, None] == sector[None, :], H + H.T, 0.0)
sectors = [range(a, b) for a, b in zip(edges, edges[1:])]

def extent(g):
    bath = qj.Bath(H[None], 1.0, qj.Flat(1.0))
    basis = qj.eigenbasis(qj.OpenSystem(g * H, bath, sectors=sectors))
    return basis.energies.max() + 0 * basis.vectors.sum()

mapped = jax.jit(jax.vmap(extent))
for _ in range(20):
    print(mapped(np.linspace(0.5, 1.0, 256)).block_until_ready().shape)
"""


def test_a_batch_with_sectors_of_several_sizes_comes_to_an_end() -> None:
    """Independent batched LAPACK calls block XLA on two cores: in a process that can be killed."""
    done = subprocess.run(
        [sys.executable, "-c", SECTORS_OF_SEVERAL_SIZES],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.splitlines() == ["(256,)"] * 20
