"""A driven system and its periodic state."""

from typing import Any

from jaxtyping import Array, Bool, Float, Inexact, Int8

from qthermo_jax.catalogue import available_observables
from qthermo_jax.driven import (
    DrivenSolver,
    PeriodicState,
    periodic_state,
    solvers_of_driven,
    transitions_of_driven,
)
from qthermo_jax.driven.slopes import Footing, derivative_status, footing, judged_state, skeleton
from qthermo_jax.driven_system import DrivenSystem
from qthermo_jax.machines import lost_currents
from qthermo_jax.observables import AvailableObservable
from qthermo_jax.results.schema import Sought
from qthermo_jax.sweeping.compute.kinds.base import Kind, Levels, refuse_other_equations
from qthermo_jax.sweeping.spec.declared import Spec


class Driven(Kind[DrivenSystem]):
    """The periodic state of a driven system."""

    name = Sought.PERIODIC.value
    system = DrivenSystem
    program_size = 8
    shown = ("heat_currents", "power", "mode")

    def prepared(self, system: DrivenSystem, spec: Spec) -> DrivenSystem:
        refuse_other_equations(spec, system.mean.generator)
        return system

    def generator(self, system: DrivenSystem) -> str:
        return system.mean.generator

    def traits(self, system: DrivenSystem) -> dict[str, Any]:
        return {
            "n_transitions": transitions_of_driven(system),
            "levels": (),
            "has_cut_off": system.mean.secular_tol is not None,
            "has_initial": False,
        }

    def solvers(self, method: str, generator: str, levels: Levels) -> tuple[DrivenSolver, ...]:
        return solvers_of_driven(method, generator)

    def observables(self, system: DrivenSystem) -> dict[str, AvailableObservable]:
        return available_observables(system)

    def skeleton(self, system: DrivenSystem) -> Inexact[Array, "d d"]:
        return skeleton(system)

    def state(
        self,
        system: DrivenSystem,
        method: str,
        levels: Levels,
        spec: Spec,
        time: Array | None,
        *,
        net_fluxes: bool,
    ) -> tuple[DrivenSystem, PeriodicState]:
        find = judged_state if spec.derivatives else periodic_state
        return system, find(system, method=method)

    def footing(self, system: DrivenSystem, state: PeriodicState) -> Footing:
        return footing(system, state)

    def derivative_status(
        self,
        system: DrivenSystem,
        state: PeriodicState,
        change: Inexact[Array, "d d"],
        curvature: Inexact[Array, "d d"],
        slope: Footing,
        scale: Float[Array, ""],
    ) -> Int8[Array, ""]:
        return derivative_status(system, state, change, curvature, slope, scale)

    def cancels(self, system: DrivenSystem, state: PeriodicState) -> Bool[Array, ""]:
        return lost_currents(state)
