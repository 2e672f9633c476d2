"""A generator on the real numbers that a Hermitian matrix holds: a quarter of the complex arithmetic."""

from dataclasses import dataclass
from functools import cache, cached_property

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from qthermo_jax.gathers import padded
from qthermo_jax.master_equations.generator import Generator
from qthermo_jax.structure import Index


@dataclass(frozen=True, eq=False)
class Kept:
    """Which elements rho_ab a solver keeps: those whose states are in one block.

    There is a real unknown for each of them: Re rho_ab where a <= b, Im rho_ba where a > b.

    Attributes:
        dimension: d.
        a, b: the elements, (n,), each with its mirror image.
        mirror: position of the element ba of each, (n,).
    """

    dimension: int
    a: np.ndarray
    b: np.ndarray
    mirror: np.ndarray

    @cached_property
    def tables(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where rho_aa, (d,), Re rho_ab and Im rho_ab, a < b, (d, d) each, stand among (unknowns, 0)."""
        place = np.full((self.dimension, self.dimension), self.size, np.int32)
        place[self.a, self.b] = np.arange(self.size)
        above = np.triu(np.ones_like(place, bool), 1)
        real, imaginary = (np.where(above, own, self.size) for own in (place, place.T))
        return place.diagonal().copy(), real, imaginary

    @property
    def size(self) -> int:
        """n."""
        return self.a.size


@cache
def kept_elements(blocks: tuple[Index, ...]) -> Kept:
    """The elements whose two states share one of the blocks, a partition of the eigenstates."""
    elements = [(a, b) for block in blocks for a in block for b in block]
    position = {element: n for n, element in enumerate(elements)}
    a, b = np.array(elements, np.int32).T
    mirror = np.array([position[b, a] for a, b in elements], np.int32)
    return Kept(sum(map(len, blocks)), a, b, mirror)


def real_generator(generator: Generator, kept: Kept) -> tuple[Float[Array, "n n"], Float[Array, "n n"]]:
    """The generator on the n real unknowns.

    They meet the two elements of a pair at once:
    L_ab,cd rho_cd + L_ab,dc rho_dc = (L_ab,cd + L_ab,dc) Re rho_cd + i (L_ab,cd - L_ab,dc) Im rho_cd.

    Returns:
        its elements, and bounds of their errors.
    """
    real = kept.a <= kept.b
    other = jnp.asarray(kept.a != kept.b, generator.error.dtype)[None, :]
    sign = jnp.where(real[None, :], other, -other)
    # Both are read twice: without a barrier XLA computes them twice.
    elements, doubt = jax.lax.optimization_barrier((generator.elements, generator.error))
    elements = elements + sign.astype(elements.dtype) * elements[:, kept.mirror]
    turned = jnp.where(real[:, None], elements.imag, -elements.imag)
    alike = real[:, None] == real[None, :]
    return jnp.where(alike, elements.real, turned), doubt + other * doubt[:, kept.mirror]


def hermitian_parts(unknowns: Float[Array, " n"], kept: Kept) -> tuple[Float[Array, " d"], Array]:
    """Diagonal and off-diagonal part of the matrix that holds the unknowns."""
    diagonal, real, imaginary = kept.tables
    entries = padded(unknowns)
    triangle = jax.lax.complex(entries[real], entries[imaginary])
    return entries[diagonal], triangle + triangle.conj().T


def unknowns_of(matrix: Complex[Array, "d d"], kept: Kept) -> Float[Array, " n"]:
    """The real numbers that a Hermitian matrix holds, the inverse of `hermitian_parts`."""
    elements = matrix[kept.a, kept.b]
    return jnp.where(kept.a <= kept.b, elements.real, -elements.imag)
