"""Periodic states of driven systems: Floquet states, their master equation, heat and power."""

from qthermo_jax.driven.floquet import FloquetBasis, floquet_basis
from qthermo_jax.driven.record import Currents, FloquetState, MachineState, PeriodicState, fields_of
from qthermo_jax.driven.solve import (
    DrivenSolver,
    periodic_state,
    solvers_of_driven,
    transitions_of_driven,
)

__all__ = [
    "Currents",
    "DrivenSolver",
    "FloquetBasis",
    "FloquetState",
    "MachineState",
    "PeriodicState",
    "fields_of",
    "floquet_basis",
    "periodic_state",
    "solvers_of_driven",
    "transitions_of_driven",
]
