"""Pictures: what is drawn, how it is labelled, and what cannot be drawn."""

import numpy as np
import pytest
import xarray as xr

import qthermo_jax as qj
from qthermo_jax.plotting import PlotError, plot


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


def test_a_power_of_the_unit_is_raised_whole():
    data = sweep_of({"g": [0.1, 0.2]}, {"b": ((), [3.0, 4.0], {"units": "h^-1"})})
    assert plot(data).axes[0].get_ylabel() == "b ($h^{-1}$)"


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
