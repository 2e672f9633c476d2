"""Results over one axis of a map, drawn as lines over it."""

from collections.abc import Sequence
from itertools import cycle

import xarray as xr
from matplotlib.axes import Axes

from qthermo_jax.plotting.arrangement import Arrangement
from qthermo_jax.plotting.labels import along, label
from qthermo_jax.plotting.selection import PlotError
from qthermo_jax.plotting.variables import numbers_like


def line_over(
    data: xr.Dataset, chosen: xr.DataArray, other: xr.Dataset, name: str | None
) -> xr.DataArray:
    """The variable of another result that runs along one axis of a map, in the unit of the other.

    Raises:
        PlotError: it has none.
    """
    axes = other["status"].dims
    if len(axes) != 1 or axes[0] not in chosen.dims:
        either, given = " or ".join(map(str, chosen.dims)), ", ".join(map(str, axes)) or "none"
        raise PlotError(f"a line over this map has one axis, {either}; the result given has: {given}")
    (across,) = (str(dim) for dim in chosen.dims if dim != axes[0])
    fitting = numbers_like(other, along(data, across))
    found = [each for each in fitting if name in (None, each.name)]
    if not found:
        known = ", ".join(str(each.name) for each in fitting) or "none"
        raise PlotError(
            f"a line over this map is a number in the unit of {across}; the result given has: {known}"
        )
    return found[0]


def draw_over(canvas: Axes, arrangement: Arrangement, lines: Sequence[xr.DataArray]) -> None:
    """Lines over a map, which keeps its limits."""
    canvas.set(xlim=canvas.get_xlim(), ylim=canvas.get_ylim())
    for line, style in zip(lines, cycle(("--", ":", "-.")), strict=False):
        (axis,) = line.dims
        points = (line[axis], line) if axis == arrangement.x else (line, line[axis])
        canvas.plot(*points, ls=style, color="#E69F00", lw=2.0, label=label(line))
    canvas.legend(frameon=True)
