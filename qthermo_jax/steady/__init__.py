"""Steady states: one solver a module, the choice between them, and the record they return."""

from qthermo_jax.steady.record import Method, Status, SteadyState
from qthermo_jax.steady.solve import METHODS, bytes_per_point, steadystate

__all__ = ["METHODS", "Method", "Status", "SteadyState", "bytes_per_point", "steadystate"]
