"""Which part of a result is drawn."""

import numpy as np
import xarray as xr

from qthermo_jax.plotting.words import along, value_of
from qthermo_jax.sweeping.errors import SpecError


class PlotError(SpecError):
    """What was asked for cannot be drawn, in one line: bad input as well."""


def select(data: xr.Dataset, *choices: str) -> xr.Dataset:
    """The result with some of its dimensions fixed; its attribute `selected` says at what.

    Args:
        choices: `NAME=VALUE` each: an axis or an observable's own dimension, and one of its whole
            numbers or words, or, where it has floating-point numbers, what is nearest to one of them.

    Raises:
        PlotError: no such dimension or value.
    """
    for choice in choices:
        name, given, value = choice.partition("=")
        if not given:
            raise PlotError(f"--select {choice}: takes NAME=VALUE")
        if name not in data.dims:
            known = ", ".join(map(str, data.dims)) or "none left"
            raise PlotError(f"--select {choice}: dimension {name!r} is not one of: {known}")
        index = _position(along(data, name), value, choice)
        selected = [*data.attrs.get("selected", []), value_of(data, name, index)]
        data = data.isel({name: index}).assign_attrs(selected=selected)
    return data


def _position(labels: xr.DataArray, value: str, choice: str) -> int:
    if not np.issubdtype(labels.dtype, np.floating):
        words = [str(each) for each in labels.values]
        if value not in words:
            raise PlotError(f"--select {choice}: {labels.name} is one of {', '.join(words)}")
        return words.index(value)
    low, high = labels.values.min(), labels.values.max()
    try:
        number = float(value)
    except ValueError:
        raise PlotError(f"--select {choice}: {value!r} is no number") from None
    if not low <= number <= high:
        raise PlotError(f"--select {choice}: {labels.name} goes from {low:g} to {high:g}")
    return int(np.abs(labels.values - number).argmin())
