"""Solvers of steady states, one file each, and the choice between them."""

from qthermo_jax.solvers.auto import NO_DIGITS, SOLVERS, solve_in_turn, solvers_for
from qthermo_jax.solvers.base import Note, Problem, Solution, Solver

__all__ = [
    "NO_DIGITS",
    "SOLVERS",
    "Note",
    "Problem",
    "Solution",
    "Solver",
    "solve_in_turn",
    "solvers_for",
]
