"""A number over one dimension, as curves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from qthermo_jax.plotting.arrangement import FEW
from qthermo_jax.plotting.labels import along, entry_of, in_parts, label
from qthermo_jax.plotting.style import (
    CATEGORIES,
    DASHES,
    FLAG_COLOUR,
    FLAG_MARKS,
    LEGIBLE,
    MARKERS,
    linear_below,
    name_x,
    norm_of,
)
from qthermo_jax.plotting.variables import Flag
from qthermo_jax.results.schema import meanings_of

_RAMP = "viridis"
# Up to this many entries a legend finds room between the curves.
INSIDE = 7
# Of the curves of a panel that are flagged from end to end so many are named.
_NAMED = 4
# The ramp without its palest end.
_LIGHTEST = 0.92


@dataclass(frozen=True)
class Look:
    """How the curves of a picture, one for each entry of a dimension, are told apart.

    Attributes:
        curve: the dimension; None for one curve alone.
        styles: of each curve, as matplotlib takes it, its name in the legend among it.
        has_bar: too many for a legend: a colour bar says which is which.
    """

    curve: str | None
    styles: list[dict[str, Any]]
    has_bar: bool = False


def look_of(data: xr.Dataset, x: str, curve: str | None) -> Look:
    """Few entries of an observable's own dimension differ in colour and dashes, others in shades."""
    words = not np.issubdtype(along(data, x).dtype, np.number)
    # Words have no order that a line could follow.
    line = {"ls": "none"} if words else {"ls": "-"}
    if curve is None:
        return Look(None, [{**line, "color": mpl.colormaps[_RAMP](0.0), "marker": "o"}])
    entries = along(data, curve).values
    ordered = np.issubdtype(entries.dtype, np.number)
    few = entries.size <= LEGIBLE or not ordered
    if curve not in data["status"].dims and entries.size <= FEW:
        looks: list[dict[str, Any]] = [
            {"color": colour, "ls": dash} for colour, dash in zip(CATEGORIES, DASHES, strict=False)
        ]
    else:
        heights = np.linspace(0.0, _LIGHTEST, entries.size)
        if not few:
            heights = _LIGHTEST * np.asarray(norm_of(entries)(entries))
        looks = [{"color": colour} for colour in mpl.colormaps[_RAMP](heights)]
    marked = words or (few and curve in data["status"].dims)
    styles = [
        {
            **line,
            **looks[index],
            **({"marker": MARKERS[index % len(MARKERS)]} if marked else {}),
            **({"ls": "none"} if words else {}),
            "label": entry_of(data, curve, index),
        }
        for index in range(entries.size)
    ]
    return Look(curve, styles, has_bar=not few)


def draw_curves(
    canvas: Axes, data: xr.Dataset, values: xr.DataArray, x: str, look: Look
) -> list[Line2D]:
    """One panel; the curves that have a value at all."""
    at, drawn = along(data, x), []
    for index, style in enumerate(look.styles):
        one = values.isel({look.curve: index}) if look.curve else values
        (line,) = canvas.plot(*in_parts(at, at, one), **style)
        if np.isfinite(one).any():
            drawn.append(line)
    name_x(canvas, at)
    if np.issubdtype(at.dtype, np.integer) and at.size <= 2 * LEGIBLE:
        canvas.set_xticks(at)
    return drawn


def draw_numbers(canvas: Axes, data: xr.Dataset, together: list[xr.DataArray], x: str) -> list[Line2D]:
    """Numbers of one unit over one axis; a closed form is a line behind those that were computed."""
    at, drawn = along(data, x), []
    for number, array in enumerate(together):
        style: dict[str, Any] = {
            "color": CATEGORIES[number % len(CATEGORIES)],
            "ls": DASHES[number % len(DASHES)],
            "label": label(array),
        }
        if source := array.attrs.get("source"):
            style = {"color": "0.3", "lw": 1.0, "zorder": 1, "label": source}
        elif at.size <= 4 * LEGIBLE and any(other.attrs.get("source") for other in together):
            style |= {"marker": MARKERS[number % len(MARKERS)], "ls": "none"}
        drawn += canvas.plot(*in_parts(at, at, array), **style)
    name_x(canvas, at)
    return drawn


def name_values(canvas: Axes, chosen: xr.DataArray, scale: str) -> None:
    """The label and the scale upwards; codes by what they stand for."""
    canvas.set_ylabel(label(chosen))
    if meanings := meanings_of(chosen.attrs):
        canvas.set_yticks(list(meanings), labels=list(meanings.values()))
        return
    canvas.set_yscale(scale, **({"linthresh": linear_below(chosen.values)} if scale == "symlog" else {}))


def curve_bar(canvases: list[Axes], data: xr.Dataset, look: Look) -> None:
    """The colour bar of curves that are too many for a legend."""
    values = along(data, str(look.curve))
    ramp = mpl.colors.ListedColormap(mpl.colormaps[_RAMP](np.linspace(0.0, _LIGHTEST, 256)))
    shades = mpl.cm.ScalarMappable(norm_of(values.values), ramp)
    canvases[0].figure.colorbar(shades, ax=canvases, label=label(values))


def flag_mark(number: int, text: str) -> Line2D:
    """What stands for the reason of that number, for a legend."""
    mark = FLAG_MARKS[number % len(FLAG_MARKS)]
    return Line2D([], [], color=FLAG_COLOUR, marker=mark, ls="none", label=text)


def mark_flags(
    canvas: Axes, data: xr.Dataset, flags: Sequence[Flag], x: str, look: Look, first: int = 0
) -> list[Line2D]:
    """Mark at the foot of a panel where values are missing, each reason at a height of its own.

    Args:
        first: number of the first reason, where others are marked in the panel already.

    Returns:
        for a legend, the curves that one reason leaves out from end to end, the first few of them.
    """
    at, gone = along(data, x), []
    for number, flag in enumerate(flags, first):
        where = foot = flag.where
        if look.curve is not None:
            whole = where.all(x)
            foot = (where & ~whole).any(look.curve)
            indices = np.flatnonzero(whole)
            gone += [flag_mark(number, look.styles[index]["label"]) for index in indices[:_NAMED]]
            if indices.size > _NAMED:
                gone.append(flag_mark(number, f"and {indices.size - _NAMED} more"))
        if flag.by_scale:
            continue
        points = at.values[foot.values]
        style: dict[str, Any] = {
            "color": FLAG_COLOUR,
            "marker": FLAG_MARKS[number % len(FLAG_MARKS)],
            "ls": "none",
        }
        height = np.full(points.size, 0.03 + 0.05 * number)
        canvas.plot(points, height, transform=canvas.get_xaxis_transform(), **style)
    return gone
