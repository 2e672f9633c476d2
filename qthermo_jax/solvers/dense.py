"""Every element of rho, whatever the master equation."""

import jax.numpy as jnp

from qthermo_jax.master_equations import kept_elements
from qthermo_jax.solvers.base import Levels, Problem, Solution, Solver
from qthermo_jax.solvers.linear import bytes_of, solve_kept


class Dense(Solver):
    """Exact for every system, the reference for the other solvers."""

    about = "dense: every element of the density matrix"

    def solve(self, problem: Problem) -> Solution:
        transitions, basis = problem.transitions, problem.basis
        d = basis.energies.size
        generator = problem.equation.generator(transitions, basis)
        flat = generator.map(lambda own: own.reshape(d * d, d * d))
        nothing = jnp.zeros((), transitions.rate_down.dtype), jnp.array(False)
        return solve_kept(basis, kept_elements((tuple(range(d)),)), flat, self.method, nothing)

    def bytes_per_point(self, dimension: int, n_transitions: int, levels: Levels) -> int:
        return bytes_of(dimension**2)
