"""A variable over one dimension, as curves, of one result or of two."""

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from bokeh.events import MouseMove
from bokeh.layouts import row
from bokeh.models import ColumnDataSource, DataRange1d, HoverTool, Range1d, Row
from bokeh.models.annotations import Legend, LegendItem
from bokeh.plotting import figure

from qthermo_jax.plotting import flags_of
from qthermo_jax.plotting.labels import along, plain_label, plain_values
from qthermo_jax.plotting.style import CATEGORIES, is_geometric
from qthermo_jax.viewer.reading import MOST_OF_CURVES, Part, Result, nearest_number, part_of

# The marks of the reasons why there is no value: Bokeh's name, and how a text writes it.
_MARKS = {"x": "\u00d7", "cross": "+", "triangle": "\u25b3", "square": "\u25a1", "diamond": "\u25c7"}
_DASHES = ("solid", "dashed")

# Called with the point that the pointer is at: its position along each dimension, of each result.
Tell = Callable[[Sequence[Mapping[str, int]]], None]


class Curves:
    """The pictures of one variable.

    Args:
        results: one or two.
        name: of the variable.
        x, curve: the dimension along the x axis, and the one of which each entry is a curve.
        scale: of the values, linear or log.
        beside: a second result has a picture of its own; otherwise its curves are dashed in the first.
        suffix: of the names of the sources, one of several variables.
        tell: hears which point is under the pointer.

    Attributes:
        root: what the browser shows.
        canvases: one for each result, or one for both.
        lines, points, flags: what is drawn of each result.
    """

    def __init__(
        self,
        results: Sequence[Result],
        name: str,
        x: str,
        curve: str | None,
        scale: str,
        *,
        beside: bool,
        suffix: str,
        tell: Tell,
    ) -> None:
        self._results, self._name, self._x, self._curve, self._scale = results, name, x, curve, scale
        self._tell, self._beside = tell, beside
        self._parts: list[Part] = []
        self._at: Sequence[Mapping[str, int]] = []
        self._pointed: tuple[int, ...] = ()
        ends = [suffix + ("" if number == 0 else " second") for number in range(len(results))]
        self.lines, self.points, self.flags = (
            [ColumnDataSource(name=f"{kind}{end}") for end in ends]
            for kind in ("lines", "points", "flags")
        )
        heights = DataRange1d()
        self.canvases = canvases = [self._figure(results[0], heights)]
        if beside and len(results) > 1:
            canvases.append(self._figure(results[1], heights))
            canvases[1].x_range = canvases[0].x_range
        drawn = [self._draw_into(canvases[min(n, len(canvases) - 1)], n) for n in range(len(results))]
        heights.renderers = drawn
        for canvas in canvases:
            canvas.legend[0].visible = curve is not None or len(results) > len(canvases)
            canvas.on_event(MouseMove, self._pointer_moved)
        self.root: Row = row(*canvases, sizing_mode="stretch_width")

    def _figure(self, result: Result, heights: DataRange1d) -> figure:
        at = along(result.data, self._x)
        words = not np.issubdtype(at.dtype, np.number)
        options: dict[str, Any] = {"y_axis_type": self._scale}
        options |= {"x_range": plain_values(at)} if words else {}
        canvas = figure(
            name="picture",
            title=(result.label or None) if self._beside else None,
            height=460,
            sizing_mode="stretch_width",
            x_axis_type="log" if is_geometric(np.sort(at.values)) else "auto",
            x_axis_label=plain_label(at),
            y_axis_label=plain_label(result.data[self._name]),
            y_range=heights,
            tools="pan,wheel_zoom,box_zoom,reset,save",
            **options,
        )
        canvas.toolbar.logo = None
        canvas.add_layout(Legend(), "right")
        canvas.extra_y_ranges = {"foot": Range1d(start=0.0, end=1.0)}
        return canvas

    def _draw_into(self, canvas: figure, number: int) -> Any:
        """The renderers of one result; the points, which the range of the values follows."""
        style: dict[str, Any] = {"color": "colour", "source": self.points[number]}
        points = canvas.scatter("x", "y", size=5, **style)
        style = {"color": "colour", "line_dash": _DASHES[number], "source": self.lines[number]}
        lines: Any = canvas.multi_line("x", "y", line_width=2, **style)
        # An item for each result: the names of the curves stand in sources of their own.
        canvas.legend[0].items.append(LegendItem(label={"field": "name"}, renderers=[lines]))
        # The foot of the picture, whatever the values are.
        style = {"marker": "mark", "y_range_name": "foot", "source": self.flags[number]}
        marks = canvas.scatter("x", "height", size=9, color="black", fill_alpha=0.0, **style)
        value = [("", "@name"), (self._x, "@x"), (self._name, "@y{0.000000e+0}")]
        canvas.add_tools(
            HoverTool(renderers=[points], tooltips=value),
            HoverTool(renderers=[marks], tooltips=[(self._x, "@x"), ("", "@reason")]),
        )
        return points

    def refresh(self, at: Sequence[Mapping[str, int]]) -> list[str]:
        """Read what the sliders point at, and show it.

        Args:
            at: of each result, the positions of the dimensions that are fixed.

        Returns:
            notes: what was left out, and why there are points without a value.
        """
        self._at, self._pointed = at, ()
        most = {self._x: MOST_OF_CURVES}
        self._parts = [
            part_of(result.data, self._name, own, most, self._curve)
            for result, own in zip(self._results, at, strict=True)
        ]
        told = []
        for number, (result, part) in enumerate(zip(self._results, self._parts, strict=True)):
            self._draw(result, part, number)
            told += [result.told(note) for note in [*part.notes, *self._mark(part, number)]]
        return told

    def _draw(self, result: Result, part: Part, number: int) -> None:
        at = _positions(along(part.data, self._x))
        if self._curve is None:
            names, rows = [result.label or self._name], [part.values.values]
        else:
            labels = plain_values(along(part.data, self._curve))
            names = [f"{self._curve} = {value}" for value in labels]
            names = [", ".join(filter(None, (name, result.label))) for name in names]
            rows = list(part.values.transpose(self._curve, self._x).values)
        colours = _colours(len(names), ordered=self._curve in part.data["status"].dims)
        if self._curve is None:
            colours = [CATEGORIES[number]]
        self.lines[number].data = {"x": [at] * len(rows), "y": rows, "name": names, "colour": colours}
        self.points[number].data = {
            "x": np.concatenate([at] * len(rows)),
            "y": np.concatenate(rows),
            "name": np.repeat(names, len(at)),
            "colour": np.repeat(colours, len(at)),
        }

    def _mark(self, part: Part, number: int) -> list[str]:
        """Mark where there is no value; the reasons, each with its mark."""
        columns: dict[str, list[Any]] = {key: [] for key in ("x", "height", "mark", "reason")}
        told = []
        marks = cycle(_MARKS.items())
        for height, (flag, (mark, sign)) in enumerate(
            zip(flags_of(part.data, part.values, self._scale), marks, strict=False)
        ):
            where = flag.where.any([dim for dim in flag.where.dims if dim != self._x]).values
            columns["x"] += list(_positions(along(part.data, self._x))[where])
            added = len(columns["x"]) - len(columns["mark"])
            columns["height"] += [0.03 + 0.05 * height] * added
            columns["mark"] += [mark] * added
            columns["reason"] += [flag.text] * added
            told.append(f"{sign} {flag.text}")
        self.flags[number].data = columns
        return told

    def _pointer_moved(self, event: Any) -> None:
        """Tell of the point of the nearest curve at the nearest value along x."""
        if event.x is None or event.y is None:
            return
        indices: list[dict[str, int]] = []
        for part, fixed in zip(self._parts, self._at, strict=True):
            labels = along(part.data, self._x)
            across = position_at(labels, event.x)
            index = {**fixed, self._x: int(part.positions[self._x][across])}
            if self._curve is not None:
                values = part.values.isel({self._x: across}).values
                distances = np.where(np.isfinite(values), np.abs(values - event.y), np.inf)
                index[self._curve] = int(part.positions[self._curve][distances.argmin()])
            indices.append(index)
        key = tuple(at for index in indices for at in index.values())
        if key != self._pointed:
            self._pointed = key
            self._tell(indices)


def position_at(labels: xr.DataArray, place: float) -> int:
    """The value along an axis that a place in the picture belongs to; words are one apart."""
    if not np.issubdtype(labels.dtype, np.number):
        return int(np.clip(np.floor(place), 0, labels.size - 1))
    return nearest_number(labels.values, place)


def _positions(labels: xr.DataArray) -> np.ndarray:
    """Where the points of a dimension stand."""
    numeric = np.issubdtype(labels.dtype, np.number)
    return labels.values if numeric else np.array(plain_values(labels))


def _colours(number: int, *, ordered: bool) -> list[str]:
    """Shades for the values of an axis, colours that stay apart for other entries."""
    if number <= len(CATEGORIES) and not ordered:
        return CATEGORIES[:number]
    shades = mpl.colormaps["viridis"](np.linspace(0.0, 0.92, number))
    return [mpl.colors.to_hex(shade) for shade in shades]
