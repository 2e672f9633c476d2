"""One variable of a sweep, drawn."""

import io
import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from qthermo_jax.plotting.arrangement import PANELS, Arrangement, arrange
from qthermo_jax.plotting.curves import (
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
from qthermo_jax.plotting.selection import PlotError
from qthermo_jax.plotting.style import SCALES, STYLE, natural_scale
from qthermo_jax.plotting.variables import Flag, drawable, flags_of, numbers_like

# Up to this many entries a legend finds room between the curves.
_INSIDE = 7
# So many letters fit beside a panel that is one of several.
_PANEL_WIDTH = 24


class Picture(Figure):
    """A figure that a notebook shows although pyplot does not know of it."""

    def _repr_png_(self) -> bytes:
        image = io.BytesIO()
        self.savefig(image, format="png")
        return image.getvalue()


def plot(
    data: xr.Dataset,
    variable: str | None = None,
    *,
    x: str | None = None,
    y: str | None = None,
    lines: Sequence[tuple[xr.Dataset, str | None]] = (),
    scale: str | None = None,
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
        lines: results to draw over a map, each with the name of its variable: over one axis of the map
            they give the value along the other. Default: their first number in the unit of that one.
        scale: of the values, "linear", "log" or "symlog", which is linear around 0; default: "log" where
            all are positive and half of them less than a thousandth of the largest.

    Raises:
        PlotError: no such variable, dimension or scale, too many dimensions, or a line that does not
            fit.
    """
    if scale is not None and scale not in SCALES:
        raise PlotError(f"scale {scale!r} is not one of {', '.join(SCALES)}")
    name, arrangement = _chosen(data, variable, x, y)
    for dim in filter(None, (arrangement.x, arrangement.y)):
        # Cells and lines go from each point to the next.
        if np.issubdtype(along(data, dim).dtype, np.number):
            data = data.isel({dim: np.argsort(along(data, dim).values, kind="stable")})
    chosen = data[name]
    if lines and (arrangement.y is None or arrangement.panel is not None):
        raise PlotError(f"a line is drawn over a map, and {name} is none")
    over = [(line_over(data, chosen, other, own), other) for other, own in lines]
    scale = scale or _scale_of(data, chosen, arrangement)
    flags = flags_of(data, chosen, scale)
    with mpl.rc_context(STYLE):
        figure, panels = _panels(data, arrangement)
        draw = _curves if arrangement.y is None else _maps
        draw(panels, data, chosen, arrangement, scale, flags)
        if over:
            draw_over(panels[0].canvas, arrangement, [line for line, _ in over])
        _entitle(figure, panels, data, chosen, arrangement)
        handles: list[Artist]
        if arrangement.y is None:
            handles = [flag_mark(number, flag.text) for number, flag in enumerate(flags)]
        else:
            handles = [flag_patch(number, flag.text) for number, flag in enumerate(flags)]
        missing = [flag.text for line, other in over for flag in flags_of(other, line)]
        handles += [Line2D([], [], ls="none", label=text) for text in missing]
        if handles:
            figure.legend(handles=handles, loc="outside lower center", fontsize=7.0, labelcolor="0.25")
    return figure


def _scale_of(data: xr.Dataset, chosen: xr.DataArray, arrangement: Arrangement) -> str:
    """The scale that shows most; colours on both sides of a neutral value stay linear."""
    if arrangement.y is not None:
        two_sided = bool((chosen < chosen.attrs.get("neutral", -np.inf)).any())
        return "linear" if two_sided else natural_scale(chosen.values)
    curves = numbers_like(data, chosen) if chosen.dims == data["status"].dims else [chosen]
    return natural_scale(np.concatenate([each.values.ravel() for each in curves]))


def _chosen(
    data: xr.Dataset, variable: str | None, x: str | None, y: str | None
) -> tuple[str, Arrangement]:
    """The variable that is drawn, and how; the first that can be if none is named."""
    names = drawable(data)
    if variable is not None and variable not in names:
        raise PlotError(f"variable {variable!r} is not one of {', '.join(names)}")
    refusals = []
    for name in [variable] if variable else names:
        try:
            return name, arrange(data, data[name], x, y)
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
    columns = _columns(len(shown))
    rows = math.ceil(len(shown) / columns)
    figure = Picture(figsize=(1.8 + 2.1 * columns, 1.4 + 1.9 * rows), dpi=200, layout="constrained")
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for unused in grid[len(shown) :]:
        unused.remove()
    for canvas, index in zip(grid, shown, strict=False):
        canvas.set_title(entry_of(data, arrangement.panel, int(index)), fontsize=9.0)
    pairs = zip(grid, shown, strict=False)
    return figure, [_Panel(canvas, {arrangement.panel: int(index)}) for canvas, index in pairs]


def _columns(panels: int) -> int:
    return panels if panels <= 3 else math.ceil(math.sqrt(panels))


def _entitle(
    figure: Picture,
    panels: list[_Panel],
    data: xr.Dataset,
    chosen: xr.DataArray,
    arrangement: Arrangement,
) -> None:
    """What the sweep is called and what was fixed; panels share their outer labels."""
    lines = [str(data.attrs.get("title", "")), ", ".join(data.attrs.get("selected", []))]
    if arrangement.panel is None:
        panels[0].canvas.set_title(_title(lines))
        return
    if len(panels) < (size := data.sizes[arrangement.panel]):
        lines.append(f"{len(panels)} of {size} values of {arrangement.panel}")
    figure.suptitle(_title(lines))
    right = label(along(data, arrangement.x), _PANEL_WIDTH)
    up = label(along(data, arrangement.y) if arrangement.y else chosen, _PANEL_WIDTH)
    for number, panel in enumerate(panels):
        # The last of its column, although a row may follow that has no panel here.
        lowest = number + _columns(len(panels)) >= len(panels)
        panel.canvas.tick_params(labelbottom=lowest)
        panel.canvas.set_xlabel(right if lowest else "", fontsize=9.0)
        panel.canvas.set_ylabel("" if number % _columns(len(panels)) else up, fontsize=9.0)


def _title(lines: list[str]) -> str:
    return "\n".join(textwrap.fill(line, 52) for line in lines if line)


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
        if chosen.dims == data["status"].dims:
            others = [each for each in numbers_like(data, chosen) if each.name != chosen.name]
            drawn = draw_numbers(canvas, data, [chosen, *others], x)
        else:
            drawn = draw_curves(canvas, data, values, x, look)
        name_values(canvas, chosen, scale)
        told = drawn if len(panels) == 1 and not look.has_bar and (look.curve or len(drawn) > 1) else []
        told += mark_flags(canvas, data, [flag.at(panel.entry) for flag in flags], x, look)
        if len(told) > _INSIDE:
            # A column beside the curves, which would lie under it.
            canvas.figure.legend(handles=told, loc="outside right upper")
        elif told:
            canvas.legend(handles=told)
    if look.has_bar:
        curve_bar(canvases, data, look)
    elif len(panels) > 1 and look.curve:
        handles = canvases[0].lines[: len(look.styles)]
        canvases[0].figure.legend(handles=handles, loc="outside right upper")
