"""A cycle of strokes and its limit cycle."""

from typing import Any

from jaxtyping import Array, Bool, Float, Int8

from qthermo_jax.catalogue import available_observables
from qthermo_jax.cycle import Cycle
from qthermo_jax.machines import lost_currents
from qthermo_jax.observables import AvailableObservable
from qthermo_jax.registry import AUTO, Method
from qthermo_jax.results.schema import Sought
from qthermo_jax.strokes import CycleState, limit_cycle
from qthermo_jax.strokes.slopes import (
    CycleFooting,
    Skeleton,
    cycle_derivative_status,
    cycle_footing,
    cycle_skeleton,
)
from qthermo_jax.sweeping.compute.kinds.base import Kind, Levels, refuse_other_equations
from qthermo_jax.sweeping.spec.declared import Spec


class CycleSolver:
    """The one way to a limit cycle."""

    name = Method.DENSE.name.lower()
    about = "dense: the fixed point of the map of a cycle"

    def bytes_per_point(self, dimension: int, n_transitions: int, levels: Levels) -> int:
        return 16 * (4 * n_transitions + 8 * dimension**4)


_SOLVER = CycleSolver()


class Cyclic(Kind[Cycle]):
    """The limit cycle of a cycle of strokes."""

    name = Sought.CYCLE.value
    system = Cycle
    program_size = 8
    shown = ("heat", "work", "efficiency", "mode")

    def prepared(self, system: Cycle, spec: Spec) -> Cycle:
        refuse_other_equations(spec, system.generator)
        return system

    def generator(self, system: Cycle) -> str:
        return system.generator

    def traits(self, system: Cycle) -> dict[str, Any]:
        d = system.dimension
        sizes = (len(own.path.nodes) * (d**4 if own.baths else d**2) for own in system.strokes)
        return {
            "n_transitions": sum(sizes),
            "levels": (),
            "has_cut_off": False,
            "has_initial": False,
        }

    def solvers(self, method: str, generator: str, levels: Levels) -> tuple[CycleSolver, ...]:
        if method not in (AUTO, _SOLVER.name):
            raise ValueError(f"a cycle takes method {AUTO} or {_SOLVER.name}, not {method!r}")
        return (_SOLVER,)

    def observables(self, system: Cycle) -> dict[str, AvailableObservable]:
        return available_observables(system)

    def skeleton(self, system: Cycle) -> Skeleton:
        return cycle_skeleton(system)

    def state(
        self,
        system: Cycle,
        method: str,
        levels: Levels,
        spec: Spec,
        time: Array | None,
        *,
        net_fluxes: bool,
    ) -> tuple[Cycle, CycleState]:
        return system, limit_cycle(system)

    def footing(self, system: Cycle, state: CycleState) -> CycleFooting:
        return cycle_footing(system, state)

    def derivative_status(
        self,
        system: Cycle,
        state: CycleState,
        change: Skeleton,
        curvature: Skeleton,
        slope: CycleFooting,
        scale: Float[Array, ""],
    ) -> Int8[Array, ""]:
        return cycle_derivative_status(system, state, change, curvature, slope, scale)

    def cancels(self, system: Cycle, state: CycleState) -> Bool[Array, ""]:
        return lost_currents(state)
