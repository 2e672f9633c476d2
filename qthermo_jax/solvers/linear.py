"""What the solvers share that keep coherences, all of them or those inside degenerate levels.

A trace-constrained linear system for the real numbers that a Hermitian matrix holds.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from qthermo_jax.eigenbasis import Eigenbasis
from qthermo_jax.master_equations import Generator, Kept, hermitian_parts, real_generator
from qthermo_jax.registry import Method
from qthermo_jax.solvers.base import Note, Solution

# The largest part of what round-off could do to the matrix, as a bound of the spectral radius of
# |A^-1| |dA|, at which its solution still counts as unique. At 1 a matrix within the bounds is singular.
_SINGULAR = 0.5

# Towards the weights that the bound is best for: w = w_0 + |A^-1| |dA| w / _LEAST, in so many steps.
_STEPS, _LEAST = 6, 0.05


class LinearSolution(NamedTuple):
    """x, a bound of its error from round-off, and how near the matrix is to a singular one.

    `nearness` is an upper bound of the spectral radius of |A^-1| |dA|: if a matrix within the error of
    A's elements is singular, it is 1 at least.
    """

    x: Float[Array, " n"]
    error: Float[Array, " n"]
    nearness: Float[Array, ""]


def inverted(
    matrix: Float[Array, "n n"],
) -> tuple[Float[Array, "n n"], Callable[[Float[Array, " n"]], Float[Array, " n"]]]:
    """The inverse of a matrix, and what solves matrix x = b by it.

    Solutions are refined once; their derivatives are implicit, of any order, by the same inverse.
    """
    frozen = jax.lax.stop_gradient(matrix)
    inverse = jnp.linalg.inv(frozen)

    def refined(A: Float[Array, "n n"], A_inverse: Float[Array, "n n"], b: Float[Array, " n"]) -> Array:
        x = A_inverse @ b
        return x + A_inverse @ (b - A @ x)

    def solve(right: Float[Array, " n"]) -> Float[Array, " n"]:
        solution: Float[Array, " n"] = jax.lax.custom_linear_solve(
            lambda x: matrix @ x,
            right,
            solve=lambda _, b: refined(frozen, inverse, b),
            transpose_solve=lambda _, b: refined(frozen.T, inverse.T, b),
        )
        return solution

    return inverse, solve


def solve_linear(
    matrix: Float[Array, "n n"],
    right: Float[Array, " n"],
    perturbed: Callable[[Float[Array, "n n"]], Callable[[Float[Array, " n"]], Float[Array, " n"]]],
    natural: Callable[[Float[Array, " n"]], Float[Array, " n"]],
) -> LinearSolution:
    """x with matrix x = right, the matrix's elements known up to some error dA.

    Args:
        perturbed: from A^-1, the map of |x| to a bound of |A^-1 dA x|, linear and >= 0.
        natural: the sizes that the unknowns have by nature, > 0, from the solution.

    One inverse serves the solution, its refinement, its derivatives (implicit, of any order), and the
    bounds. With A + dA singular there is a v = -A^-1 dA v, so that the spectral radius of `perturbed` is
    at least 1; the bound of it is that of Collatz and Wielandt.
    """
    frozen = jax.lax.stop_gradient(matrix)
    inverse, solve = inverted(matrix)
    solution = solve(right)
    fixed = jax.lax.stop_gradient(solution)
    grown = perturbed(inverse)
    start = natural(fixed)
    weights = start
    for _ in range(_STEPS):
        weights = start + grown(weights) / _LEAST
    nearness = jnp.max(grown(weights) / weights)
    # What remains, and the round-off of finding out.
    terms = jnp.abs(frozen) @ jnp.abs(fixed)
    remains = jnp.abs(jax.lax.stop_gradient(right) - frozen @ fixed)
    remains = remains + 4 * jnp.finfo(fixed.dtype).eps * terms
    first = grown(jnp.abs(fixed)) + jnp.abs(inverse) @ remains
    further = jnp.max(grown(first) / weights) / (1 - nearness)
    error = jnp.where(nearness < 1, first + further * weights, jnp.inf)
    return LinearSolution(solution, error, nearness)


class Constrained(NamedTuple):
    """L rho = b with Tr rho given, in scaled unknowns x with rho = scales x, n real numbers.

    Attributes:
        generator: L on the real unknowns, unscaled, (n, n).
        matrix: L with the trace in place of one row, its columns scaled to 1.
        row: which row that is, (n,).
        trace: Tr rho from the unscaled unknowns, (n,).
        trace_scale: the right side of that row for Tr rho = 1.
        scales: of the columns, (n,).
        fastest: the largest element of L.
        diagonal: positions of the populations among the unknowns.
        states: their eigenstates.
        perturbed: as for `solve_linear`.
    """

    generator: Float[Array, "n n"]
    matrix: Float[Array, "n n"]
    row: Bool[Array, " n"]
    trace: Float[Array, " n"]
    trace_scale: Float[Array, ""]
    scales: Float[Array, " n"]
    fastest: Float[Array, ""]
    diagonal: np.ndarray
    states: np.ndarray
    perturbed: Callable[[Float[Array, "n n"]], Callable[[Float[Array, " n"]], Float[Array, " n"]]]


def constrained(basis: Eigenbasis, kept: Kept, generator: Generator) -> Constrained:
    """The generator among the elements that are kept, with the trace in place of one row.

    The row of the ground state's population is the one that the trace replaces: it is the largest
    population, so nothing small is found as a difference of large numbers. Columns are scaled to 1, so
    that slow populations count as much as fast ones; the errors of their elements are scaled along.
    """
    matrix, doubt = real_generator(generator, kept)
    n, eps = matrix.shape[0], jnp.finfo(matrix.dtype).eps
    diagonal = np.flatnonzero(kept.a[kept.upper] == kept.b[kept.upper])
    states = kept.a[kept.upper][diagonal]
    trace = jnp.asarray(np.isin(np.arange(n), diagonal), matrix.dtype)
    ground = jnp.argmin(basis.relative_energies[states])
    row = jnp.arange(n) == jnp.asarray(diagonal)[ground]
    largest = jnp.max(jnp.abs(jax.lax.stop_gradient(matrix)), axis=0)
    fastest = jnp.max(largest)
    scales = 1.0 / jnp.where(largest > 0, largest, jnp.where(fastest > 0, fastest, 1.0))
    trace_scale = 1.0 / jnp.max(trace * scales)
    of_trace = trace * scales * trace_scale
    balanced = jnp.where(row[:, None], of_trace[None, :], matrix * scales[None, :])
    doubt = jnp.where(row[:, None], 0.0, doubt * scales[None, :])

    # The elimination's own round-off is that of its columns' largest elements.
    doubt = jax.lax.stop_gradient(doubt + 2 * eps * jnp.abs(balanced))
    jump_error = jax.lax.stop_gradient(generator.jump_error[np.ix_(states, states)])
    replaced = jnp.arange(states.size) == ground

    def perturbed(inverse: Float[Array, "n n"]) -> Callable[[Float[Array, " n"]], Float[Array, " n"]]:
        size = jnp.abs(inverse)
        of_row = jnp.where(replaced[None, :], 0.0, inverse[:, diagonal])
        apart = jnp.abs(of_row[:, :, None] - of_row[:, None, :])
        by_jumps = jnp.einsum("nac,ac->nc", apart, jump_error) * scales[diagonal][None, :]
        return lambda weights: size @ (doubt @ weights) + by_jumps @ weights[diagonal]

    return Constrained(
        matrix, balanced, row, trace, trace_scale, scales, fastest, diagonal, states, perturbed
    )


def solve_kept(
    basis: Eigenbasis,
    kept: Kept,
    generator: Generator,
    method: Method,
    leaking: tuple[Float[Array, ""], Bool[Array, ""]],
) -> Solution:
    """rho with L rho = 0 and Tr rho = 1, L the generator among the elements that are kept.

    Args:
        basis: the eigenstates of H, which the elements are between.
        leaking: how strongly these drive the others, and whether they do.
    """
    system = constrained(basis, kept, generator)
    matrix, scales, fastest, diagonal = system.generator, system.scales, system.fastest, system.diagonal
    eps = jnp.finfo(matrix.dtype).eps

    def natural(unknowns: Float[Array, " n"]) -> Float[Array, " n"]:
        """sqrt(p_a p_b) for rho_ab, which no density matrix exceeds."""
        p, _ = hermitian_parts(unknowns * scales, kept)
        root = jnp.sqrt(jnp.abs(p) + jnp.sqrt(jnp.finfo(p.dtype).tiny))
        a, b = (np.concatenate([own[kept.upper], own[kept.above]]) for own in (kept.a, kept.b))
        return root[a] * root[b] / scales

    right = jnp.where(system.row, system.trace_scale, 0.0)
    solved = solve_linear(system.matrix, right, system.perturbed, natural)
    unknowns = solved.x * scales
    populations, coherences = hermitian_parts(unknowns, kept)
    errors = 2 * solved.error * scales
    return Solution(
        populations=populations,
        coherences=coherences,
        residual=jnp.max(jnp.abs(matrix @ unknowns)) / jnp.where(fastest > 0, fastest, 1.0),
        error=jnp.max(errors) + 16 * eps * jnp.max(1.0 + basis.amplification),
        population_errors=errors[diagonal[np.argsort(system.states)]],
        coherence_error=2 * jnp.max(errors),  # of the real and of the imaginary part
        leak=leaking[0],
        unique=solved.nearness < _SINGULAR,
        exact=~leaking[1],
        underflow=jnp.array(False),
        method=jnp.int8(method),
        note=jnp.int8(Note.NONE),
    )


def bytes_of(unknowns: int) -> int:
    """Memory of one system of so many unknowns, with its inverse and its bounds (measured)."""
    return 8 * 8 * unknowns**2
