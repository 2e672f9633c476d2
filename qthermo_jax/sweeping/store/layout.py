"""What a result consists of: its variables with dimensions, names and units, in memory and on disk."""

import math
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import IntEnum
from importlib.metadata import version
from typing import Any

import numpy as np

from qthermo_jax.labels import Quantity
from qthermo_jax.registry import Method
from qthermo_jax.results.schema import (
    DIAGNOSTICS,
    FLAG_MEANINGS,
    FLAG_VALUES,
    INTERPOLATED,
    LEAK,
    METHOD,
    NOTE,
    ROLE,
    STATUS,
    STATUS_VARIABLE,
    Diagnostic,
    Role,
)
from qthermo_jax.solvers import Note
from qthermo_jax.steady import Status
from qthermo_jax.sweeping.plan.record import Plan
from qthermo_jax.sweeping.plan.traced import Result
from qthermo_jax.version import __version__

# The attribute of a variable on a refined grid: how far it may be from what is interpolated.
SURPLUS = "largest_surplus"

# Of one variable in a file: its name, unit, dimensions (measured).
_BYTES_OF_NAMES = 2600


@dataclass(frozen=True)
class Variable:
    """One array of the result.

    Attributes:
        values: None for those that the sweep computes.
        fill_value: what stands where nothing was computed yet.
    """

    dims: tuple[str, ...]
    dtype: np.dtype
    attrs: dict[str, Any]
    values: np.ndarray | None = None
    fill_value: float | int = np.nan


@dataclass(frozen=True)
class Layout:
    """All arrays of a result, coordinates first, and the attributes of the whole."""

    sizes: dict[str, int]
    coordinates: dict[str, Variable]
    computed: dict[str, Variable]
    attrs: dict[str, Any] = field(default_factory=dict)

    @property
    def axes(self) -> tuple[str, ...]:
        """Dimensions of the grid."""
        return self.computed[STATUS.name].dims

    @property
    def auxiliary(self) -> dict[str, str]:
        """By axis, the coordinates that do not name it, as CF's `coordinates` lists them."""
        by_dim: dict[str, list[str]] = {}
        for name, variable in self.coordinates.items():
            if name not in variable.dims:
                by_dim.setdefault(variable.dims[0], []).append(name)
        return {dim: " ".join(names) for dim, names in by_dim.items()}

    def shape(self, variable: Variable) -> tuple[int, ...]:
        """Shape of a variable."""
        return tuple(self.sizes[dim] for dim in variable.dims)


def layout_of(plan: Plan, source: str, device: str) -> Layout:
    """The result that a plan leads to.

    Args:
        source: the spec verbatim, for the file's attribute.
        device: what computes it, for another.
    """
    axes = tuple(axis.name for axis in plan.axes)
    sizes = dict(zip(axes, plan.shape, strict=True))
    sizes |= {name: len(dim.labels) for name, dim in plan.dims.items()}
    computed = {
        name: Variable(
            (*axes, *(dim.name for dim in result.dims)),
            plan.output_dtype,
            _attributes_of(plan, name, result.quantity) | _role_of(result, plan),
        )
        for name, result in plan.results.items()
    }
    described = {
        STATUS: _STATUS,
        METHOD: _METHOD,
        NOTE: _NOTE,
        LEAK: _described(_LEAK, plan.spec.energy_unit),
    }
    for diagnostic in DIAGNOSTICS.values():
        computed[diagnostic.name] = _diagnostic(diagnostic, axes, described[diagnostic])
    for derivative in plan.derivatives:
        if derivative.name in plan.differentiated:
            attrs = {**_STATUS, "long_name": f"status of the derivatives by {derivative.name}"}
            computed[derivative.status] = _diagnostic(STATUS, axes, attrs)
    return Layout(sizes, _coordinates(plan), computed, _attributes(plan, source, device))


def with_interpolated(
    layout: Layout, told: dict[str, Any], surpluses: dict[str, float | None]
) -> Layout:
    """The layout of a refined grid: it says which points are interpolated, and how well.

    Args:
        told: of the refinement, attributes of the variable that says which.
        surpluses: by variable, the largest difference between what was interpolated and what came out
            in the cells that were not divided further; None where nothing is interpolated.
    """
    attrs = {
        "long_name": "whether the point is interpolated between computed ones",
        **_coded((0, 1), ("computed", "interpolated")),
        **told,
    }
    found = {
        name: variable
        if surpluses.get(name) is None
        else replace(variable, attrs=variable.attrs | {SURPLUS: surpluses[name]})
        for name, variable in layout.computed.items()
    }
    found[INTERPOLATED.name] = _diagnostic(INTERPOLATED, layout.axes, attrs)
    points = math.prod(layout.sizes[axis] for axis in layout.axes)
    summary = (
        f"{told['formula']}, tolerance {told['tolerance']:g}: {told['computed_points']} of {points} "
        f"points computed, largest surplus left {told['largest_surplus']:.2g}"
    )
    return replace(layout, computed=found, attrs=layout.attrs | {"refine": summary})


def _role_of(result: Result, plan: Plan) -> dict[str, str]:
    """The attributes that say what a variable is for."""
    if result.is_evidence:
        return {ROLE: Role.DIAGNOSTIC.value}
    if result.derivative is None:
        return {ROLE: Role.OBSERVABLE.value}
    role = {ROLE: Role.DERIVATIVE.value}
    own = result.derivative.name in plan.differentiated
    return role | {STATUS_VARIABLE: result.derivative.status} if own else role


def _diagnostic(diagnostic: Diagnostic, axes: tuple[str, ...], attrs: dict[str, Any]) -> Variable:
    own = {**attrs, ROLE: Role.DIAGNOSTIC.value}
    return Variable(axes, diagnostic.dtype, own, fill_value=diagnostic.fill_value)


def _flags(codes: type[IntEnum], long_name: str) -> dict[str, Any]:
    """Attributes of a variable that holds codes, after the CF conventions."""
    names = [code.name.lower() for code in codes]
    return {"long_name": long_name, **_coded([int(code) for code in codes], names)}


def _coded(values: Sequence[int], names: Sequence[str]) -> dict[str, Any]:
    """What the values of a variable stand for, after the CF conventions."""
    meanings = " ".join(name.replace(" ", "_") for name in names)
    return {FLAG_VALUES: np.array(values, "int8"), FLAG_MEANINGS: meanings}


_STATUS = _flags(Status, "status of the point; its results are NaN unless it is 0")
_METHOD = _flags(Method, "solver of the point")
_NOTE = {
    "long_name": "what to know about a point although its status is 0",
    "flag_masks": np.array([int(note) for note in Note if note], "int8"),
    FLAG_MEANINGS: " ".join(str(note.name).lower() for note in Note if note),
}
_LEAK = Quantity("bound of what drives the coherences that the solver leaves out", r"\ell", 1)


def _coordinates(plan: Plan) -> dict[str, Variable]:
    found = {}
    for axis in plan.axes:
        columns = dict(axis.as_given)
        if axis.coordinate is not None:
            columns = {axis.name: axis.coordinate, **columns}
        for name, values in columns.items():
            found[name] = Variable((axis.name,), values.dtype, described_coordinate(plan, name), values)
    for name, dim in plan.dims.items():
        values = np.array(dim.labels)
        dtype = np.dtype(object) if values.dtype.kind == "U" else values.dtype
        attrs = {"long_name": dim.long_name} if dim.long_name else {}
        found[name] = Variable((name,), dtype, attrs, values.astype(dtype))
    return found


def _attributes_of(plan: Plan, name: str, quantity: Quantity) -> dict[str, Any]:
    """Those of a result; a parameter that was sought is described like one that was set."""
    if plan.search and name in plan.search.over:
        return described_coordinate(plan, name)
    return _described(quantity, plan.spec.energy_unit)


def described_coordinate(plan: Plan, name: str) -> dict[str, Any]:
    """The attributes of a coordinate: what it is, and the unit of its values."""
    unit = plan.unit(name)
    return _described(plan.quantity(name), plan.spec.energy_unit) | ({"units": unit} if unit else {})


def _described(quantity: Quantity, energy_unit: str) -> dict[str, Any]:
    attrs: dict[str, Any] = {
        "long_name": quantity.long_name,
        "symbol": quantity.symbol,
        "units": quantity.unit(energy_unit),
        "source": quantity.source,
    }
    if quantity.neutral is not None:
        attrs["neutral"] = quantity.neutral
    named = {key: value for key, value in attrs.items() if value != ""}
    return named | (_coded(range(len(quantity.values)), quantity.values) if quantity.values else {})


def _attributes(plan: Plan, source: str, device: str) -> dict[str, Any]:
    return {
        "title": plan.spec.title or plan.model.name,
        "model": plan.model.name,
        "parameters": ", ".join(f"{key} = {value}" for key, value in plan.constants.items()),
        "state": plan.system.kind,
        "generator": plan.system.generator,
        "secular_tol": _cut_off(plan),
        "method": plan.method,
        "precision": plan.spec.solver.precision,
        **({"optimise": plan.search.summary} if plan.search else {}),
        "energy_unit": plan.spec.energy_unit,
        **_conversions(plan),
        "spec": source,
        "spec_sha256": plan.digest,
        "family_sha256": plan.compatibility_hash,
        "qthermo_jax_version": __version__,
        "jax_version": version("jax"),
        "jaxlib_version": version("jaxlib"),
        "numpy_version": np.__version__,
        "python_version": platform.python_version(),
        "device": device,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _conversions(plan: Plan) -> dict[str, str]:
    """What the units of parameters were taken for; nothing where the spec has none."""
    spec = plan.spec
    told = {unit: spec.conversion(name) for name, unit in spec.units.items()}
    lines = [f"1 {unit} = {size!r} {spec.energy_unit}" for unit, size in told.items()]
    return {"unit_conversions": ", ".join(lines)} if lines else {}


def _cut_off(plan: Plan) -> float | str:
    """As the spec says; else where it comes from."""
    if plan.spec.solver.secular_tol is not None:
        return plan.spec.solver.secular_tol
    return "round-off" if not plan.system.has_cut_off else "the model's own"


def bytes_on_disk(plan: Plan) -> int:
    """Size of the file that holds a result's numbers, in bytes.

    It has the observables, their derivatives, and what each point says about itself.
    """
    values = sum(math.prod(len(dim.labels) for dim in own.dims) for own in plan.results.values())
    flags = [*DIAGNOSTICS.values(), *[STATUS] * len(plan.differentiated)]
    variables = len(plan.results) + len(flags) + len(plan.axes) + len(plan.dims)
    flagged = sum(flag.dtype.itemsize for flag in flags)
    return plan.points * (plan.output_dtype.itemsize * values + flagged) + variables * _BYTES_OF_NAMES
