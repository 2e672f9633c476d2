"""Names in formulas, resolved: parameters, and elements of observables by their labels."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from qthermo_jax.labels import Quantity
from qthermo_jax.sweeping.errors import Issue, SpecError, Steps, unknown_name
from qthermo_jax.sweeping.plan.grid import Grid
from qthermo_jax.sweeping.plan.traced import Result
from qthermo_jax.sweeping.spec.expression import Expression, Name

# Where the number of a name stands in its observable.
Elements = dict[Name, tuple[int, ...]]


def resolve(
    formula: Expression, steps: Steps, grid: Grid, observables: Mapping[str, Result]
) -> tuple[Elements, dict[str, np.ndarray]]:
    """The elements of observables in a formula, and the defaults of parameters that the spec leaves out.

    Args:
        steps: where the formula stands in the spec.
        observables: of the model's system.

    Raises:
        SpecError: a name that is none, or an observable of several numbers without a label.
    """
    elements: Elements = {}
    defaults: dict[str, np.ndarray] = {}
    given = {*grid.swept, *grid.numbers}
    for name in formula.names:
        if name.name in given and not name.labels:
            if name.name in grid.numbers and grid.numbers[name.name].ndim:
                raise SpecError(Issue(steps, f"{name.name!r} is a list of numbers here"))
        elif name.name in observables:
            elements[name] = _element(name, observables[name.name], steps)
        elif name.name in grid.model.parameters and not name.labels:
            defaults[name.name] = _default(name.name, grid, steps)
        else:
            known = {*given, *observables, *grid.model.parameters}
            raise SpecError(unknown_name(steps, "name", name.name, known))
    return elements, defaults


def quantity_of(formula: Expression, observables: Mapping[str, Result]) -> Quantity:
    """What a formula is, if it is an observable or one of its elements; without name and unit else."""
    name, *others = formula.names or (None,)
    if name is None or others or not formula.is_name or name.name not in observables:
        return Quantity()
    return observables[name.name].quantity


def _default(name: str, grid: Grid, steps: Steps) -> np.ndarray:
    value = grid.structure.get(name, grid.model.parameters[name].default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SpecError(Issue(steps, f"{name!r} is no number here"))
    return np.asarray(value, float)


def _element(name: Name, result: Result, steps: Steps) -> tuple[int, ...]:
    """Where a labelled element stands in an observable."""
    if len(name.labels) != len(result.dims):
        if not result.dims:
            raise SpecError(Issue(steps, f"{name.name!r} is one number and takes no label"))
        taken = "; ".join(f"{dim.name} {_listed(dim.labels)}" for dim in result.dims)
        several = f"{name.name!r} is several numbers; it takes a label in brackets: {taken}"
        raise SpecError(Issue(steps, several))
    index = []
    for label, dim in zip(name.labels, result.dims, strict=True):
        if label not in dim.labels:
            takes = f"{name.name!r} has no {dim.name} {label!r}; it takes {_listed(dim.labels)}"
            raise SpecError(Issue(steps, takes))
        index.append(dim.labels.index(label))
    return tuple(index)


def _listed(labels: tuple[Any, ...]) -> str:
    shown = [repr(label) for label in labels]
    return ", ".join(shown if len(shown) < 10 else [*shown[:4], "...", shown[-1]])
