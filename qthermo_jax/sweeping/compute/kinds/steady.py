"""An open system and its steady state."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Inexact, Int8

from qthermo_jax.catalogue import available_observables
from qthermo_jax.currents import bounded_currents, withholds_currents
from qthermo_jax.master_equations import EQUATIONS
from qthermo_jax.observables import AvailableObservable
from qthermo_jax.registry import DEFAULT_EQUATION
from qthermo_jax.results.schema import Sought
from qthermo_jax.solvers import Solver, solvers_for
from qthermo_jax.steady import (
    Change,
    Footing,
    State,
    derivative_status,
    footing,
    solved,
)
from qthermo_jax.sweeping.compute.kinds.base import Kind, Levels
from qthermo_jax.sweeping.spec.declared import Spec
from qthermo_jax.system import OpenSystem

# H, and that without interactions.
Hamiltonians = tuple[Inexact[Array, "d d"], Inexact[Array, "d d"] | None]


class Steady(Kind[OpenSystem]):
    """The steady state of an open system."""

    name = Sought.STEADY.value
    system = OpenSystem
    shown = ("level_populations",)
    withholds = True
    examined_when_cold = True

    def prepared(self, system: OpenSystem, spec: Spec) -> OpenSystem:
        solver = spec.solver
        if solver.generator != DEFAULT_EQUATION or solver.secular_tol is not None:
            return system.with_generator(solver.generator, solver.secular_tol)
        return system

    def generator(self, system: OpenSystem) -> str:
        return system.generator

    def traits(self, system: OpenSystem) -> dict[str, Any]:
        return {
            "n_transitions": system.pairs.i.size,
            "levels": system.levels,
            "has_cut_off": system.secular_tol is not None,
            "has_initial": system.initial is not None,
        }

    def solvers(self, method: str, generator: str, levels: Levels) -> tuple[Solver, ...]:
        return solvers_for(method, EQUATIONS[generator], levels)

    def observables(self, system: OpenSystem) -> dict[str, AvailableObservable]:
        return available_observables(system)

    def skeleton(self, system: OpenSystem) -> Hamiltonians:
        return system.H, system.local

    def state(
        self,
        system: OpenSystem,
        method: str,
        levels: Levels,
        spec: Spec,
        time: Array | None,
        *,
        net_fluxes: bool,
    ) -> tuple[OpenSystem, State]:
        system = with_levels(system, levels)
        return system, solved(system, method, net_fluxes=net_fluxes)

    def footing(self, system: OpenSystem, state: State) -> Footing:
        return footing(system, state)

    def derivative_status(
        self,
        system: OpenSystem,
        state: State,
        change: Hamiltonians,
        curvature: Hamiltonians,
        slope: Footing,
        scale: Float[Array, ""],
    ) -> Int8[Array, ""]:
        (dH, d_H_0), (ddH, dd_H_0) = change, curvature
        return derivative_status(system, state, Change(dH, ddH, d_H_0, dd_H_0), slope, scale)

    def cancels(self, system: OpenSystem, state: State) -> Bool[Array, ""]:
        return jnp.any(~bounded_currents(system, state).reliable)

    def withholds_currents(self, system: OpenSystem, state: State) -> bool:
        return withholds_currents(system, state)


def with_levels(system: OpenSystem, levels: Levels) -> OpenSystem:
    """The system with levels that were found, unless it declares them."""
    return system if levels is None or system.levels is not None else system.with_levels(levels)
