"""The solvers that keep coherences: all of rho, or its elements inside degenerate levels.

Both solve a trace-constrained linear system for the real numbers that a Hermitian matrix holds.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float

from qthermo_jax.generators import (
    Kept,
    Transitions,
    block_generator,
    hermitian_parts,
    kept_elements,
    leak,
    real_generator,
    secular_generator,
)
from qthermo_jax.spectral import Eigenbasis
from qthermo_jax.steady.record import Method, Note, Solution
from qthermo_jax.steady.uncertainty import rate_uncertainty
from qthermo_jax.structure import Index

# What is smaller than this part of the fastest decay is round-off of the couplings: scaled up, it
# would make a decoupled state look connected.
_NOISE = 1e-12

# Smallest singular value of the scaled system; that of a unique steady state stays well above this.
_SINGULAR = 1e-13


def _fastest(moves: Transitions) -> Float[Array, ""]:
    """The fastest that any bath could make a transition, by its largest rate and its largest element."""
    by_bath = moves.pairs.by_bath
    rate = by_bath.max(jnp.maximum(moves.forth, moves.back))
    fastest = jax.lax.stop_gradient(jnp.max(rate * by_bath.max(jnp.abs(moves.amplitudes)) ** 2))
    return jnp.where(fastest > 0, fastest, 1.0)


def _column_scales(matrix: Float[Array, "n n"], fastest: Float[Array, ""]) -> Float[Array, " n"]:
    """Factors that bring the columns to about 1, so that slow populations count as much as fast ones.

    They change neither the solution nor its derivatives; rows need none, since the diagonal is the
    largest element of its column.
    """
    size = jnp.max(jnp.abs(jax.lax.stop_gradient(matrix)), axis=0)
    return 1.0 / jnp.where(size > _NOISE * fastest, size, fastest)


class LinearSolution(NamedTuple):
    """x, a bound of its error from round-off, and the matrix's smallest singular value."""

    x: Float[Array, " n"]
    error: Float[Array, " n"]
    smallest: Float[Array, ""]


def solve_linear(
    matrix: Float[Array, "n n"], right: Float[Array, " n"], uncertainty: Float[Array, ""]
) -> LinearSolution:
    """x with matrix x = right, the matrix's elements known to a relative `uncertainty`.

    One inverse serves the solution, its refinement, its derivatives (implicit, of any order), the error
    and the singular value. Solves with LU factors
    would be as cheap, but two batched LAPACK calls that do not depend on each other block XLA's thread
    pool for good on a machine with few cores (jaxlib 0.10).
    """
    frozen = jax.lax.stop_gradient(matrix)
    inverse = jnp.linalg.inv(frozen)

    def refined(A: Float[Array, "n n"], A_inverse: Float[Array, "n n"], b: Float[Array, " n"]) -> Array:
        x = A_inverse @ b
        return x + A_inverse @ (b - A @ x)

    solution = jax.lax.custom_linear_solve(
        lambda x: matrix @ x,
        right,
        solve=lambda _, b: refined(frozen, inverse, b),
        transpose_solve=lambda _, b: refined(frozen.T, inverse.T, b),
    )
    fixed = jax.lax.stop_gradient(solution)
    # |A^-1| carries what is not known of the matrix, and what remains, to x.
    uncertain = uncertainty * (jnp.abs(frozen) @ jnp.abs(fixed))
    remains = jnp.abs(jax.lax.stop_gradient(right) - frozen @ fixed)
    error = jnp.abs(inverse) @ (uncertain + remains)
    # At most sqrt(n) below the smallest singular value, and next to it where that one is tiny.
    smallest = 1.0 / jnp.linalg.norm(inverse)
    return LinearSolution(solution, error, jnp.where(jnp.isfinite(smallest), smallest, 0.0))


def _solve_kept(
    moves: Transitions,
    basis: Eigenbasis,
    kept: Kept,
    generator: Complex[Array, "n n"],
    method: Method,
    leaking: tuple[Float[Array, ""], Bool[Array, ""]],
) -> Solution:
    """rho with L rho = 0 and Tr rho = 1, L the generator among the elements that are kept.

    Args:
        basis: the eigenstates of H, which the elements are between.
        leaking: how strongly these drive the others, and whether they do.

    The row of the ground state's population is the one that the trace replaces: it is the largest
    population, so nothing small is found as a difference of large numbers.
    """
    matrix = real_generator(generator, kept)
    n = matrix.shape[0]
    diagonal = np.flatnonzero(kept.a[kept.upper] == kept.b[kept.upper])
    states = kept.a[kept.upper][diagonal]
    trace = jnp.zeros(n, matrix.dtype).at[diagonal].set(1.0)
    row = jnp.arange(n) == jnp.asarray(diagonal)[jnp.argmin(basis.energies[states])]
    scales = _column_scales(matrix, _fastest(moves))
    trace = trace * scales
    trace_scale = 1.0 / jnp.max(trace)
    balanced = jnp.where(row[:, None], trace[None, :] * trace_scale, matrix * scales[None, :])
    eps = jnp.finfo(matrix.dtype).eps
    known = eps * jnp.max(jnp.where(moves.driven, rate_uncertainty(moves), 0.0))
    uncertainty = 16 * eps + jax.lax.stop_gradient(known)
    solved = solve_linear(balanced, jnp.where(row, trace_scale, 0.0), uncertainty)
    unknowns = solved.x * scales
    populations, coherences = hermitian_parts(unknowns, kept)
    return Solution(
        populations=populations,
        coherences=coherences,
        residual=jnp.max(jnp.abs(matrix @ unknowns)) / jnp.max(jnp.abs(matrix)),
        error=2 * jnp.max(solved.error * scales) + 16 * eps * basis.amplification,
        leak=leaking[0],
        unique=solved.smallest > _SINGULAR,
        exact=~leaking[1],
        underflow=jnp.array(False),
        method=jnp.int8(method),
        note=jnp.int8(Note.NONE),
    )


def solve_dense(moves: Transitions) -> Solution:
    """Every element of rho; exact for every system, the reference for the other solvers."""
    return solve_whole(secular_generator(moves), moves, moves.basis)


def solve_whole(generator: Complex[Array, "d d d d"], moves: Transitions, basis: Eigenbasis) -> Solution:
    """Every element of rho, whatever the generator.

    Args:
        generator: in the eigenbasis of H.
        moves: that it is made of.
        basis: that of H.
    """
    d = basis.energies.size
    kept = kept_elements((tuple(range(d)),))
    nothing = jnp.zeros((), moves.forth.dtype), jnp.array(False)
    return _solve_kept(moves, basis, kept, generator.reshape(d * d, d * d), Method.DENSE, nothing)


def solve_secular_block(moves: Transitions, levels: tuple[Index, ...] | None) -> Solution:
    """The elements of rho inside degenerate levels, which no others drive in a secular generator.

    Args:
        levels: what is known to be degenerate; None if nothing is: then all elements are kept, and those
            between levels that differ at this point are held at 0.
    """
    d = moves.pairs.dimension
    if levels is not None:
        kept, generator = kept_elements(levels), block_generator(moves, levels)
        number = np.empty(d, int)
        for position, level in enumerate(levels):
            number[list(level)] = position
        block = jnp.asarray(number)
    else:
        kept = kept_elements((tuple(range(d)),))
        generator = secular_generator(moves).reshape(d * d, d * d)
        block = moves.basis.level
        generator = _held_at_zero(generator, block[kept.a] != block[kept.b], _fastest(moves))
    return _solve_kept(moves, moves.basis, kept, generator, Method.SECULAR_BLOCK, leak(moves, block))


def _held_at_zero(
    generator: Complex[Array, "n n"], out: Bool[Array, " n"], decay: Float[Array, ""]
) -> Complex[Array, "n n"]:
    """The generator with some elements decoupled from the rest and decaying by themselves."""
    inside = jnp.where(out[:, None] | out[None, :], 0.0, generator)
    return inside - jnp.diag(jnp.where(out, decay, 0.0)).astype(generator.dtype)
