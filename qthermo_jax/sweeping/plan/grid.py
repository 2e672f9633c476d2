"""A spec's axes and fixed parameters, checked against the parameters of its model."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qthermo_jax.labels import Quantity
from qthermo_jax.registry import AUTO, methods
from qthermo_jax.sweeping.errors import Issue, SpecError, Steps, unknown_name
from qthermo_jax.sweeping.plan.model import REQUIRED, Model, Parameter
from qthermo_jax.sweeping.spec.declared import Spec
from qthermo_jax.sweeping.spec.fields import Interval, Range, values_of

# Their tiles are listed before the first one is solved.
_MOST_POINTS = 10**12

TIME = Parameter("time", REQUIRED, None, (), Quantity("time", "t", -1))


@dataclass(frozen=True)
class Axis:
    """One dimension of the grid and the parameters that move along it.

    Attributes:
        name: of the dimension.
        parameters: the values of each parameter, all of length `size`, in energy units.
        coordinate: what labels the dimension; None if its one parameter does.
        as_given: the values of each parameter in the unit that the spec gives them in.
    """

    name: str
    parameters: dict[str, np.ndarray]
    coordinate: np.ndarray | None
    as_given: dict[str, np.ndarray]

    @property
    def size(self) -> int:
        """Number of points along it."""
        return len(next(iter(self.parameters.values())))


@dataclass(frozen=True)
class Grid:
    """The points of a sweep.

    Attributes:
        spec, model: what it was made from; the model of an evolution has the parameter `time` too.
        axes: dimensions of the grid.
        numbers, structure: fixed parameters, those that are traced and those that are compiled in; of a
            parameter that an [optimise] seeks, the middle of its bounds.
        foreign: names of those that the model's function does not take: they stand for something else.
    """

    spec: Spec
    model: Model
    axes: tuple[Axis, ...]
    numbers: dict[str, np.ndarray]
    structure: dict[str, Any]
    foreign: frozenset[str]

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of points along each axis."""
        return tuple(axis.size for axis in self.axes)

    @property
    def points(self) -> int:
        """Number of points of the grid."""
        return math.prod(self.shape)

    def told_at(self, index: Sequence[int]) -> str:
        """The parameters of a point of the grid in words: "g = 0.1, T_L = 20 mK"."""
        return ", ".join(
            f"{name} = {values[at]:g} {self.spec.units.get(name, '')}".rstrip()
            for axis, at in zip(self.axes, index, strict=True)
            for name, values in axis.as_given.items()
        )

    @property
    def swept(self) -> set[str]:
        """The parameters that move along some axis."""
        return {name for axis in self.axes for name in axis.parameters}

    @property
    def sought(self) -> dict[str, Interval]:
        """The parameters that an [optimise] seeks, with their bounds in energy units."""
        return _sought_by(self.spec)

    @property
    def statics(self) -> dict[str, Any]:
        """What a program for these points is made of, apart from its results: everything but numbers."""
        return {
            "model": self.model.digest_now,
            "structure": {name: [type(v).__name__, v] for name, v in self.structure.items()},
            "solver": self.spec.solver.model_dump(),
            "evolution": self.spec.evolution and self.spec.evolution.model_dump(),
            "axes": [sorted(axis.parameters) for axis in self.axes],
            "numbers": {name: value.shape for name, value in self.numbers.items()},
        }

    @property
    def asked_method(self) -> str:
        """As the spec says; in 32 bit "auto" is the one that keeps its digits there."""
        solver = self.spec.solver
        if solver.precision == "float32" and solver.method == AUTO:
            return methods(single_precision=True)[1]
        return solver.method


def make_grid(spec: Spec, model: Model) -> Grid:
    """The points that a spec asks for.

    Raises:
        SpecError: what does not fit the model's parameters, in one line.
    """
    model, foreign = _with_foreign(spec, _with_time(spec, model))
    points = math.prod(map(_size, spec.axes.values()))
    if points > _MOST_POINTS:
        large = f"a grid of {points:.3g} points; takes at most {_MOST_POINTS:.0e}"
        raise SpecError(Issue(("axes",), large))
    axes = tuple(_axis(name, entry, spec, model) for name, entry in spec.axes.items())
    numbers, structure = _fixed_parameters(spec, model, axes)
    numbers |= _sought(spec, model, {*numbers, *structure}, axes)
    coordinates = {name for axis in axes for name in (axis.name, *axis.parameters)}
    for name in spec.labels:
        if name not in coordinates:
            raise SpecError(unknown_name(("labels", name), "coordinate", name, coordinates))
    _check_units(spec, model, axes)
    return Grid(spec, model, axes, numbers, structure, foreign)


def _with_time(spec: Spec, model: Model) -> Model:
    """The model with a parameter `time` if the sweep is an evolution."""
    if spec.evolution is None:
        return model
    if model.parameters.get(TIME.name, TIME) is not TIME:
        taken = f"the model {model.name} has a parameter {TIME.name!r} of its own"
        raise SpecError(Issue(("evolution",), taken))
    return replace(model, parameters=model.parameters | {TIME.name: TIME})


def _with_foreign(spec: Spec, model: Model) -> tuple[Model, frozenset[str]]:
    """The model with what an [optimise] mentions and the spec gives besides, and their names.

    A bound of a condition, say, that is an axis; and the time of an evolution.
    """
    mentioned = spec.optimise.names if spec.optimise else set()
    columns = {name for entry in spec.axes.values() if isinstance(entry, dict) for name in entry}
    given = {*spec.axes, *columns, *spec.parameters} & mentioned - set(model.parameters)
    added = {name: Parameter(name, REQUIRED, None, (), Quantity()) for name in given}
    times = {TIME.name} if spec.evolution else set()
    return replace(model, parameters=model.parameters | added), frozenset(given | times)


def _sought(spec: Spec, model: Model, fixed: set[str], axes: tuple[Axis, ...]) -> dict[str, np.ndarray]:
    """The parameters that an [optimise] seeks, each in the middle of its bounds."""
    if not spec.optimise:
        return {}
    moving = {name: axis.name for axis in axes for name in axis.parameters}
    for name in spec.optimise.over:
        steps: Steps = ("optimise", "over", name)
        if name not in model.parameters:
            raise SpecError(unknown_name(steps, "parameter", name, model.parameters))
        if model.parameters[name].structure is not None:
            raise SpecError(Issue(steps, f"{name!r} shapes the system and cannot be sought"))
        if name in moving:
            raise SpecError(Issue(steps, f"{name!r} moves along axes.{moving[name]}"))
        if name in fixed:
            raise SpecError(Issue(steps, f"{name!r} is held fixed in [parameters]"))
    return {name: np.asarray(bounds.middle) for name, bounds in _sought_by(spec).items()}


def _sought_by(spec: Spec) -> dict[str, Interval]:
    """Bounds of the parameters that are sought, in energy units."""
    over = spec.optimise.over if spec.optimise else {}
    return {name: bounds.times(spec.conversion(name)) for name, bounds in over.items()}


def _size(entry: Any) -> int:
    """Number of points of an axis, which is not made for it."""
    first = next(iter(entry.values())) if isinstance(entry, dict) else entry
    return first.num if isinstance(first, Range) else len(first)


def _axis(name: str, entry: Any, spec: Spec, model: Model) -> Axis:
    if not isinstance(entry, dict):
        _check_swept(model, name, ("axes", name))
        return _converted(spec, name, {name: values_of(entry)}, None)
    columns = {key: values_of(values) for key, values in entry.items()}
    lengths = {key: len(values) for key, values in columns.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{key} has {n}" for key, n in lengths.items())
        unequal = f"lists that move together have equal lengths, but {listed}"
        raise SpecError(Issue(("axes", name), unequal))
    size = next(iter(lengths.values()))
    coordinate = np.arange(size)
    if name not in model.parameters and name in columns:
        coordinate = columns.pop(name)
    for key in columns:
        _check_swept(model, key, ("axes", name, key))
    if not columns:
        raise SpecError(Issue(("axes", name), "no parameter of the model moves along it"))
    return _converted(spec, name, columns, None if name in columns else coordinate)


def _converted(
    spec: Spec, name: str, columns: dict[str, np.ndarray], coordinate: np.ndarray | None
) -> Axis:
    """An axis whose values are in the units of the spec."""
    inside = {
        key: values * spec.conversion(key) if key in spec.units else values
        for key, values in columns.items()
    }
    return Axis(name, inside, coordinate, columns)


def _check_units(spec: Spec, model: Model, axes: tuple[Axis, ...]) -> None:
    """Check that what has a unit is an energy or a temperature, and that the spec gives its value."""
    labels = {axis.name for axis in axes if axis.coordinate is not None}
    given = {*labels, *spec.parameters, *(name for axis in axes for name in axis.parameters)}
    given |= _sought_by(spec).keys()
    for name in spec.units:
        steps: Steps = ("units", name)
        if name not in {*model.parameters, *labels}:
            unknown = unknown_name(steps, "parameter", name, model.parameters)
            # The entry is left out of the draft: under the name that was meant nothing may be given.
            raise SpecError(replace(unknown, suggestion=None))
        if name in model.parameters and not _may_have_a_unit(model.parameters[name]):
            raise SpecError(Issue(steps, f"{name!r} is neither an energy nor a temperature"))
        if name not in given and not spec.fit:  # whose data may give it
            missing = f"{name!r} has no value in this spec; the model's default is in energy units"
            raise SpecError(Issue(steps, missing))


def _may_have_a_unit(parameter: Parameter) -> bool:
    """Whether it is an energy or a temperature, as far as the model tells."""
    is_described = parameter.quantity != Quantity()
    return parameter.structure is None and (parameter.quantity.energy_power == 1 or not is_described)


def _check_swept(model: Model, name: str, steps: Steps) -> None:
    """Check that a parameter exists and may vary inside one compiled program."""
    if name not in model.parameters:
        raise SpecError(unknown_name(steps, "parameter", name, model.parameters))
    structure = model.parameters[name].structure
    if structure is not None:
        message = (
            f"{name!r} shapes the system ({structure.__name__}) and cannot be an axis; "
            f"set it in [parameters] and run one sweep for each value"
        )
        raise SpecError(Issue(steps, message))


def _fixed_parameters(
    spec: Spec, model: Model, axes: tuple[Axis, ...]
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Numbers and structure to call the model with at every point, defaults left to the model."""
    swept: dict[str, str] = {}
    for axis in axes:
        for name in axis.parameters:
            if name in swept:
                already = f"{name!r} moves along axes.{swept[name]} already"
                raise SpecError(Issue(("axes", axis.name), already))
            swept[name] = axis.name
    numbers: dict[str, np.ndarray] = {}
    structure: dict[str, Any] = {}
    for name, value in spec.parameters.items():
        if name not in model.parameters:
            raise SpecError(unknown_name(("parameters", name), "parameter", name, model.parameters))
        if name in swept:
            too = f"{name!r} is an axis too (axes.{swept[name]})"
            raise SpecError(Issue(("parameters", name), too))
        parameter = model.parameters[name]
        target = numbers if parameter.structure is None else structure
        checked = parameter.check(value)
        target[name] = np.asarray(checked * spec.conversion(name)) if name in spec.units else checked
    sought = _sought_by(spec)
    for name, parameter in model.parameters.items():
        if parameter.default is REQUIRED and name not in {*swept, *numbers, *structure, *sought}:
            if spec.fit and parameter.structure is None:
                numbers[name] = np.asarray(spec.fit.stand_in(name) * spec.conversion(name))
                continue
            missing = f"missing; the model {model.name} has no default for it"
            raise SpecError(Issue(("parameters", name), missing))
    return numbers, structure
