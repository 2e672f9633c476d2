"""The page of a result: what its document shows, without a server."""

import numpy as np
import pytest
import xarray as xr

from datasets import two_baths
from qthermo_jax.plotting import PlotError
from qthermo_jax.viewer import Page


def test_own_entries_are_curves_and_other_axes_sliders():
    page = Page(two_baths())
    assert (page.observable.value, page.x.value, page.curves.value) == ("heat_currents", "g", "bath")
    assert list(page.sliders) == ["T"]
    assert page.sliders["T"].value == "2"
    np.testing.assert_allclose(page.lines.data["y"], [[3.0, 4.0, 6.0], [-3.0, -4.0, -6.0]])
    np.testing.assert_array_equal(page.lines.data["x"][0], [0.1, 0.2, 0.4])
    assert page.lines.data["name"] == ["bath = 1", "bath = 2"]


def test_a_slider_moves_the_curves_and_flagged_points_are_marked_and_explained():
    page = Page(two_baths())
    assert page.notes.text == ""
    page.sliders["T"].value = "3"
    np.testing.assert_allclose(page.lines.data["y"][0], [4.0, np.nan, 7.0])
    assert page.flags.data["x"] == [0.2]
    assert page.notes.text.startswith("\u00d7 1 point: the steady state is not unique")
    page.sliders["T"].value = "1"
    assert page.notes.text == ""
    assert page.flags.data["x"] == []


def test_another_observable_has_its_own_dimensions():
    page = Page(two_baths())
    page.sliders["T"].value = "1"
    page.observable.value = "position"
    assert page.curves.value == "one curve"
    assert page.sliders["T"].value == "1"
    np.testing.assert_allclose(page.lines.data["y"], [[10.0, 20.0, 40.0]])
    page.x.value = "T"
    assert list(page.sliders) == ["g"]
    page.curves.value = "g"
    assert list(page.sliders) == []
    assert page.lines.data["name"] == ["g = 0.1", "g = 0.2", "g = 0.4"]
    page.observable.value = "heat_currents"
    assert (page.x.value, page.curves.value, list(page.sliders)) == ("T", "bath", ["g"])


def test_what_a_logarithmic_scale_cannot_show_is_said():
    page = Page(two_baths())
    page.scale.value = "log"
    assert "3 values: not positive" in page.notes.text


def test_of_many_curves_some_are_drawn_and_words_stand_side_by_side():
    values = np.arange(80.0).reshape(40, 2)
    data = xr.Dataset(
        {"p": (("g", "level"), values), "status": ("g", np.zeros(40, "int8"))},
        {"g": np.linspace(0.0, 1.0, 40), "level": ["down", "up"]},
    )
    page = Page(data)
    page.x.value = "level"
    page.curves.value = "g"
    assert page.notes.text == "10 of 40 values of g"
    np.testing.assert_array_equal(page.lines.data["y"][-1], [78.0, 79.0])
    assert list(page.lines.data["x"][0]) == ["down", "up"]


def test_numbers_without_a_dimension_cannot_be_moved():
    with pytest.raises(PlotError, match="nothing to move"):
        Page(xr.Dataset({"p": 1.0, "status": ((), np.int8(0))}))
