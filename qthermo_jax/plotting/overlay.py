"""Results over one axis, drawn as lines over a map or over curves."""

from collections.abc import Sequence
from itertools import cycle
from typing import Any

import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from qthermo_jax.plotting.arrangement import Arrangement
from qthermo_jax.plotting.labels import along, in_parts, label, plain
from qthermo_jax.plotting.picture import names_of
from qthermo_jax.plotting.selection import PlotError
from qthermo_jax.plotting.variables import numbers_like
from qthermo_jax.sweeping.spec.units import conversion, known_unit

_COLOUR = "#E69F00"


def line_over(
    data: xr.Dataset,
    chosen: xr.DataArray,
    arrangement: Arrangement,
    other: xr.Dataset,
    name: str | None,
) -> xr.DataArray:
    """The variable of another result that is a line in a picture.

    Over a map it runs along one axis, in the unit of the other, or is a line that was followed in the
    plane of both; over curves it runs along their axis, in the unit of their values. Without a name it
    is the first that fits; over curves the variable that they show comes first. Its coordinates are
    converted to the units of the picture's axes.

    Returns:
        the variable; if it is the one that the curves show, its name says what tells the results apart.

    Raises:
        PlotError: it has none.
    """
    picture = "these curves" if arrangement.y is None else "this map"
    possible = [dim for dim in (arrangement.x, arrangement.y) if dim is not None]
    other = _in_units_of(data, other, possible)
    if _lies_in(arrangement, other):
        return other[arrangement.y].assign_attrs(
            long_name=plain(str(other.attrs.get("title", ""))), symbol="", units=""
        )
    axes = other["status"].dims
    if len(axes) != 1 or axes[0] not in possible:
        either = " or ".join(map(str, (dim for dim in chosen.dims if dim in possible)))
        given = ", ".join(map(str, axes)) or "none"
        raise PlotError(f"a line over {picture} has one axis, {either}; the result given has: {given}")
    like, unit = chosen, str(chosen.name)
    if arrangement.y is not None:
        (unit,) = (dim for dim in possible if dim != axes[0])
        like = along(data, unit)
    fitting = sorted(numbers_like(other, like), key=lambda each: each.name != chosen.name)
    found = [each for each in fitting if name in (None, each.name)]
    if not found:
        known = ", ".join(str(each.name) for each in fitting) or "none"
        raise PlotError(
            f"a line over {picture} is a number in the unit of {unit}; the result given has: {known}"
        )
    own = found[0].name == chosen.name
    return (
        found[0].assign_attrs(long_name=plain(names_of([data, other])[1]), symbol="", units="")
        if own
        else found[0]
    )


def _in_units_of(data: xr.Dataset, other: xr.Dataset, names: Sequence[str]) -> xr.Dataset:
    """A result with some of its coordinates in the units that they have in another one."""
    for name in names:
        if name not in data.coords or name not in other.coords:
            continue
        given, wanted = units = [str(each[name].attrs.get("units", "")) for each in (other, data)]
        have_size = [known_unit(unit) is not None for unit in units]
        if all(have_size):
            attrs = other[name].attrs | {"units": wanted}
            converted = other[name] * conversion(given, wanted)
            other = other.assign_coords({name: converted.assign_attrs(attrs)})
        elif given != wanted and (any(have_size) or all(units)):
            told = f"{given or 'no unit'} in the line given and {wanted or 'no unit'} in the picture"
            raise PlotError(f"{name} has {told}")
    return other


def _lies_in(arrangement: Arrangement, other: xr.Dataset) -> bool:
    """Whether a result is over places in the plane of a map, as that of a [root] is."""
    axes = other["status"].dims
    plane = (arrangement.x, arrangement.y)
    return len(axes) == 1 and all(dim in other.coords and other[dim].dims == axes for dim in plane)


def draw_over(canvas: Axes, arrangement: Arrangement, lines: Sequence[xr.DataArray]) -> None:
    """Lines over a map, which keeps its limits, or over curves."""
    kept = canvas.get_legend()
    handles: list[Artist] = [each for each in kept.legend_handles if each] if kept else []
    texts = [text.get_text() for text in kept.get_texts()] if kept else []
    named = [line for line in canvas.lines if not str(line.get_label()).startswith("_")]
    if kept is None and len(named) == 1:
        handles, texts = [*named], [str(named[0].get_label())]
    if arrangement.y is not None:
        canvas.set(xlim=canvas.get_xlim(), ylim=canvas.get_ylim())
    for line, style in zip(lines, cycle(("--", ":", "-.")), strict=False):
        (axis,) = line.dims
        points: tuple[Any, Any]
        if axis in (arrangement.x, arrangement.y):
            ordered = line.sortby(axis)
            points = ordered[axis], ordered
            points = points if axis == arrangement.x else points[::-1]
        else:
            points = in_parts(line[axis], line[arrangement.x], line)
        handles += canvas.plot(*points, ls=style, color=_COLOUR, lw=2.0)
        texts.append(label(line))
    canvas.legend(handles, texts, frameon=True)
