"""What a model's system is, found by tracing its function, which computes and compiles nothing."""

import pickle
from typing import Any

import jax
from jaxtyping import Array

from qthermo_jax import models
from qthermo_jax.catalogue import available_observables
from qthermo_jax.declared import ComputedObservable
from qthermo_jax.master_equations import MasterEquation
from qthermo_jax.solvers import Solver, solvers_for
from qthermo_jax.steady import bytes_per_point
from qthermo_jax.structure import Index
from qthermo_jax.sweeping.compute.kept import Kept
from qthermo_jax.sweeping.compute.setting import system_function
from qthermo_jax.sweeping.errors import Issue, SpecError, raised_by_model
from qthermo_jax.sweeping.plan.grid import Axis, Grid
from qthermo_jax.sweeping.plan.model import observable_name
from qthermo_jax.sweeping.plan.traced import Result, TracedSystem
from qthermo_jax.system import OpenSystem


def _loaded(content: bytes) -> TracedSystem:
    found = pickle.loads(content)
    if not isinstance(found, TracedSystem):
        raise TypeError
    return found


# Plain data, a few kilobytes each.
_TRACED: Kept[TracedSystem] = Kept("system", 256, pickle.dumps, _loaded)


def traced(grid: Grid) -> TracedSystem:
    """The static parts of the system at the points of a grid.

    Raises:
        SpecError: the model raises, or its master equation does not take the solver that is asked for.
    """
    return _TRACED.get({**grid.statics, "observables": grid.spec.observables}, lambda: _traced(grid))


def _traced(grid: Grid) -> TracedSystem:
    system = _shapes(grid)
    steady = available_observables(system)
    known = available_observables(system, steady=False) if grid.spec.evolution else steady
    asked = [observable_name(given) for given in grid.spec.observables]
    solvers = solvers_of(grid, system.equation, system.levels)
    return TracedSystem(
        dimension=system.dimension,
        n_baths=system.n_baths,
        n_transitions=system.pairs.i.size,
        levels=system.levels,
        generator=system.generator,
        has_cut_off=system.secular_tol is not None,
        has_initial=system.initial is not None,
        solvers=tuple(solver.name for solver in solvers),
        bytes_per_point=bytes_per_point(system, solvers[0].method),
        changes_H=tuple(_changes_H(grid, axis) for axis in grid.axes),
        model_observables=tuple(system.observables),
        computed_observables=frozenset(
            name for name, own in system.observables.items() if isinstance(own, ComputedObservable)
        ),
        observables={name: Result(own.dims, own.quantity) for name, own in known.items()},
        needs_steady=frozenset(steady) - frozenset(known),
        elsewhere={name: _models_with(name) for name in asked if name not in steady},
    )


def solvers_of(
    grid: Grid, equation: MasterEquation, levels: tuple[Index, ...] | None
) -> tuple[Solver, ...]:
    """The solvers that are tried one after the other at each point.

    Args:
        equation: the system's master equation.
        levels: groups of eigenstates that are known to be degenerate; None if nothing is known.

    Raises:
        SpecError: the equation does not take the solver that is asked for.
    """
    try:
        found = solvers_for(grid.asked_method, equation, levels)
    except ValueError as error:
        raise SpecError(Issue(("solver", "method"), str(error))) from None
    return tuple(solver for solver in found if solver.evolves or not grid.spec.evolution)


def _shapes(grid: Grid) -> OpenSystem:
    """The system whose arrays have shapes and no values."""
    function = system_function(grid)
    first = {name: values[0] for axis in grid.axes for name, values in axis.parameters.items()}
    with raised_by_model(grid.model.name), jax.enable_x64(True):
        system: OpenSystem = jax.eval_shape(lambda values: function(**values), {**grid.numbers, **first})
    return system


def _models_with(observable: str) -> tuple[str, ...]:
    """The built-in models that bring an observable."""
    return tuple(name for name in models.__all__ if observable in _observables_of(name))


def _observables_of(model: str) -> dict[str, Any]:
    system: OpenSystem = jax.eval_shape(getattr(models, model))
    return system.observables


def _changes_H(grid: Grid, axis: Axis) -> bool:
    """Whether H changes along an axis: `vmap` knows, and refuses to give a single one if it does."""
    function = system_function(grid)
    others = {name: values[0] for one in grid.axes for name, values in one.parameters.items()}
    swept = {name: values[:1] for name, values in axis.parameters.items()}
    fixed = grid.numbers | {name: value for name, value in others.items() if name not in swept}

    def hamiltonian(swept: dict[str, Array], fixed: dict[str, Array]) -> Array:
        with raised_by_model(grid.model.name):
            return function(**fixed, **swept).H

    try:
        with jax.enable_x64(True):
            jax.eval_shape(jax.vmap(hamiltonian, in_axes=(0, None), out_axes=None), swept, fixed)
    except SpecError:
        raise
    except ValueError:
        return True
    return False
