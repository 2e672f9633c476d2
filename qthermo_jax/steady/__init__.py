"""Steady states: one solver a module, the choice between them, and the record they return."""

from qthermo_jax.steady.record import Status, SteadyState
from qthermo_jax.steady.solve import METHODS, bytes_per_point, choose_method, steadystate

__all__ = ["METHODS", "Status", "SteadyState", "bytes_per_point", "choose_method", "steadystate"]
