"""What a spec makes of its model's function: the master equation, and where an evolution starts."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from qthermo_jax import dynamics
from qthermo_jax.registry import DEFAULT_EQUATION
from qthermo_jax.steady import State, solved
from qthermo_jax.sweeping.errors import Issue, SpecError, Steps, of_model, path_of, unknown_name
from qthermo_jax.sweeping.plan.grid import TIME, Grid
from qthermo_jax.sweeping.spec.declared import Evolution
from qthermo_jax.system import OpenSystem

_INITIAL: Steps = ("evolution", "initial")

_NEEDS_A_NUMBER = (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError)


def system_function(grid: Grid) -> Callable[..., OpenSystem]:
    """The system as a function of the model's numbers, and of `time`, which it ignores, if it evolves.

    It has the spec's master equation and initial state, and the grid's structural parameters are given.
    When it is called it raises `SpecError` for what a spec cannot ask of the model.
    """
    solver, evolution, model = grid.spec.solver, grid.spec.evolution, grid.model

    def function(**numbers: Any) -> OpenSystem:
        if evolution:
            numbers.pop(TIME.name, None)
        try:
            system = model.function(**grid.structure, **numbers)
        except _NEEDS_A_NUMBER as error:
            traced = (
                f"{type(error).__name__}: its numbers are traced by JAX: jnp.where "
                "instead of if, jax.numpy instead of numpy, math and float(...)"
            )
            raise SpecError(of_model(model.name, traced)) from error
        if not isinstance(system, OpenSystem):
            raise SpecError(of_model(model.name, f"returns {type(system).__name__}, not an OpenSystem"))
        if solver.generator != DEFAULT_EQUATION or solver.secular_tol is not None:
            system = system.with_generator(solver.generator, solver.secular_tol)
        return _prepared(system, evolution) if evolution else system

    return function


def _prepared(system: OpenSystem, evolution: Evolution) -> OpenSystem:
    capacities = evolution.heat_capacity
    if isinstance(capacities, list) and len(capacities) != system.n_baths:
        several = (
            f"{len(capacities)} numbers for {system.n_baths} baths; takes one for all, or one for each"
        )
        raise SpecError(Issue(("evolution", "heat_capacity"), several))
    if evolution.initial is None:
        return system
    return system.with_initial(_populations(evolution.initial, system))


def _populations(initial: str | dict[str, float], system: OpenSystem) -> Array:
    """Of the basis states, (d,)."""
    named = {initial: 1.0} if isinstance(initial, str) else initial
    for label in named:
        if label not in system.labels:
            steps: Steps = (*_INITIAL, *([] if isinstance(initial, str) else [label]))
            owner = path_of(_INITIAL)
            raise SpecError(unknown_name(steps, "basis state", label, system.labels, subject=owner))
    return jnp.array([named.get(label, 0.0) for label in system.labels])


def state_of(
    system: OpenSystem,
    method: str,
    evolution: Evolution | None,
    time: Array | None,
    *,
    net_fluxes: bool,
) -> tuple[OpenSystem, State]:
    """The state that a point asks for, and the system in it: its baths may have warmed up."""
    if evolution is None or time is None:
        return system, solved(system, method, net_fluxes=net_fluxes)
    if evolution.heat_capacity is None:
        return system, dynamics.evolved(system, time, method)
    capacities = jnp.broadcast_to(jnp.asarray(evolution.heat_capacity, float), (system.n_baths,))
    state, temperatures = dynamics.evolved_with_baths(system, time, capacities, method)
    return system.with_temperatures(temperatures), state
