"""The page of one result: choices and sliders on the left, curves on the right."""

from html import escape
from itertools import cycle
from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from bokeh.layouts import column, row
from bokeh.models import Column, ColumnDataSource, DataRange1d, HoverTool, Range1d
from bokeh.models.ui import UIElement
from bokeh.models.widgets import CategoricalSlider, Div, Select
from bokeh.plotting import figure

from qthermo_jax.plotting import PlotError, drawable, flags_of, status_of
from qthermo_jax.plotting.labels import along, plain_label, plain_values
from qthermo_jax.plotting.style import CATEGORIES, is_geometric

# One curve an entry up to this many; of more, some from the first to the last.
_CURVES = 10
_ONE = "one curve"
_CONTROLS = 320
# The marks of the reasons why there is no value: Bokeh's name, and how a text writes it.
_MARKS = {"x": "\u00d7", "cross": "+", "triangle": "\u25b3", "square": "\u25a1", "diamond": "\u25c7"}


class Page:
    """The models of one browser tab, and what happens when one of them is moved.

    Args:
        data: a result as `open_result` returns it. What the curves show is read from it when it is
            shown, so that a result larger than the memory can be looked at.

    Attributes:
        root: what the browser shows.
        observable, x, curves: the choices of a variable, of the dimension to the right, and of the one
            that has a curve for each of its entries.
        scale: of the values, linear or logarithmic.
        sliders: by name, those of all other dimensions.
        lines, points: what is drawn, curve by curve and point by point.
        flags: marks at the foot of the picture where there is no value.
        notes: what stands below: how many points have no value, and why.

    Raises:
        PlotError: the result has no variable with a dimension.
    """

    def __init__(self, data: xr.Dataset) -> None:
        self._data = data
        names = [name for name in drawable(data) if data[name].ndim]
        if not names:
            raise PlotError("the result is one point of numbers: there is nothing to move")
        named: list[Any] = [(name, f"{name}: {plain_label(data[name])}") for name in names]
        self.observable = Select(title="observable", name="observable", options=named, value=names[0])
        self.x = Select(title="to the right", name="x")
        self.curves = Select(title="a curve for each", name="curves")
        scales: list[Any] = ["linear", "log"]
        self.scale = Select(title="scale", name="scale", options=scales, value=scales[0])
        self.sliders: dict[str, CategoricalSlider] = {}
        self.lines = ColumnDataSource(name="lines")
        self.points = ColumnDataSource(name="points")
        self.flags = ColumnDataSource(name="flags")
        self.notes = Div(name="notes")
        self._controls = column(width=_CONTROLS)
        self._picture = column(sizing_mode="stretch_width")
        title = Div(text=f"<h2>{escape(str(data.attrs.get('title', '')))}</h2>")
        below = row(self._controls, self._picture, sizing_mode="stretch_width")
        self.root: Column = column(title, below, sizing_mode="stretch_width", margin=16)
        for choice in (self.observable, self.x, self.curves, self.scale):
            choice.width = _CONTROLS - 20
            choice.on_change("value", lambda attr, old, new: self._rebuild())
        self._dims: list[str] = []
        self._settling = False
        self._rebuild()

    @property
    def _variable(self) -> xr.DataArray:
        variable: xr.DataArray = self._data[self.observable.value]
        return variable

    def _rebuild(self) -> None:
        """Choices and sliders that fit the variable, and a picture with its axes."""
        if self._settling:
            return
        self._settling = True  # what is set here calls back, too
        dims = [str(dim) for dim in self._variable.dims]
        x = self.x.value if self.x.value in dims else dims[0]
        others = [dim for dim in dims if dim != x]
        # A choice stays while it fits; at first each of the observable's own entries is a curve.
        own = [dim for dim in others if dim not in self._data["status"].dims]
        curves = self.curves.value
        if dims != self._dims or curves not in (_ONE, *others):
            curves = next(iter(own), _ONE)
        named = {dim: plain_label(along(self._data, dim)) for dim in dims}
        self.x.update(options=list(named.items()), value=x)
        self.curves.update(options=[(_ONE, _ONE), *((dim, named[dim]) for dim in others)], value=curves)
        left = [dim for dim in others if dim != curves and self._data.sizes[dim] > 1]
        self.sliders = {dim: self._slider(dim) for dim in left}
        choices: list[UIElement] = [self.observable, self.x, self.curves, self.scale]
        self._controls.children = [*choices, *self.sliders.values()]
        self._picture.children = [self._figure(), self.notes]
        self._dims, self._settling = dims, False
        self._refresh()

    def _slider(self, dim: str) -> CategoricalSlider:
        """A slider over a dimension, which stays where one of that name stood."""
        labels, before = along(self._data, dim), self.sliders.get(dim)
        values = plain_values(labels)
        slider = CategoricalSlider(
            title=plain_label(labels),
            name=f"slider {dim}",
            categories=values,
            value=values[len(values) // 2] if before is None else before.value,
            width=_CONTROLS - 20,
        )
        slider.on_change("value", lambda attr, old, new: self._refresh())
        return slider

    def _figure(self) -> figure:
        at = along(self._data, self.x.value)
        words = not np.issubdtype(at.dtype, np.number)
        options: dict[str, Any] = {"x_range": plain_values(at)} if words else {}
        canvas = figure(
            name="picture",
            height=460,
            sizing_mode="stretch_width",
            x_axis_type="log" if is_geometric(np.sort(at.values)) else "auto",
            y_axis_type=self.scale.value,
            x_axis_label=plain_label(at),
            y_axis_label=plain_label(self._variable),
            y_range=(up := DataRange1d()),
            tools="pan,wheel_zoom,box_zoom,reset,save",
            **options,
        )
        canvas.toolbar.logo = None
        style: dict[str, Any] = {"color": "colour", "source": self.points}
        points = canvas.scatter("x", "y", size=5, **style)
        canvas.multi_line("x", "y", color="colour", line_width=2, legend_field="name", source=self.lines)
        # The foot of the picture, whatever the values are, and which count for these alone.
        up.renderers = [points]
        canvas.extra_y_ranges = {"foot": Range1d(start=0.0, end=1.0)}
        style = {"marker": "mark", "y_range_name": "foot", "source": self.flags}
        marks = canvas.scatter("x", "height", size=9, color="black", fill_alpha=0.0, **style)
        value = [("", "@name"), (self.x.value, "@x"), (str(self._variable.name), "@y{0.000000e+0}")]
        canvas.add_tools(
            HoverTool(renderers=[points], tooltips=value),
            HoverTool(renderers=[marks], tooltips=[(self.x.value, "@x"), ("", "@reason")]),
        )
        canvas.add_layout(canvas.legend[0], "right")
        canvas.legend[0].visible = self.curves.value != _ONE
        return canvas

    def _refresh(self) -> None:
        """Read what the sliders point at, and show it."""
        name, x = self.observable.value, self.x.value
        needed = dict.fromkeys((name, "status", str(status_of(self._data, name).name)))
        at = {dim: slider.categories.index(slider.value) for dim, slider in self.sliders.items()}
        curve = None if self.curves.value == _ONE else self.curves.value
        at |= {dim: 0 for dim in self._dims if dim not in (x, curve, *at)}
        part, notes = self._data[list(needed)].isel(at), []
        if curve is not None:
            size = part.sizes[curve]
            some = np.unique(np.linspace(0, size - 1, min(size, _CURVES)).round().astype(int))
            part = part.isel({curve: some})
            notes += [f"{some.size} of {size} values of {curve}"] if some.size < size else []
        part = part.load()
        if np.issubdtype(along(part, x).dtype, np.number):
            part = part.isel({x: np.argsort(along(part, x).values, kind="stable")})
        self._draw(part, part[name], x, curve)
        self.notes.text = "<br>".join(map(escape, [*notes, *self._mark(part, part[name], x)]))

    def _draw(self, part: xr.Dataset, values: xr.DataArray, x: str, curve: str | None) -> None:
        at = _positions(along(part, x))
        if curve is None:
            names, rows = [str(values.name)], [values.values]
        else:
            names = [f"{curve} = {value}" for value in plain_values(along(part, curve))]
            rows = list(values.transpose(curve, x).values)
        colours = _colours(len(names), ordered=curve in part["status"].dims)
        self.lines.data = {"x": [at] * len(rows), "y": rows, "name": names, "colour": colours}
        self.points.data = {
            "x": np.concatenate([at] * len(rows)),
            "y": np.concatenate(rows),
            "name": np.repeat(names, len(at)),
            "colour": np.repeat(colours, len(at)),
        }

    def _mark(self, part: xr.Dataset, values: xr.DataArray, x: str) -> list[str]:
        """Mark where there is no value; the reasons, each with its mark."""
        columns: dict[str, list[Any]] = {key: [] for key in ("x", "height", "mark", "reason")}
        told = []
        marks = cycle(_MARKS.items())
        for number, (flag, (mark, sign)) in enumerate(
            zip(flags_of(part, values, self.scale.value), marks, strict=False)
        ):
            where = flag.where.any([dim for dim in flag.where.dims if dim != x]).values
            columns["x"] += list(_positions(along(part, x))[where])
            added = len(columns["x"]) - len(columns["mark"])
            columns["height"] += [0.03 + 0.05 * number] * added
            columns["mark"] += [mark] * added
            columns["reason"] += [flag.text] * added
            told.append(f"{sign} {flag.text}")
        self.flags.data = columns
        return told


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
