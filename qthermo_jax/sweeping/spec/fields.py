"""What the tables of a spec are made of: names and texts that fit into files, ranges, axes."""

import math
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)


class Table(BaseModel):
    """A table of a spec: each of its keys has one type, and no others are taken."""

    # The words under a key are its description in the JSON Schema as well.
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True)


# Of a whole number that a floating-point one can stand for.
LARGEST = int(np.finfo(float).max)

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


def why_no_text(text: str) -> str | None:
    """What keeps a text from standing in files and pictures; None if nothing does."""
    if len(text) > _LONGEST_TEXT:
        return f"takes at most {_LONGEST_TEXT} characters, got {len(text)}"
    if not text.isprintable():
        return "takes no control characters and no line breaks"
    return None


def _a_text(text: str) -> str:
    if why := why_no_text(text):
        raise ValueError(why)
    return text


# What the JSON Schema can say of texts and names.
_CONTROL = r"[\u0000-\u001f\u007f-\u009f]"
_TEXT_SCHEMA: dict[str, Any] = {"maxLength": _LONGEST_TEXT, "not": {"pattern": _CONTROL}}
_NAME_SCHEMA: dict[str, Any] = {
    "maxLength": _LONGEST_NAME,
    "not": {"pattern": rf"/|^\s*$|^\.\.?$|{_CONTROL}"},
}
NAMED = Field(json_schema_extra={"propertyNames": _NAME_SCHEMA})

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


class Interval(Table):
    """What a parameter may be, from `start` to `stop`."""

    start: Annotated[float, Field(allow_inf_nan=False)]
    """The lower bound."""
    stop: Annotated[float, Field(allow_inf_nan=False)]
    """The upper bound."""
    spacing: Literal["linear", "log"] = "linear"
    """Whether a step is a difference or a ratio."""

    @model_validator(mode="after")
    def _is_one(self) -> "Interval":
        if not self.start < self.stop:
            raise ValueError(f"takes start < stop, not {self.start:g} and {self.stop:g}")
        if self.spacing == "log" and not self.start > 0:
            raise ValueError(f"spacing = 'log' takes ends > 0, not {self.start:g} and {self.stop:g}")
        return self

    def times(self, factor: float) -> "Interval":
        """The same in another unit, factor > 0."""
        return Interval(start=factor * self.start, stop=factor * self.stop, spacing=self.spacing)

    @property
    def middle(self) -> float:
        """As far from one end as from the other."""
        return self.at(0.5)

    def at(self, place: float) -> float:
        """What lies between the ends, at 0 and 1."""
        if self.spacing == "log":
            return self.start * math.pow(self.stop / self.start, place)
        return self.start + (self.stop - self.start) * place

    def place(self, value: float) -> float:
        """Where a value lies."""
        if self.spacing == "log":
            return math.log(value / self.start) / math.log(self.stop / self.start)
        return (value - self.start) / (self.stop - self.start)

    def slope(self, place: float) -> float:
        """Derivative of the value by its place."""
        if self.spacing == "log":
            return self.at(place) * math.log(self.stop / self.start)
        return self.stop - self.start


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
    | Annotated[dict[str, Values], Field(min_length=1), NAMED, Tag("table")],
    Discriminator(_kind_of_axis),
]


def values_of(axis: Range | list[float]) -> np.ndarray:
    """The numbers that a range or a list stands for, (n,)."""
    return axis.values() if isinstance(axis, Range) else np.asarray(axis, float)
