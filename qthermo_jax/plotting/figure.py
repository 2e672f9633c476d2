"""One variable of a sweep, drawn."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from qthermo_jax.plotting.arrangement import (
    PANELS,
    Arrangement,
    arrange,
    ascending,
    columns_of,
    placeless,
)
from qthermo_jax.plotting.curves import (
    INSIDE,
    curve_bar,
    draw_curves,
    draw_numbers,
    flag_mark,
    look_of,
    mark_flags,
    name_values,
)
from qthermo_jax.plotting.labels import along, entry_of, label
from qthermo_jax.plotting.maps import colour_bar, colours_of, draw_map, flag_patch, hatch_cells
from qthermo_jax.plotting.overlay import draw_over, line_over
from qthermo_jax.plotting.picture import Picture, headline, title_of, write_caption
from qthermo_jax.plotting.selection import PlotError
from qthermo_jax.plotting.several import plot_together
from qthermo_jax.plotting.style import SCALES, STYLE, scale_of
from qthermo_jax.plotting.variables import Flag, drawable, flags_of, numbers_like, pooled

# So many letters fit beside a panel that is one of several.
_PANEL_WIDTH = 24


def plot(
    data: xr.Dataset,
    variable: str | None = None,
    *,
    x: str | None = None,
    y: str | None = None,
    hue: str | None = None,
    lines: Sequence[tuple[xr.Dataset, str | None]] = (),
    beside: Sequence[xr.Dataset] = (),
    scale: str | None = None,
    title: bool = True,
    caption: bool = True,
) -> Picture:
    """Draw one variable of a sweep.

    A number over one axis is a curve, together with the other numbers of the same unit; over two axes
    it is a map, with the boundary where it crosses its neutral value. An array over one axis is one
    curve a value of the axis, against its own dimension (or, if it has fewer than five entries, one
    curve an entry). What has three dimensions becomes panels side by side that share their scales, at
    most twelve. Points without a result are hatched in maps and marked at the foot of curves, and
    what their status means stands below.

    Args:
        data: as `sweep` returns it or `open_result` reads it.
        variable: its name; default: the first that can be drawn.
        x, y: the dimensions that go to the right and upwards; with `y` it is a map.
        hue: the dimension of which each entry is one curve; the curves share a panel.
        lines: results to draw over the picture, each with the name of its variable. Over one axis of a
            map they give the value along the other; over curves they have the same axis and the unit
            of the values. Default: their first number in that unit.
        beside: further results with the same variable: their curves are drawn into the same panel, their
            maps beside the first. A legend says what tells the results apart.
        scale: of the values, "linear", "log" or "symlog", which is linear around 0; default: "log" where
            all are positive and half of them less than a thousandth of the largest.
        title: whether the sweep's title stands above, and what a selection fixed.
        caption: whether the model and its fixed parameters stand below.

    Raises:
        PlotError: no such variable, dimension or scale, too many dimensions, or a line or a further
            result that does not fit.
    """
    if scale is not None and scale not in SCALES:
        raise PlotError(f"scale {scale!r} is not one of {', '.join(SCALES)}")
    if beside:
        if lines:
            raise PlotError("lines are drawn over one result, not over several")
        words = {"title": title, "caption": caption}
        return plot_together([data, *beside], variable, x=x, y=y, hue=hue, scale=scale, **words)
    name, arrangement = _chosen(data, variable, x, y, hue)
    whole, data = data, ascending(data, arrangement)
    chosen = data[name]
    if lines and arrangement.panel is not None:
        raise PlotError(f"a line is drawn over one map or one panel of curves, and {name} has several")
    over = [(line_over(data, chosen, arrangement, other, own), other) for other, own in lines]
    together = _together(data, chosen, arrangement)
    scale = scale or scale_of(pooled(together), arrangement.y is not None)
    flags = _flags(data, together, scale)
    with mpl.rc_context(STYLE):
        figure, panels = _panels(data, arrangement)
        draw = _curves if arrangement.y is None else _maps
        draw(panels, data, chosen, arrangement, scale, flags)
        if over:
            draw_over(panels[0].canvas, arrangement, [line for line, _ in over])
        _entitle(figure, panels, data, chosen, arrangement, title)
        if caption:
            write_caption(figure, [data], title)
        handles: list[Artist]
        if arrangement.y is None:
            handles = [flag_mark(number, flag.text) for number, flag in enumerate(flags)]
        else:
            handles = [flag_patch(number, flag.text) for number, flag in enumerate(flags)]
        missing = placeless(whole, data)
        missing += [flag.text for line, other in over for flag in flags_of(other, line)]
        handles += [Line2D([], [], ls="none", label=text) for text in missing]
        if handles:
            figure.legend(handles=handles, loc="outside lower center", fontsize=7.0, labelcolor="0.25")
    return figure


def _together(data: xr.Dataset, chosen: xr.DataArray, arrangement: Arrangement) -> list[xr.DataArray]:
    """What a panel shows: a number over one axis stands with the others of its unit."""
    if arrangement.y is not None or chosen.dims != data["status"].dims or chosen.ndim != 1:
        return [chosen]
    return [chosen, *(each for each in numbers_like(data, chosen) if each.name != chosen.name)]


def _flags(data: xr.Dataset, together: list[xr.DataArray], scale: str) -> list[Flag]:
    """Why values are missing: of the first variable that a panel shows, and what others lack besides."""
    chosen, *others = together
    found = flags_of(data, chosen, scale)
    told = {flag.text for flag in found}
    for other in others:
        own = [flag for flag in flags_of(data, other, scale) if flag.text not in told]
        found += [replace(flag, text=f"{other.name}: {flag.text}") for flag in own]
    return found


def _chosen(
    data: xr.Dataset, variable: str | None, x: str | None, y: str | None, hue: str | None
) -> tuple[str, Arrangement]:
    """The variable that is drawn, and how; the first that can be if none is named."""
    names = drawable(data)
    if variable is not None and variable not in names:
        raise PlotError(f"variable {variable!r} is not one of {', '.join(names)}")
    refusals = []
    for name in [variable] if variable else names:
        try:
            return name, arrange(data, data[name], x, y, hue)
        except PlotError as refusal:
            refusals.append(refusal)
    raise refusals[0] if refusals else PlotError("there is no variable to draw")


@dataclass(frozen=True)
class _Panel:
    """One of the pictures of a figure, and what it shows of the panels' dimension."""

    canvas: Axes
    entry: dict[str, int]


def _panels(data: xr.Dataset, arrangement: Arrangement) -> tuple[Picture, list[_Panel]]:
    """One panel, or one for each value of a dimension; of many values, some."""
    if arrangement.panel is None:
        figure = Picture(figsize=(4.6, 3.4), dpi=200, layout="constrained")
        return figure, [_Panel(figure.add_subplot(), {})]
    size = data.sizes[arrangement.panel]
    shown = np.unique(np.linspace(0, size - 1, min(size, PANELS)).round().astype(int))
    columns = columns_of(len(shown))
    rows = math.ceil(len(shown) / columns)
    figure = Picture(figsize=(1.8 + 2.1 * columns, 1.4 + 1.9 * rows), dpi=200, layout="constrained")
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for unused in grid[len(shown) :]:
        unused.remove()
    for canvas, index in zip(grid, shown, strict=False):
        canvas.set_title(entry_of(data, arrangement.panel, int(index)), fontsize=9.0)
    pairs = zip(grid, shown, strict=False)
    return figure, [_Panel(canvas, {arrangement.panel: int(index)}) for canvas, index in pairs]


def _entitle(
    figure: Picture,
    panels: list[_Panel],
    data: xr.Dataset,
    chosen: xr.DataArray,
    arrangement: Arrangement,
    has_title: bool,
) -> None:
    """What the sweep is called and what was fixed; panels share their outer labels."""
    lines = headline(data) if has_title else []
    if arrangement.panel is None:
        panels[0].canvas.set_title(title_of(lines))
        return
    if len(panels) < (size := data.sizes[arrangement.panel]):
        lines.append(f"{len(panels)} of {size} values of {arrangement.panel}")
    figure.suptitle(title_of(lines))
    right = label(along(data, arrangement.x), _PANEL_WIDTH)
    up = label(along(data, arrangement.y) if arrangement.y else chosen, _PANEL_WIDTH)
    for number, panel in enumerate(panels):
        # The last of its column, although a row may follow that has no panel here.
        lowest = number + columns_of(len(panels)) >= len(panels)
        panel.canvas.tick_params(labelbottom=lowest)
        panel.canvas.set_xlabel(right if lowest else "", fontsize=9.0)
        panel.canvas.set_ylabel("" if number % columns_of(len(panels)) else up, fontsize=9.0)


def _maps(
    panels: list[_Panel],
    data: xr.Dataset,
    chosen: xr.DataArray,
    arrangement: Arrangement,
    scale: str,
    flags: list[Flag],
) -> None:
    colours = colours_of(chosen, scale)
    x, y = arrangement.x, str(arrangement.y)
    for panel in panels:
        mesh = draw_map(panel.canvas, data, chosen.isel(panel.entry), x, y, colours)
        for number, flag in enumerate(flags):
            hatch_cells(panel.canvas, data, flag.at(panel.entry).where, x, y, number)
    colour_bar([panel.canvas for panel in panels], mesh, chosen, colours)


def _curves(
    panels: list[_Panel],
    data: xr.Dataset,
    chosen: xr.DataArray,
    arrangement: Arrangement,
    scale: str,
    flags: list[Flag],
) -> None:
    x, look = arrangement.x, look_of(data, arrangement.x, arrangement.curve)
    canvases = [panel.canvas for panel in panels]
    for panel in panels:
        canvas, values = panel.canvas, chosen.isel(panel.entry)
        together = _together(data, chosen, arrangement)
        if chosen.dims == data["status"].dims and chosen.ndim == 1:
            drawn = draw_numbers(canvas, data, together, x)
        else:
            drawn = draw_curves(canvas, data, values, x, look)
        name_values(canvas, chosen, scale)
        told = drawn if len(panels) == 1 and not look.has_bar and (look.curve or len(drawn) > 1) else []
        told += mark_flags(canvas, data, [flag.at(panel.entry) for flag in flags], x, look)
        if len(told) > INSIDE:
            # A column beside the curves, which would lie under it.
            canvas.figure.legend(handles=told, loc="outside right upper")
        elif told:
            canvas.legend(handles=told)
    if look.has_bar:
        curve_bar(canvases, data, look)
    elif len(panels) > 1 and look.curve:
        handles = canvases[0].lines[: len(look.styles)]
        canvases[0].figure.legend(handles=handles, loc="outside right upper")
