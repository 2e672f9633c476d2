"""Pictures of several curves and of several results, and the words around them."""

import numpy as np
import pytest
from scipy import constants

from pictures import reasons, sweep_of
from qthermo_jax.plotting import PlotError, plot, select
from qthermo_jax.plotting.picture import names_of


def legend_of(canvas):
    return [text.get_text() for text in canvas.get_legend().get_texts()]


def result(offset=0.0, axes=None, about=None, **attrs):
    """J = 10 g + T + offset over two axes, or over those that are given."""
    axes = axes or {"g": [0.1, 0.2, 0.3], "T": [1.0, 2.0]}
    values = sum(
        np.meshgrid(*(10 * np.array(v) if k == "g" else v for k, v in axes.items()), indexing="ij")
    )
    own = {"long_name": "current", "symbol": "J", "units": "h"} | (about or {})
    data = sweep_of(axes, {"J": ((), values + offset, own)})
    return data.assign_attrs(**attrs)


# --- several curves of one axis


def test_each_entry_of_the_hue_is_one_curve_of_a_panel():
    data = result()
    (canvas,) = plot(data, hue="g").axes
    assert legend_of(canvas) == ["$g$ = 0.1 $h$", "$g$ = 0.2 $h$", "$g$ = 0.3 $h$"]
    for line, expected in zip(canvas.lines, data.J.values, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), [1.0, 2.0])
        np.testing.assert_array_equal(line.get_ydata(), expected)
    (canvas,) = plot(data, hue="T").axes
    assert canvas.get_xlabel() == "tunnelling $g$ ($h$)"
    assert len(canvas.lines) == 2


def test_what_a_hue_leaves_of_three_dimensions_are_panels():
    axes = {"g": [0.1, 0.2], "T": [1.0, 2.0, 3.0], "w": [0.0, 1.0]}
    figure = plot(result(axes=axes), hue="g")
    assert [canvas.get_title() for canvas in figure.axes] == ["w = 0", "w = 1"]
    np.testing.assert_array_equal(figure.axes[1].lines[0].get_xydata(), [[1, 3], [2, 4], [3, 5]])
    figure = plot(result(axes=axes), hue="g", x="w")
    assert [canvas.get_title() for canvas in figure.axes] == ["T = 1", "T = 2", "T = 3"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"hue": "w"}, "hue 'w' is not a dimension of J: g, T"),
        ({"hue": "g", "x": "g"}, "x and hue are both 'g'"),
        ({"hue": "g", "y": "T"}, "hue draws curves, and y draws a map"),
    ],
)
def test_a_hue_that_does_not_fit_is_said_in_one_line(options, words):
    with pytest.raises(PlotError, match=words):
        plot(result(), **options)
    with pytest.raises(PlotError, match="several curves take two dimensions, and J has one: g"):
        plot(result(axes={"g": [0.1, 0.2]}), hue="g")


# --- several results


def test_curves_of_several_results_share_a_panel_and_the_legend_says_what_differs():
    cold = result(axes={"g": [0.1, 0.2]}, parameters="h = 1.0, T_L = 0.5")
    hot = result(5.0, axes={"g": [0.3, 0.1, 0.2]}, parameters="h = 1.0, T_L = 0.9")
    figure = plot(cold, beside=[hot])
    (canvas,) = figure.axes
    assert legend_of(canvas) == ["T_L = 0.5", "T_L = 0.9"]
    np.testing.assert_allclose(canvas.lines[0].get_xydata(), [[0.1, 1.0], [0.2, 2.0]])
    # Each has points of its own, in ascending order.
    np.testing.assert_allclose(canvas.lines[1].get_xydata(), [[0.1, 6.0], [0.2, 7.0], [0.3, 8.0]])
    assert canvas.lines[0].get_color() != canvas.lines[1].get_color()
    assert canvas.get_ylabel() == "current $J$ ($h$)"
    assert figure.get_suptitle() == "A title"
    assert figure.get_supxlabel() == "h\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}1.0"


def test_curves_of_several_entries_keep_their_colours_in_each_result():
    data = [result(offset, parameters=f"k = {offset}") for offset in (0.0, 1.0)]
    (canvas,) = plot(data[0], hue="g", beside=data[1:]).axes
    assert legend_of(canvas)[0::3] == ["$g$ = 0.1 $h$, k = 0.0", "$g$ = 0.1 $h$, k = 1.0"]
    first, second = canvas.lines[0], canvas.lines[3]
    np.testing.assert_array_equal(first.get_color(), second.get_color())
    assert first.get_linestyle() != second.get_linestyle()


def test_maps_of_several_results_stand_side_by_side_and_share_their_colours():
    both = [result(offset, generator=name) for offset, name in ((0.0, "global"), (4.0, "local"))]
    first, second, bar = plot(both[0], beside=both[1:]).axes
    assert [first.get_title(), second.get_title()] == ["generator = global", "generator = local"]
    meshes = first.collections[0], second.collections[0]
    assert meshes[0].norm is meshes[1].norm
    assert (meshes[0].norm.vmin, meshes[0].norm.vmax) == (2.0, 9.0)
    np.testing.assert_array_equal(
        np.ravel(meshes[1].get_array()), both[1].J.transpose("g", "T").values.ravel()
    )
    assert bar.get_ylabel() == "current $J$ ($h$)"
    assert (first.get_ylabel(), second.get_ylabel()) == ("tunnelling $g$ ($h$)", "")


def test_missing_values_of_each_result_are_named_apart():
    data = [result(axes={"g": [0.1, 0.2]}, generator=name) for name in ("global", "local")]
    for number, status in ((0, 4), (1, 3)):
        data[number]["status"] = ("g", np.array([0, status], "int8"))
        data[number]["J"] = data[number].J.where(data[number].status == 0)
    figure = plot(data[0], beside=data[1:])
    first, second = reasons(figure)
    assert first == "generator = global: 1 point: the steady state is not unique"
    assert second.startswith("generator = local: 1 point: a rate diverges")
    _, marks, _, others = figure.axes[0].lines
    assert marks.get_marker() != others.get_marker()
    maps = [result(generator=name) for name in ("global", "local")]
    maps[1]["status"] = (("g", "T"), np.full((3, 2), 4, "int8"))
    maps[1]["J"] = maps[1].J * np.nan
    figure = plot(maps[0], beside=maps[1:])
    assert reasons(figure) == ["generator = local: 6 points: the steady state is not unique"]
    assert [len(canvas.patches) for canvas in figure.axes[:2]] == [0, 1]


@pytest.mark.parametrize(
    ("other", "options", "words"),
    [
        (sweep_of({"g": [0.1]}, {"K": ((), [1.0], {})}), {}, "no variable in common: result 1 has J"),
        (result(axes={"g": [0.1, 0.2]}), {}, "J runs over T x g in result 1, and over g in result 2"),
        (result(about={"units": "meV"}), {}, "J has the unit h in result 1, and meV in result 2"),
        (result(), {"variable": "K"}, "variable 'K' of result 1 is not one of J"),
        (result(), {"lines": [(result(), None)]}, "lines are drawn over one result"),
    ],
)
def test_results_that_do_not_fit_are_said_in_one_line(other, options, words):
    with pytest.raises(PlotError, match=words) as caught:
        plot(result(), beside=[other], **options)
    assert "\n" not in str(caught.value)


def test_too_much_for_one_picture_is_refused():
    many = result(axes={"g": np.linspace(0.1, 1.0, 30), "T": [1.0, 2.0]})
    with pytest.raises(PlotError, match="30 curves of each result cannot be told apart"):
        plot(many, hue="g", beside=[many])
    with pytest.raises(PlotError, match="13 maps: at most 12"):
        plot(result(), beside=[result()] * 12)
    cube = result(axes={"g": [0.1, 0.2], "T": [1.0, 2.0], "w": [0.0, 1.0]})
    with pytest.raises(PlotError, match="over one or two dimensions, not over g x T x w"):
        plot(cube, beside=[cube])


def test_what_tells_results_apart():
    one, two = result(parameters="g = 1, T = [0.1, 0.2]"), result(parameters="g = 1, T = [0.3, 0.2]")
    assert names_of([one, two]) == ["T = [0.1, 0.2]", "T = [0.3, 0.2]"]
    # Too many differences for a legend, or some that only one has: the files' names, then the titles.
    far = result(parameters="a = 1, b = 2, c = 3", title="Another title")
    assert names_of([one, far]) == ["A title", "Another title"]
    for number, data in enumerate((one, far)):
        data.encoding["source"] = f"/folder/run{number}.h5"
    assert names_of([one, far]) == ["run0", "run1"]
    far.encoding["source"] = "/other/run0.h5"
    assert names_of([one, far]) == ["folder/run0", "other/run0"]
    assert names_of([result(), result()]) == ["result 1", "result 2"]


# --- lines over curves


def test_a_line_over_curves_has_their_axis_and_unit():
    data = result(axes={"g": [0.1, 0.2]}, parameters="T = 1.0")
    other = result(1.0, axes={"g": [0.3, 0.05]}, parameters="T = 2.0")
    other["K"] = other.J.assign_attrs(long_name="bound", symbol="K")
    (canvas,) = plot(data, lines=[(other, None), (other, "K")]).axes
    # The variable that is drawn already is told by what differs, another one by its name.
    assert legend_of(canvas) == ["current $J$ ($h$)", "T = 2.0", "bound $K$ ($h$)"]
    np.testing.assert_allclose(np.sort(canvas.lines[1].get_xdata()), [0.05, 0.3])
    with pytest.raises(
        PlotError, match="a line over these curves has one axis, g; the result given has: T"
    ):
        plot(data, lines=[(result(axes={"T": [1.0]}), None)])
    with pytest.raises(PlotError, match="a number in the unit of J; the result given has: none"):
        plot(data, lines=[(result(axes={"g": [0.1]}, about={"units": "1"}), None)])
    three = result(axes={"g": [0.1, 0.2], "T": [1.0, 2.0], "w": [0.0, 1.0]})
    with pytest.raises(PlotError, match="over one map or one panel of curves, and J has several"):
        plot(three, lines=[(data, None)])


def line_in(unit, factor):
    """T = g + 0.9 as a [root] gives it, of T in a unit."""
    along = np.linspace(0.0, 0.98, 3)
    coords = {
        "g": ("along", 0.1 + 0.1 * along / 0.98),
        "T": ("along", (1.0 + 0.1 * along / 0.98) * factor),
    }
    data = sweep_of({"along": along}, {"J": ((), along, {"units": "h"})}, coords=coords)
    data["g"].attrs["units"] = "h"
    data["T"].attrs |= {"units": unit} if unit else {}
    return data


def test_a_line_in_another_unit_is_converted_to_that_of_the_map():
    data = result()
    data["T"].attrs["units"] = "K"
    for unit, factor in (("K", 1.0), ("mK", 1e3), ("meV", constants.k / (1e-3 * constants.e))):
        (canvas, *_) = plot(data, lines=[(line_in(unit, factor), None)]).axes
        drawn = canvas.lines[-1].get_xydata()
        g, T = drawn.T if canvas.get_xlabel().startswith("tunnelling") else drawn[:, ::-1].T
        np.testing.assert_allclose(g, [0.1, 0.15, 0.2], rtol=1e-12)
        np.testing.assert_allclose(T, [1.0, 1.05, 1.1], rtol=1e-12)


@pytest.mark.parametrize(
    ("given", "wanted", "words"),
    [
        ("h", "K", "T has h in the line given and K in the picture"),
        ("", "K", "T has no unit in the line given and K in the picture"),
        ("h", "energy", "T has h in the line given and energy in the picture"),
    ],
)
def test_a_line_in_a_unit_that_cannot_be_converted_is_refused(given, wanted, words):
    data = result()
    data["T"].attrs["units"] = wanted
    with pytest.raises(PlotError, match=words):
        plot(data, lines=[(line_in(given, 1.0), None)])


def test_curves_along_lines_have_a_gap_between_lines():
    along = np.array([0.0, 0.5, 0.9, 1.0, 1.5])
    data = sweep_of({"along": along}, {"J": ((), along**2, {"units": "h"})})
    (line,) = plot(data).axes[0].lines
    np.testing.assert_array_equal(line.get_xdata(), [0.0, 0.5, 0.9, np.nan, 1.0, 1.5])
    np.testing.assert_array_equal(line.get_ydata() ** 0.5, line.get_xdata())
    points = sweep_of({"along": np.arange(3.0)}, {"J": ((), np.arange(3.0), {"units": "h"})})
    (line,) = plot(points).axes[0].lines
    np.testing.assert_array_equal(line.get_ydata(), [0.0, 1.0, 2.0])


# --- title and caption


def test_the_caption_says_what_was_held():
    attrs = {
        "model": "chain",
        "generator": "global",
        "parameters": "sites = 6, T_L = 0.2",
        "energy_unit": r"\omega",
        "selected": ["T = 1"],
    }
    data = result(axes={"g": [0.1, 0.2]}, **attrs)

    def caption(**options):
        return plot(data, **options).get_supxlabel().replace("\N{NO-BREAK SPACE}", " ")

    held = r"chain (global): sites = 6, T_L = 0.2; energies in $\mathrm{\omega}$"
    assert caption() == held
    # What the title would say is not lost with it.
    assert caption(title=False) == held.replace("0.2;", "0.2, T = 1;")
    assert caption(caption=False) == ""
    assert plot(data).axes[0].get_title() == "A title\nT = 1"
    assert plot(data, title=False).axes[0].get_title() == ""
    assert plot(data, title=False, beside=[data]).get_suptitle() == ""


def test_words_with_a_dollar_sign_are_no_formula():
    data = [result(axes={"g": [0.1, 0.2]}, parameters=f"k = {k}, c = $x^$") for k in ("$a^$", "b")]
    figure = plot(data[0], beside=data[1:])
    figure.canvas.draw()  # mathtext that cannot be read raises
    assert legend_of(figure.axes[0]) == [r"k = \$a^\$", "k = b"]
    plot(data[0], lines=[(data[1], None)]).canvas.draw()


def test_a_long_caption_is_cut():
    parameters = ", ".join(f"parameter_{number} = {number}.0" for number in range(100))
    text = plot(result(parameters=parameters)).get_supxlabel()
    assert text.count("\n") == 3
    assert text.endswith("...")


def test_the_command_draws_several_results(tmp_path, monkeypatch, qthermo):
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        own = result()
        own.assign(method=own.status).to_netcdf(f"{name}.h5", engine="h5netcdf")
    assert qthermo("plot", "a.h5", "b.h5", "--no-title", "--no-caption") == (0, "a_b.png\n", "")
    assert qthermo("plot", "a.h5", "b.h5", "--hue", "g", "--select", "T=1")[0] == 2
    asked = ("--select", "T=1", "--out", "c.svg")
    assert qthermo("plot", "a.h5", "b.h5", *asked) == (0, "c.svg\n", "")
    svg = (tmp_path / "c.svg").read_text()
    assert "<!-- a -->" in svg
    assert "<!-- b -->" in svg
    code, _, err = qthermo("plot", "a.h5", "none.h5")
    assert (code, err) == (2, "qthermo: none.h5: no such file\n")


def test_what_a_selection_took_is_told_of_each_result():
    near, far = (result(axes={"g": [0.1, 0.2], "T": [at, 9.0]}, title="A") for at in (1.0, 1.5))
    one, other = (select(each, f"T={each.T.values[0]}") for each in (near, far))
    (canvas,) = plot(one, beside=[other.assign_attrs(title="B")], title=False).axes
    assert legend_of(canvas) == ["A, T = 1", "B, T = 1.5"]
    figure = plot(one, beside=[one.assign_attrs(title="B")])
    assert figure.get_suptitle() == "T = 1"
    told = plot(one, beside=[one.assign_attrs(title="B")], title=False).get_supxlabel()
    assert told == "T\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}1"


def test_a_selection_in_another_unit_is_refused():
    kelvin = result(axes={"g": [0.1, 0.2], "T": [0.5, 9.0]})
    milli = kelvin.copy()
    kelvin.T.attrs["units"], milli.T.attrs["units"] = "K", "mK"
    with pytest.raises(PlotError, match=r"T has the unit K in .*, and mK in"):
        plot(select(kelvin, "T=0.5"), beside=[select(milli, "T=0.5")])


def test_the_ninth_result_differs_from_the_first():
    many = [result(n, axes={"g": [0.1, 0.2]}, title=f"run {n}") for n in range(9)]
    lines = plot(many[0], beside=many[1:]).axes[0].lines
    looks = {(line.get_color(), line.get_linestyle(), line.get_marker()) for line in lines}
    assert len(looks) == 9


def test_a_line_over_curves_goes_from_each_point_to_the_next():
    over = result(axes={"g": [0.3, 0.1, 0.2]})
    canvas = plot(result(axes={"g": [0.1, 0.2, 0.3]}), lines=[(over, None)]).axes[0]
    np.testing.assert_array_equal(canvas.lines[-1].get_xdata(), [0.1, 0.2, 0.3])
    np.testing.assert_allclose(canvas.lines[-1].get_ydata(), [1.0, 2.0, 3.0])
