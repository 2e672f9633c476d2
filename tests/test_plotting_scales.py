"""Scales, colours and numbers of pictures: round-off is no regime, and no two values look alike."""

import io

import matplotlib as mpl
import numpy as np
import pytest

from pictures import POPULATION, reasons, sweep_of
from qthermo_jax.labels import Quantity
from qthermo_jax.plotting import plot, select
from qthermo_jax.plotting.labels import plain_values
from qthermo_jax.plotting.maps import colours_of
from qthermo_jax.plotting.style import is_geometric


@pytest.mark.parametrize(
    ("values", "geometric"),
    [
        (np.geomspace(1e-3, 10.0, 9), True),
        (np.geomspace(1.0, 1.1, 1001), True),
        ([1.0, 2.0, 4.0], True),
        (np.linspace(200.0, 202.0, 41), False),
        (np.linspace(1.0, 1.1, 1001), False),
        ([1e-9, 2e-9, 5e-9, 9e-9], False),
        ([1.0, 2.0, np.inf], False),
    ],
)
def test_an_axis_is_logarithmic_where_its_values_have_one_ratio(values, geometric):
    assert is_geometric(np.array(values)) == geometric


def test_a_logarithmic_axis_has_three_labels_at_least():
    data = sweep_of({"g": np.geomspace(0.6, 1.0, 9)}, {"p": ((), np.ones(9), POPULATION)})
    axis = plot(data).axes[0].xaxis
    inside = [place for place in axis.get_majorticklocs() if 0.6 <= place <= 1.0]
    texts = [axis.get_major_formatter()(place) for place in inside]
    assert len(set(texts)) == len(texts) >= 3


def test_round_off_beside_a_neutral_value_is_no_other_regime():
    values = 3.5 + np.array([[0.0, 0.2], [-9e-16, 0.4]])
    data = sweep_of({"g": [0.1, 0.2], "T": [1.0, 2.0]}, {"x": ((), values, {"neutral": 3.5})})
    colours = colours_of(data.x, "linear")
    assert colours.boundary is None
    assert not isinstance(colours.norm, mpl.colors.TwoSlopeNorm)
    data = sweep_of({"g": [0.1, 0.2], "T": [1.0, 2.0]}, {"x": ((), values - 0.1, {"neutral": 3.5})})
    assert colours_of(data.x, "linear").boundary == 3.5


def test_a_map_whose_values_are_all_negative_shows_none_on_a_logarithmic_scale():
    data = sweep_of({"g": [0.1, 0.2], "T": [1.0, 2.0]}, {"x": ((), -np.ones((2, 2)), {})})
    figure = plot(data, scale="log")
    (told,) = reasons(figure)
    assert told.startswith("4 values: not positive")
    assert np.ma.getmaskarray(figure.axes[0].collections[0].get_array()).size == 4
    assert isinstance(figure.axes[0].collections[0].norm, mpl.colors.LogNorm)


def test_values_of_an_axis_look_alike_only_where_they_are():
    omega = [1000.0, 1000.25, 1000.5, 1001.0]
    data = sweep_of({"g": [0.1, 0.2], "omega": omega}, {"x": ((), np.ones((2, 4)), {})})
    (canvas,) = plot(data, hue="omega").axes
    texts = [text.get_text() for text in canvas.get_legend().get_texts()]
    assert texts == ["omega = 1000", "omega = 1000.25", "omega = 1000.5", "omega = 1001"]
    assert select(data, "omega=1000.25").attrs["selected"] == ["omega = 1000.25"]
    assert plain_values(data.omega) == ["1000", "1000.25", "1000.5", "1001"]


def test_values_of_an_axis_that_are_not_finite_are_counted():
    axes = {"g": [0.1, np.nan, 0.2, np.inf], "T": [1.0, 2.0]}
    data = sweep_of(axes, {"x": ((), np.arange(8.0).reshape(4, 2), {})})
    figure = plot(data)
    assert reasons(figure) == ["2 of the values of g: not finite, which no axis can show"]
    assert figure.axes[0].collections[0].get_array().size == 4
    assert select(data, "g=0.2").x.values.tolist() == [4.0, 5.0]


def test_a_variable_drawn_beside_another_tells_what_it_lacks():
    variables = {
        "p": ((), [1.0, 2.0, 3.0], POPULATION),
        "q": ((), [-1.0, -2.0, np.nan], POPULATION),
    }
    data = sweep_of({"g": [0.1, 0.2, 0.3]}, variables)
    assert reasons(plot(data, "p")) == ["q: 1 value: not finite although the state was found"]
    assert "q: 2 values: not positive, which a logarithmic scale cannot show" in reasons(
        plot(data, "p", scale="log")
    )


def test_a_formula_that_cannot_be_set_stands_as_it_is_written():
    data = sweep_of({"g": [0.1, 0.2]}, {"p": ((), [1.0, 2.0], {"units": "{h"})})
    figure = plot(data.assign_attrs(title="costs $x_$ now"))
    figure.savefig(io.BytesIO(), format="png")
    assert figure.axes[0].get_title() == r"costs \$x_\$ now"


@pytest.mark.parametrize(
    ("unit", "squared"),
    [
        ("h", "h^2"),
        (r"\omega_1", r"\omega_1^2"),
        ("k_B T_0", "(k_B T_0)^2"),
        ("J/k_B", "(J/k_B)^2"),
        ("cm^-1", "(cm^-1)^2"),
    ],
)
def test_a_unit_of_several_words_is_raised_as_a_whole(unit, squared):
    assert Quantity("current", "J", 2).unit(unit) == squared


def test_what_is_held_names_all_that_moves_and_a_legend_its_own_label():
    coords = {"T_L": ("bias", [0.5, 0.6]), "T_R": ("bias", [0.1, 0.2])}
    data = sweep_of(
        {"g": [0.1, 0.2], "bias": [0.4, 0.5]}, {"x": ((), np.ones((2, 2)), {})}, coords=coords
    )
    assert select(data, "bias=0.5").attrs["selected"] == ["bias = 0.5, T_L = 0.6, T_R = 0.2"]
    texts = plot(data, hue="bias").axes[0].get_legend().get_texts()
    assert [text.get_text() for text in texts] == ["bias = 0.4", "bias = 0.5"]
