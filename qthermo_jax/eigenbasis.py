"""Eigendecomposition of H in its static sectors, its degenerate levels, and its Gibbs state.

Everything has static shapes, so it maps under `jax.vmap`: levels are labels on the eigenstates, not a
list whose length depends on the values.
"""

from functools import partial
from itertools import groupby

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Complex, Float, Inexact, Int, Num

from qthermo_jax.couplings import inexact
from qthermo_jax.gathers import WHOLE, padded
from qthermo_jax.precision import compiled, precise
from qthermo_jax.structure import Index

# Values that are compared each with each rather than sorted with their places (measured).
_FEW = 64


def roundoff(dtype: jnp.dtype) -> float:
    """Relative size below which a number counts as round-off: 1e-10, and 1.2e-5 in 32 bit."""
    return max(1e-10, 100 * float(jnp.finfo(dtype).eps))


@precise
def _sandwich(A: Inexact[Array, "*#k d d"], B: Num[Array, "*#k d d"]) -> Inexact[Array, "*k d d"]:
    """A B A^dag."""
    dtype = np.promote_types(A.dtype, B.dtype)
    A = A.astype(dtype)
    return jnp.einsum("...ai,...ij,...bj->...ab", A, B.astype(dtype), A.conj())


class Eigenbasis(eqx.Module):
    """Eigenstates of H, sector after sector, ascending inside each.

    Attributes:
        sectors: that H was diagonalised in (static).
        energies: E_i, (d,).
        relative_energies: measured from the lowest diagonal element of H, (d,); those that only
            round-off tells apart are equal. Every difference of energies is taken of these, so that an
            offset of H costs it no digits.
        vectors: eigenvectors as columns, in the basis in which H was given.
        level: integer label of the level that each state belongs to: states of equal energy share it,
            whatever their sectors. Energies closer than `tolerance` count as equal.
        coinciding: the same for energies that only round-off tells apart.
        tolerance: energies and Bohr frequencies closer than this count as equal.
        round_off: those closer than this are equal but for round-off; `tolerance` at most.
        amplification: by how much round-off grows in each eigenvector, (d,): the size of H, an offset
            included, over the distance of its energy from the next level in its sector, 1 at least;
            0 for an eigenvector that is a basis state, which no arithmetic has touched.
        energy_error: bound of the error of an energy: the round-off of H's elements, an offset
            included, and that of the diagonalisation.
    """

    sectors: tuple[Index, ...] = eqx.field(static=True)
    energies: Float[Array, " d"]
    relative_energies: Float[Array, " d"]
    vectors: Inexact[Array, "d d"]
    level: Int[Array, " d"]
    coinciding: Int[Array, " d"]
    tolerance: Float[Array, ""]
    round_off: Float[Array, ""]
    amplification: Float[Array, " d"]
    energy_error: Float[Array, ""]

    @property
    def sector_of(self) -> np.ndarray:
        """The sector of each state, (d,)."""
        return sector_of(self.sectors)

    @property
    def degenerate(self) -> Bool[Array, "d d"]:
        """Which states share a level."""
        return self.level[:, None] == self.level[None, :]

    def rotate_in(self, operator: Num[Array, "*k d d"]) -> Inexact[Array, "*k d d"]:
        """V^dag O V: from the given basis into the eigenbasis."""
        return _sandwich(self.vectors.conj().mT, operator)

    def rotate_out(self, operator: Num[Array, "*k d d"]) -> Inexact[Array, "*k d d"]:
        """V O V^dag: from the eigenbasis into the given basis."""
        return _sandwich(self.vectors, operator)


def sector_of(sectors: tuple[Index, ...]) -> np.ndarray:
    """The sector of each eigenstate, (d,): they are numbered sector after sector."""
    return np.repeat(np.arange(len(sectors)), [len(own) for own in sectors])


def cluster(
    values: Float[Array, " n"], tolerance: Float[Array, ""]
) -> tuple[Int[Array, " n"], Float[Array, " n"]]:
    """Clusters of values on a line: a gap above the tolerance starts a new one.

    Returns:
        the label of each value's cluster, ascending with the values, and the cluster's mean, which has
        derivatives.
    """
    n = values.size
    labels_of = _labels_of_few if n <= _FEW else _labels_of_many
    label = labels_of(jax.lax.stop_gradient(values), tolerance)
    counted = jnp.stack([values, jnp.ones_like(values)], axis=1)
    total, count = jax.ops.segment_sum(counted, label, n).T
    return label, (total / jnp.maximum(count, 1.0))[label]


def _labels_of_many(values: Float[Array, " n"], tolerance: Float[Array, ""]) -> Int[Array, " n"]:
    order = jnp.argsort(values)
    starts = jnp.diff(values[order]) > tolerance
    ascending = jnp.concatenate([jnp.zeros(1, int), jnp.cumsum(starts.astype(int))])
    return jnp.zeros(values.size, int).at[order].set(ascending)


def _labels_of_few(values: Float[Array, " n"], tolerance: Float[Array, ""]) -> Int[Array, " n"]:
    """The label of a value is the number of clusters that begin at it or below, less one.

    On a CPU, XLA sorts integers alone ten times faster than numbers with their places.
    """
    keys = _in_order(jax.lax.bitcast_convert_type(values, f"int{8 * values.dtype.itemsize}"))
    ascending = jnp.sort(keys)
    sorted_values = jax.lax.bitcast_convert_type(_in_order(ascending), values.dtype)
    starts = jnp.diff(sorted_values, prepend=-jnp.inf) > tolerance
    first = jnp.where(starts, ascending, jnp.iinfo(keys.dtype).max)
    return jnp.sum(first[:, None] <= keys[None, :], axis=0) - 1


def _in_order(bits: Int[Array, " n"]) -> Int[Array, " n"]:
    """Integers in the order of the numbers with these bits, or back: negative ones run backwards."""
    info = jnp.iinfo(bits.dtype)
    return bits ^ ((bits >> (info.bits - 1)) & info.max)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _diagonalise(
    sectors: tuple[Index, ...], H: Inexact[Array, "d d"], tolerance: Float[Array, ""]
) -> tuple[Float[Array, " d"], Inexact[Array, "d d"]]:
    """Eigenvalues and eigenvectors, one batched `eigh` for the sectors of each size.

    A sector of one state is its own eigenvector: no arithmetic touches it. Others are diagonalised
    about their mean energy, so that the eigenvectors' round-off is that of the level spacings.
    """
    d = H.shape[0]
    first_column = np.cumsum([0] + [len(sector) for sector in sectors])
    by_size = sorted(range(len(sectors)), key=lambda index: len(sectors[index]))
    energies: list[Array] = []
    vectors: list[Array] = []
    # Where each energy, and each element of the vectors, stands in what the sectors give one after the
    # other; what stands nowhere is 0.
    of_energy, of_element = np.zeros(d, WHOLE), np.full((d, d), -1, WHOLE)
    for size, members in groupby(by_size, key=lambda index: len(sectors[index])):
        chosen = list(members)
        rows = np.array([sectors[index] for index in chosen], np.int32)
        columns = first_column[chosen][:, None] + np.arange(size)
        numbers = np.arange(columns.size).reshape(columns.shape)
        of_energy[columns] = sum(own.size for own in energies) + numbers
        blocks = H[rows[:, :, None], rows[:, None, :]]
        if size == 1:
            values, states = blocks[:, :, 0].real, jnp.ones_like(blocks)
        else:
            mean = jnp.einsum("sii->s", blocks).real / size
            one = jnp.eye(size, dtype=H.dtype)
            centred = blocks - mean.astype(H.dtype)[:, None, None] * one[None]
            values, states = jax.vmap(jnp.linalg.eigh)(centred)
            values = values + mean[:, None]
        numbers = np.arange(states.size).reshape(states.shape)
        of_element[rows[:, :, None], columns[:, None, :]] = sum(own.size for own in vectors) + numbers
        energies.append(values.reshape(-1))
        vectors.append(states.reshape(-1))
    return jnp.concatenate(energies)[of_energy], padded(jnp.concatenate(vectors))[of_element]


@_diagonalise.defjvp
@precise
def _(sectors: tuple[Index, ...], primals: tuple[Array, Array], tangents: tuple[Array, Array]):  # type: ignore[no-untyped-def]
    """First-order perturbation theory that holds at degenerate levels.

    Inside a level of one sector the basis is arbitrary: its states move together, their energies by
    the level's mean. That is right for whatever does not depend on the choice, as long as H + dH
    keeps the level together (`splits` tells); 1/(E_j - E_i) would give NaN.
    """
    H, tolerance = primals
    energies, vectors = _diagonalise(sectors, H, tolerance)
    level, _ = cluster(energies, tolerance)
    sector = sector_of(sectors)
    same_sector = sector[:, None] == sector[None, :]
    together = same_sector & (level[:, None] == level[None, :])
    change = _sandwich(vectors.conj().T, tangents[0])
    shares = together.astype(energies.dtype)
    shares = shares / jnp.sum(shares, axis=1, keepdims=True)
    mixing = same_sector & ~together
    spacing = jnp.where(mixing, energies[None, :] - energies[:, None], 1.0)
    rotation = jnp.where(mixing, change, 0.0) / spacing.astype(change.dtype)
    return (energies, vectors), (shares @ change.diagonal().real, vectors @ rotation)


def _norm(H: Inexact[Array, "d d"]) -> Float[Array, ""]:
    return jnp.max(jnp.sum(jnp.abs(H), axis=1))


@partial(compiled, static_argnames="sectors")
def diagonalised(
    H: Inexact[Array, "d d"], sectors: tuple[Index, ...], secular_tol: Float[Array, ""] | None
) -> Eigenbasis:
    """Diagonalise H sector by sector and find its levels.

    Args:
        sectors: of basis states, which H does not connect.
        secular_tol: energies and Bohr frequencies closer than this count as equal; None: round-off.

    A Hamiltonian with an element that is not finite counts as zero here (LAPACK may not return from
    one); the point's status says so.
    """
    given = H
    H = jnp.where(jnp.all(jnp.isfinite(given)), given, 0.0)
    one = jnp.eye(H.shape[0], dtype=H.dtype)
    every = np.arange(len(H), dtype=WHOLE)
    reference = jnp.min(H[every, every].real)
    H = H - reference.astype(H.dtype) * one
    round_off = roundoff(H.dtype) * _norm(H)
    # An offset of H leaves round-off of its own in the elements.
    round_off = jnp.maximum(round_off, 8 * jnp.finfo(H.dtype).eps * _norm(given))
    round_off = jax.lax.stop_gradient(jnp.where(jnp.isfinite(round_off), round_off, 0.0))
    tolerance = round_off if secular_tol is None else secular_tol
    tolerance = jax.lax.stop_gradient(tolerance)
    round_off = jnp.minimum(tolerance, round_off)
    energies, vectors = _diagonalise(sectors, H, round_off)
    # What round-off split is made one again, or it would rotate coherences that decay more slowly.
    coinciding, mean = cluster(jax.lax.stop_gradient(energies), round_off)
    energies = energies + jax.lax.stop_gradient(mean - energies)
    fixed = jax.lax.stop_gradient(energies)
    level = coinciding if secular_tol is None else cluster(fixed, tolerance)[0]
    # A number is stored to half an ulp; the diagonalisation errs by some ulps of the energies' spread.
    highest = jnp.max(jnp.abs(given[every, every].real)) / 2 + jnp.max(fixed) - jnp.min(fixed)
    highest = jax.lax.stop_gradient(highest)
    return Eigenbasis(
        sectors,
        reference + energies,
        energies,
        vectors,
        level,
        coinciding,
        tolerance,
        round_off,
        _amplification(sectors, jax.lax.stop_gradient(H), vectors, fixed, coinciding, highest),
        jnp.finfo(H.dtype).eps * highest,
    )


def _amplification(
    sectors: tuple[Index, ...],
    H: Inexact[Array, "d d"],
    vectors: Inexact[Array, "d d"],
    energies: Float[Array, " d"],
    coinciding: Int[Array, " d"],
    highest: Float[Array, ""],
) -> Float[Array, " d"]:
    """By how much round-off grows in each eigenvector; see `Eigenbasis`."""
    sector = sector_of(sectors)
    same_sector = jnp.asarray(sector[:, None] == sector[None, :])
    distance = jnp.where(same_sector, jnp.abs(energies[:, None] - energies[None, :]), 0.0)
    apart = same_sector & (coinciding[:, None] != coinciding[None, :])
    nearest = jnp.min(jnp.where(apart, distance, jnp.inf), axis=1)
    # A basis state that H connects to no other is an eigenvector as it stands.
    connected = jnp.any((H != 0) & ~np.eye(len(H), dtype=bool), axis=1)
    rotated = jnp.any((vectors != 0) & connected[:, None], axis=0)
    return jnp.where(rotated, jnp.maximum(highest / nearest, 1.0), 0.0)


@precise
def splits(
    basis: Eigenbasis,
    change: Inexact[Array, "d d"],
    curvature: Inexact[Array, "d d"] | None = None,
) -> tuple[Bool[Array, ""], Bool[Array, ""]]:
    """Whether H + t dH + t^2/2 d^2H splits a degenerate level: inside a sector, and between sectors.

    Args:
        change: dH, in the basis in which H was given.
        curvature: d^2H likewise; without it the splitting of second order is not looked at.

    Where a level splits inside a sector, eigenvectors jump and have no derivative. Between sectors
    they do not, and only what depends on the coherences of the level jumps. A level is split unless
    the perturbation inside it is a multiple of one, up to its round-off: to first order P dH P, to
    second order P (d^2H/2 + sum_m dH |m><m| dH/(E - E_m)) P, P the projector on the level.
    """
    sector = basis.sector_of
    same_sector = jnp.asarray(sector[:, None] == sector[None, :])
    together = basis.coinciding[:, None] == basis.coinciding[None, :]
    other = ~np.eye(len(sector), dtype=bool)
    grown = 1.0 + basis.amplification[:, None] + basis.amplification[None, :]
    noise = 16 * jnp.finfo(basis.relative_energies.dtype).eps * grown

    def split(inside: Inexact[Array, "d d"], size: Float[Array, "d #d"]) -> Bool[Array, "d d"]:
        shift = inside.diagonal().real
        apart = jnp.maximum(jnp.abs(shift[:, None] - shift[None, :]), jnp.abs(inside))
        return together & other & ~(apart <= noise * size)

    moved = basis.rotate_in(change)
    largest = _norm(change)
    found = split(moved, jnp.full(other.shape, largest))
    if curvature is not None:
        distance = basis.relative_energies[:, None] - basis.relative_energies[None, :]
        inverse = jnp.where(together, 0.0, 1.0 / jnp.where(together, 1.0, distance))
        # The same distance for all states of a level, whose energies are equal.
        mixed = (moved * inverse.astype(moved.dtype)) @ moved
        bent = basis.rotate_in(curvature) / 2
        size = largest**2 * jnp.max(jnp.abs(inverse), axis=1) + _norm(curvature)
        found = found | split(mixed + bent, jnp.broadcast_to(size[:, None], other.shape))
    return jnp.any(found & same_sector), jnp.any(found & ~same_sector)


@compiled
def gibbs_state(H: Num[ArrayLike, "d d"], T: Num[ArrayLike, ""]) -> Inexact[Array, "d d"]:
    """Gibbs state e^{-H/T}/Z, what a system relaxes to if all its baths are at T.

    Differentiable in H and T any number of times, at degenerate levels too: it is made as a matrix
    exponential, not from eigenvectors.

    Args:
        H: Hermitian, (d, d).
        T: temperature, > 0 and not below about 1e-5 of the spread of H's energies.

    >>> gibbs_state(jnp.diag(jnp.array([0.0, 0.0, 700.0])), 1.0).diagonal().round(6).tolist()
    [0.5, 0.5, 0.0]
    """
    H = inexact(H)
    ground = jax.lax.stop_gradient(jnp.linalg.eigvalsh(H)[0])
    above = H - ground.astype(H.dtype) * jnp.eye(H.shape[0], dtype=H.dtype)
    weights = jax.scipy.linalg.expm(-above / jnp.asarray(T, float).astype(H.dtype))
    rho: Inexact[Array, "d d"] = weights / jnp.trace(weights)
    return rho


def as_given(H: Complex[Array, "d d"]) -> Eigenbasis:
    """The basis in which H was given, as if its states were eigenstates."""
    d = H.shape[0]
    energies = H.diagonal().real
    number, nothing = jnp.arange(d), jnp.zeros_like(energies[0])
    one = jnp.eye(d, dtype=H.dtype)
    all_states = (tuple(range(d)),)
    still = jnp.zeros_like(energies)
    return Eigenbasis(
        all_states, energies, energies, one, number, number, nothing, nothing, still, nothing
    )
