"""One variable of a sweep, drawn."""

import math
from collections.abc import Sequence
from itertools import cycle
from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from qthermo_jax.plotting.selection import PlotError
from qthermo_jax.plotting.words import along, label, value_of
from qthermo_jax.steady import Status

SCALES = ("linear", "log", "symlog")

# Okabe and Ito's colours, which stay apart for colour-blind readers; yellow, too pale on white, last.
_CATEGORIES = [
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
    "#F0E442",
]
_MARKERS = "os^Dv<>p"
_DASHES = ("-", "--", "-.", ":")
_STYLE: Any = {
    "font.size": 9.0,
    "axes.labelsize": 10.0,
    "axes.titlesize": 10.0,
    "legend.fontsize": 8.0,
    "legend.frameon": False,
    "lines.linewidth": 1.3,
    "lines.markersize": 4.0,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "mathtext.fontset": "cm",
}
_FEW = 4
_LEGIBLE = 10


def _is_about_the_solve(array: xr.DataArray) -> bool:
    """Whether a variable says how a point was solved, not what came out."""
    return array.name in ("status", "method", "note", "leak") or str(array.name).startswith("status_d_")


def plot(
    data: xr.Dataset,
    variable: str | None = None,
    *,
    lines: Sequence[tuple[xr.Dataset, str | None]] = (),
    scale: str = "linear",
) -> Figure:
    """Draw one variable of a sweep.

    A number over one axis is a curve, together with the other numbers of the same unit; an array
    over one axis is one curve a value of the axis, against its own dimension (or, if it has fewer
    than five entries, one curve an entry); a number over two axes is a map, with the boundary where
    it crosses its neutral value. Points without a result are left out, and counted below.

    Args:
        data: as `sweep` returns it or `xarray.open_dataset` reads it.
        variable: its name; default: the first that can be drawn.
        lines: results to draw over a map, each with the name of its variable: over one axis of the map
            they give the value along the other. Default: their first number in the unit of that one.
        scale: of the values, "linear", "log" or "symlog", which is linear around 0.

    Raises:
        PlotError: no such variable, too many dimensions, or a line that does not fit.
    """
    axes = data["status"].dims
    names = [str(name) for name in data.data_vars if not _is_about_the_solve(data[name])]
    if variable is not None and variable not in names:
        raise PlotError(f"variable {variable!r} is not one of {', '.join(names)}")
    drawable = [name for name in names if _shape(data[name], len(axes)) in _PAINTERS]
    if not drawable or (variable is not None and variable not in drawable):
        asked = [variable] if variable else names
        shapes = ", ".join(f"{name} ({' x '.join(map(str, data[name].dims))})" for name in asked)
        raise PlotError(
            f"drawn are numbers over one or two axes and arrays over one axis, not {shapes}; "
            "--select fixes a dimension"
        )
    chosen = data[variable or drawable[0]]
    shape = _shape(chosen, len(axes))
    if lines and shape != _MAP:
        raise PlotError(f"a line is drawn over a map, and {chosen.name} is none")
    over = [_line(data, chosen, other, name) for other, name in lines]
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(4.6, 3.4), dpi=200, layout="constrained")
        canvas = figure.add_subplot()
        _PAINTERS[shape](canvas, data, chosen, scale)
        if over:
            _draw_over(canvas, chosen, over)
        titles = [str(data.attrs.get("title", "")), ", ".join(data.attrs.get("selected", []))]
        canvas.set_title("\n".join(filter(None, titles)))
        _count_missing(figure, chosen, [data["status"], *(other["status"] for other, _ in lines)])
    return figure


def _shape(array: xr.DataArray, n_axes: int) -> tuple[int, int]:
    """Number of axes of the sweep and number of own dimensions."""
    return n_axes, array.ndim - n_axes


def _of_unit(data: xr.Dataset, like: xr.DataArray) -> list[xr.DataArray]:
    """The numbers of a sweep, one a point, that have the unit of another number."""
    unit = like.attrs.get("units")
    found = (data[name] for name in data.data_vars if not _is_about_the_solve(data[name]))
    return [
        each for each in found if each.dims == data["status"].dims and each.attrs.get("units") == unit
    ]


def _scalars(canvas: Axes, data: xr.Dataset, chosen: xr.DataArray, scale: str) -> None:
    """Numbers over one axis: every one that shares the chosen one's unit."""
    x = along(data, str(chosen.dims[0]))
    together = [chosen, *(each for each in _of_unit(data, chosen) if each.name != chosen.name)]
    for number, array in enumerate(together):
        colour = _CATEGORIES[number % len(_CATEGORIES)]
        if source := array.attrs.get("source"):
            canvas.plot(x, array, "-", color="0.3", lw=1.0, zorder=1, label=source)
        else:
            style: dict[str, Any] = {"marker": _MARKERS[number % len(_MARKERS)], "ls": "none"}
            if x.size > 4 * _LEGIBLE or not any(a.attrs.get("source") for a in together):
                style = {"ls": "-"}
            canvas.plot(x, array, color=colour, label=label(array), **style)
    if len(together) > 1:
        canvas.legend()
    _name_x(canvas, x)
    _name_values(canvas, chosen, scale)


def _profiles(canvas: Axes, data: xr.Dataset, chosen: xr.DataArray, scale: str) -> None:
    """An array over one axis, or over none."""
    own = str(chosen.dims[-1])
    axis = str(chosen.dims[0]) if chosen.ndim == 2 else None
    if axis is not None and chosen.sizes[own] <= _FEW:
        x = along(data, axis)
        for index in range(chosen.sizes[own]):
            curve, entry = chosen.isel({own: index}), f"{own} {data[own].values[index]}"
            canvas.plot(x, curve, color=_CATEGORIES[index], ls=_DASHES[index], label=entry)
        _name_x(canvas, x)
        canvas.legend()
    else:
        _curves_by_value(canvas, data, chosen, own, axis)
        canvas.set_xlabel(label(data[own]))
    _name_values(canvas, chosen, scale)


def _curves_by_value(
    canvas: Axes, data: xr.Dataset, chosen: xr.DataArray, own: str, axis: str | None
) -> None:
    """One curve a value of the axis, coloured in order: a legend where it can be read, else a bar."""
    x = data[own].values
    values = along(data, axis).values if axis else np.zeros(1)
    few = values.size <= _LEGIBLE
    heights = np.linspace(0.0, 0.92, values.size) if few else 0.92 * _norm_of(values)(values)
    words = not np.issubdtype(x.dtype, np.number)
    for index, colour in enumerate(mpl.colormaps["viridis"](heights)):
        curve = chosen.isel({axis: index}) if axis else chosen
        entry = value_of(data, axis, index) if axis else None
        marker = _MARKERS[index % len(_MARKERS)] if few or words else None
        # Words have no order that a line could follow.
        canvas.plot(x, curve, color=colour, marker=marker, ls="none" if words else "-", label=entry)
    if np.issubdtype(x.dtype, np.integer) and x.size <= 2 * _LEGIBLE:
        canvas.set_xticks(x)
    if axis and few:
        canvas.legend()
    elif axis:
        ramp = mpl.colors.ListedColormap(mpl.colormaps["viridis"](np.linspace(0.0, 0.92, 256)))
        shades = mpl.cm.ScalarMappable(_norm_of(values), ramp)
        canvas.figure.colorbar(shades, ax=canvas, label=label(along(data, axis)))


def _map(canvas: Axes, data: xr.Dataset, chosen: xr.DataArray, scale: str) -> None:
    """A number over two axes; the first axis upwards."""
    x, y = along(data, str(chosen.dims[1])), along(data, str(chosen.dims[0]))
    values = chosen.values
    known = values[np.isfinite(values)]
    neutral = float(chosen.attrs.get("neutral", math.nan))
    crosses = known.size > 0 and known.min() < neutral < known.max()
    two_sided = crosses and scale == "linear"
    style: dict[str, Any] = {"cmap": "viridis"}
    if two_sided:
        # Each side fills its half of the colours: the weaker of two regimes stays visible.
        norm = mpl.colors.TwoSlopeNorm(neutral, known.min(), known.max())
        style = {"cmap": "RdBu", "norm": norm}
    elif scale == "log" and (known > 0).any():
        style["norm"] = mpl.colors.LogNorm()
    elif scale == "symlog":
        style["norm"] = mpl.colors.SymLogNorm(_linear_below(known))
    canvas.set_facecolor("0.8")
    mesh = canvas.pcolormesh(x, y, values, shading="nearest", rasterized=True, **style)
    bar = canvas.figure.colorbar(mesh, ax=canvas, label=label(chosen))
    if crosses:
        canvas.contour(x, y, values, levels=[neutral], colors="black", linewidths=1.2)
    if two_sided:
        sides = ((known.min(), neutral), (neutral, known.max()))
        ticks = np.concatenate([MaxNLocator(4).tick_values(*side) for side in sides])
        bar.set_ticks(sorted({float(t) for t in ticks if known.min() <= t <= known.max()}))
    _name_x(canvas, x)
    canvas.set_ylabel(label(y))
    if _is_geometric(y.values):
        canvas.set_yscale("log")


def _line(data: xr.Dataset, chosen: xr.DataArray, other: xr.Dataset, name: str | None) -> xr.DataArray:
    """The variable of another result that runs along one axis of a map, in the unit of the other."""
    axes = other["status"].dims
    if len(axes) != 1 or axes[0] not in chosen.dims:
        either, given = " or ".join(map(str, chosen.dims)), ", ".join(map(str, axes)) or "none"
        raise PlotError(f"a line over this map has one axis, {either}; the result given has: {given}")
    (across,) = (str(dim) for dim in chosen.dims if dim != axes[0])
    fitting = _of_unit(other, along(data, across))
    found = [each for each in fitting if name in (None, each.name)]
    if not found:
        known = ", ".join(str(each.name) for each in fitting) or "none"
        raise PlotError(
            f"a line over this map is a number in the unit of {across}; the result given has: {known}"
        )
    return found[0]


def _draw_over(canvas: Axes, chosen: xr.DataArray, lines: Sequence[xr.DataArray]) -> None:
    """Lines over a map, which keeps its limits."""
    canvas.set(xlim=canvas.get_xlim(), ylim=canvas.get_ylim())
    for line, style in zip(lines, cycle(("--", ":", "-.")), strict=False):
        (axis,) = line.dims
        points = (line[axis], line) if axis == chosen.dims[1] else (line, line[axis])
        canvas.plot(*points, ls=style, color="#E69F00", lw=2.0, label=label(line))
    canvas.legend(frameon=True)


def _name_x(canvas: Axes, x: xr.DataArray) -> None:
    canvas.set_xlabel(label(x))
    if _is_geometric(x.values):
        canvas.set_xscale("log")


def _name_values(canvas: Axes, chosen: xr.DataArray, scale: str) -> None:
    canvas.set_ylabel(label(chosen))
    canvas.set_yscale(
        scale, **({"linthresh": _linear_below(chosen.values)} if scale == "symlog" else {})
    )


def _linear_below(values: np.ndarray) -> float:
    """The size above which a symlog scale is logarithmic: nine of ten values."""
    sizes = np.abs(values[np.isfinite(values) & (values != 0.0)])
    return float(np.quantile(sizes, 0.1)) if sizes.size else 1.0


def _norm_of(values: np.ndarray) -> mpl.colors.Normalize:
    """Colours along an axis."""
    norm = mpl.colors.LogNorm if _is_geometric(values) else mpl.colors.Normalize
    return norm(values.min(), values.max())


def _is_geometric(values: np.ndarray) -> bool:
    if values.size < 3 or not (values > 0).all():
        return False
    ratios = values[1:] / values[:-1]
    return bool(np.allclose(ratios, ratios[0]) and not math.isclose(ratios[0], 1.0))


def _count_missing(figure: Figure, chosen: xr.DataArray, statuses: Sequence[xr.DataArray]) -> None:
    all_codes = np.concatenate([status.values.ravel() for status in statuses])
    codes, counts = np.unique(all_codes[all_codes != Status.OK], return_counts=True)
    reasons = [f"{n} {Status(c).meaning}" for c, n in zip(codes, counts, strict=True)]
    if empty := int((~np.isfinite(chosen) & (statuses[0] == Status.OK)).sum()):
        reasons.append(f"{empty} without a finite value")
    if reasons:
        figure.supxlabel(f"not shown: {'; '.join(reasons)}", fontsize=7, color="0.35")


_MAP = (2, 0)
_PAINTERS = {(1, 0): _scalars, (1, 1): _profiles, (0, 1): _profiles, _MAP: _map}
