"""A generator on the real numbers that a Hermitian matrix holds.

Real parts of the upper triangle, then imaginary parts above the diagonal: a quarter of the complex
arithmetic.
"""

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

    Attributes:
        dimension: d.
        a, b: the elements, (n,), each with its mirror image.
        upper: positions with a <= b.
        above: positions with a < b.
        mirror: position of the element ba of each of `above`.
    """

    dimension: int
    a: np.ndarray
    b: np.ndarray
    upper: np.ndarray
    above: np.ndarray
    mirror: np.ndarray

    @cached_property
    def tables(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where rho_aa, (d,), Re rho_ab and Im rho_ab, a < b, (d, d) each, stand among (unknowns, 0)."""
        n = self.upper.size + self.above.size
        real = np.full((self.dimension, self.dimension), n, np.int32)
        imaginary = real.copy()
        real[self.a[self.upper], self.b[self.upper]] = np.arange(self.upper.size)
        imaginary[self.a[self.above], self.b[self.above]] = self.upper.size + np.arange(self.above.size)
        diagonal = real.diagonal().copy()
        np.fill_diagonal(real, n)
        return diagonal, real, imaginary

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
    upper, above = (np.flatnonzero(kept).astype(np.int32) for kept in (a <= b, a < b))
    mirror = np.array([position[b[n], a[n]] for n in above], np.int32)
    return Kept(sum(map(len, blocks)), a, b, upper, above, mirror)


def real_generator(generator: Generator, kept: Kept) -> tuple[Float[Array, "n n"], Float[Array, "n n"]]:
    """The generator on the n real unknowns: Re rho_ab for a <= b, then Im rho_ab for a < b.

    Returns:
        its elements, and bounds of their errors.
    """
    elements = generator.elements
    of_real, of_imaginary = elements[kept.upper], elements[kept.above]
    real = _by_unknowns(of_real.real, of_real.imag, kept, -1)
    imaginary = _by_unknowns(of_imaginary.imag, of_imaginary.real, kept, 1)
    upper, above = generator.error[kept.upper], generator.error[kept.above]
    of_upper, of_above = (_by_unknowns(error, error, kept, 0) for error in (upper, above))
    return jnp.concatenate([real, imaginary]), jnp.concatenate([of_upper, of_above])


def _by_unknowns(
    real: Float[Array, "r n"], imaginary: Float[Array, "r n"], kept: Kept, sign: int
) -> Float[Array, "r n"]:
    """A part of d rho by the real unknowns and by the imaginary ones; sign 0 adds up what are sizes."""
    upper, above, mirror = kept.upper, kept.above, kept.mirror
    diagonal = kept.a[upper] == kept.b[upper]
    lower = upper.copy()
    lower[~diagonal] = mirror
    twin = jnp.asarray(~diagonal[None, :], real.dtype)
    if sign == 0:
        by_imaginary = imaginary[:, above] + imaginary[:, mirror]
    else:
        by_imaginary = sign * (imaginary[:, above] - imaginary[:, mirror])
    return jnp.concatenate([real[:, upper] + twin * real[:, lower], by_imaginary], axis=1)


def hermitian_parts(unknowns: Float[Array, " n"], kept: Kept) -> tuple[Float[Array, " d"], Array]:
    """Diagonal and off-diagonal part of the matrix whose upper triangle the unknowns are."""
    diagonal, real, imaginary = kept.tables
    entries = padded(unknowns)
    triangle = jax.lax.complex(entries[real], entries[imaginary])
    return entries[diagonal], triangle + triangle.conj().T


def unknowns_of(matrix: Complex[Array, "d d"], kept: Kept) -> Float[Array, " n"]:
    """The real numbers that a Hermitian matrix holds, the inverse of `hermitian_parts`."""
    upper, above = kept.upper, kept.above
    return jnp.concatenate(
        [matrix[kept.a[upper], kept.b[upper]].real, matrix[kept.a[above], kept.b[above]].imag]
    )
