"""What of a result can be drawn, and what has no value there."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr

from qthermo_jax.results.schema import STATUS, meanings_of, says_what_came_out, status_variable
from qthermo_jax.steady import Status


def drawable(data: xr.Dataset) -> list[str]:
    """The variables that say what came out, not how a point was solved."""
    return [str(name) for name, own in data.items() if says_what_came_out(str(name), own.attrs)]


def numbers_like(data: xr.Dataset, like: xr.DataArray) -> list[xr.DataArray]:
    """The numbers of a sweep, one a point, that have the unit of another variable."""
    found = (data[name] for name in drawable(data) if data[name].dims == data[STATUS.name].dims)

    def means(values: xr.DataArray) -> tuple[Any, ...]:
        return values.attrs.get("units"), meanings_of(values.attrs)

    return [each for each in found if means(each) == means(like)]


def pooled(arrays: Sequence[xr.DataArray]) -> xr.DataArray:
    """All values of arrays of one quantity in a row, with the name and attributes of the first."""
    values = np.concatenate([each.values.ravel() for each in arrays])
    return xr.DataArray(values, dims="value", name=arrays[0].name, attrs=arrays[0].attrs)


def status_of(data: xr.Dataset, name: str) -> xr.DataArray:
    """The status that decides about a variable: derivatives have one of their own."""
    own = status_variable(data[name].attrs)
    return data[own if own in data else STATUS.name]


@dataclass(frozen=True)
class Flag:
    """A reason why values of a variable are not drawn.

    Attributes:
        where: true where it holds, over all dimensions of the variable.
        text: how many there are, and why.
        by_scale: whether another scale would show them.
    """

    where: xr.DataArray
    text: str
    by_scale: bool = False

    def at(self, entry: Mapping[str, int]) -> "Flag":
        """The same in one panel, a place along the panels' dimension."""
        return replace(self, where=self.where.isel(entry))


def flags_of(data: xr.Dataset, chosen: xr.DataArray, scale: str = "linear") -> list[Flag]:
    """The reasons, none where all values of a variable are drawn.

    Args:
        scale: of the values; a logarithmic one has no place for those that are not positive.
    """
    status = status_of(data, str(chosen.name))
    codes = np.unique(status.values)
    found = [
        _flag(status == code, chosen, "point", Status(int(code)).meaning)
        for code in codes[codes != Status.OK]
    ]
    good, finite = status == Status.OK, np.isfinite(chosen)
    bare = good & ~finite
    is_code = bool(meanings_of(chosen.attrs))  # which no picture draws on a logarithmic scale
    pale = good & finite & (chosen <= 0) & (scale == "log" and not is_code)
    if bare.any():
        found.append(_flag(bare, chosen, "value", "not finite although the state was found"))
    if pale.any():
        below = _flag(pale, chosen, "value", "not positive, which a logarithmic scale cannot show")
        found.append(replace(below, by_scale=True))
    return found


def _flag(where: xr.DataArray, chosen: xr.DataArray, what: str, reason: str) -> Flag:
    number = int(where.sum())
    text = textwrap.fill(f"{number} {what}{'s' if number > 1 else ''}: {reason}", 72)
    return Flag(where.broadcast_like(chosen).transpose(*chosen.dims), text)
