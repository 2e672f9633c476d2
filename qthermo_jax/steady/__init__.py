"""Steady states: one solver a module, the choice between them, and the record they return."""

from qthermo_jax.steady.record import Method, Note, State, Status, SteadyState
from qthermo_jax.steady.slopes import Change, Footing, derivative_status, footing
from qthermo_jax.steady.solve import GOES_ON, METHODS, bytes_per_point, has_block, solved, steadystate

__all__ = [
    "GOES_ON",
    "METHODS",
    "Change",
    "Footing",
    "Method",
    "Note",
    "State",
    "Status",
    "SteadyState",
    "bytes_per_point",
    "derivative_status",
    "footing",
    "has_block",
    "solved",
    "steadystate",
]
