"""The part of a result that is shown, and what the file says of one point. Only this is read."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from qthermo_jax.plotting import status_of
from qthermo_jax.plotting.labels import along, moving, plain_value
from qthermo_jax.registry import Method
from qthermo_jax.results.schema import INTERPOLATED, LEAK, METHOD, NOTE, STATUS, meanings_of
from qthermo_jax.solvers import Note
from qthermo_jax.steady import Status

# Values along an axis of a picture: more are not told apart, and of those every so many is read.
MOST_OF_CURVES, MOST_OF_MAPS = 4096, 384
# One curve an entry up to this many; of more, some from the first to the last.
_CURVES = 10
# Numbers about a point that say how far its others can be trusted, where a result has them.
_EVIDENCE = ("error", "residual", "secular_ratio", "min_eigenvalue")


@dataclass(frozen=True)
class Result:
    """A result that is open.

    Attributes:
        label: what tells it from another one; "" for one alone.
        data: read when it is shown, so that it may be larger than the memory.
    """

    label: str
    data: xr.Dataset

    def told(self, text: str) -> str:
        """A text with the result's label, where it has one."""
        return f"{self.label}: {text}" if self.label else text


@dataclass(frozen=True)
class Part:
    """What was read.

    Attributes:
        values: of the variable, its dimensions those of the picture, numbers in ascending order.
        data: the same with the statuses that decide about it.
        positions: of each value along a dimension, in the result.
        notes: what was left out.
    """

    values: xr.DataArray
    data: xr.Dataset
    positions: dict[str, np.ndarray]
    notes: tuple[str, ...]


def part_of(
    data: xr.Dataset,
    name: str,
    at: Mapping[str, int],
    most: Mapping[str, int],
    curve: str | None = None,
) -> Part:
    """Read a variable along the dimensions of a picture.

    Args:
        at: the positions of the dimensions that are fixed.
        most: so many values at most of each dimension along an axis of the picture.
        curve: the dimension that has a curve for each entry.
    """
    needed = dict.fromkeys((name, STATUS.name, str(status_of(data, name).name)))
    picked: dict[str, Any] = {dim: at[dim] for dim in at if dim in data.dims}
    notes = []
    positions = {}
    for dim, limit in most.items():
        size = data.sizes[dim]
        step = math.ceil(size / limit)
        picked[dim] = slice(None, None, step)
        positions[dim] = np.arange(0, size, step)
        if step > 1:
            notes.append(f"one in {step} of {size} values of {dim}")
    if curve is not None:
        size = data.sizes[curve]
        some = np.unique(np.linspace(0, size - 1, min(size, _CURVES)).round().astype(int))
        picked[curve], positions[curve] = some, some
        if some.size < size:
            notes.append(f"{some.size} of {size} values of {curve}")
    part = data[list(needed)].isel(picked).load()
    for dim in most:
        labels = along(part, dim)
        if np.issubdtype(labels.dtype, np.number):
            order = np.argsort(labels.values, kind="stable")
            part, positions[dim] = part.isel({dim: order}), positions[dim][order]
    return Part(part[name], part, positions, tuple(notes))


def nearest(data: xr.Dataset, dim: str, label: Any) -> int:
    """The position of a label along a dimension, or of the number that is nearest to it."""
    labels = along(data, dim).values
    if np.issubdtype(labels.dtype, np.number):
        return nearest_number(labels, float(label))
    found = np.flatnonzero(labels.astype(str) == str(label))
    return int(found[0]) if found.size else 0


def nearest_number(values: np.ndarray, number: float) -> int:
    """The position of the value that is nearest to a number; one that is none is nearest to nothing."""
    distance = np.abs(values - number)
    return int(np.where(np.isnan(distance), np.inf, distance).argmin())


def evidence_at(data: xr.Dataset, name: str, index: Mapping[str, int]) -> list[tuple[str, str]]:
    """What a result says of one point: where it is, its value, its status, how it was solved.

    Args:
        index: the position along each dimension of the variable.
    """

    def read(variable: str) -> Any:
        own = data[variable]
        return own.isel({dim: index[str(dim)] for dim in own.dims if dim in index}).values[()]

    rows = [
        (str(labels.name), plain_value(labels, at))
        for dim, at in index.items()
        for labels in moving(data, dim)
    ]
    meanings, value = meanings_of(data[name].attrs), read(name)
    shown = meanings.get(int(value), "-") if meanings and np.isfinite(value) else f"{value:.8g}"
    rows.append((name, shown))
    statuses = dict.fromkeys((STATUS.name, str(status_of(data, name).name)))
    rows += [(own.replace("_", " "), Status(int(read(own))).meaning) for own in statuses]
    method = int(read(METHOD.name)) if METHOD.name in data else 0
    if method in {int(each) for each in Method}:
        rows.append(("solved by", Method(method).name.lower().replace("_", " ")))
    if INTERPOLATED.name in data:
        told = meanings_of(data[INTERPOLATED.name].attrs)
        rows.append(("point", told[int(read(INTERPOLATED.name))]))
    if NOTE.name in data:
        rows.append(("note", Note(int(read(NOTE.name))).meaning))
    there = [own for own in (LEAK.name, *_EVIDENCE) if own in data and own != name]
    known = [own for own in there if set(data[own].dims) <= set(index)]
    return rows + [(own.replace("_", " "), f"{read(own):.3g}") for own in known]
