"""Eigendecomposition of H in its static sectors, and its Bohr frequencies, grouped.

Everything has static shapes, so it maps under `jax.vmap`: the groups are labels on the d x d pairs
of eigenstates, not a list whose length depends on the values.
"""

from itertools import groupby

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact, Int, Num

from qthermo_jax.system import OpenSystem


def roundoff(dtype: jnp.dtype) -> float:
    """Relative size below which a number counts as round-off: 1e-10, and 1.2e-5 in 32 bit."""
    return max(1e-10, 100 * float(jnp.finfo(dtype).eps))


def _sandwich(A: Inexact[Array, "d d"], B: Num[Array, "*k d d"]) -> Inexact[Array, "*k d d"]:
    """A B A^dag."""
    dtype = np.promote_types(A.dtype, B.dtype)
    A = A.astype(dtype)
    return jnp.einsum("ai,...ij,bj->...ab", A, B.astype(dtype), A.conj())


class Eigenbasis(eqx.Module):
    """Eigenstates of H, sector after sector, ascending inside each.

    Attributes:
        energies: E_i.
        vectors: eigenvectors as columns, in the basis in which H was given.
        bohr: omega_ij = E_j - E_i, the mean over its group, antisymmetric to the last bit.
        group: integer label of the group of equal Bohr frequencies that the pair ij belongs to.
    """

    energies: Float[Array, " d"]
    vectors: Inexact[Array, "d d"]
    bohr: Float[Array, "d d"]
    group: Int[Array, "d d"]

    def rotate_in(self, operator: Num[Array, "*k d d"]) -> Inexact[Array, "*k d d"]:
        """V^dag O V: from the given basis into the eigenbasis."""
        return _sandwich(self.vectors.conj().T, operator)

    def rotate_out(self, operator: Num[Array, "*k d d"]) -> Inexact[Array, "*k d d"]:
        """V O V^dag: from the eigenbasis into the given basis."""
        return _sandwich(self.vectors, operator)


def _diagonalise(
    H: Inexact[Array, "d d"], sectors: tuple[tuple[int, ...], ...]
) -> tuple[Float[Array, " d"], Inexact[Array, "d d"]]:
    """Eigenvalues and eigenvectors, one batched `eigh` for the sectors of each size.

    A sector of one state is its own eigenvector: no arithmetic touches it.
    """
    first_column = np.cumsum([0] + [len(sector) for sector in sectors])
    by_size = sorted(range(len(sectors)), key=lambda index: len(sectors[index]))
    energies = jnp.zeros(H.shape[0], jnp.finfo(H.dtype).dtype)
    vectors = jnp.zeros_like(H)
    for size, members in groupby(by_size, key=lambda index: len(sectors[index])):
        chosen = list(members)
        rows = np.array([sectors[index] for index in chosen])
        columns = np.array([first_column[index] + np.arange(size) for index in chosen])
        blocks = H[rows[:, :, None], rows[:, None, :]]
        if size == 1:
            values, states = blocks[:, :, 0].real, jnp.ones_like(blocks)
        else:
            # Each size waits for the one before. Two batched LAPACK calls that do not depend on each
            # other block XLA's thread pool for good on a machine with few cores (jaxlib 0.10).
            before = 0.0 * jnp.sum(jax.lax.stop_gradient(energies)).astype(H.dtype)
            values, states = jax.vmap(jnp.linalg.eigh)(blocks + before)
        energies = energies.at[columns].set(values)
        vectors = vectors.at[rows[:, :, None], columns[:, None, :]].set(states)
    return energies, vectors


def _group_bohr_frequencies(
    energies: Float[Array, " d"], tolerance: Float[Array, ""]
) -> tuple[Float[Array, "d d"], Int[Array, "d d"]]:
    """Bohr frequencies clustered along the line: a gap above the tolerance starts a new group."""
    d = energies.size
    frequencies = (energies[None, :] - energies[:, None]).reshape(-1)
    order = jnp.argsort(frequencies)
    gaps = jnp.diff(frequencies[order])
    starts = jnp.concatenate([jnp.zeros(1, int), (gaps > tolerance).astype(int)])
    label = jnp.zeros(d * d, int).at[order].set(jnp.cumsum(starts))
    total = jax.ops.segment_sum(frequencies, label, d * d)
    count = jax.ops.segment_sum(jnp.ones_like(frequencies), label, d * d)
    mean = (total / jnp.maximum(count, 1.0))[label].reshape(d, d)
    # Mirror pairs sum in another order; antisymmetry makes detailed balance exact and omega_ii = 0.
    return (mean - mean.T) / 2, label.reshape(d, d)


def eigenbasis(system: OpenSystem) -> Eigenbasis:
    """Diagonalise H sector by sector and group its Bohr frequencies by `system.secular_tol`.

    A Hamiltonian with an element that is not finite counts as zero here (LAPACK may not return from
    one); the point's status says so.
    """
    H = jnp.where(jnp.all(jnp.isfinite(system.H)), system.H, 0.0)
    energies, vectors = _diagonalise(H, system.sectors)
    tolerance = system.secular_tol
    if tolerance is None:
        tolerance = roundoff(H.dtype) * jnp.max(jnp.abs(energies))
    return Eigenbasis(energies, vectors, *_group_bohr_frequencies(energies, tolerance))
