"""What a model's system is, found by tracing its function, which computes and compiles nothing."""

import pickle
from typing import Any

import jax
from jaxtyping import Array

from qthermo_jax import models
from qthermo_jax.catalogue import available_observables
from qthermo_jax.declared import ComputedObservable
from qthermo_jax.sweeping.compute.kept import Kept
from qthermo_jax.sweeping.compute.kinds import Kind, Levels, PointSolver, kind_of
from qthermo_jax.sweeping.compute.setting import system_function
from qthermo_jax.sweeping.errors import Issue, SpecError, raised_by_model
from qthermo_jax.sweeping.plan.grid import Axis, Grid
from qthermo_jax.sweeping.plan.model import observable_name
from qthermo_jax.sweeping.plan.traced import Result, TracedSystem


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
    kind = kind_of(system, grid.spec, grid.model.name)
    known, traits, generator = kind.observables(system), kind.traits(system), kind.generator(system)
    asked = [observable_name(given) for given in grid.spec.observables]
    further = set(available_observables(system)) - set(known)
    solvers = solvers_of(grid, kind, generator, traits["levels"])
    each = solvers[0].bytes_per_point(system.dimension, traits["n_transitions"], traits["levels"])
    return TracedSystem(
        kind=kind.name,
        dimension=system.dimension,
        n_baths=system.n_baths,
        generator=generator,
        solvers=tuple(solver.name for solver in solvers),
        bytes_per_point=each,
        program_size=kind.program_size,
        changes_H=tuple(_changes_H(grid, kind, axis) for axis in grid.axes),
        shown=tuple(system.observables) or kind.shown,
        computed_observables=frozenset(
            name for name, own in system.observables.items() if isinstance(own, ComputedObservable)
        ),
        observables={name: Result(own.dims, own.quantity) for name, own in known.items()},
        needs_steady=frozenset(further),
        elsewhere={name: _models_with(name) for name in asked if name not in {*known, *further}},
        **traits,
    )


def solvers_of(grid: Grid, kind: Kind[Any], generator: str, levels: Levels) -> tuple[PointSolver, ...]:
    """The solvers that are tried one after the other at each point.

    Args:
        kind, generator: of the systems.
        levels: groups of eigenstates that are known to be degenerate; None if nothing is known.

    Raises:
        SpecError: the equation does not take the solver that is asked for.
    """
    try:
        return kind.solvers(grid.asked_method, generator, levels)
    except ValueError as error:
        raise SpecError(Issue(("solver", "method"), str(error))) from None


def _shapes(grid: Grid) -> Any:
    """The system whose arrays have shapes and no values."""
    function = system_function(grid)
    first = {name: values[0] for axis in grid.axes for name, values in axis.parameters.items()}
    with raised_by_model(grid.model.name), jax.enable_x64(True):
        return jax.eval_shape(lambda values: function(**values), {**grid.numbers, **first})


def _models_with(observable: str) -> tuple[str, ...]:
    """The built-in models that bring an observable."""
    return tuple(name for name in models.__all__ if observable in _observables_of(name))


def _observables_of(model: str) -> dict[str, Any]:
    observables: dict[str, Any] = jax.eval_shape(getattr(models, model)).observables
    return observables


def _changes_H(grid: Grid, kind: Kind[Any], axis: Axis) -> bool:
    """Whether H changes along an axis: `vmap` knows, and refuses to give a single one if it does."""
    function = system_function(grid)
    others = {name: values[0] for one in grid.axes for name, values in one.parameters.items()}
    swept = {name: values[:1] for name, values in axis.parameters.items()}
    fixed = grid.numbers | {name: value for name, value in others.items() if name not in swept}

    def skeleton(swept: dict[str, Array], fixed: dict[str, Array]) -> Any:
        with raised_by_model(grid.model.name):
            system = function(**fixed, **swept)
        return kind.skeleton(system)

    try:
        with jax.enable_x64(True):
            jax.eval_shape(jax.vmap(skeleton, in_axes=(0, None), out_axes=None), swept, fixed)
    except SpecError:
        raise
    except ValueError:
        return True
    return False
