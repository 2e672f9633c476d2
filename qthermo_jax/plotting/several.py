"""The same variable of several results in one picture: curves in one panel, maps side by side."""

import math
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import xarray as xr
from matplotlib.artist import Artist

from qthermo_jax.plotting.arrangement import PANELS, Arrangement, arrange, ascending, columns_of
from qthermo_jax.plotting.curves import (
    INSIDE,
    Look,
    draw_curves,
    flag_mark,
    look_of,
    mark_flags,
    name_values,
)
from qthermo_jax.plotting.labels import plain, unit_along
from qthermo_jax.plotting.maps import colour_bar, colours_of, draw_map, flag_patch, hatch_cells
from qthermo_jax.plotting.picture import (
    Picture,
    headline,
    names_of,
    title_of,
    write_caption,
)
from qthermo_jax.plotting.selection import PlotError
from qthermo_jax.plotting.style import CATEGORIES, DASHES, MARKERS, STYLE, scale_of
from qthermo_jax.plotting.variables import Flag, drawable, flags_of, pooled


def plot_together(
    results: Sequence[xr.Dataset],
    variable: str | None,
    *,
    x: str | None,
    y: str | None,
    hue: str | None,
    scale: str | None,
    title: bool,
    caption: bool,
) -> Picture:
    """Draw one variable of several results; the arguments are those of `plot`.

    Raises:
        PlotError: they have no variable over the same dimensions and in the same unit, or too many
            curves or maps to tell apart.
    """
    names = [plain(name) for name in names_of(results)]
    name, arrangement = _common(results, names, variable, x, y, hue)
    results = [ascending(data, arrangement) for data in results]
    picked = [headline(data)[1] for data in results]
    if len(set(picked)) > 1:
        names = [f"{whose}, {own}" if own else whose for whose, own in zip(names, picked, strict=True)]
    scale = scale or scale_of(pooled([data[name] for data in results]), arrangement.y is not None)
    flags = [flags_of(data, data[name], scale) for data in results]
    draw = _curves if arrangement.y is None else _maps
    with mpl.rc_context(STYLE):
        figure, marks = draw(results, names, name, arrangement, scale, flags)
        if title:
            heads = zip(*map(headline, results), strict=True)
            figure.suptitle(title_of([own[0] for own in heads if len(set(own)) == 1]))
        if caption:
            write_caption(figure, results, title)
        if marks:
            figure.legend(handles=marks, loc="outside lower center", fontsize=7.0, labelcolor="0.25")
    return figure


def _common(
    results: Sequence[xr.Dataset],
    names: Sequence[str],
    variable: str | None,
    x: str | None,
    y: str | None,
    hue: str | None,
) -> tuple[str, Arrangement]:
    """The first variable that all results have over the same dimensions, and how it is drawn."""
    listed = [drawable(data) for data in results]
    for name, own in zip(names, listed, strict=True):
        if variable is not None and variable not in own:
            raise PlotError(f"variable {variable!r} of {name} is not one of {', '.join(own)}")
    shared_names = [name for name in listed[0] if all(name in own for own in listed)]
    if not shared_names:
        has = "; ".join(f"{name} has {', '.join(own)}" for name, own in zip(names, listed, strict=True))
        raise PlotError(f"the results have no variable in common: {has}")
    refusals = []
    for name in [variable] if variable else shared_names:
        try:
            return name, _arranged(results, names, name, x, y, hue)
        except PlotError as refusal:
            refusals.append(refusal)
    raise refusals[0]


def _arranged(
    results: Sequence[xr.Dataset],
    names: Sequence[str],
    name: str,
    x: str | None,
    y: str | None,
    hue: str | None,
) -> Arrangement:
    """The arrangement of the first result, which fits the others."""
    first = results[0]
    found = arrange(first, first[name], x, y, hue)
    if found.panel is not None:
        raise PlotError(
            f"of several results {name} is drawn over one or two dimensions, not over "
            f"{' x '.join(map(str, first[name].dims))}; --select fixes a dimension"
        )
    for data, whose in zip(results[1:], names[1:], strict=True):
        here, there = (
            " x ".join(sorted(map(str, own[name].dims))) or "one number" for own in (first, data)
        )
        if here != there:
            raise PlotError(f"{name} runs over {here} in {names[0]}, and over {there} in {whose}")
        picked = [str(each) for each in first.coords if not first[each].dims and each in data.coords]
        for each in (*filter(None, (found.x, found.y)), name, *picked):
            ours, theirs = (unit_along(own, each) for own in (first, data))
            if ours != theirs:
                raise PlotError(f"{each} has the unit {ours} in {names[0]}, and {theirs} in {whose}")
    return found


# A figure, and what stands for the reasons of missing values, for a legend.
Drawn = tuple[Picture, list[Artist]]


def _curves(
    results: Sequence[xr.Dataset],
    names: Sequence[str],
    name: str,
    arrangement: Arrangement,
    scale: str,
    flags: Sequence[list[Flag]],
) -> Drawn:
    """One panel; the entries of a dimension differ in colour, and the results in dashes."""
    figure = Picture(figsize=(4.6, 3.4), dpi=200, layout="constrained")
    canvas, told = figure.add_subplot(), []
    marks: list[Artist] = []
    for number, (data, whose) in enumerate(zip(results, names, strict=True)):
        look = _look(data, arrangement, whose, number)
        told += draw_curves(canvas, data, data[name], arrangement.x, look)
        told += mark_flags(canvas, data, flags[number], arrangement.x, look, len(marks))
        marks += [
            flag_mark(len(marks) + at, f"{whose}: {flag.text}") for at, flag in enumerate(flags[number])
        ]
    name_values(canvas, pooled([data[name] for data in results]), scale)
    if len(told) > INSIDE:
        figure.legend(handles=told, loc="outside right upper")
    elif told:
        canvas.legend(handles=told)
    return figure, marks


def _look(data: xr.Dataset, arrangement: Arrangement, whose: str, number: int) -> Look:
    look = look_of(data, arrangement.x, arrangement.curve)
    if look.has_bar:
        raise PlotError(
            f"{len(look.styles)} curves of each result cannot be told apart; --select fixes {look.curve}"
        )
    if look.curve is None:
        style = look.styles[0] | {"color": CATEGORIES[number % len(CATEGORIES)], "label": whose}
        return Look(None, [_dashed(style, number)])
    styles = [style | {"label": f"{style['label']}, {whose}"} for style in look.styles]
    return Look(look.curve, [_dashed(style, number) for style in styles])


def _dashed(style: dict[str, Any], number: int) -> dict[str, Any]:
    """The style of a curve of the result of that number."""
    # Where colours begin anew dashes are others.
    dashes = DASHES[(number + number // len(CATEGORIES)) % len(DASHES)]
    shown = style["ls"] if style["ls"] == "none" else dashes
    return style | {"ls": shown, "marker": MARKERS[number % len(MARKERS)]}


def _maps(
    results: Sequence[xr.Dataset],
    names: Sequence[str],
    name: str,
    arrangement: Arrangement,
    scale: str,
    flags: Sequence[list[Flag]],
) -> Drawn:
    """One panel for each result; all of them share their colours."""
    if len(results) > PANELS:
        raise PlotError(f"{len(results)} maps: at most {PANELS} are drawn in one picture")
    columns = columns_of(len(results))
    rows = math.ceil(len(results) / columns)
    figure = Picture(figsize=(1.6 + 2.8 * columns, 0.9 + 2.6 * rows), dpi=200, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for unused in grid[len(results) :]:
        unused.remove()
    canvases = list(grid[: len(results)])
    marks: list[Artist] = []
    together = pooled([data[name] for data in results])
    colours = colours_of(together, scale)
    x, y = arrangement.x, str(arrangement.y)
    for canvas, data, whose, reasons in zip(canvases, results, names, flags, strict=True):
        mesh = draw_map(canvas, data, data[name], x, y, colours)
        canvas.set_title(whose, fontsize=9.0)
        for flag in reasons:
            hatch_cells(canvas, data, flag.where, x, y, len(marks))
            marks.append(flag_patch(len(marks), f"{whose}: {flag.text}"))
    for at, canvas in enumerate(canvases):
        # The panels of a row share the label on their left, those of a column the one at its foot.
        canvas.set_ylabel("" if at % columns else canvas.get_ylabel())
        canvas.set_xlabel("" if at + columns < len(canvases) else canvas.get_xlabel())
    colour_bar(canvases, mesh, together, colours)
    return figure, marks
