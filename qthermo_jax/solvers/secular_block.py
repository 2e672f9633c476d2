"""The elements of rho inside degenerate levels, which no others drive in a secular generator."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool

from qthermo_jax.master_equations import Generator, block_generator, kept_elements, secular_generator
from qthermo_jax.solvers.base import Levels, Problem, Solution, Solver
from qthermo_jax.solvers.linear import bytes_of, solve_kept
from qthermo_jax.transitions import leak


class SecularBlock(Solver):
    """Exact wherever the degenerate levels are those that are known to be.

    If nothing is known of the levels, all elements are kept, and those between levels that differ at
    this point are held at 0.
    """

    about = "secular block: the coherences inside degenerate levels too"

    def helps(self, levels: Levels) -> bool:
        """Whether some levels are known to be degenerate, and others known not to be."""
        return levels is not None and 1 < len(levels) < sum(map(len, levels))

    def solve(self, problem: Problem) -> Solution:
        transitions, basis, levels = problem.transitions, problem.basis, problem.levels
        d = transitions.pairs.dimension
        if levels is not None:
            kept, generator = kept_elements(levels), block_generator(transitions, levels)
            number = np.empty(d, int)
            for position, level in enumerate(levels):
                number[list(level)] = position
            block = jnp.asarray(number)
        else:
            kept = kept_elements((tuple(range(d)),))
            whole = secular_generator(transitions).map(lambda own: own.reshape(d * d, d * d))
            block = basis.level
            generator = _held_at_zero(whole, block[kept.a] != block[kept.b])
        return solve_kept(basis, kept, generator, self.method, leak(transitions, block))

    def bytes_per_point(self, dimension: int, n_transitions: int, levels: Levels) -> int:
        return bytes_of(dimension**2 if levels is None else kept_elements(levels).size)


def _held_at_zero(generator: Generator, out: Bool[Array, " n"]) -> Generator:
    """The generator with some elements decoupled from the rest and decaying by themselves."""
    cut = out[:, None] | out[None, :]
    inside = jnp.where(cut, 0.0, generator.elements)
    fastest = jnp.max(jnp.abs(jax.lax.stop_gradient(generator.elements)))
    alone = jnp.diag(jnp.where(out, jnp.where(fastest > 0, fastest, 1.0), 0.0))
    error = jnp.where(cut, 0.0, generator.error)
    return Generator(inside - alone.astype(inside.dtype), error, generator.jump_error)
