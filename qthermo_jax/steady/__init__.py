"""Steady states: the record that says what was found, and whether and why to trust it."""

from qthermo_jax.steady.record import State, Status, SteadyState
from qthermo_jax.steady.slopes import Change, Footing, derivative_status, footing
from qthermo_jax.steady.solve import GOES_ON, bytes_per_point, solved, steadystate

__all__ = [
    "GOES_ON",
    "Change",
    "Footing",
    "State",
    "Status",
    "SteadyState",
    "bytes_per_point",
    "derivative_status",
    "footing",
    "solved",
    "steadystate",
]
