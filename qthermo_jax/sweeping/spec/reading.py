"""Specs from data: TOML read, checked key by key, and what pydantic says of it as issues."""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from qthermo_jax.sweeping.errors import Issue, SpecError, Steps, first_line, path_of, shown, unknown_name
from qthermo_jax.sweeping.spec.declared import Evolution, Label, Output, Solver, Spec
from qthermo_jax.sweeping.spec.fields import Interval, Range, Table
from qthermo_jax.sweeping.spec.fit import Fit
from qthermo_jax.sweeping.spec.optimise import Optimise
from qthermo_jax.sweeping.spec.refine import Refine
from qthermo_jax.sweeping.spec.root import Root

# What the keys inside a table of a spec belong to; those of an axis to a range.
_TABLES: dict[str, type[Table]] = {
    "axes": Range,
    "solver": Solver,
    "output": Output,
    "evolution": Evolution,
    "labels": Label,
    "optimise": Optimise,
    "root": Root,
    "refine": Refine,
    "fit": Fit,
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
_SEVERAL_TYPES: dict[Steps, str] = {
    ("parameters",): "a number, a list of numbers, a text, true or false",
    ("evolution", "initial"): "a basis state or a table of populations",
    ("evolution", "heat_capacity"): "a number or a list of numbers",
}
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than_equal": ("le", "at most"),
}


def parse_spec(data: dict[str, Any], source: str = "") -> Spec:
    """Check plain data, as `tomllib` gives it, against `Spec`.

    Args:
        source: the file's name, to begin an error with.

    Raises:
        SpecError: what is wrong with single keys; with several keys together only once each is right.
    """
    try:
        return Spec.model_validate(data)
    except ValidationError as error:
        raise SpecError(*_issues_of(error), source=source) from None


def read_toml(path: Path) -> tuple[dict[str, Any], str]:
    """What a TOML file says, and the text it was read from.

    Raises:
        SpecError: no such file, or not TOML.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")  # editors on Windows mark the beginning
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text file"
        raise SpecError(f"cannot be read: {reason}", source=str(path)) from None
    try:
        return tomllib.loads(text), text
    except ValueError as error:  # a whole number of thousands of digits is one, too
        raise SpecError(f"not TOML: {first_line(error)}", source=str(path)) from None
    except RecursionError:
        deep = "tables or lists that stand in one another too deep"
        raise SpecError(deep, source=str(path)) from None


def _issues_of(error: ValidationError) -> list[Issue]:
    """What pydantic found; unknown keys before anything else: they are often the cause of the rest."""
    details = sorted(error.errors(), key=lambda detail: detail["type"] != "extra_forbidden")
    found: dict[tuple[Steps, str], list[Issue]] = {}
    for detail in details:
        location = detail["loc"]
        if location[-1:] == ("[key]",) and detail["type"] == "string_type":  # a mapping from Python
            steps = _steps_of(location[:-2])
            found.setdefault((steps, "type"), [Issue(steps, f"takes names, got {detail['input']!r}")])
            continue
        steps = _steps_of(location)
        kind = "type" if _types_at(steps) else detail["type"]
        found.setdefault((steps, kind), _issues_at(steps, detail))
    # What is there under a misspelt key is not missing too.
    meant = {(*one.steps[:-1], one.suggestion) for issues in found.values() for one in issues}
    kept = [issues for (steps, kind), issues in found.items() if kind != "missing" or steps not in meant]
    return [issue for issues in kept for issue in issues]


def _steps_of(location: Steps) -> Steps:
    """The place that pydantic means, without its own words for the kind of an axis and for types."""
    if location[:1] == ("axes",):
        # Its name, its kind; in a table the name of a parameter and the kind of its values, too.
        inside = location[3:] if location[2:3] != ("table",) else location[3:4] + location[5:]
        return location[:2] + inside
    return location[:2] if len(location) > 2 and _types_at(location) else location


def _types_at(steps: Steps) -> str | None:
    """What a key of several types takes; pydantic has a detail for each type, and they are one issue."""
    if len(steps) < 2:
        return None
    return _SEVERAL_TYPES.get(steps[:1]) or _SEVERAL_TYPES.get(steps[:2])


def _issues_at(steps: Steps, details: ErrorDetails) -> list[Issue]:
    own = details.get("ctx", {}).get("error")
    if isinstance(own, SpecError):
        return list(own.issues)
    if details["type"] == "extra_forbidden":
        owner = _owner(steps)
        subject = path_of(steps[:-1])
        return [unknown_name(steps, "key", str(steps[-1]), owner.model_fields, subject=subject)]
    return [Issue(steps, _message_of(steps, details))]


def _owner(steps: Steps) -> type[Table]:
    """The table that a key would stand in."""
    if len(steps) == 1:
        return Spec
    return Interval if steps[1] == "over" and len(steps) > 3 else _TABLES[str(steps[0])]


def _message_of(steps: Steps, details: ErrorDetails) -> str:
    kind, given = details["type"], shown(details["input"])
    if kind == "missing":
        return "missing"
    if kind == "too_short":
        return "empty; it takes at least one value"
    if takes := _types_at(steps) or _TYPES.get(kind):
        return f"takes {takes}, got {given}"
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return f"takes {words} {details['ctx'][name]}, got {given}"
    if kind == "literal_error":
        return f"takes {details['ctx']['expected']}, got {given}"
    return str(details["ctx"]["error"]) if kind == "value_error" else f"{details['msg']}, got {given}"
