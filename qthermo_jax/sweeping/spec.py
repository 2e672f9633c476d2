"""What a sweep is asked to do, as data: from a TOML file or from Python, checked before any work."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)

from qthermo_jax.sweeping.errors import SpecError, unknown_name


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Range(_Strict):
    """`num` values from `start` to `stop`, both included."""

    start: float
    stop: float
    num: int = Field(ge=1)
    spacing: Literal["linear", "log"] = "linear"

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
    | Annotated[dict[str, Values], Field(min_length=1), Tag("table")],
    Discriminator(_kind_of_axis),
]


class Solver(_Strict):
    """How the steady states are found."""

    method: Literal["auto", "populations", "secular_block", "dense"] = "auto"
    precision: Literal["float64", "float32"] = "float64"
    generator: Literal["global", "partial_secular", "redfield", "local"] = "global"
    secular_tol: float | None = None

    @model_validator(mode="after")
    def _the_generator_takes_the_method(self) -> "Solver":
        if self.generator in ("redfield", "local"):
            if self.method not in ("auto", "dense"):
                raise ValueError(
                    f"generator {self.generator!r} takes method 'dense', not {self.method!r}"
                )
            if self.precision == "float32":
                raise ValueError(f"generator {self.generator!r} takes precision 'float64'")
        if self.generator == "partial_secular" and self.secular_tol is None:
            raise ValueError("generator 'partial_secular' takes a cut-off, secular_tol")
        return self

    @model_validator(mode="after")
    def _single_precision_is_for_populations(self) -> "Solver":
        if self.precision == "float32" and self.method not in ("auto", "populations"):
            raise ValueError(
                "precision = 'float32' takes method = 'populations', which keeps about 6 digits of each "
                f"population; {self.method!r} needs 'float64'"
            )
        return self


class Evolution(_Strict):
    """Asks for the state at a `time`, which is then an axis or a parameter, instead of the steady one.

    Attributes:
        initial: the basis state to start from, by its label, or the populations of several; None: the
            one that the model brings.
        heat_capacity: of each bath, or one number for all: they warm up; None: they stay as they are.
    """

    initial: str | dict[str, float] | None = None
    heat_capacity: float | list[float] | None = None


class Output(_Strict):
    """What is kept of the results.

    Attributes:
        precision: of the numbers in the file; None for that in which they were computed.
    """

    precision: Literal["float64", "float32"] | None = None


class Label(_Strict):
    """What to call a coordinate in files and pictures; see `qthermo_jax.Quantity`."""

    long_name: str = ""
    symbol: str = ""
    energy_power: int | None = None


class Spec(_Strict):
    """A sweep: model, axes, fixed parameters, observables.

    Attributes:
        model: name of a built-in model, `path/to/file.py:function` or `package.module:function`.
        axes: one dimension of the grid each; a table moves several parameters along one dimension.
        parameters: held fixed.
        observables: names, or `file.py:function` for one's own; empty for those that the model brings.
        derivatives: parameters, "T_1" and so on for single baths, "temperatures" for all of them: each
            observable is differentiated by each.
        solver: method, precision and generator.
        evolution: if it is not about steady states.
        output: what is kept.
        energy_unit: what energies are measured in, for labels: "h".
        labels: names of coordinates that the model has none for.
    """

    model: str
    axes: dict[str, AxisSpec] = {}
    parameters: dict[str, bool | int | float | str | list[float]] = {}
    observables: list[str] = []
    derivatives: list[str] = []
    solver: Solver = Solver()
    evolution: Evolution | None = None
    output: Output = Output()
    title: str = ""
    energy_unit: str = "energy"
    labels: dict[str, Label] = {}

    @model_validator(mode="after")
    def _an_evolution_takes_its_methods(self) -> "Spec":
        solver = self.solver
        if self.evolution and solver.method == "secular_block":
            raise ValueError("solver.method: an evolution takes 'auto', 'populations' or 'dense'")
        if self.evolution and solver.precision == "float32":
            raise ValueError("solver.precision: an evolution takes 'float64'")
        return self


def values_of(axis: Range | list[float]) -> np.ndarray:
    """The numbers that a range or a list stands for, (n,)."""
    return axis.values() if isinstance(axis, Range) else np.asarray(axis, float)


def parse_spec(data: dict[str, Any], where: str) -> Spec:
    """Check plain data against `Spec`.

    Args:
        data: as `tomllib` gives it.
        where: the file's name or another word for the source, to begin an error with.

    Raises:
        SpecError: the first thing that is wrong, in one line.
    """
    try:
        return Spec.model_validate(data)
    except ValidationError as error:
        raise SpecError(f"{where}: {_in_one_line(error)}") from None


def load_spec(path: Path) -> tuple[Spec, str]:
    """Read a TOML spec; returns it with the text it was read from.

    Raises:
        SpecError: no such file, not TOML, or not a spec.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text file"
        raise SpecError(f"{path}: cannot be read: {reason}") from None
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"{path}: not TOML: {error}") from None
    return parse_spec(data, str(path)), text


_TAGS = frozenset({"range", "list", "table"})
_KEYS: dict[str, type[_Strict]] = {
    "range": Range,
    "solver": Solver,
    "output": Output,
    "evolution": Evolution,
    "labels": Label,
}
_TYPES = {
    "bool_type": "true or false",
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "string_type": "a text",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "union_tag_not_found": "a list of numbers, a table with start, stop and num, or a table of those",
}


def _in_one_line(error: ValidationError) -> str:
    """The first error, unknown keys before anything else: they are often the cause of the rest."""
    details = min(error.errors(), key=lambda detail: detail["type"] != "extra_forbidden")
    location, kind, given = details["loc"], details["type"], details["input"]
    path = [str(part) for part in location if part not in _TAGS]
    key = ".".join(path)
    if kind == "extra_forbidden":
        owner = next((_KEYS[str(part)] for part in reversed(location[:-1]) if part in _KEYS), Spec)
        inside = f"{'.'.join(path[:-1])}: " if path[:-1] else ""
        return inside + unknown_name("key", path[-1], owner.model_fields)
    if kind == "missing":
        return f"{key}: missing"
    if kind == "too_short":
        return f"{key}: empty; it takes at least one value"
    if path and path[0] == "parameters":
        takes = "a number, a list of numbers, a text, true or false"
        return f"parameters.{path[1]}: takes {takes}, got {given!r}"
    if kind in _TYPES:
        return f"{key}: takes {_TYPES[kind]}, got {given!r}"
    if kind == "literal_error":
        return f"{key}: takes {details['ctx']['expected']}, got {given!r}"
    message = details["msg"].removeprefix("Value error, ")
    return f"{key}: {message}" if kind == "value_error" else f"{key}: {message}, got {given!r}"
