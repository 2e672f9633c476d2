"""From a spec and its model to a plan: everything is checked here, before anything is compiled."""

import math
from typing import Any

import jax
import numpy as np

from qthermo_jax import models
from qthermo_jax.catalogue import measures
from qthermo_jax.declared import Declared
from qthermo_jax.observables import Measure
from qthermo_jax.results.schema import DIAGNOSTICS
from qthermo_jax.sweeping.errors import Issue, SpecError, Steps, raised_by_model, shown, unknown_name
from qthermo_jax.sweeping.plan.derivatives import find_derivatives
from qthermo_jax.sweeping.plan.model import REQUIRED, Model, own_name, place_of
from qthermo_jax.sweeping.plan.record import DEFAULT_MEMORY, Axis, Plan
from qthermo_jax.sweeping.plan.setting import under
from qthermo_jax.sweeping.spec.declared import Range, Spec, values_of, why_no_name
from qthermo_jax.system import OpenSystem

# Their tiles are listed before the first one is solved.
_MOST_POINTS = 10**12


def make_plan(
    spec: Spec, model: Model, memory: int = DEFAULT_MEMORY, devices: int | None = None
) -> Plan:
    """Resolve a spec against its model.

    Args:
        memory: bytes that one device's share of a tile may take.
        devices: how many share a tile; all local ones if not told.

    Raises:
        SpecError: the first issue, what does not fit.
    """
    model = under(spec, model)
    points = math.prod(map(_size, spec.axes.values()))
    if points > _MOST_POINTS:
        large = f"a grid of {points:.3g} points; takes at most {_MOST_POINTS:.0e}"
        raise SpecError(Issue(("axes",), large))
    axes = tuple(_axis(name, entry, model) for name, entry in spec.axes.items())
    numbers, structure = _fixed_parameters(spec, model, axes)
    coordinates = {name for axis in axes for name in (axis.name, *axis.parameters)}
    for name in spec.labels:
        if name not in coordinates:
            raise SpecError(unknown_name(("labels", name), "coordinate", name, coordinates))
    system = _traced_system(spec, model, axes, numbers, structure)
    outputs = _outputs(spec, system)
    moving = {name for axis in axes for name in axis.parameters}
    derivatives, varied = find_derivatives(spec.derivatives, model, moving, numbers, system)
    plan = Plan(
        spec,
        model,
        axes,
        numbers,
        structure,
        system,
        outputs,
        derivatives,
        varied,
        devices=(devices or jax.local_device_count()) if axes else 1,
        memory=memory,
    )
    _check_names(plan)
    return plan


def _size(entry: Any) -> int:
    """Number of points of an axis, which is not made for it."""
    first = next(iter(entry.values())) if isinstance(entry, dict) else entry
    return first.num if isinstance(first, Range) else len(first)


def _axis(name: str, entry: Any, model: Model) -> Axis:
    if not isinstance(entry, dict):
        _varying(model, name, ("axes", name))
        return Axis(name, {name: values_of(entry)}, None)
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
        _varying(model, key, ("axes", name, key))
    if not columns:
        raise SpecError(Issue(("axes", name), "no parameter of the model moves along it"))
    return Axis(name, columns, None if name in columns else coordinate)


def _varying(model: Model, name: str, steps: Steps) -> None:
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
    moving: dict[str, str] = {}
    for axis in axes:
        for name in axis.parameters:
            if name in moving:
                already = f"{name!r} moves along axes.{moving[name]} already"
                raise SpecError(Issue(("axes", axis.name), already))
            moving[name] = axis.name
    numbers: dict[str, np.ndarray] = {}
    structure: dict[str, Any] = {}
    for name, value in spec.parameters.items():
        if name not in model.parameters:
            raise SpecError(unknown_name(("parameters", name), "parameter", name, model.parameters))
        if name in moving:
            too = f"{name!r} is an axis too (axes.{moving[name]})"
            raise SpecError(Issue(("parameters", name), too))
        parameter = model.parameters[name]
        target = numbers if parameter.structure is None else structure
        target[name] = parameter.check(value)
    for name, parameter in model.parameters.items():
        if parameter.default is REQUIRED and name not in {*moving, *numbers, *structure}:
            missing = f"missing; the model {model.name} has no default for it"
            raise SpecError(Issue(("parameters", name), missing))
    return numbers, structure


def _traced_system(
    spec: Spec,
    model: Model,
    axes: tuple[Axis, ...],
    numbers: dict[str, np.ndarray],
    structure: dict[str, Any],
) -> OpenSystem:
    """The system's shapes and static parts, without computing anything."""
    moving = {name: values[0] for axis in axes for name, values in axis.parameters.items()}
    with raised_by_model(model.name), jax.enable_x64(True):
        system: OpenSystem = jax.eval_shape(
            lambda values: model.function(**structure, **values), {**numbers, **moving}
        )
    if spec.evolution and system.initial is None:
        missing = f"missing; the model {model.name} brings no initial state"
        raise SpecError(Issue(("evolution", "initial"), missing))
    return system


def _outputs(spec: Spec, system: OpenSystem) -> dict[str, Measure]:
    known = measures(system, steady=spec.evolution is None)
    asked = [own_name(given) for given in spec.observables]
    for position, name in enumerate(asked):
        if name not in known:
            steps: Steps = ("observables", position)
            lacks = _lacking(name, spec, system)
            unknown = Issue(steps, lacks) if lacks else unknown_name(steps, "observable", name, known)
            raise SpecError(unknown)
        if name in asked[:position]:
            raise SpecError(Issue(("observables", position), f"{name!r} is listed twice"))
    names = asked or list(system.observables) or ["level_populations"]
    return {name: known[name] for name in names}


def _lacking(name: str, spec: Spec, system: OpenSystem) -> str:
    """What an observable that exists needs and this sweep has not; nothing for a name that is none."""
    if spec.evolution is not None and name in measures(system):
        return f"{name!r} needs a steady state, and this sweep has an [evolution]"
    if name == "rectification":
        return f"{name!r} needs a system of two baths, and this one has {system.n_baths}"
    if name == "soret":
        return f"{name!r} needs a model with an observable 'mean_position' or 'unbalance'"
    if name in ("peak_site", "population_slope"):
        return f"{name!r} needs a model with an observable 'site_populations'"
    owners = [model for model in models.__all__ if name in _own_observables(model)]
    return f"{name!r} is an observable of {', '.join(owners)} alone" if owners else ""


def _own_observables(model: str) -> dict[str, Declared]:
    system: OpenSystem = jax.eval_shape(getattr(models, model))
    return system.observables


def _check_names(plan: Plan) -> None:
    """Every name in a file means one thing."""
    flags = {name: f"the {name}" for name in DIAGNOSTICS}
    flags |= {derivative.status: "a status" for derivative in plan.derivatives}
    taken = {**flags, **dict.fromkeys(plan.results, "an observable")}
    taken |= dict.fromkeys(plan.dims, "a dimension of an observable")
    for name in (*plan.results, *plan.dims):
        if name in flags or (why := why_no_name(name)):
            why = f"the name is taken by {flags[name]}" if name in flags else why
            steps = place_of(name, plan.spec.observables)
            raise SpecError(Issue(steps, why or "", subject=f"observable {shown(name)}"))
    for axis in plan.axes:
        for name in {axis.name, *axis.parameters}:
            if name in taken:
                raise SpecError(
                    Issue(("axes", axis.name), f"the name {name!r} is taken by {taken[name]}")
                )
        foreign = {key for other in plan.axes if other is not axis for key in other.parameters}
        if axis.name in foreign:
            foreign_name = "the name is taken by a parameter of another axis"
            raise SpecError(Issue(("axes", axis.name), foreign_name))
