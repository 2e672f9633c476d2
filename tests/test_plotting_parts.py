"""Pictures of a part of a result, of three dimensions, and with lines over a map."""

import numpy as np
import pytest

from pictures import POPULATION, SITES, reasons, sweep_of
from qthermo_jax.plotting import PlotError, plot, select

# --- a part of it


def cube():
    """bath x heated_bath over T; label k of each counts from 1."""
    values = np.arange(3 * 2 * 3.0).reshape(3, 2, 3)
    attrs = {"long_name": "conductance", "units": "h"}
    data = sweep_of({"g": [0.1, 0.2, 0.4]}, {"G": (("bath", "heated_bath"), values, attrs)})
    return data.assign_coords(bath=[1, 2], heated_bath=["L", "M", "R"])


def test_a_dimension_can_be_fixed():
    canvas = plot(select(cube(), "heated_bath=M")).axes[0]
    np.testing.assert_array_equal(canvas.lines[1].get_ydata(), [4.0, 10.0, 16.0])
    assert canvas.get_title() == "A title\nheated_bath = M"
    remarks = []
    canvas = plot(select(cube(), "bath=2", "g=0.24", tell=remarks.append)).axes[0]
    assert remarks == ["select g=0.24: took g = 0.2, the nearest there is"]
    np.testing.assert_array_equal(canvas.lines[0].get_ydata(), [9.0, 10.0, 11.0])
    assert canvas.get_title() == "A title\nbath = 2, $g$ = 0.2 $h$"


def test_a_parameter_that_moves_along_an_axis_fixes_it():
    coords = {"T_L": ("bias", [0.5, 0.6]), "T_R": ("bias", [0.1, 0.2])}
    data = sweep_of({"bias": [0, 1]}, {"p": ((), [1.0, 2.0], POPULATION)}, coords=coords)
    assert select(data, "T_R=0.2").p.item() == 2.0


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ("T=1", "'T' is not one of: g, bath, heated_bath"),
        ("g=0.5", "g goes from 0.1 to 0.4"),
        ("g=nan", "g goes from 0.1 to 0.4"),
        ("g=small", "'small' is no number"),
        ("bath=3", "bath is one of 1, 2"),
        ("heated_bath=l", "heated_bath is one of L, M, R"),
        ("bath", "takes NAME=VALUE"),
    ],
)
def test_what_cannot_be_fixed_is_said_in_one_line(choice, words):
    with pytest.raises(PlotError, match=words) as caught:
        select(cube(), choice)
    assert str(caught.value).startswith(f"select {choice}: ")
    assert "\n" not in str(caught.value)


def test_what_is_not_finite_is_counted():
    values = np.array([[1.0, np.inf], [np.nan, np.nan]])
    data = sweep_of({"g": [0.1, 0.2]}, {"J": (("bath",), values, {})}, status=[0, 9])
    flagged, infinite = reasons(plot(data.assign_coords(bath=[1, 2])))
    assert flagged.startswith("1 point: the density matrix")
    assert infinite == "1 value: not finite although the state was found"


def test_what_a_logarithmic_scale_cannot_show_is_counted():
    data = sweep_of({"g": [0.1, 0.2, 0.3]}, {"J": ((), [-1.0, 0.0, 2.0], {})})
    (reason,) = reasons(plot(data, scale="log"))
    assert reason == "2 values: not positive, which a logarithmic scale cannot show"


def test_signed_numbers_diverge_from_zero_and_one_sided_ones_do_not():
    values = np.array([[-1.0, 0.5], [3.0, 1.0]])
    axes = {"g": [0.0, 1.0], "T": [0.0, 1.0]}
    signed = plot(sweep_of(axes, {"J": ((), values, {})})).axes[0].collections[0]
    assert (signed.norm.vmin, signed.norm.vmax) == (-3.0, 3.0)
    assert signed.get_cmap().name == "RdBu"
    # A negative number that is round-off does not count.
    noisy = plot(sweep_of(axes, {"S": ((), np.maximum(values, -1e-16), {})})).axes[0].collections[0]
    assert noisy.get_cmap().name == "viridis"


def test_an_axis_in_any_order_is_drawn_in_ascending_order():
    data = sweep_of({"g": [0.4, 0.1, 0.2]}, {"p": ((), [4.0, 1.0, 2.0], POPULATION)})
    (line,) = plot(data).axes[0].lines
    np.testing.assert_array_equal(line.get_xydata(), [[0.1, 1.0], [0.2, 2.0], [0.4, 4.0]])


# --- three dimensions


def block(third=3):
    """J = 100 g + 10 T + w over three axes."""
    g, T, w = np.arange(2.0), np.arange(4.0), np.arange(float(third))
    values = 100 * g[:, None, None] + 10 * T[:, None] + w
    return sweep_of({"g": g, "T": T, "w": w}, {"J": ((), values, {"long_name": "current"})})


def cells(canvas):
    mesh = canvas.collections[0]
    return np.asarray(mesh.get_array()).reshape(mesh.get_coordinates().shape[0] - 1, -1)


def test_three_axes_are_maps_over_the_third_that_share_their_colours():
    data = block()
    *panels, bar = plot(data).axes
    for index, canvas in enumerate(panels):
        np.testing.assert_array_equal(cells(canvas), data.J.values[:, :, index])
        assert canvas.collections[0].norm is panels[0].collections[0].norm
        assert canvas.get_title() == f"w = {index}"
    norm = panels[0].collections[0].norm
    assert (norm.vmin, norm.vmax) == (0.0, 132.0)
    assert bar.get_ylabel() == "current"


def test_the_axes_of_a_map_can_be_chosen():
    data = block()
    *panels, _ = plot(data, x="w", y="g").axes
    assert [canvas.get_title() for canvas in panels] == [f"T = {index}" for index in range(4)]
    np.testing.assert_array_equal(cells(panels[1]), data.J.values[:, 1, :])
    canvas, _ = plot(select(data, "w=2"), x="g").axes
    np.testing.assert_array_equal(cells(canvas), data.J.values[:, :, 2].T)
    sites = sweep_of({"g": [0.1, 0.2]}, {"p": (("site",), np.arange(10.0).reshape(2, 5), POPULATION)})
    canvas, _ = plot(sites.assign_coords(site=list("abcde")), y="site").axes
    np.testing.assert_array_equal(cells(canvas), np.arange(10.0).reshape(2, 5).T)
    assert [text.get_text() for text in canvas.get_yticklabels()] == list("abcde")
    assert plot(sites, x="g").axes[0].get_xlabel() == "tunnelling $g$ ($h$)"


def test_of_many_panels_some_are_drawn_from_first_to_last():
    figure = plot(block(40))
    titles = [canvas.get_title() for canvas in figure.axes[:-1]]
    assert len(titles) == 12
    assert (titles[0], titles[-1]) == ("w = 0", "w = 39")
    assert figure.get_suptitle() == "A title\n12 of 40 values of w"


def test_profiles_over_a_short_second_axis_stand_side_by_side():
    values = np.arange(40.0).reshape(4, 2, 5)
    data = sweep_of(
        {"g": [0.1, 0.2, 0.3, 0.4], "T": [0.5, 1.0]}, {"p": (("site",), values, POPULATION)}
    ).assign_coords(site=range(1, 6))
    figure = plot(data)
    assert [canvas.get_title() for canvas in figure.axes] == ["T = 0.5", "T = 1"]
    np.testing.assert_array_equal(figure.axes[1].lines[2].get_ydata(), values[2, 1])
    assert len(reasons(figure)) == 4  # the legend of all panels: one entry a value of g


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"x": "site"}, "x 'site' is not a dimension of J: g, T, w"),
        ({"x": "g", "y": "g"}, "x and y are both 'g'; J has the dimensions g, T, w"),
        ({"scale": "cubic"}, "scale 'cubic' is not one of linear, log, symlog"),
    ],
)
def test_what_does_not_fit_a_dimension_is_said_in_one_line(options, words):
    with pytest.raises(PlotError, match=words):
        plot(block(), **options)
    with pytest.raises(PlotError, match="a map takes two dimensions, and p has one: g"):
        plot(sweep_of({"g": [0.1]}, {"p": ((), [1.0], POPULATION)}), y="g")


# --- a line over a map


def diagram():
    g, T = np.linspace(0, 1, 5), np.linspace(0.1, 1.0, 7)
    coords = {"T": ("T", T, {"units": "1"})}
    return sweep_of({"g": g, "T": T}, {"x": ((), g[:, None] + T, {"units": "1"})}, coords=coords)


def boundary(axis="T", other="g", **status):
    attrs = {"long_name": "boundary", "symbol": other, "units": {"g": "h", "T": "1"}[other]}
    variables = {"x": ((), [5.0, 5.0], {"units": "x"}), "found": ((), [0.2, 3.0], attrs)}
    return sweep_of({axis: [0.3, 0.8]}, variables, **status)


@pytest.mark.parametrize("name", [None, "found"])
def test_a_line_over_a_map(name):
    alone = plot(diagram()).axes[0]
    canvas = plot(diagram(), lines=[(boundary(), name)]).axes[0]
    (line,) = canvas.lines
    np.testing.assert_array_equal(line.get_xydata(), [[0.3, 0.2], [0.8, 3.0]])
    assert [text.get_text() for text in canvas.get_legend().get_texts()] == ["boundary $g$ ($h$)"]
    assert canvas.get_ylim() == alone.get_ylim()
    (line,) = plot(diagram(), lines=[(boundary("g", "T"), name)]).axes[0].lines
    np.testing.assert_array_equal(line.get_xydata(), [[0.2, 0.3], [3.0, 0.8]])


def test_flagged_points_of_a_line_are_counted_too():
    figure = plot(diagram(), lines=[(boundary(status=[0, 4]), None)])
    assert reasons(figure) == ["1 point: the steady state is not unique"]


@pytest.mark.parametrize(
    ("data", "other", "name", "words"),
    [
        (diagram(), diagram(), None, "has one axis, g or T; the result given has: g, T"),
        (diagram(), boundary("h"), None, "has one axis, g or T; the result given has: h"),
        (diagram(), boundary(), "x", "a number in the unit of g; the result given has: found"),
        (diagram(), boundary("g"), None, "a number in the unit of T; the result given has: none"),
        (
            boundary(),
            boundary("g"),
            None,
            "a line over these curves has one axis, T; the result given has: g",
        ),
    ],
)
def test_a_line_that_does_not_fit_is_said_in_one_line(data, other, name, words):
    with pytest.raises(PlotError, match=words) as caught:
        plot(data, lines=[(other, name)])
    assert "\n" not in str(caught.value)


@pytest.mark.long
def test_the_command_takes_parts_and_lines(tmp_path, monkeypatch, qthermo):
    monkeypatch.chdir(tmp_path)
    for name, data in (("map", diagram()), ("line", boundary()), ("cube", cube())):
        own = data.assign(method=data.status)
        own.attrs["title"] = name
        own.to_netcdf(f"{name}.h5", engine="h5netcdf")

    def call(*arguments):
        code, _, err = qthermo("plot", *arguments)
        return code, err

    assert call("map.h5", "--line", "line.h5:found", "--line", "line.h5", "--scale", "log") == (0, "")
    asked = ("--select", "g=0.24", "--y", "bath", "--x", "heated_bath", "--out", "cube.svg")
    assert call("cube.h5", *asked) == (0, "select g=0.24: took g = 0.2, the nearest there is\n")
    assert call("cube.h5", "--select", "T=1")[0] == 2
    assert call("map.h5", "--line", "none.h5:found") == (2, "qthermo: none.h5: no such file\n")
    assert call("cube.h5", "--y", "heated_bath", "--x", "g", "--out", "cube.svg") == (0, "")
    assert (
        call("cube.h5", "--select", "g=0.24")[1] == "select g=0.24: took g = 0.2, the nearest there is\n"
    )
    assert call("cube.h5", "--x", "T")[1].endswith("is not a dimension of G: g, bath, heated_bath\n")


@pytest.mark.parametrize(
    ("variable", "words"),
    [("c", "variable 'c' is not one of cube"), ("cube", "not cube"), (None, "not cube")],
)
def test_what_cannot_be_drawn_is_said_in_one_line(variable, words):
    axes = {"g": [0.1, 0.2], "T": [0.1, 0.2], "w": [0.1, 0.2]}
    data = sweep_of(axes, {"cube": (("site",), np.ones((2, 2, 2, 3)), {})}, coords=SITES)
    with pytest.raises(PlotError, match=words) as caught:
        plot(data, variable)
    assert "\n" not in str(caught.value)
