"""The page of a result, or of two: choices and sliders on the left, pictures on the right."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import xarray as xr
from bokeh.layouts import column, row
from bokeh.models import Column, ColumnDataSource, CustomJS
from bokeh.models.ui import UIElement
from bokeh.models.widgets import CategoricalSlider, Div, MultiSelect, Select

from qthermo_jax.plotting import PlotError, drawable
from qthermo_jax.plotting.labels import along, plain_label, plain_values, unit_along
from qthermo_jax.plotting.picture import names_of
from qthermo_jax.viewer.choice import Choice
from qthermo_jax.viewer.curves import Curves
from qthermo_jax.viewer.maps import Maps
from qthermo_jax.viewer.reading import Result, evidence_at, nearest

_ONE, _VALUES = "one curve", "values"
_SCALES = ("linear", "log")
_SECOND = {"over": "over the first", "beside": "beside the first"}
_CONTROLS = 320
# A slider has so many stops at most; along a longer dimension it stops at every so many values.
_STOPS = 2048
# The address of the tab follows the choice, so that it can be copied.
_FOLLOW = "window.history.replaceState(null, '', cb_obj.tags[0])"


class Page:
    """The models of one browser tab, and what happens when one of them is moved.

    Args:
        data: a result as `open_result` returns it. What is shown is read from it when it is shown, so
            that a result larger than the memory can be looked at.
        second: another one with the same variables, drawn over the first or beside it.
        choice: what a link asks for; what the result does not have is left at its default, and a note
            says so.

    Attributes:
        root: what the browser shows.
        observable, further: the choices of a variable, and of others below it.
        x, y, curves: the dimensions along the x axis, along the y axis of a map, and of which each
            entry has a curve.
        scale: of the values, linear or logarithmic.
        second: whether the second result is drawn over the first or beside it.
        sliders: by name, those of all other dimensions.
        views: the pictures of each variable.
        point: what the file says of the point under the pointer.
        notes: what stands below: how many points have no value, and why.
        link: the same page with the same choice.

    Raises:
        PlotError: the result has no variable with a dimension.
    """

    def __init__(
        self, data: xr.Dataset, second: xr.Dataset | None = None, choice: Choice | None = None
    ) -> None:
        both = [data] if second is None else [data, second]
        labels = names_of(both) if second is not None else [""]
        self._results = [Result(label, each) for label, each in zip(labels, both, strict=True)]
        self._data = data
        self._names = names = [name for name in drawable(data) if data[name].ndim]
        if not names:
            raise PlotError("the result is one point of numbers: there is nothing to move")
        named: list[Any] = [(name, f"{name}: {plain_label(data[name])}") for name in names]
        self.observable = Select(title="observable", name="observable", options=named, value=names[0])
        self.further = MultiSelect(title="further observables", name="further", options=[*names])
        self.further.size = max(2, min(len(names) - 1, 5))
        self.x = Select(title="x axis", name="x")
        self.y = Select(title="y axis", name="y")
        self.curves = Select(title="a curve for each", name="curves")
        scales: list[Any] = [*_SCALES]
        self.scale = Select(title="scale of the values", name="scale", options=scales, value=scales[0])
        wheres: list[Any] = list(_SECOND.items())
        self.second = Select(title="second result", name="second", options=wheres, value="over")
        self.sliders: dict[str, CategoricalSlider] = {}
        self._stops: dict[str, np.ndarray] = {}
        self.views: list[Curves | Maps] = []
        self.point = Div(name="point", width=_CONTROLS - 20)
        self.notes = Div(name="notes")
        self.link = Div(name="link")
        self.link.js_on_change("tags", CustomJS(code=_FOLLOW))
        self._controls = column(width=_CONTROLS)
        self._picture = column(sizing_mode="stretch_width")
        title = Div(text=f"<h2>{escape(str(data.attrs.get('title', '')))}</h2>")
        below = row(self._controls, self._picture, sizing_mode="stretch_width")
        self.root: Column = column(title, below, sizing_mode="stretch_width", margin=16)
        self._dims: list[str] = []
        self._refused: list[str] = []
        self._settling = False
        wanted = choice or Choice()
        self._ask(wanted)
        for control in self._choices:
            control.width = _CONTROLS - 20
            control.on_change("value", lambda attr, old, new: self._rebuild({}))
        self._rebuild(wanted.at)

    @property
    def choice(self) -> Choice:
        """What is looked at."""
        is_map = self.y.value != _VALUES
        return Choice(
            observable=self.observable.value,
            further=tuple(self.further.value),
            x=self.x.value,
            y=self.y.value if is_map else "",
            curves="" if is_map else self.curves.value,
            scale=self.scale.value,
            second=self.second.value if len(self._results) > 1 else "",
            at={dim: slider.value for dim, slider in self.sliders.items()},
        )

    @property
    def _choices(self) -> list[Any]:
        return [
            self.observable,
            self.further,
            self.x,
            self.y,
            self.curves,
            self.scale,
            self.second,
        ]

    def _ask(self, choice: Choice) -> None:
        """Set what a choice asks for and the result has; note the rest."""
        self._take(self.observable, choice.observable, self._names)
        self._take(self.scale, choice.scale, _SCALES)
        self._take(self.second, choice.second, list(_SECOND))
        self.further.value = [name for name in choice.further if name in self._names]
        absent = [name for name in choice.further if name not in self._names]
        self._refused += [f"no observable {name!r}" for name in absent]
        dims = [str(dim) for dim in self._data[self.observable.value].dims]
        self._take(self.x, choice.x, dims)
        self._take(self.y, choice.y, dims)
        self._take(self.curves, choice.curves, [_ONE, *dims])
        self._refused += [f"no dimension {dim!r}" for dim in choice.at if dim not in self._data.dims]
        if self.curves.value:
            self._dims = dims

    def _take(self, control: Select, value: str, allowed: Sequence[str]) -> None:
        if value in allowed:
            control.value = value
        elif value:
            self._refused.append(f"no {control.title} {value!r}")

    @property
    def _first_curves(self) -> Curves:
        found = self.views[0]
        if not isinstance(found, Curves):
            raise PlotError("a map is shown, and no curves")
        return found

    @property
    def lines(self) -> ColumnDataSource:
        """The curves of the first variable of the first result."""
        return self._first_curves.lines[0]

    @property
    def points(self) -> ColumnDataSource:
        """Their points."""
        return self._first_curves.points[0]

    @property
    def flags(self) -> ColumnDataSource:
        """Marks at the foot of the picture where there is no value."""
        return self._first_curves.flags[0]

    def _rebuild(self, at: Mapping[str, str]) -> None:
        """Choices and sliders that fit the variable, and pictures with their axes.

        Args:
            at: labels at which sliders begin.
        """
        if self._settling:
            return
        self._settling = True  # what is set here calls back, too
        dims = [str(dim) for dim in self._data[self.observable.value].dims]
        x = self.x.value if self.x.value in dims else dims[0]
        others = [dim for dim in dims if dim != x]
        y = self.y.value if self.y.value in others else _VALUES
        # A choice stays while it fits; at first each of the observable's own entries is a curve.
        curves = self.curves.value
        if dims != self._dims or curves not in (_ONE, *others):
            curves = next(iter(self._own(others)), _ONE)
        named = {dim: plain_label(along(self._data, dim)) for dim in dims}
        self.x.update(options=list(named.items()), value=x)
        self.y.update(options=[(_VALUES, _VALUES), *((dim, named[dim]) for dim in others)], value=y)
        self.curves.update(options=[(_ONE, _ONE), *((dim, named[dim]) for dim in others)], value=curves)
        self.curves.visible = y == _VALUES
        self.second.visible = y == _VALUES and len(self._results) > 1
        more = [name for name in self._names if name != self.observable.value]
        self.further.update(options=more, value=[each for each in self.further.value if each in more])
        self.further.visible = bool(more)
        self._dims = dims
        shown = dict.fromkeys([self.observable.value, *self.further.value])
        axes = {name: self._axes_of(name) for name in shown}
        left = [
            str(dim)
            for name, own in axes.items()
            for dim in self._data[name].dims
            if dim not in own and self._data.sizes[dim] > 1
        ]
        self.sliders = {dim: self._slider(dim, at.get(dim)) for dim in dict.fromkeys(left)}
        self.views = [self._view(name, number) for number, name in enumerate(shown)]
        controls: list[UIElement] = [*self._choices, *self.sliders.values(), self.point, self.link]
        self._controls.children = controls
        self._picture.children = [*(view.root for view in self.views), self.notes]
        self._settling = False
        self._refresh()

    def _own(self, dims: Sequence[str]) -> list[str]:
        """Those that are no axes of the sweep."""
        return [dim for dim in dims if dim not in self._data["status"].dims]

    def _axes_of(self, name: str) -> tuple[str, str | None, str | None]:
        """What goes along x and y, and has a curve for each entry; a further variable may lack some."""
        dims = [str(dim) for dim in self._data[name].dims]
        x = self.x.value if self.x.value in dims else dims[0]
        others = [dim for dim in dims if dim != x]
        if self.y.value in others:
            return x, self.y.value, None
        if self.curves.value in others:
            return x, None, self.curves.value
        is_first = name == self.observable.value
        return x, None, None if is_first else next(iter(self._own(others)), None)

    def _slider(self, dim: str, wanted: str | None) -> CategoricalSlider:
        """A slider over a dimension, which stays where one of that name stood."""
        labels, before = along(self._data, dim), self.sliders.get(dim)
        step = math.ceil(labels.size / _STOPS)
        self._stops[dim] = np.arange(0, labels.size, step)
        values = plain_values(labels[::step])
        value = values[len(values) // 2] if before is None else before.value
        if wanted is not None and wanted not in values:
            self._refused.append(f"no {dim} = {wanted!r}")
        slider = CategoricalSlider(
            title=plain_label(labels),
            name=f"slider {dim}",
            categories=values,
            value=wanted if wanted in values else value,
            width=_CONTROLS - 20,
        )
        slider.on_change("value", lambda attr, old, new: self._refresh())
        return slider

    def _sharing(self, name: str) -> list[Result]:
        """The results that have a variable over the dimensions of the first one, in the same units."""
        dims = [str(dim) for dim in self._data[name].dims]

        def fits(data: xr.Dataset) -> bool:
            if name not in data or set(data[name].dims) != set(dims):
                return False
            return all(unit_along(data, each) == unit_along(self._data, each) for each in (name, *dims))

        return [each for each in self._results if fits(each.data)]

    def _view(self, name: str, number: int) -> Curves | Maps:
        results, suffix = self._sharing(name), f" {name}" if number else ""
        x, y, curve = self._axes_of(name)

        def tell(indices: Sequence[Mapping[str, int]]) -> None:
            self._tell(name, results, indices)

        if y is not None:
            return Maps(results, name, x, y, self.scale.value, suffix=suffix, tell=tell)
        beside = self.second.value == "beside"
        scale = self.scale.value
        return Curves(results, name, x, curve, scale, beside=beside, suffix=suffix, tell=tell)

    def _refresh(self) -> None:
        """Read what the sliders point at, and show it."""
        if self._settling:
            return
        fixed = {
            dim: int(self._stops[dim][slider.categories.index(slider.value)])
            for dim, slider in self.sliders.items()
        }
        notes, self._refused = [f"the link names {text}" for text in self._refused], []
        for name, view in zip([self.observable.value, *self.further.value], self.views, strict=False):
            results = self._sharing(name)
            absent = [each for each in self._results if each not in results]
            lacks = f"no {name} over the same dimensions in the same units"
            notes += [each.told(lacks) for each in absent]
            free = [dim for dim in self._data[name].dims if dim not in self._axes_of(name)]
            own = {str(dim): fixed.get(str(dim), 0) for dim in free}
            notes += view.refresh([own, *(self._alike(own, each) for each in results[1:])])
        self.notes.text = "<br>".join(map(escape, notes))
        query = self.choice.query
        self.link.text = f'<a href="?{escape(query)}">link to this view</a>'
        self.link.tags = [f"?{query}"]

    def _alike(self, fixed: Mapping[str, int], result: Result) -> dict[str, int]:
        """The positions in another result that are nearest to those in the first."""
        labels = {dim: along(self._data, dim).values[at] for dim, at in fixed.items()}
        return {dim: nearest(result.data, dim, label) for dim, label in labels.items()}

    def _tell(self, name: str, results: Sequence[Result], indices: Sequence[Mapping[str, int]]) -> None:
        """What the files say of the point under the pointer."""
        rows = []
        for result, index in zip(results, indices, strict=False):
            if result.label:
                rows.append(f"<tr><th colspan=2>{escape(result.label)}</th></tr>")
            for key, value in evidence_at(result.data, name, index):
                rows.append(f"<tr><td>{escape(key)}</td><td>{escape(value)}</td></tr>")
        self.point.text = f"<table>{''.join(rows)}</table>"
