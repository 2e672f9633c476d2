"""Periodic states of driven systems: Floquet states, their master equation, heat and power."""

from qthermo_jax.driven.floquet import FloquetBasis, floquet_basis
from qthermo_jax.driven.record import FloquetState, PeriodicState
from qthermo_jax.driven.solve import (
    DrivenSolver,
    periodic_state,
    solvers_of_driven,
    transitions_of_driven,
)

__all__ = [
    "DrivenSolver",
    "FloquetBasis",
    "FloquetState",
    "PeriodicState",
    "floquet_basis",
    "periodic_state",
    "solvers_of_driven",
    "transitions_of_driven",
]
