"""A variable over two dimensions, as a map, with its profiles through the point under the pointer."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from bokeh.events import MouseMove
from bokeh.layouts import column, row
from bokeh.models import (
    ColumnDataSource,
    DataRange1d,
    FixedTicker,
    LinearColorMapper,
    LogColorMapper,
    Row,
)
from bokeh.models.annotations import ColorBar, Span
from bokeh.plotting import figure

from qthermo_jax.plotting import flags_of
from qthermo_jax.plotting.labels import along, plain_label, plain_values
from qthermo_jax.plotting.maps import Colours, colours_of, edges_of, positions_of
from qthermo_jax.plotting.style import CATEGORIES, are_regular, is_geometric
from qthermo_jax.plotting.variables import pooled
from qthermo_jax.results.schema import meanings_of
from qthermo_jax.viewer.curves import Tell
from qthermo_jax.viewer.reading import MOST_OF_MAPS, Part, Result, nearest_number, part_of

_SHADES = 256
_BARE = "#e0e0e0"
_HEIGHT, _PROFILE = 420, 220


class Maps:
    """The maps of one variable, one for each result, side by side, and two profiles of all of them.

    Args:
        results: one or two.
        name: of the variable.
        x, y: the dimensions along the axes of a map.
        scale: of the colours, linear or log.
        suffix: of the names of the sources, one of several variables.
        tell: hears which point is under the pointer.

    Attributes:
        root: what the browser shows.
        canvases: the maps.
        cells: of each map: an image where its axes are regular, else one rectangle a cell.
        profiles: values along x, and along y, a line for each result.
        mapper: the colours that all maps share.
    """

    def __init__(
        self,
        results: Sequence[Result],
        name: str,
        x: str,
        y: str,
        scale: str,
        *,
        suffix: str,
        tell: Tell,
    ) -> None:
        self._results, self._name, self._dims, self._scale = results, name, (x, y), scale
        self._is_log = scale == "log" and not meanings_of(results[0].data[name].attrs)
        self._halves: mpl.colors.TwoSlopeNorm | None = None
        self._tell = tell
        self._parts: list[Part] = []
        self._at: Sequence[Mapping[str, int]] = []
        self._pointed: tuple[int, ...] = ()
        ends = [suffix + ("" if number == 0 else " second") for number in range(len(results))]
        self.cells = [ColumnDataSource(name=f"cells{end}") for end in ends]
        self.profiles = tuple(ColumnDataSource(name=f"profile {dim}{suffix}") for dim in (x, y))
        shades: dict[str, Any] = {"palette": ["#000000"], "nan_color": _BARE}
        self.mapper: LinearColorMapper | LogColorMapper
        if self._is_log:
            # What is not positive has no colour, as it has no place on a logarithmic axis.
            self.mapper = LogColorMapper(low_color=_BARE, **shades)
        else:
            self.mapper = LinearColorMapper(**shades)
        self._ticker = FixedTicker()
        self._bar = ColorBar(color_mapper=self.mapper, title=plain_label(results[0].data[name]))
        self._spans = [Span(dimension="height", line_dash="dotted") for _ in self._dims]
        self.canvases = canvases = [self._map(each, number) for number, each in enumerate(results)]
        for other in canvases[1:]:
            other.x_range, other.y_range = canvases[0].x_range, canvases[0].y_range
        canvases[-1].add_layout(self._bar, "right")
        profiles = [self._profile(number) for number in range(2)]
        maps, below = (row(*each, sizing_mode="stretch_width") for each in (canvases, profiles))
        self.root: Row = row(
            column(maps, below, sizing_mode="stretch_width"), sizing_mode="stretch_width"
        )

    def _axis(self, data: xr.Dataset, dim: str) -> dict[str, Any]:
        labels = along(data, dim)
        is_log = is_geometric(np.sort(labels.values))
        return {"type": "log" if is_log else "linear", "label": plain_label(labels)}

    def _map(self, result: Result, number: int) -> figure:
        x, y = (self._axis(result.data, dim) for dim in self._dims)
        canvas = figure(
            name="picture",
            title=result.label or None,
            height=_HEIGHT,
            sizing_mode="stretch_width",
            x_axis_type=x["type"],
            y_axis_type=y["type"],
            x_axis_label=x["label"],
            y_axis_label=y["label"],
            x_range=DataRange1d(range_padding=0.0),
            y_range=DataRange1d(range_padding=0.0),
            tools="pan,wheel_zoom,box_zoom,reset,save",
        )
        canvas.toolbar.logo = None
        style: dict[str, Any] = {"source": self.cells[number]}
        if self._is_regular(result.data):
            style["color_mapper"] = self.mapper
            canvas.image("image", "x", "y", "dw", "dh", **style)
        else:
            style |= {"fill_color": {"field": "value", "transform": self.mapper}, "line_color": None}
            canvas.quad("left", "right", "bottom", "top", **style)
        for dim, axis in zip(self._dims, (canvas.xaxis[0], canvas.yaxis[0]), strict=True):
            labels = along(result.data, dim)
            if not np.issubdtype(labels.dtype, np.number):
                axis.ticker = FixedTicker(ticks=list(range(labels.size)))
                axis.major_label_overrides = dict(enumerate(plain_values(labels)))
        canvas.on_event(MouseMove, self._pointer_moved)
        return canvas

    def _is_regular(self, data: xr.Dataset) -> bool:
        """Whether an image shows the cells: the points of each axis have one distance, or one ratio."""
        for dim in self._dims:
            points = np.sort(positions_of(along(data, dim)))
            if points.size > 1 and not (are_regular(points) or is_geometric(points)):
                return False
        return True

    def _profile(self, number: int) -> figure:
        """The values along one axis of the maps, of all results."""
        first, dim = self._results[0], self._dims[number]
        axis = self._axis(first.data, dim)
        labels = along(first.data, dim)
        words = not np.issubdtype(labels.dtype, np.number)
        options: dict[str, Any] = {"x_axis_type": axis["type"], "y_axis_type": self._scale}
        if words:
            options |= {"x_range": plain_values(labels), "x_axis_type": "auto"}
        canvas = figure(
            name=f"along {dim}",
            height=_PROFILE,
            sizing_mode="stretch_width",
            x_axis_label=axis["label"],
            y_axis_label=self._name,
            tools="pan,wheel_zoom,reset",
            **options,
        )
        canvas.toolbar.logo = None
        canvas.multi_line("x", "y", color="colour", line_width=2, source=self.profiles[number])
        canvas.add_layout(self._spans[number])
        return canvas

    def refresh(self, at: Sequence[Mapping[str, int]]) -> list[str]:
        """Read what the sliders point at, and show it; the profiles go through the middle.

        Args:
            at: of each result, the positions of the dimensions that are fixed.

        Returns:
            notes: what was left out, and why there are cells without a value.
        """
        most = dict.fromkeys(self._dims, MOST_OF_MAPS)
        self._at, self._pointed = at, ()
        self._parts = [
            part_of(result.data, self._name, own, most)
            for result, own in zip(self._results, at, strict=True)
        ]
        together = pooled([part.values for part in self._parts])
        self._colour(colours_of(together, "log" if self._is_log else "linear"))
        told = []
        for cells, result, part in zip(self.cells, self._results, self._parts, strict=True):
            cells.data = self._cells_of(result, part)
            flags = flags_of(part.data, part.values, self._scale)
            told += [result.told(note) for note in [*part.notes, *(flag.text for flag in flags)]]
        first = self._parts[0].data
        middles = [positions_of(along(first, dim)) for dim in self._dims]
        self._point_at([float(places[len(places) // 2]) for places in middles])
        return told

    def _colour(self, colours: Colours) -> None:
        """The colours of pictures, as a palette from the lowest to the highest value.

        Where each side of a boundary has half of the colours, what is mapped is how far a value lies
        along them, from 0 to 1, and the bar names values.
        """
        norm = colours.norm
        self._halves = norm if isinstance(norm, mpl.colors.TwoSlopeNorm) else None
        low, high = float(norm.vmin or 0.0), float(norm.vmax or 0.0)
        if low == high:
            high = low + (abs(low) or 1.0)
        places = np.asarray(norm((np.geomspace if self._is_log else np.linspace)(low, high, _SHADES)))
        ticks, names = list(colours.ticks or []), list(colours.names or [])
        if self._halves is not None:
            names = [f"{tick:.6g}" for tick in ticks]
            ticks = np.asarray(self._halves(ticks)).tolist()
            low, high, places = 0.0, 1.0, np.linspace(0.0, 1.0, _SHADES)
        ramp = mpl.colormaps[colours.cmap] if isinstance(colours.cmap, str) else colours.cmap
        palette = [mpl.colors.to_hex(shade) for shade in ramp(places)]
        self.mapper.update(palette=palette, low=low, high=high)
        if names:
            self._bar.ticker = FixedTicker(ticks=ticks)
            self._bar.major_label_overrides = dict(zip(ticks, names, strict=True))
        else:
            self._bar.ticker, self._bar.major_label_overrides = "auto", {}

    def _cells_of(self, result: Result, part: Part) -> dict[str, Any]:
        x, y = self._dims
        grid = part.values.transpose(y, x).values.astype(float)
        if self._halves is not None:
            grid = np.ma.filled(self._halves(grid), np.nan)
        right, up = edges_of(along(part.data, x)), edges_of(along(part.data, y))
        if self._is_regular(result.data):
            sizes = {"dw": [right[-1] - right[0]], "dh": [up[-1] - up[0]]}
            return {"image": [grid], "x": [right[0]], "y": [up[0]], **sizes}
        left, bottom = np.meshgrid(right[:-1], up[:-1])
        ends, top = np.meshgrid(right[1:], up[1:])
        corners = {"left": left, "right": ends, "bottom": bottom, "top": top, "value": grid}
        return {name: values.ravel() for name, values in corners.items()}

    def _pointer_moved(self, event: Any) -> None:
        if event.x is not None and event.y is not None:
            self._point_at([float(event.x), float(event.y)])

    def _point_at(self, places: Sequence[float]) -> None:
        """Profiles through the cell at a place of the map, and word of its point."""
        cells = [
            [
                nearest_number(positions_of(along(part.data, dim)), place)
                for dim, place in zip(self._dims, places, strict=True)
            ]
            for part in self._parts
        ]
        key = tuple(at for cell in cells for at in cell)
        if key == self._pointed:
            return
        self._pointed = key
        for number, dim in enumerate(self._dims):
            other = self._dims[1 - number]
            lines = [
                part.values.isel({other: cell[1 - number]}).values.astype(float)
                for part, cell in zip(self._parts, cells, strict=True)
            ]
            labels = [along(part.data, dim) for part in self._parts]
            words = not np.issubdtype(labels[0].dtype, np.number)
            shown = [np.array(plain_values(each)) if words else each.values for each in labels]
            colours = list(CATEGORIES[: len(lines)])
            names = [result.label for result in self._results]
            self.profiles[number].data = {"x": shown, "y": lines, "name": names, "colour": colours}
            self._spans[number].location = (
                cells[0][number] + 0.5 if words else float(labels[0].values[cells[0][number]])
            )
        self._tell(
            [
                {
                    **fixed,
                    **{
                        dim: int(part.positions[dim][at])
                        for dim, at in zip(self._dims, cell, strict=True)
                    },
                }
                for part, fixed, cell in zip(self._parts, self._at, cells, strict=True)
            ]
        )
