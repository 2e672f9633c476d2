"""Which dimension of a variable goes where in a picture."""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from qthermo_jax.plotting.labels import along
from qthermo_jax.plotting.selection import PlotError

# Up to this many entries are told apart as curves, or in one glance.
FEW = 4
# Up to this many panels are drawn; of more values, some.
PANELS = 12


@dataclass(frozen=True)
class Arrangement:
    """What each dimension is drawn as.

    Attributes:
        x: to the right.
        y: upwards, in a map; None for curves, which have the values there.
        curve: one curve for each of its entries.
        panel: one picture for each of its entries.
    """

    x: str
    y: str | None = None
    curve: str | None = None
    panel: str | None = None


def arrange(
    data: xr.Dataset,
    chosen: xr.DataArray,
    x: str | None = None,
    y: str | None = None,
    hue: str | None = None,
) -> Arrangement:
    """The picture of a variable with one to three dimensions.

    Two axes of the sweep make a map, an axis and a dimension of the observable's own make curves: over
    the own one where it has more than four entries (a profile), else over the axis. What is left of
    three dimensions makes panels.

    Args:
        x, y: dimensions that shall go to the right and upwards; with `y` it is a map.
        hue: the dimension of which each entry is one curve of a panel; there is no map then.

    Raises:
        PlotError: no such dimension, or too many or too few of them.
    """
    dims = [str(dim) for dim in chosen.dims]
    _check(chosen, dims, x, y, hue)
    axes = [dim for dim in dims if dim in data["status"].dims]
    if len(dims) == 1:
        return Arrangement(dims[0])
    if hue is not None:
        return _with_hue(chosen.sizes, dims, axes, x, hue)
    panel = None
    if len(dims) == 3:
        panel = _panel(chosen.sizes, dims, axes, x, y)
        dims.remove(panel)
    given = next((dim for dim in (x, y) if dim is not None), None)
    if y is not None or len(set(dims) & set(axes)) != 1:
        # The first dimension goes upwards.
        y = y or next(dim for dim in dims if dim != given)
        return Arrangement(next(dim for dim in dims if dim != y), y=y, panel=panel)
    (axis,) = set(dims) & set(axes)
    (own,) = set(dims) - {axis}
    x = given or (axis if chosen.sizes[own] <= FEW else own)
    return Arrangement(x, curve=own if x == axis else axis, panel=panel)


def ascending(data: xr.Dataset, arrangement: Arrangement) -> xr.Dataset:
    """The same with the numbers of its axes in order: cells and lines go from each point to the next.

    Those that are not finite are left out, since they have no place along an axis.
    """
    for dim in filter(None, (arrangement.x, arrangement.y)):
        values = along(data, dim).values
        if np.issubdtype(values.dtype, np.number):
            order = np.argsort(values, kind="stable")
            data = data.isel({dim: order[np.isfinite(values[order])]})
    return data


def placeless(data: xr.Dataset, drawn: xr.Dataset) -> list[str]:
    """In words, what `ascending` left out."""
    lost = {dim: data.sizes[dim] - drawn.sizes[dim] for dim in data.sizes}
    return [
        f"{number} of the values of {dim}: not finite, which no axis can show"
        for dim, number in lost.items()
        if number
    ]


def columns_of(panels: int) -> int:
    """How many panels stand in a row."""
    return panels if panels <= 3 else math.ceil(math.sqrt(panels))


def _with_hue(
    sizes: Mapping[Hashable, int], dims: list[str], axes: list[str], x: str | None, hue: str
) -> Arrangement:
    """Curves over the longest of the sweep's other axes, unless another dimension is asked for."""
    free = [dim for dim in dims if dim != hue]
    x = x or max(free, key=lambda dim: (dim in axes, sizes[dim]))
    return Arrangement(x, curve=hue, panel=next((dim for dim in free if dim != x), None))


def _check(chosen: xr.DataArray, dims: list[str], x: str | None, y: str | None, hue: str | None) -> None:
    over = " x ".join(dims) or "one number"
    if not 1 <= len(dims) <= 3:
        hint = "; --select fixes a dimension" if dims else ""
        raise PlotError(
            f"drawn are variables over one, two or three dimensions, not {chosen.name} ({over}){hint}"
        )
    for option, name in (("x", x), ("y", y), ("hue", hue)):
        if name is not None and name not in dims:
            raise PlotError(f"{option} {name!r} is not a dimension of {chosen.name}: {', '.join(dims)}")
    if y is not None and len(dims) == 1:
        raise PlotError(f"y {y!r}: a map takes two dimensions, and {chosen.name} has one: {dims[0]}")
    if hue is not None and len(dims) == 1:
        raise PlotError(
            f"hue {hue!r}: several curves take two dimensions, and {chosen.name} has one: {dims[0]}"
        )
    if hue is not None and y is not None:
        raise PlotError(f"hue {hue!r} and y {y!r}: hue draws curves, and y draws a map")
    if hue is not None and x == hue:
        raise PlotError(f"x and hue are both {x!r}; {chosen.name} has the dimensions {', '.join(dims)}")
    if x is not None and x == y:
        raise PlotError(f"x and y are both {x!r}; {chosen.name} has the dimensions {', '.join(dims)}")


def _panel(
    sizes: Mapping[Hashable, int],
    dims: list[str],
    axes: list[str],
    x: str | None,
    y: str | None,
) -> str:
    """The dimension whose entries are pictures of their own."""
    free = [dim for dim in dims if dim not in (x, y)]
    own = [dim for dim in free if dim not in axes]
    shortest = min((dim for dim in free if dim in axes), key=lambda dim: sizes[dim], default=None)
    if y is None and len(axes) == 2 and own and sizes[own[0]] > FEW and shortest is not None:
        # Profiles over one axis stay readable beside each other where the other is short.
        return shortest if sizes[shortest] <= FEW else own[0]
    return own[-1] if own else free[-1]
