"""What the variables of a result are for, each described once.

A variable says its role in an attribute of its own, and which variable holds its status. Names tell
nothing: an observable may be called as its model likes. Without JAX: completion in a shell reads it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

ROLE, STATUS_VARIABLE = "role", "status_variable"

# What codes stand for, after the CF conventions.
FLAG_VALUES, FLAG_MEANINGS = "flag_values", "flag_meanings"


class Role(StrEnum):
    """What a variable is for.

    OBSERVABLE and DERIVATIVE say what came out, DIAGNOSTIC how a point was solved.
    """

    OBSERVABLE = "observable"
    DERIVATIVE = "derivative"
    DIAGNOSTIC = "diagnostic"


class Sought(StrEnum):
    """What state of its system a sweep finds at each point; an attribute of the file, `state`."""

    STEADY = "steady state"
    EVOLVED = "evolution"
    PERIODIC = "periodic state"
    CYCLE = "limit cycle"


# Of machines, which something moves in time.
OF_MACHINES = frozenset({Sought.PERIODIC, Sought.CYCLE})


@dataclass(frozen=True)
class Diagnostic:
    """Something that every point says about itself.

    Attributes:
        name: of the variable.
        dtype: of its values.
        fill_value: what stands where nothing was computed yet.
    """

    name: str
    dtype: np.dtype
    fill_value: int | float


STATUS = Diagnostic("status", np.dtype("int8"), -1)
METHOD = Diagnostic("method", np.dtype("int8"), 0)
NOTE = Diagnostic("note", np.dtype("int8"), 0)
LEAK = Diagnostic("leak", np.dtype("float32"), np.nan)

# Of a grid that is refined where a formula bends: the others were computed.
INTERPOLATED = Diagnostic("interpolated", np.dtype("int8"), 0)

DIAGNOSTICS = {own.name: own for own in (STATUS, METHOD, NOTE, LEAK)}


def role_of(name: str, attrs: Mapping[str, Any]) -> Role:
    """The role of a variable; what says none is an observable, unless it has a diagnostic's name."""
    if ROLE in attrs:
        return Role(str(attrs[ROLE]))
    return Role.DIAGNOSTIC if name in DIAGNOSTICS else Role.OBSERVABLE


def says_what_came_out(name: str, attrs: Mapping[str, Any]) -> bool:
    """Whether a variable is an observable or a derivative."""
    return role_of(name, attrs) is not Role.DIAGNOSTIC


def status_variable(attrs: Mapping[str, Any]) -> str:
    """The variable that says whether a value is there: derivatives have one of their own."""
    return str(attrs.get(STATUS_VARIABLE, STATUS.name))


def meanings_of(attrs: Mapping[str, Any]) -> dict[int, str]:
    """What the values of a variable stand for; nothing for one that is a number."""
    if FLAG_VALUES not in attrs:
        return {}
    names = str(attrs[FLAG_MEANINGS]).split()
    codes = np.atleast_1d(attrs[FLAG_VALUES]).tolist()
    return {code: name.replace("_", " ") for code, name in zip(codes, names, strict=True)}
