"""The reference solver: every element of rho, any generator, a trace-constrained linear system.

A Hermitian matrix holds d^2 real numbers, its upper triangle's real parts and the imaginary parts
above the diagonal: the system is solved for these, a quarter of the complex arithmetic.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from qthermo_jax.generators import Transitions, secular_generator
from qthermo_jax.steady.record import Method, Solution

# What is smaller than this part of the fastest decay is round-off of the couplings: scaled up, it
# would make a decoupled state look connected.
_NOISE = 1e-12

# Smallest singular value of the scaled system; that of a unique steady state stays well above this.
_SINGULAR = 1e-13


def _real_generator(generator: Complex[Array, "d d d d"]) -> Float[Array, "n n"]:
    """The generator on the n = d^2 real unknowns (Re rho_ij for i <= j, then Im rho_ij for i < j)."""
    d = generator.shape[0]
    i, j = np.triu_indices(d)
    m, n = np.triu_indices(d, 1)
    mirrored = jnp.where(i < j, generator[:, :, j, i], 0.0)
    real = generator[:, :, i, j] + mirrored
    imaginary = 1j * (generator[:, :, m, n] - generator[:, :, n, m])
    columns = jnp.concatenate([real, imaginary], axis=-1)
    return jnp.concatenate([columns[i, j].real, columns[m, n].imag])


def _hermitian(unknowns: Float[Array, " n"], d: int) -> Complex[Array, "d d"]:
    """The matrix whose upper triangle the unknowns are."""
    i, j = np.triu_indices(d)
    m, n = np.triu_indices(d, 1)
    real = jnp.zeros((d, d), unknowns.dtype).at[i, j].set(unknowns[: i.size])
    imaginary = jnp.zeros_like(real).at[m, n].set(unknowns[i.size :])
    upper = jax.lax.complex(real, imaginary)
    return upper + jnp.triu(upper, 1).conj().T


def _column_scales(
    matrix: Float[Array, "n n"], generator: Complex[Array, "d d d d"]
) -> Float[Array, " n"]:
    """Factors that bring the columns to about 1, so that slow populations count as much as fast ones.

    They change neither the solution nor its derivatives; rows need none, since the diagonal is the
    largest element of its column.
    """
    size = jnp.max(jnp.abs(jax.lax.stop_gradient(matrix)), axis=0)
    decay = jnp.abs(jnp.einsum("abab->ab", jax.lax.stop_gradient(generator)).real)
    fastest = jnp.max(decay)
    fastest = jnp.where(fastest > 0, fastest, 1.0)
    return 1.0 / jnp.where(size > _NOISE * fastest, size, fastest)


def _solve(
    matrix: Float[Array, "n n"], right: Float[Array, " n"]
) -> tuple[Float[Array, " n"], Float[Array, ""]]:
    """x with matrix x = right, and the matrix's smallest singular value (by inverse iteration).

    One inverse serves the solution, its refinement, its derivatives (implicit, of any order) and the
    singular value, all as matrix-vector products. Solves with LU factors would be as cheap, but two
    batched LAPACK calls that do not depend on each other block XLA's thread pool for good on a
    machine with few cores (jaxlib 0.10).
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
    direction = jnp.cos(jnp.arange(right.size, dtype=right.dtype))
    growth = jnp.ones_like(direction[0])
    for _ in range(4):
        direction = direction / jnp.linalg.norm(direction)
        direction = inverse @ (inverse.T @ direction)
        growth = jnp.linalg.norm(direction)
    smallest = 1.0 / jnp.sqrt(growth)
    return solution, jnp.where(jnp.isfinite(smallest), smallest, 0.0)


def solve_dense(moves: Transitions) -> Solution:
    """rho with L rho = 0 and Tr rho = 1; exact for every generator.

    The row of the ground state's population is the one that the trace replaces: it is the largest
    population, so nothing small is found as a difference of large numbers.
    """
    generator = secular_generator(moves)
    energies = moves.basis.energies
    d = energies.size
    matrix = _real_generator(generator)
    i, j = np.triu_indices(d)
    populations = np.flatnonzero(i == j)
    trace = jnp.zeros(d * d, matrix.dtype).at[populations].set(1.0)
    row = jnp.arange(d * d) == jnp.asarray(populations)[jnp.argmin(energies)]

    scales = _column_scales(matrix, generator)
    trace = trace * scales
    trace_scale = 1.0 / jnp.max(trace)
    balanced = jnp.where(row[:, None], trace[None, :] * trace_scale, matrix * scales[None, :])
    unknowns, smallest = _solve(balanced, jnp.where(row, trace_scale, 0.0))
    rho = _hermitian(unknowns * scales, d)
    change = jnp.einsum("abcd,cd->ab", generator, rho)
    return Solution(
        rho=rho,
        residual=jnp.max(jnp.abs(change)) / jnp.max(jnp.abs(generator)),
        unique=smallest > _SINGULAR,
        exact=jnp.array(True),
        method=jnp.int8(Method.DENSE),
    )
