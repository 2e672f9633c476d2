"""The page of a result: maps and profiles, a second result, the link, and what is read from the file."""

import numpy as np
import pytest
import xarray as xr
from bokeh.events import MouseMove
from bokeh.models import ColumnDataSource
from bokeh.models.annotations import ColorBar
from tornado.httputil import parse_qs_bytes
from xarray.backends import BackendArray
from xarray.core import indexing

import qthermo_jax as qj
from datasets import two_baths
from qthermo_jax.viewer import Choice, Page


def cells_of(page, number=0):
    """The values of a map, (y, x)."""
    return np.array(page.views[0].cells[number].data["image"][0])


def point(canvas, x, y):
    """The pointer moves to a place of a picture."""
    canvas._trigger_event(MouseMove(canvas, x=x, y=y))  # noqa: SLF001 - what Bokeh's server calls


def canvases(page, number=0):
    """The pictures of one variable, one for each result or one for both."""
    return page.views[number].canvases


def asked(page):
    """What a browser that follows the page's link sends."""
    return Choice.of_query(parse_qs_bytes(page.link.tags[0].removeprefix("?"), keep_blank_values=True))


# --- maps


def test_a_y_axis_makes_a_map():
    page = Page(two_baths(), choice=Choice("position", x="T", y="g"))
    data = page.views[0].cells[0].data
    # g is 0.1, 0.2, 0.4: of one ratio, so that an image shows it on a logarithmic axis.
    np.testing.assert_allclose(cells_of(page), [[10, 10, 10], [20, 20, np.nan], [40, 40, 40]])
    np.testing.assert_allclose([data["x"][0], data["dw"][0]], [0.5, 3.0])
    np.testing.assert_allclose(
        [data["y"][0], data["dh"][0]], [0.1 / 2**0.5, 0.4 * 2**0.5 - 0.1 / 2**0.5]
    )
    (canvas,) = canvases(page)
    assert (canvas.xaxis[0].axis_label, canvas.yaxis[0].axis_label) == ("T", "g (h)")
    assert canvas.right[0].title == "position"
    assert (page.views[0].mapper.low, page.views[0].mapper.high) == (10.0, 40.0)
    assert page.notes.text == "1 point: the steady state is not unique"
    assert not page.curves.visible
    titles = [page.x.title, page.y.title, page.curves.title]
    assert titles == ["x axis", "y axis", "a curve for each"]


def test_a_slider_moves_a_map_and_curves_come_back():
    page = Page(two_baths(), choice=Choice(x="g", y="T"))
    assert list(page.sliders) == ["bath"]
    page.sliders["bath"].value = "1"
    np.testing.assert_allclose(cells_of(page)[0], [2.0, 3.0, 5.0])
    page.sliders["bath"].value = "2"
    np.testing.assert_allclose(cells_of(page)[0], [-2.0, -3.0, -5.0])
    page.y.value = "values"
    assert page.lines.data["name"] == ["bath = 1", "bath = 2"]


def test_cells_of_uneven_axes_are_rectangles_and_words_are_named():
    data = xr.Dataset(
        {"p": (("g", "level"), np.arange(6.0).reshape(3, 2)), "status": ("g", np.zeros(3, "int8"))},
        {"g": [0.0, 1.0, 5.0], "level": ["down", "up"]},
    )
    page = Page(data, choice=Choice(x="g", y="level"))
    found = page.views[0].cells[0].data
    np.testing.assert_allclose(found["value"], [0, 2, 4, 1, 3, 5])
    np.testing.assert_allclose(found["left"][:3], [-0.5, 0.5, 3.0])
    (canvas,) = canvases(page)
    assert canvas.yaxis[0].major_label_overrides == {0: "down", 1: "up"}
    np.testing.assert_array_equal(page.views[0].profiles[1].data["x"][0], ["down", "up"])


def test_codes_are_named_beside_their_colours():
    attrs = {"flag_values": np.array([0, 1], "int8"), "flag_meanings": "engine heat_pump"}
    data = two_baths().drop_vars("heat_currents")
    data["mode"] = (("g", "T"), np.array([[0.0, 1, 1], [0, 1, np.nan], [0, 0, 1]]), attrs)
    page = Page(data, choice=Choice("mode", x="T", y="g"))
    (bar,) = page.root.select({"type": ColorBar})
    assert bar.major_label_overrides == {0.0: "engine", 1.0: "heat pump"}
    assert ("mode", "engine") in rows_of(page, 1.0, 0.1)


def test_numbers_on_both_sides_of_a_neutral_value_diverge_from_it():
    data = two_baths()
    data.position.attrs["neutral"] = 20.0
    page = Page(data, choice=Choice("position", x="T", y="g"))
    mapper = page.views[0].mapper
    # From 10 to 40: white in the middle, and each side fills its half of the colours.
    assert mapper.palette[128].lower() in {"#f6f7f7", "#f7f7f7", "#f7f6f6", "#f7f5f4", "#f8f4f2"}
    assert (mapper.low, mapper.high) == (0.0, 1.0)
    np.testing.assert_allclose(cells_of(page)[:, 0], [0.0, 0.5, 1.0])
    (bar,) = page.root.select({"type": ColorBar})
    assert bar.major_label_overrides[0.5] == "20"
    assert mapper.palette[0] != mapper.palette[-1]


def test_cells_that_a_logarithmic_scale_cannot_show_are_bare():
    page = Page(two_baths(), choice=Choice(x="g", y="T", scale="log"))
    page.sliders["bath"].value = "1"
    mapper = page.views[0].mapper
    assert (mapper.low, mapper.high) == (2.0, 7.0)
    assert mapper.low_color == mapper.nan_color
    page.sliders["bath"].value = "2"
    assert "8 values: not positive" in page.notes.text
    assert mapper.low > 0.0


# --- the point under the pointer


def rows_of(page, x, y):
    """What is said of the point at a place of the first picture."""
    point(canvases(page)[0], x, y)
    lines = page.point.text.removeprefix("<table>").removesuffix("</table>").split("</tr>")
    return [
        tuple(cell.removesuffix("</td>") for cell in line.removeprefix("<tr><td>").split("<td>"))
        for line in lines
        if line
    ]


def test_profiles_go_through_the_point_under_the_pointer():
    page = Page(two_baths(), choice=Choice("position", x="T", y="g"))
    point(canvases(page)[0], 2.9, 0.38)
    along_T, along_g = page.views[0].profiles
    np.testing.assert_allclose(along_T.data["x"], [[1.0, 2.0, 3.0]])
    np.testing.assert_allclose(along_T.data["y"], [[40.0, 40.0, 40.0]])
    np.testing.assert_allclose(along_g.data["y"], [[10.0, np.nan, 40.0]])
    point(canvases(page)[0], 1.1, 0.38)
    np.testing.assert_allclose(along_g.data["y"], [[10.0, 20.0, 40.0]])


def test_the_status_and_the_evidence_of_the_point_are_told():
    data = two_baths()
    data["method"] = data.method * 0 + 2
    data["note"] = data.status * 0 + 2
    data["leak"] = data.position * 1e-12
    data["error"] = data.position * 1e-10
    page = Page(data, choice=Choice("position", x="T", y="g"))
    assert rows_of(page, 1.1, 0.35) == [
        ("T", "1"),
        ("g", "0.4"),
        ("position", "40"),
        ("status", "state found"),
        ("solved by", qj.Method(2).name.lower().replace("_", " ")),
        ("note", "populations below the smallest number of this precision are 0"),
        ("leak", "4e-11"),
        ("error", "4e-09"),
    ]
    told = rows_of(page, 3.0, 0.2)
    assert ("status", "the steady state is not unique") in told
    assert ("position", "nan") in told


def test_the_point_of_the_nearest_curve_is_told():
    page = Page(two_baths())
    told = rows_of(page, 0.35, -5.5)
    assert told[:4] == [("T", "2"), ("g", "0.4"), ("bath", "2"), ("heat_currents", "-6")]


def test_nothing_from_a_file_becomes_markup():
    data = two_baths().assign_coords(bath=["<b>1", "<b>2"])
    page = Page(data, choice=Choice(x="g", y="bath"))
    point(canvases(page)[0], 0.1, 0.0)
    assert "<b>" not in page.point.text
    assert "&lt;b&gt;1" in page.point.text


# --- several observables, and a second result


def test_further_observables_stand_below():
    page = Page(two_baths(), choice=Choice(further=("position",)))
    first, below = page.views
    np.testing.assert_allclose(below.lines[0].data["y"], [[10.0, 20.0, 40.0]])
    page.sliders["T"].value = "3"
    np.testing.assert_allclose(first.lines[0].data["y"][0], [4.0, np.nan, 7.0])
    np.testing.assert_allclose(below.lines[0].data["y"], [[10.0, np.nan, 40.0]])
    names = [source.name for source in page.root.select({"type": ColumnDataSource})]
    assert len(set(names)) == len(names)
    page.y.value = "T"
    assert [type(view).__name__ for view in page.views] == ["Maps", "Maps"]


def other():
    """A second result: on another grid, twice as large, in which other points are missing."""
    data = two_baths().isel(g=[2, 0], T=[0, 1]) * 2
    data["status"] = (("g", "T"), np.zeros((2, 2), "int8"))
    data["method"] = data.status
    return data.assign_attrs(title="Twice", parameters="k = 2")


def test_the_curves_of_a_second_result_are_dashed_over_the_first():
    page = Page(two_baths().assign_attrs(parameters="k = 1"), other())
    page.sliders["T"].value = "3"  # the nearest that the second one has is 2
    (view,) = page.views
    (canvas,) = canvases(page)
    np.testing.assert_allclose(view.lines[1].data["x"][0], [0.1, 0.4])
    np.testing.assert_allclose(view.lines[1].data["y"], [[6.0, 12.0], [-6.0, -12.0]])
    assert view.lines[1].data["name"] == ["bath = 1, k = 2", "bath = 2, k = 2"]
    dashes = [each.glyph.line_dash for each in canvas.renderers if each.data_source in view.lines]
    assert dashes == ["solid", "dashed"]
    assert page.second.visible
    assert page.notes.text.startswith("k = 1: \u00d7 1 point")


def test_a_second_result_stands_beside_the_first():
    page = Page(two_baths(), other(), Choice(second="beside"))
    left, right = canvases(page)
    assert left.x_range is right.x_range
    assert left.y_range is right.y_range
    assert [canvas.title.text for canvas in (left, right)] == ["Two <baths>", "Twice"]
    page.y.value = "T"
    left, right = canvases(page)
    page.sliders["bath"].value = "1"
    np.testing.assert_allclose(cells_of(page, 1), [[4.0, 10.0], [6.0, 12.0]])
    mapper = page.views[0].mapper
    assert (mapper.low, mapper.high) == (2.0, 12.0)
    point(left, 0.1, 1.0)
    np.testing.assert_allclose(page.views[0].profiles[1].data["y"][1], [4.0, 6.0])
    assert "<th colspan=2>Twice</th>" in page.point.text


def test_what_the_second_result_lacks_is_said():
    page = Page(two_baths(), other().drop_vars("position"))
    page.observable.value = "position"
    assert page.notes.text.startswith("Twice: no position over the same dimensions")
    assert len(page.views[0].lines) == 1
    assert not Page(two_baths()).second.visible


# --- the link


def test_a_link_keeps_the_choice():
    page = Page(two_baths(), other())
    page.observable.value = "position"
    page.further.value = ["heat_currents"]
    page.x.value = "T"
    page.scale.value = "log"
    page.second.value = "beside"
    page.sliders["g"].value = "0.4"
    again = Page(two_baths(), other(), asked(page))
    assert again.choice == page.choice
    assert again.choice.at == {"g": "0.4"}
    np.testing.assert_allclose(again.lines.data["y"], page.lines.data["y"])
    page.y.value = "g"
    again = Page(two_baths(), other(), asked(page))
    assert again.choice == page.choice
    assert again.notes.text == page.notes.text
    assert f'href="?{page.choice.query}"'.replace("&", "&amp;") in page.link.text


def test_what_a_link_asks_for_in_vain_is_said_and_not_shown_as_markup():
    query = b"observable=<script>&x=q&y=T&further=z&scale=cubic&at.T=9&at.w=1&second=above&curves=%ff"
    page = Page(two_baths(), choice=Choice.of_query(parse_qs_bytes(query)))
    assert (page.observable.value, page.x.value, page.y.value) == ("heat_currents", "g", "T")
    told = page.notes.text
    for words in (
        "no observable &#x27;&lt;script&gt;&#x27;",
        "no x axis &#x27;q&#x27;",
        "no scale of the values &#x27;cubic&#x27;",
        "no observable &#x27;z&#x27;",
        "no dimension &#x27;w&#x27;",
    ):
        assert f"the link names {words}" in told
    assert "<script>" not in told
    page.sliders["bath"].value = "1"
    assert "the link names" not in page.notes.text


# --- a large file


class Counting(BackendArray):
    """An array that is computed where it is read, and counts what is read."""

    read = 0

    def __init__(self, shape, dtype):
        self.shape, self.dtype = shape, np.dtype(dtype)

    def __getitem__(self, key):
        support = indexing.IndexingSupport.OUTER
        return indexing.explicit_indexing_adapter(key, self.shape, support, self._at)

    def _at(self, key):
        along = [np.atleast_1d(np.arange(n)[each]) for n, each in zip(self.shape, key, strict=True)]
        values = np.zeros([len(each) for each in along], self.dtype)
        if self.dtype.kind == "f":
            values += np.add.outer(along[0] * 1e5, along[1])
        Counting.read += values.size
        dropped = tuple(0 if isinstance(each, int | np.integer) else slice(None) for each in key)
        return values[dropped]


def large(n=10_000):
    """A result of n^2 points: p = 1e5 i + j."""
    own = {"p": "float64", "status": "int8", "method": "int8"}
    lazy = {
        name: (("g", "T"), indexing.LazilyIndexedArray(Counting((n, n), dtype)))
        for name, dtype in own.items()
    }
    variables = {name: xr.Variable(dims, values) for name, (dims, values) in lazy.items()}
    return xr.Dataset(variables, {"g": np.linspace(0.0, 1.0, n), "T": np.linspace(1.0, 2.0, n)})


@pytest.fixture
def counted():
    Counting.read = 0
    return lambda: Counting.read


def test_of_a_hundred_million_points_only_what_is_shown_is_read(counted):
    data = large()
    assert data.p.size == 10**8
    page = Page(data)
    # 1e4 values of an axis are shown as every 3rd: values and statuses.
    assert counted() == 2 * 3334
    assert page.notes.text == "one in 3 of 10000 values of g"
    assert len(page.sliders["T"].categories) <= 2048
    before = counted()
    page.sliders["T"].value = page.sliders["T"].categories[0]
    assert counted() - before == 2 * 3334
    np.testing.assert_array_equal(page.lines.data["y"][0][:3], [0.0, 3e5, 6e5])


def test_of_a_large_map_every_so_many_cells_are_read_and_of_a_point_itself(counted):
    page = Page(large())
    before = counted()
    page.y.value = "T"
    # Every 27th along both axes: 371 x 371 cells.
    assert counted() - before == 2 * 371**2 + 3
    np.testing.assert_allclose(cells_of(page)[:2, :2], [[0.0, 27e5], [27.0, 27e5 + 27]])
    before = counted()
    point(canvases(page)[0], 0.25, 1.5)
    # The profiles are in memory; of the point the value, its status and its method.
    assert counted() - before == 3
    point(canvases(page)[0], 0.25 + 1e-9, 1.5)
    assert counted() - before == 3
