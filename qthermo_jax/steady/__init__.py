"""Steady states: one solver a module, the choice between them, and the record they return."""

from qthermo_jax.steady.record import Method, Note, State, Status, SteadyState
from qthermo_jax.steady.solve import GOES_ON, METHODS, bytes_per_point, has_block, solved, steadystate

__all__ = [
    "GOES_ON",
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
