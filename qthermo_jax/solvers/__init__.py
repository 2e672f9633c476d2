"""Solvers of steady states, one file each, and the choice between them."""

from qthermo_jax.solvers.auto import NO_DIGITS, SOLVERS, solve_in_turn, solvers_for
from qthermo_jax.solvers.base import Note, Problem, Solution, Solver
from qthermo_jax.solvers.net_fluxes import LARGEST_CORE, Jumps, net_fluxes

__all__ = [
    "LARGEST_CORE",
    "NO_DIGITS",
    "SOLVERS",
    "Jumps",
    "Note",
    "Problem",
    "Solution",
    "Solver",
    "net_fluxes",
    "solve_in_turn",
    "solvers_for",
]
