"""Which part of a result is drawn."""

from collections.abc import Callable

import numpy as np
import xarray as xr

from qthermo_jax.plotting.labels import along, held_at
from qthermo_jax.sweeping.errors import SpecError


class PlotError(SpecError):
    """What was asked for cannot be drawn, in one line: bad input as well."""


def _nobody(_: str) -> None:
    """Listens to no remark."""


def select(data: xr.Dataset, *choices: str, tell: Callable[[str], object] = _nobody) -> xr.Dataset:
    """The result with some of its dimensions fixed; its attribute `selected` says at what.

    Args:
        choices: `NAME=VALUE` each: an axis or an observable's own dimension, or a parameter that moves
            along an axis, and one of its whole numbers or words, or, where it has floating-point
            numbers, what is nearest to one of them.
        tell: called with one line for each value that was taken although it is another one.

    Raises:
        PlotError: no such dimension or value.
    """
    for choice in choices:
        name, given, value = choice.partition("=")
        if not given:
            raise PlotError(f"select {choice}: takes NAME=VALUE")
        fixable = [*data.dims, *(each for each in data.coords if data[each].ndim == 1)]
        if name not in fixable:
            known = ", ".join(dict.fromkeys(map(str, fixable))) or "none left"
            raise PlotError(f"select {choice}: dimension {name!r} is not one of: {known}")
        labels = along(data, name)
        index = _position(labels, value, choice)
        taken = labels.values[index]
        if np.issubdtype(labels.dtype, np.floating) and not np.isclose(taken, float(value), atol=0.0):
            tell(f"select {choice}: took {name} = {taken:g}, the nearest there is")
        dimension = str(labels.dims[0])
        selected = [*data.attrs.get("selected", []), held_at(data, dimension, index)]
        data = data.isel({dimension: index}).assign_attrs(selected=selected)
    return data


def _position(labels: xr.DataArray, value: str, choice: str) -> int:
    if not np.issubdtype(labels.dtype, np.floating):
        words = [str(each) for each in labels.values]
        if value not in words:
            raise PlotError(f"select {choice}: {labels.name} is one of {', '.join(words)}")
        return words.index(value)
    low, high = np.nanmin(labels.values), np.nanmax(labels.values)
    try:
        number = float(value)
    except ValueError:
        raise PlotError(f"select {choice}: {value!r} is no number") from None
    if not low <= number <= high:
        raise PlotError(f"select {choice}: {labels.name} goes from {low:g} to {high:g}")
    return int(np.nanargmin(np.abs(labels.values - number)))
