"""A number over two dimensions, as colours."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colorbar import Colorbar
from matplotlib.patches import Patch, PathPatch
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator

from qthermo_jax.plotting.labels import along, label
from qthermo_jax.plotting.style import (
    FLAG_COLOUR,
    FLAG_HATCHES,
    LEGIBLE,
    is_geometric,
    linear_below,
    name_few_decades,
    name_x,
    reaches,
)
from qthermo_jax.results.schema import meanings_of

_BARE = "0.88"
# Of codes, one after the other (Paul Tol's light scheme, which the colour-blind tell apart).
_REGIONS = ("#dddddd", "#77aadd", "#44bb99", "#eedd88", "#ee8866", "#ffaabb", "#99ddff", "#bbcc33")

# A side of zero that is smaller than this part of the other is what is left of numbers that cancel.
_CANCELLED = 1e-9


@dataclass(frozen=True)
class Colours:
    """What a value looks like, in every panel alike.

    Attributes:
        boundary: the value that separates two regimes, where both are there: it gets a line.
        ticks: of the colour bar; None for matplotlib's.
        names: of the ticks, where they stand for something.
    """

    cmap: str | mpl.colors.Colormap
    norm: mpl.colors.Normalize
    boundary: float | None
    ticks: Sequence[float] | None
    names: Sequence[str] | None = None


def colours_of(chosen: xr.DataArray, scale: str) -> Colours:
    """Colours for all values of a variable.

    One-sided numbers go from dark to light; those on both sides of their neutral value, or of zero,
    diverge from there. Codes have a colour each.
    """
    if meanings := meanings_of(chosen.attrs):
        return _regions(chosen, meanings)
    known = chosen.values[np.isfinite(chosen.values)]
    known = known if known.size else np.array([0.0, 1.0])
    low, high = float(known.min()), float(known.max())
    neutral = float(chosen.attrs.get("neutral", math.nan))
    boundary = neutral if all(reaches(known, neutral)) else None
    extent = max(-low, high)
    signed = all(reaches(known, 0.0, _CANCELLED))
    if scale == "log":
        ends = (float(known[known > 0].min()), high) if high > 0.0 else (0.1, 1.0)
        return Colours("viridis", mpl.colors.LogNorm(*ends), boundary, None)
    if scale == "symlog":
        ends, cmap = ((-extent, extent), "RdBu") if signed else ((low, high), "viridis")
        return Colours(cmap, mpl.colors.SymLogNorm(linear_below(known), 1.0, *ends), boundary, None)
    if boundary is not None:
        # Each side fills its half of the colours: the weaker of two regimes stays visible.
        sides = ((low, boundary), (boundary, high))
        ticks = np.concatenate([MaxNLocator(4).tick_values(*side) for side in sides])
        inside = sorted({float(tick) for tick in ticks if low <= tick <= high})
        return Colours("RdBu", mpl.colors.TwoSlopeNorm(boundary, low, high), boundary, inside)
    if signed:
        return Colours("RdBu", mpl.colors.Normalize(-extent, extent), None, None)
    return Colours("viridis", mpl.colors.Normalize(low, high), None, None)


def _regions(chosen: xr.DataArray, meanings: dict[int, str]) -> Colours:
    """A colour for each code that is there, the same one in every picture."""
    there = [code for code in sorted(meanings) if (chosen == code).any()] or sorted(meanings)[:1]
    colours = [_REGIONS[sorted(meanings).index(code) % len(_REGIONS)] for code in there]
    edges = [there[0] - 0.5, *(code + 0.5 for code in there)]
    middles = [(low + high) / 2 for low, high in pairwise(edges)]
    cmap = mpl.colors.ListedColormap(colours)
    norm = mpl.colors.BoundaryNorm(edges, len(there))
    return Colours(cmap, norm, None, middles, [meanings[code] for code in there])


def draw_map(
    canvas: Axes, data: xr.Dataset, values: xr.DataArray, x: str, y: str, colours: Colours
) -> QuadMesh:
    """One map; cells without a value stay bare."""
    right, up = along(data, x), along(data, y)
    grid = values.transpose(y, x).values
    canvas.set_facecolor(_BARE)
    edges = edges_of(right), edges_of(up)
    mesh = canvas.pcolormesh(*edges, grid, cmap=colours.cmap, norm=colours.norm, rasterized=True)
    if colours.boundary is not None and min(grid.shape) > 1:
        points = positions_of(right), positions_of(up)
        canvas.contour(*points, grid, levels=[colours.boundary], colors="black", linewidths=1.2)
    name_x(canvas, right)
    canvas.set_ylabel(label(up))
    if is_geometric(up.values):
        canvas.set_yscale("log")
        name_few_decades(canvas.yaxis, up.values)
    for labels, axis in ((right, canvas.xaxis), (up, canvas.yaxis)):
        if not np.issubdtype(labels.dtype, np.floating) and labels.size <= 2 * LEGIBLE:
            axis.set_ticks(positions_of(labels), [str(each) for each in labels.values])
            axis.set_minor_locator(mpl.ticker.NullLocator())
    return mesh


def colour_bar(
    canvases: Sequence[Axes], mesh: QuadMesh, chosen: xr.DataArray, colours: Colours
) -> Colorbar:
    """The one bar of all maps."""
    bar = canvases[0].figure.colorbar(mesh, ax=list(canvases), label=label(chosen))
    if colours.ticks is not None:
        bar.set_ticks(colours.ticks, labels=colours.names)
    return bar


def flag_patch(number: int, text: str) -> Patch:
    """What the cells of the reason of that number look like, for a legend."""
    style: dict[str, Any] = {"facecolor": _BARE, "edgecolor": FLAG_COLOUR, "linewidth": 0.4}
    return Patch(**style, hatch=_hatch(number), label=text)


def hatch_cells(
    canvas: Axes, data: xr.Dataset, where: xr.DataArray, x: str, y: str, number: int
) -> None:
    """Hatch the cells of one reason, all of them as one patch."""
    flagged = where.transpose(y, x).values
    right, up = edges_of(along(data, x)), edges_of(along(data, y))
    # Cells that touch in a row are one rectangle.
    steps = np.diff(np.pad(flagged, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    (rows, starts), (_, stops) = np.nonzero(steps == 1), np.nonzero(steps == -1)
    if not rows.size:
        return
    corners = [
        (right[starts], up[rows]),
        (right[stops], up[rows]),
        (right[stops], up[rows + 1]),
        (right[starts], up[rows + 1]),
        (right[starts], up[rows]),
    ]
    vertices = np.stack([np.stack(corner, axis=-1) for corner in corners], axis=1).reshape(-1, 2)
    codes = [Path.MOVETO, *[Path.LINETO] * 3, Path.CLOSEPOLY] * rows.size
    cells = PathPatch(Path(vertices, codes), facecolor="none", edgecolor=FLAG_COLOUR, linewidth=0.0)
    cells.set_hatch(_hatch(number))
    canvas.add_patch(cells)


def _hatch(number: int) -> str:
    return FLAG_HATCHES[number % len(FLAG_HATCHES)]


def positions_of(labels: xr.DataArray) -> np.ndarray:
    """Where the points of a dimension stand: words one after the other."""
    numeric = np.issubdtype(labels.dtype, np.number)
    return labels.values.astype(float) if numeric else np.arange(labels.size, dtype=float)


def edges_of(labels: xr.DataArray) -> np.ndarray:
    """Where the cells of a dimension end: halfway between its points."""
    points = positions_of(labels)
    if points.size == 1:
        return np.array([points[0] - 0.5, points[0] + 0.5])
    geometric = is_geometric(points)
    points = np.log(points) if geometric else points
    between = (points[1:] + points[:-1]) / 2
    ends = 2 * points[0] - between[0], 2 * points[-1] - between[-1]
    edges = np.array([ends[0], *between, ends[1]])
    return np.exp(edges) if geometric else edges
