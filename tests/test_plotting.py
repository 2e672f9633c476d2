"""Pictures: what is drawn and how it is labelled."""

import numpy as np
import pytest

import qthermo_jax as qj
from pictures import POPULATION, SITES, reasons, sweep_of
from qthermo_jax.plotting import plot


@pytest.mark.long
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


def test_flagged_points_of_a_curve_are_marked_at_its_foot_and_explained():
    unique = int(qj.Status.NOT_UNIQUE)
    data = sweep_of({"g": [0.0, 0.2]}, {"p": ((), [np.nan, 1.0], POPULATION)}, status=[unique, 0])
    figure = plot(data)
    assert reasons(figure) == ["1 point: the steady state is not unique"]
    _, marks = figure.axes[0].lines
    np.testing.assert_array_equal(marks.get_xdata(), [0.0])
    assert marks.get_marker() == figure.legends[0].get_lines()[0].get_marker()
    assert reasons(plot(sweep_of({"g": [0.1]}, {"p": ((), [1.0], POPULATION)}))) == []


def test_flagged_cells_of_a_map_are_hatched_one_pattern_a_reason():
    status = np.array([[0, 4, 4], [0, 0, 3]])
    values = np.where(status == 0, 1.0, np.nan)
    data = sweep_of({"g": [0.0, 1.0], "T": [0.0, 1.0, 2.0]}, {"x": ((), values, {})}, status=status)
    figure = plot(data)
    divergent, unique = figure.axes[0].patches
    # The cells of two neighbours are one rectangle: from 0.5 to 2.5, in the lower row.
    box = unique.get_path().get_extents()
    np.testing.assert_allclose([box.x0, box.x1, box.y0, box.y1], [0.5, 2.5, -0.5, 0.5])
    box = divergent.get_path().get_extents()
    np.testing.assert_allclose([box.x0, box.x1, box.y0, box.y1], [1.5, 2.5, 0.5, 1.5])
    assert unique.get_hatch() != divergent.get_hatch()
    shown = {patch.get_label(): patch.get_hatch() for patch in figure.legends[0].get_patches()}
    assert shown["2 points: the steady state is not unique"] == unique.get_hatch()
    assert next(text for text in shown if text.startswith("1 point: a rate diverges"))


def test_a_map_of_flagged_points_only_is_drawn_empty():
    attrs = {"neutral": 5.0}
    data = sweep_of(
        {"g": [0.0, 1.0], "T": [0.0, 1.0]},
        {"x": ((), np.full((2, 2), np.nan), attrs)},
        status=np.full((2, 2), 4),
    )
    for scale in ("linear", "log", "symlog"):
        assert reasons(plot(data, scale=scale)) == ["4 points: the steady state is not unique"]


def test_a_derivative_goes_by_its_own_status():
    own = {"role": "derivative", "status_variable": "status_d_g"}
    variables = {"p": ((), [1.0, 2.0], {}), "d_p_d_g": ((), [np.nan, 1.0], own)}
    data = sweep_of({"g": [0.0, 0.2]}, variables)
    data["status_d_g"] = ("g", np.array([8, 0], "int8"))
    (reason,) = reasons(plot(data, "d_p_d_g"))
    assert reason.startswith("1 point: a degenerate level splits")
    (told,) = reasons(plot(data, "p"))  # whose panel it shares
    assert told.startswith("d_p_d_g: 1 point: a degenerate level splits")


def test_a_profile_that_is_flagged_is_named_in_the_legend():
    values = np.array([[1.0] * 5, [np.nan] * 5])
    data = sweep_of({"g": [0.1, 0.2]}, {"p": (("site",), values, POPULATION)}, status=[0, 4])
    figure = plot(data.assign_coords(site=range(1, 6)))
    good, flagged = figure.axes[0].get_legend().get_lines()
    assert (good.get_label(), flagged.get_label()) == ("$g$ = 0.1 $h$", "$g$ = 0.2 $h$")
    assert flagged.get_marker() == figure.legends[0].get_lines()[0].get_marker()


def test_one_point_shows_its_profile():
    data = sweep_of({}, {"p": (("site",), [0.5, 0.25, 0.25], POPULATION)}, coords=SITES)
    (line,) = plot(data).axes[0].lines
    np.testing.assert_array_equal(line.get_xydata(), [[1, 0.5], [2, 0.25], [3, 0.25]])


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


def test_an_axis_of_one_decade_has_plain_numbers():
    data = sweep_of({"g": np.geomspace(0.02, 0.2, 5)}, {"p": ((), np.arange(1.0, 6.0), POPULATION)})
    figure = plot(data)
    figure.canvas.draw()
    axis = figure.axes[0].xaxis
    assert {"0.02", "0.05", "0.1", "0.2"} <= {text.get_text() for text in axis.get_ticklabels()}
    assert not any(text.get_text() for text in axis.get_ticklabels(minor=True))


@pytest.mark.parametrize(("power", "scale"), [(1.0, "log"), (0.1, "linear")])
def test_values_of_many_decades_are_drawn_over_their_logarithm(power, scale):
    values = 10.0 ** (power * np.arange(12.0)).reshape(2, 6)
    axes = {"g": [0.1, 0.2], "T": np.linspace(0.1, 0.6, 6)}
    _, bar = plot(sweep_of(axes, {"p": ((), values, {})})).axes
    assert bar.get_yscale() == scale
    signed = values * np.array([-1.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    for own, attrs in ((signed, {}), (values, {"neutral": 5.0})):
        _, bar = plot(sweep_of(axes, {"p": ((), own, attrs)})).axes
        assert bar.get_yscale() != "log"
    _, bar = plot(sweep_of(axes, {"p": ((), values, {"neutral": 0.5})})).axes
    assert (bar.get_yscale() == "log") == (scale == "log")


@pytest.mark.parametrize("scale", ["log", "symlog"])
def test_the_scale_of_the_values_can_be_chosen(scale):
    values = np.array([[-100.0, -1.0, 1.0], [1.0, 10.0, 1000.0]])
    data = sweep_of({"g": [0.1, 0.2]}, {"p": (("bath",), values, {})}).assign_coords(bath=[1, 2, 3])
    assert plot(data, scale=scale).axes[0].get_yscale() == scale
    over = sweep_of({"g": [0.1, 0.2], "T": [0.1, 0.2, 0.3]}, {"p": ((), values, {"neutral": 5.0})})
    canvas, bar = plot(over, scale=scale).axes
    assert bar.get_yscale() == scale
    assert len(canvas.collections) == 2  # the boundary is drawn all the same
