"""Steady states: one solver a module, the choice between them, and the record they return."""

from qthermo_jax.steady.record import Method, Note, State, Status, SteadyState
from qthermo_jax.steady.solve import METHODS, bytes_per_point, has_block, solved, steadystate

__all__ = [
    "METHODS",
    "Method",
    "Note",
    "State",
    "Status",
    "SteadyState",
    "bytes_per_point",
    "has_block",
    "solved",
    "steadystate",
]
