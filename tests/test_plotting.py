"""Pictures: what is drawn, how it is labelled, and what cannot be drawn."""

import sys

import numpy as np
import pytest
import xarray as xr

import qthermo_jax as qj
from qthermo_jax import cli
from qthermo_jax.plotting import PlotError, plot, select


def sweep_of(axes, variables, status=None, coords=None):
    """A result as `sweep` returns it: {name: (own dims, values, attributes)}."""
    shape = tuple(len(values) for values in axes.values())
    status = np.zeros(shape, "int8") if status is None else np.array(status, "int8")
    data = {name: ((*axes, *dims), values, attrs) for name, (dims, values, attrs) in variables.items()}
    data["status"] = (tuple(axes), status, {})
    attributes = {"g": {"symbol": "g", "long_name": "tunnelling", "units": "h"}}
    labels = {name: (name, values, attributes.get(name, {})) for name, values in axes.items()}
    return xr.Dataset(data, {**labels, **(coords or {})}, {"title": "A title"})


SITES = {"site": ("site", [1, 2, 3], {"long_name": "site"})}
POPULATION = {"long_name": "population", "symbol": "P", "units": "1"}


def test_an_array_over_one_axis_is_one_curve_a_value():
    data = qj.sweep("chain", axes={"g": [0.1, 1.3]}, parameters={"sites": 6}, energy_unit="h")
    canvas = plot(data).axes[0]
    assert canvas.get_xlabel() == "site"
    assert canvas.get_ylabel() == "population of the site $P$"
    assert [text.get_text() for text in canvas.get_legend().get_texts()] == [
        "$g$ = 0.1 $h$",
        "$g$ = 1.3 $h$",
    ]
    for line, expected in zip(canvas.lines, data.site_populations.values, strict=True):
        np.testing.assert_array_equal(line.get_ydata(), expected)
        np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3, 4, 5, 6])


def test_a_short_array_over_one_axis_is_one_curve_an_entry():
    data = sweep_of({"g": [0.1, 0.2, 0.3]}, {"J": (("bath",), np.arange(6.0).reshape(3, 2), {})})
    data = data.assign_coords(bath=[1, 2])
    canvas = plot(data).axes[0]
    assert canvas.get_xlabel() == "tunnelling $g$ ($h$)"
    assert [text.get_text() for text in canvas.get_legend().get_texts()] == ["bath 1", "bath 2"]
    np.testing.assert_array_equal(canvas.lines[1].get_ydata(), [1.0, 3.0, 5.0])


def test_many_values_get_a_colour_bar_instead_of_a_legend():
    g = np.linspace(0.1, 1.0, 30)
    values = np.ones((30, 5)) * g[:, None]
    data = sweep_of({"g": g}, {"p": (("site",), values, POPULATION)}).assign_coords(site=range(1, 6))
    canvas, bar = plot(data).axes
    assert len(canvas.lines) == 30
    assert canvas.get_legend() is None
    assert bar.get_ylabel() == "tunnelling $g$ ($h$)"


def test_parameters_that_move_together_all_stand_in_the_legend():
    data = sweep_of(
        {"bias": [0, 1]},
        {"p": (("site",), np.ones((2, 5)), POPULATION)},
        coords={"T_L": ("bias", [0.5, 0.6]), "T_R": ("bias", [0.1, 0.2])},
    ).assign_coords(site=range(1, 6))
    texts = [text.get_text() for text in plot(data).axes[0].get_legend().get_texts()]
    assert texts == ["T_L = 0.5, T_R = 0.1", "T_L = 0.6, T_R = 0.2"]


def test_a_closed_form_is_a_line_behind_the_numbers():
    data = sweep_of(
        {"g": [0.1, 0.2]},
        {
            "numbers": ((), [1.0, 2.0], {"units": "1"}),
            "formula": ((), [1.0, 2.0], {"units": "1", "source": "Eq. 8"}),
            "current": ((), [1.0, 2.0], {"units": "h^2"}),
        },
    )
    numbers, formula = plot(data).axes[0].lines
    assert (numbers.get_linestyle(), numbers.get_marker()) == ("None", "o")
    assert (formula.get_linestyle(), formula.get_label()) == ("-", "Eq. 8")
    assert formula.get_zorder() < numbers.get_zorder()


def test_a_number_over_two_axes_is_a_map_with_its_boundary():
    g, T = np.linspace(0, 1, 5), np.geomspace(0.1, 10, 7)
    values = g[:, None] - 0.3 + np.zeros(7)
    attrs = {"long_name": "position", "neutral": 0.0, "units": "1"}
    canvas, bar = plot(sweep_of({"g": g, "T": T}, {"x": ((), values, attrs)})).axes
    mesh, boundary = canvas.collections
    np.testing.assert_array_equal(np.asarray(mesh.get_array()).reshape(5, 7), values)
    (path,) = boundary.get_paths()
    np.testing.assert_allclose(path.vertices[:, 1], 0.3)
    assert canvas.get_ylabel() == "tunnelling $g$ ($h$)"
    assert canvas.get_xscale() == "log"
    assert bar.get_ylabel() == "position"
    assert {0.0, mesh.norm.vcenter} == {0.0}


def test_a_map_that_stays_on_one_side_has_no_boundary():
    attrs = {"neutral": 5.0}
    data = sweep_of({"g": [0.0, 1.0, 3.0], "T": [0.0, 1.0]}, {"x": ((), np.ones((3, 2)), attrs)})
    assert len(plot(data).axes[0].collections) == 1


def test_flagged_points_are_left_out_and_counted():
    unique = int(qj.Status.NOT_UNIQUE)
    data = sweep_of({"g": [0.0, 0.2]}, {"p": ((), [np.nan, 1.0], POPULATION)}, status=[unique, 0])
    figure = plot(data)
    assert figure.get_supxlabel() == "not shown: 1 the steady state is not unique"
    assert plot(sweep_of({"g": [0.1]}, {"p": ((), [1.0], POPULATION)})).get_supxlabel() == ""


def test_a_map_of_flagged_points_only_is_drawn_empty():
    attrs = {"neutral": 5.0}
    data = sweep_of(
        {"g": [0.0, 1.0], "T": [0.0, 1.0]},
        {"x": ((), np.full((2, 2), np.nan), attrs)},
        status=np.full((2, 2), 4),
    )
    assert "4 the steady state" in plot(data).get_supxlabel()


def test_one_point_shows_its_profile():
    data = qj.sweep("chain", axes={}, parameters={"sites": 5})
    (line,) = plot(data).axes[0].lines
    np.testing.assert_array_equal(line.get_ydata(), data.site_populations)


def test_the_variable_can_be_chosen():
    data = sweep_of(
        {"g": [0.1, 0.2]}, {"a": ((), [1.0, 2.0], {}), "b": ((), [3.0, 4.0], {"units": "h"})}
    )
    assert plot(data, "b").axes[0].get_ylabel() == "b ($h$)"


@pytest.mark.parametrize(
    ("unit", "shown"),
    [
        ("h^-1", "h^{-1}"),
        (r"\omega_h^2", r"\mathrm{\omega_h}^{2}"),
        ("cm^{-1}", r"\mathrm{cm}^{-1}"),
        ("(cm^{-1})^2", r"(\mathrm{cm}^{-1})^{2}"),
        ("kJ/mol^2", r"(\mathrm{kJ/mol})^{2}"),
    ],
)
def test_a_power_of_the_unit_is_raised_whole(unit, shown):
    data = sweep_of({"g": [0.1, 0.2]}, {"b": ((), [3.0, 4.0], {"units": unit})})
    figure = plot(data)
    assert figure.axes[0].get_ylabel() == f"b (${shown}$)"
    figure.canvas.draw()  # mathtext that cannot be read raises


def test_words_are_not_joined_and_long_names_are_broken():
    attrs = {"long_name": "population of the basis state, of which there are five"}
    data = sweep_of({"g": [0.1, 0.2]}, {"p": (("level",), np.ones((2, 5)), attrs)})
    canvas = plot(data.assign_coords(level=list("abcde"))).axes[0]
    assert {line.get_linestyle() for line in canvas.lines} == {"None"}
    assert all(line.get_marker() != "None" for line in canvas.lines)
    assert canvas.get_ylabel() == "population of the basis state, of which\nthere are five"


def test_a_geometric_axis_is_logarithmic():
    data = sweep_of({"g": [0.1, 1.0, 10.0]}, {"p": ((), [1.0, 2.0, 3.0], POPULATION)})
    assert plot(data).axes[0].get_xscale() == "log"
    g = np.geomspace(0.1, 10.0, 30)
    many = sweep_of({"g": g}, {"p": (("site",), np.ones((30, 5)), POPULATION)})
    _, bar = plot(many.assign_coords(site=range(1, 6))).axes
    assert bar.get_yscale() == "log"


@pytest.mark.parametrize("scale", ["log", "symlog"])
def test_the_scale_of_the_values_can_be_chosen(scale):
    values = np.array([[-100.0, -1.0, 1.0], [1.0, 10.0, 1000.0]])
    data = sweep_of({"g": [0.1, 0.2]}, {"p": (("bath",), values, {})}).assign_coords(bath=[1, 2, 3])
    assert plot(data, scale=scale).axes[0].get_yscale() == scale
    over = sweep_of({"g": [0.1, 0.2], "T": [0.1, 0.2, 0.3]}, {"p": ((), values, {"neutral": 5.0})})
    canvas, bar = plot(over, scale=scale).axes
    assert bar.get_yscale() == scale
    assert len(canvas.collections) == 2  # the boundary is drawn all the same


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
    canvas = plot(select(cube(), "bath=2", "g=0.24")).axes[0]
    np.testing.assert_array_equal(canvas.lines[0].get_ydata(), [9.0, 10.0, 11.0])
    assert canvas.get_title() == "A title\nbath = 2, $g$ = 0.2 $h$"


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
    assert str(caught.value).startswith(f"--select {choice}: ")
    assert "\n" not in str(caught.value)


def test_what_is_not_finite_is_counted():
    values = np.array([[1.0, np.inf], [np.nan, np.nan]])
    data = sweep_of({"g": [0.1, 0.2]}, {"J": (("bath",), values, {})}, status=[0, 9])
    missing = plot(data.assign_coords(bath=[1, 2])).get_supxlabel()
    assert missing.endswith("eigenvalue (as Redfield's may); 1 without a finite value")
    assert missing.startswith("not shown: 1 the density matrix")


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
    assert figure.get_supxlabel() == "not shown: 1 the steady state is not unique"


@pytest.mark.parametrize(
    ("data", "other", "name", "words"),
    [
        (diagram(), diagram(), None, "has one axis, g or T; the result given has: g, T"),
        (diagram(), boundary("h"), None, "has one axis, g or T; the result given has: h"),
        (diagram(), boundary(), "x", "a number in the unit of g; the result given has: found"),
        (diagram(), boundary("g"), None, "a number in the unit of T; the result given has: none"),
        (boundary(), boundary(), None, "a line is drawn over a map, and x is none"),
    ],
)
def test_a_line_that_does_not_fit_is_said_in_one_line(data, other, name, words):
    with pytest.raises(PlotError, match=words) as caught:
        plot(data, lines=[(other, name)])
    assert "\n" not in str(caught.value)


def test_the_command_takes_parts_and_lines(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name, data in (("map", diagram()), ("line", boundary()), ("cube", cube())):
        own = data.assign(method=data.status)
        own.attrs["title"] = name
        own.to_netcdf(f"{name}.h5", engine="h5netcdf")

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["qthermo", "plot", *arguments])
        with pytest.raises(SystemExit) as left:
            cli.main()
        return left.value.code, capsys.readouterr().err

    assert call("map.h5", "--line", "line.h5:found", "--line", "line.h5", "--scale", "log") == (0, "")
    assert call("cube.h5", "--select", "heated_bath=M", "--select", "bath=1") == (0, "")
    assert call("cube.h5", "--select", "T=1")[0] == 2
    assert call("map.h5", "--line", "none.h5:found") == (2, "qthermo: none.h5: no such file\n")
    assert call("cube.h5")[1].endswith("(g x bath x heated_bath); --select fixes a dimension\n")


@pytest.mark.parametrize(
    ("variable", "words"),
    [("c", "variable 'c' is not one of cube"), ("cube", "not cube"), (None, "not cube")],
)
def test_what_cannot_be_drawn_is_said_in_one_line(variable, words):
    axes = {"g": [0.1, 0.2], "T": [0.1, 0.2]}
    data = sweep_of(axes, {"cube": (("site",), np.ones((2, 2, 3)), {})}, coords=SITES)
    with pytest.raises(PlotError, match=words) as caught:
        plot(data, variable)
    assert "\n" not in str(caught.value)
