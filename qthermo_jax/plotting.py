"""Pictures of a sweep: curves for one axis, a map for two."""

import math
from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from qthermo_jax.steady import Status

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


class PlotError(ValueError):
    """What was asked for cannot be drawn, in one line."""


def _is_about_the_solve(array: xr.DataArray) -> bool:
    """Whether a variable says how a point was solved, not what came out."""
    return array.name in ("status", "method", "note", "leak") or str(array.name).startswith("status_d_")


def plot(data: xr.Dataset, variable: str | None = None) -> Figure:
    """Draw one variable of a sweep.

    A number over one axis is a curve, together with the other numbers of the same unit; an array
    over one axis is one curve a value of the axis, against its own dimension (or, if it has fewer
    than five entries, one curve an entry); a number over two axes is a map, with the boundary where
    it crosses its neutral value. Points without a result are left out, and counted below.

    Args:
        data: as `sweep` returns it or `xarray.open_dataset` reads it.
        variable: its name; default: the first that can be drawn.

    Raises:
        PlotError: no such variable, or too many dimensions.
    """
    axes = data["status"].dims
    names = [str(name) for name in data.data_vars if not _is_about_the_solve(data[name])]
    if variable is not None and variable not in names:
        raise PlotError(f"variable {variable!r} is not one of {', '.join(names)}")
    drawable = [name for name in names if _shape(data[name], len(axes)) in _PAINTERS]
    if not drawable or (variable is not None and variable not in drawable):
        shapes = ", ".join(f"{name} ({' x '.join(map(str, data[name].dims))})" for name in names)
        raise PlotError(f"drawn are numbers over one or two axes and arrays over one axis, not {shapes}")
    chosen = data[variable or drawable[0]]
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(4.6, 3.4), dpi=200, layout="constrained")
        canvas = figure.add_subplot()
        _PAINTERS[_shape(chosen, len(axes))](canvas, data, chosen)
        if title := str(data.attrs.get("title", "")):
            canvas.set_title(title)
        _count_flagged(figure, data["status"])
    return figure


def _shape(array: xr.DataArray, n_axes: int) -> tuple[int, int]:
    """Number of axes of the sweep and number of own dimensions."""
    return n_axes, array.ndim - n_axes


def _label(array: xr.DataArray, *, words: bool = True) -> str:
    """`long name  symbol (unit)`, or without the words."""
    symbol = array.attrs.get("symbol", "")
    long_name = array.attrs.get("long_name") or ("" if symbol else str(array.name))
    parts = [long_name if words or not symbol else "", f"${symbol}$" if symbol else ""]
    parts.append(f"({unit})" if (unit := _unit(array)) else "")
    return " ".join(part for part in parts if part)


def _unit(array: xr.DataArray) -> str:
    """The unit as mathtext, nothing for a pure number; a unit of one letter is set as a symbol."""
    unit, _, power = str(array.attrs.get("units", "1")).partition("^")
    if unit in ("1", ""):
        return ""
    symbol = unit if len(unit) == 1 else rf"\mathrm{{{unit}}}"
    return f"${symbol}^{{{power}}}$" if power else f"${symbol}$"


def _name(array: xr.DataArray) -> str:
    return f"${array.attrs['symbol']}$" if array.attrs.get("symbol") else str(array.name)


def _along(data: xr.Dataset, axis: str) -> xr.DataArray:
    """What the points of an axis are labelled with."""
    return (
        data[axis]
        if axis in data.coords
        else xr.DataArray(np.arange(data.sizes[axis]), dims=axis, name=axis)
    )


def _legend_entry(data: xr.Dataset, axis: str, index: int) -> str:
    """`g = 0.1`; for parameters that move together without a coordinate of their own, all of them."""
    coordinate = _along(data, axis)
    moving = [data[name] for name in data.coords if data[name].dims == (axis,)]
    counted = not coordinate.attrs and len(moving) > 1
    shown = [each for each in moving if each.name != axis] if counted else [coordinate]
    return ", ".join(f"{_name(each)} = {each.values[index]:.4g} {_unit(each)}".strip() for each in shown)


def _scalars(canvas: Axes, data: xr.Dataset, chosen: xr.DataArray) -> None:
    """Numbers over one axis: every one that shares the chosen one's unit."""
    (axis,) = chosen.dims
    x = _along(data, str(axis))
    unit = chosen.attrs.get("units")
    together = [chosen] + [
        data[name]
        for name in data.data_vars
        if name != chosen.name
        and not _is_about_the_solve(data[name])
        and data[name].dims == chosen.dims
        and data[name].attrs.get("units") == unit
    ]
    for number, array in enumerate(together):
        colour = _CATEGORIES[number % len(_CATEGORIES)]
        if source := array.attrs.get("source"):
            canvas.plot(x, array, "-", color="0.3", lw=1.0, zorder=1, label=source)
        else:
            style: dict[str, Any] = {"marker": _MARKERS[number % len(_MARKERS)], "ls": "none"}
            if x.size > 4 * _LEGIBLE or not any(a.attrs.get("source") for a in together):
                style = {"ls": "-"}
            canvas.plot(x, array, color=colour, label=_label(array), **style)
    canvas.set_xlabel(_label(x))
    if len(together) > 1:
        canvas.legend()
    canvas.set_ylabel(_label(chosen))


def _profiles(canvas: Axes, data: xr.Dataset, chosen: xr.DataArray) -> None:
    """An array over one axis, or over none."""
    own = str(chosen.dims[-1])
    axis = str(chosen.dims[0]) if chosen.ndim == 2 else None
    if axis is not None and chosen.sizes[own] <= _FEW:
        x = _along(data, axis)
        for index in range(chosen.sizes[own]):
            entry = f"{own} {data[own].values[index]}"
            canvas.plot(x, chosen.isel({own: index}), color=_CATEGORIES[index], label=entry)
        canvas.set_xlabel(_label(x))
        canvas.legend()
    else:
        _curves_by_value(canvas, data, chosen, own, axis)
        canvas.set_xlabel(_label(data[own]))
    canvas.set_ylabel(_label(chosen))


def _curves_by_value(
    canvas: Axes, data: xr.Dataset, chosen: xr.DataArray, own: str, axis: str | None
) -> None:
    """One curve a value of the axis, coloured in order: a legend where it can be read, else a bar."""
    x = data[own].values
    n = data.sizes[axis] if axis else 1
    ramp = mpl.colormaps["viridis"](np.linspace(0.0, 0.92, n))
    for index in range(n):
        curve = chosen.isel({axis: index}) if axis else chosen
        entry = _legend_entry(data, axis, index) if axis else None
        marker = _MARKERS[index % len(_MARKERS)] if n <= _LEGIBLE else None
        canvas.plot(x, curve, color=ramp[index], marker=marker, label=entry)
    if np.issubdtype(x.dtype, np.integer) and x.size <= 2 * _LEGIBLE:
        canvas.set_xticks(x)
    if axis and n <= _LEGIBLE:
        canvas.legend()
    elif axis:
        values = _along(data, axis)
        shades = mpl.cm.ScalarMappable(
            mpl.colors.Normalize(float(values[0]), float(values[-1])),
            mpl.colors.ListedColormap(ramp),
        )
        canvas.figure.colorbar(shades, ax=canvas, label=_label(values))


def _map(canvas: Axes, data: xr.Dataset, chosen: xr.DataArray) -> None:
    """A number over two axes; the first axis upwards."""
    x, y = _along(data, str(chosen.dims[1])), _along(data, str(chosen.dims[0]))
    values = chosen.values
    known = values[np.isfinite(values)]
    neutral = float(chosen.attrs.get("neutral", math.nan))
    crosses = known.size > 0 and known.min() < neutral < known.max()
    scale: dict[str, Any] = {"cmap": "viridis"}
    if crosses:
        # Each side fills its half of the colours: the weaker of two regimes stays visible.
        norm = mpl.colors.TwoSlopeNorm(neutral, known.min(), known.max())
        scale = {"cmap": "RdBu", "norm": norm}
    canvas.set_facecolor("0.8")
    mesh = canvas.pcolormesh(x, y, values, shading="nearest", rasterized=True, **scale)
    bar = canvas.figure.colorbar(mesh, ax=canvas, label=_label(chosen))
    if crosses:
        canvas.contour(x, y, values, levels=[neutral], colors="black", linewidths=1.2)
        sides = ((known.min(), neutral), (neutral, known.max()))
        ticks = np.concatenate([MaxNLocator(4).tick_values(*side) for side in sides])
        bar.set_ticks(sorted({float(t) for t in ticks if known.min() <= t <= known.max()}))
    canvas.set(xlabel=_label(x), ylabel=_label(y))
    for coordinate, log in ((x, canvas.set_xscale), (y, canvas.set_yscale)):
        if _is_geometric(coordinate.values):
            log("log")


def _is_geometric(values: np.ndarray) -> bool:
    if values.size < 3 or not (values > 0).all():
        return False
    ratios = values[1:] / values[:-1]
    return bool(np.allclose(ratios, ratios[0]) and not math.isclose(ratios[0], 1.0))


def _count_flagged(figure: Figure, status: xr.DataArray) -> None:
    codes, counts = np.unique(status.values[status.values != Status.OK], return_counts=True)
    if codes.size:
        reasons = "; ".join(f"{n} {Status(c).meaning}" for c, n in zip(codes, counts, strict=True))
        figure.supxlabel(f"not shown: {reasons}", fontsize=7, color="0.35")


_PAINTERS = {(1, 0): _scalars, (1, 1): _profiles, (0, 1): _profiles, (2, 0): _map}
