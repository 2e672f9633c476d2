"""What a sweep is asked to do, as data: from a TOML file or from Python, checked before any work."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_serializer,
    model_validator,
)

from qthermo_jax.registry import AUTO, DEFAULT_EQUATION, EQUATIONS, methods
from qthermo_jax.sweeping.errors import Issue, SpecError, Steps, path_of
from qthermo_jax.sweeping.spec.units import UNITS, conversion, known_unit

if TYPE_CHECKING:  # what the registry holds is known at run time only
    _Method = str
    _Generator = str
else:
    _Method, _Generator = Literal[tuple(methods())], Literal[tuple(EQUATIONS)]


class Table(BaseModel):
    """A table of a spec: each of its keys has one type, and no others are taken."""

    # The words under a key are its description in the JSON Schema as well.
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True)


# Of a whole number that a floating-point one can stand for.
_LARGEST = int(np.finfo(float).max)

# Names become names inside an HDF5 file and parts of file names; texts stand in pictures.
_LONGEST_NAME, _LONGEST_TEXT = 100, 200


def why_no_name(name: str) -> str | None:
    """What keeps a text from being the name of a variable in a file; None if nothing does.

    >>> why_no_name("a/b")
    "'a/b' is not a name: it takes no / and no control character, and is not . or .."
    """
    if not name.strip():
        return "an empty name"
    if len(name) > _LONGEST_NAME:
        return f"a name of {len(name)} characters; it takes at most {_LONGEST_NAME}"
    if "/" in name or name in (".", "..") or not name.isprintable():
        return f"{name!r} is not a name: it takes no / and no control character, and is not . or .."
    return None


def _why_no_text(text: str) -> str | None:
    """What keeps a text from standing in files and pictures; None if nothing does."""
    if len(text) > _LONGEST_TEXT:
        return f"takes at most {_LONGEST_TEXT} characters, got {len(text)}"
    if not text.isprintable():
        return "takes no control characters and no line breaks"
    return None


def _a_text(text: str) -> str:
    if why := _why_no_text(text):
        raise ValueError(why)
    return text


# What the JSON Schema can say of texts and names.
_CONTROL = r"[\u0000-\u001f\u007f-\u009f]"
_TEXT_SCHEMA: dict[str, Any] = {"maxLength": _LONGEST_TEXT, "not": {"pattern": _CONTROL}}
_NAME_SCHEMA: dict[str, Any] = {
    "maxLength": _LONGEST_NAME,
    "not": {"pattern": rf"/|^\s*$|^\.\.?$|{_CONTROL}"},
}
_NAMED = Field(json_schema_extra={"propertyNames": _NAME_SCHEMA})

Text = Annotated[str, AfterValidator(_a_text), Field(json_schema_extra=_TEXT_SCHEMA)]


class Range(Table):
    """`num` values from `start` to `stop`, both included."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"spacing": {"const": "log"}}, "required": ["spacing"]},
            "then": {"properties": {end: {"exclusiveMinimum": 0} for end in ("start", "stop")}},
        }
    )

    start: float
    """The first value."""
    stop: float
    """The last value."""
    num: int = Field(ge=1, le=10**7)
    """How many values, both ends included."""
    spacing: Literal["linear", "log"] = "linear"
    """Equal distances, or equal ratios."""

    @model_validator(mode="after")
    def _log_needs_positive_ends(self) -> "Range":
        if self.spacing == "log" and not (self.start > 0 and self.stop > 0):
            raise ValueError(f"spacing = 'log' takes ends > 0, not {self.start} and {self.stop}")
        return self

    def values(self) -> np.ndarray:
        """The values, (num,)."""
        space = np.geomspace if self.spacing == "log" else np.linspace
        return space(self.start, self.stop, self.num)


def _kind_of_axis(value: Any) -> str | None:
    """`range`, `list` or `table`: tells them apart so that an error names the right keys."""
    if isinstance(value, Range) or (isinstance(value, dict) and {"start", "stop", "num"} & set(value)):
        return "range"
    if isinstance(value, list):
        return "list"
    return "table" if isinstance(value, dict) else None


Values = Annotated[
    Annotated[Range, Tag("range")] | Annotated[list[float], Field(min_length=1), Tag("list")],
    Discriminator(_kind_of_axis),
]
AxisSpec = Annotated[
    Annotated[Range, Tag("range")]
    | Annotated[list[float], Field(min_length=1), Tag("list")]
    | Annotated[dict[str, Values], Field(min_length=1), _NAMED, Tag("table")],
    Discriminator(_kind_of_axis),
]


class Solver(Table):
    """How the steady states are found."""

    method: _Method = AUTO
    """Which unknowns are solved for; auto takes the fewest that are exact at each point."""
    precision: Literal["float64", "float32"] = "float64"
    """Of the computation; float32 keeps about 6 digits of each population."""
    generator: _Generator = DEFAULT_EQUATION
    """The master equation; global is the microscopic one, fully secular."""
    secular_tol: Annotated[float, Field(ge=0.0, allow_inf_nan=False)] | None = None
    """Largest difference of two Bohr frequencies that are kept together; partial_secular needs it."""

    @model_validator(mode="after")
    def _the_generator_takes_the_method(self) -> "Solver":
        entry = EQUATIONS[self.generator]
        known = methods(entry.secular)
        if self.method not in known:
            listed = " or ".join(map(repr, known[1:]))
            raise ValueError(f"generator {self.generator!r} takes method {listed}, not {self.method!r}")
        if not entry.secular and self.precision == "float32":
            raise ValueError(f"generator {self.generator!r} takes precision 'float64'")
        argument, what = entry.needs or ("", "")
        if argument in type(self).model_fields and getattr(self, argument) is None:
            raise ValueError(f"generator {self.generator!r} takes {what}, {argument}")
        return self

    @model_validator(mode="after")
    def _single_precision_is_for_populations(self) -> "Solver":
        known = methods(single_precision=True)
        if self.precision == "float32" and self.method not in known:
            listed = " or ".join(map(repr, known[1:]))
            raise ValueError(
                f"precision = 'float32' takes method = {listed}, which keeps about 6 digits of each "
                f"population; {self.method!r} needs 'float64'"
            )
        return self


class Evolution(Table):
    """Asks for the state at a `time`, an axis or a parameter, instead of the steady one."""

    initial: str | dict[str, float] | None = None
    """The basis state to start from, by its label, or the populations of several; if left out, the state
    that the model brings."""
    heat_capacity: float | list[float] | None = None
    """Of each bath, or one number for all: they warm up; if left out, they stay as they are."""


class Output(Table):
    """What is kept of the results."""

    precision: Literal["float64", "float32"] | None = None
    """Of the numbers in the file; if left out, that in which they were computed."""


class Label(Table):
    """What to call a coordinate in files and pictures; see `qthermo_jax.Quantity`."""

    long_name: Text = ""
    """In words."""
    symbol: Text = ""
    """Mathtext without dollar signs: T_L."""
    energy_power: int | None = None
    """Its unit as a power of the energy unit: 1 for energies and temperatures, 0 for pure numbers."""


class Spec(Table):
    """A sweep: model, axes, fixed parameters, observables."""

    model: Text
    """Name of a built-in model, `path/to/file.py:function` or `package.module:function`."""
    axes: Annotated[dict[str, AxisSpec], _NAMED] = {}
    """One dimension of the grid each: a list, a range, or a table of several parameters that move
    together along one dimension."""
    parameters: Annotated[dict[str, bool | int | float | str | list[float]], _NAMED] = {}
    """Held fixed; those that are left out have the model's default."""
    observables: list[str] = []
    """Names, or `file.py:function` for one's own; empty for those that the model brings."""
    derivatives: list[str] = []
    """Parameters, "T_1" and so on for single baths, "temperatures" for all of them: each observable is
    differentiated by each."""
    solver: Solver = Solver()
    """How the steady states are found."""
    evolution: Evolution | None = None
    """Given where the sweep is not about steady states."""
    output: Output = Output()
    """What is kept of the results."""
    title: Text = ""
    """Of the file and its pictures."""
    energy_unit: Text = "energy"
    """What energies are measured in, for labels: "h"; with `units` one that has a size: "GHz", "meV"."""
    units: Annotated[dict[str, Text], _NAMED] = {}
    """Units of single parameters, temperatures or energies, that are given in another one: "mK"."""
    labels: Annotated[dict[str, Label], _NAMED] = {}
    """Names of coordinates that the model has none for."""

    @model_validator(mode="after")
    def _every_name_can_be_one(self) -> "Spec":
        named: list[Steps] = [("axes", name) for name in self.axes]
        named += [("parameters", name) for name in self.parameters]
        named += [("labels", name) for name in self.labels]
        for axis, entry in self.axes.items():
            named += [("axes", axis, name) for name in entry] if isinstance(entry, dict) else []
        found = [
            Issue(steps, why, subject=path_of(steps[:-1]))
            for steps in named
            if (why := why_no_name(str(steps[-1])))
        ]
        for name, value in self.parameters.items():
            if isinstance(value, int) and abs(value) > _LARGEST:
                found.append(Issue(("parameters", name), "takes numbers up to 1.8e308"))
            if isinstance(value, str) and (why := _why_no_text(value)):
                found.append(Issue(("parameters", name), why))
        if found:
            raise SpecError(*found)
        return self

    @model_validator(mode="after")
    def _units_have_a_size(self) -> "Spec":
        listed = ", ".join(UNITS)
        found = [
            Issue(("units", name), f"takes a unit, one of {listed}; got {unit!r}")
            for name, unit in self.units.items()
            if known_unit(unit) is None
        ]
        if self.units and known_unit(self.energy_unit) is None:
            takes = f"with [units] it takes a unit that has a size, one of {listed}; got"
            found.append(Issue(("energy_unit",), f"{takes} {self.energy_unit!r}"))
        if found:
            raise SpecError(*found)
        return self

    @model_serializer(mode="wrap")
    def _without_what_is_not_used(self, described: Callable[..., Any]) -> dict[str, Any]:
        """A spec without units is described as it was when there were none, so its identity stays."""
        found: dict[str, Any] = described(self)
        if not found.get("units", True):
            del found["units"]
        return found

    def conversion(self, name: str) -> float:
        """What one of a parameter's unit is in energy units; 1 for a parameter without a unit."""
        return conversion(self.units[name], self.energy_unit) if name in self.units else 1.0

    @model_validator(mode="after")
    def _an_evolution_takes_its_methods(self) -> "Spec":
        if not self.evolution:
            return self
        found = []
        if self.solver.method not in methods(evolving=True):
            *known, last = map(repr, methods(evolving=True))
            takes = f"an evolution takes {', '.join(known)} or {last}"
            found.append(Issue(("solver", "method"), takes))
        if self.solver.precision == "float32":
            found.append(Issue(("solver", "precision"), "an evolution takes 'float64'"))
        moving = {name for entry in self.axes.values() if isinstance(entry, dict) for name in entry}
        if "time" not in {*self.axes, *moving, *self.parameters}:
            takes = "takes a time, as axes.time or parameters.time"
            found.append(Issue(("evolution",), takes))
        if found:
            raise SpecError(*found)
        return self


def values_of(axis: Range | list[float]) -> np.ndarray:
    """The numbers that a range or a list stands for, (n,)."""
    return axis.values() if isinstance(axis, Range) else np.asarray(axis, float)
