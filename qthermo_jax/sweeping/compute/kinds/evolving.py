"""An open system on its way to the steady state: what an [evolution] asks for."""

import jax.numpy as jnp
from jaxtyping import Array

from qthermo_jax import dynamics
from qthermo_jax.catalogue import available_observables
from qthermo_jax.observables import AvailableObservable
from qthermo_jax.results.schema import Sought
from qthermo_jax.solvers import Solver
from qthermo_jax.steady import State
from qthermo_jax.sweeping.compute.kinds.base import Levels
from qthermo_jax.sweeping.compute.kinds.steady import Steady, with_levels
from qthermo_jax.sweeping.errors import Issue, SpecError, Steps, path_of, unknown_name
from qthermo_jax.sweeping.spec.declared import Evolution, Spec
from qthermo_jax.system import OpenSystem

_INITIAL: Steps = ("evolution", "initial")


class Evolving(Steady):
    """The state of an open system at a time."""

    name = Sought.EVOLVED.value
    evolves = True
    withholds = False
    examined_when_cold = False

    def prepared(self, system: OpenSystem, spec: Spec) -> OpenSystem:
        system, evolution = super().prepared(system, spec), _evolution(spec)
        capacities = evolution.heat_capacity
        if isinstance(capacities, list) and len(capacities) != system.n_baths:
            several = f"{len(capacities)} numbers for {system.n_baths} baths"
            takes = f"{several}; takes one for all, or one for each"
            raise SpecError(Issue(("evolution", "heat_capacity"), takes))
        if evolution.initial is None:
            return system
        return system.with_initial(_populations(evolution.initial, system))

    def solvers(self, method: str, generator: str, levels: Levels) -> tuple[Solver, ...]:
        found = super().solvers(method, generator, levels)
        return tuple(solver for solver in found if solver.evolves)

    def observables(self, system: OpenSystem) -> dict[str, AvailableObservable]:
        return available_observables(system, steady=False)

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
        system, evolution = with_levels(system, levels), _evolution(spec)
        if time is None:
            raise ValueError("an evolution needs a time")
        if evolution.heat_capacity is None:
            return system, dynamics.evolved(system, time, method)
        capacities = jnp.broadcast_to(jnp.asarray(evolution.heat_capacity, float), (system.n_baths,))
        state, temperatures = dynamics.evolved_with_baths(system, time, capacities, method)
        return system.with_temperatures(temperatures), state


def _evolution(spec: Spec) -> Evolution:
    assert spec.evolution is not None
    return spec.evolution


def _populations(initial: str | dict[str, float], system: OpenSystem) -> Array:
    """Of the basis states, (d,)."""
    named = {initial: 1.0} if isinstance(initial, str) else initial
    for label in named:
        if label not in system.labels:
            steps: Steps = (*_INITIAL, *([] if isinstance(initial, str) else [label]))
            owner = path_of(_INITIAL)
            raise SpecError(unknown_name(steps, "basis state", label, system.labels, subject=owner))
    return jnp.array([named.get(label, 0.0) for label in system.labels])
