"""What the results of sweeps can do by themselves."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

import qthermo_jax as qj
from qthermo_jax.accessor import Result
from qthermo_jax.plotting import PlotError
from qthermo_jax.sweeping import SpecError


def result(**attrs):
    """A result as `sweep` returns it."""
    status = np.array([[0, 4], [0, -1]], "int8")
    values = np.array([[1.0, np.nan], [3.0, np.nan]])
    return xr.Dataset(
        {"p": (("g", "T"), values), "status": (("g", "T"), status), "method": (("g", "T"), status)},
        {"g": [0.1, 0.2], "T": [1.0, 2.0]},
        attrs,
    )


def test_where_points_are_good_and_where_not():
    own = result().qthermo
    np.testing.assert_array_equal(own.ok, [[True, False], [True, False]])
    np.testing.assert_array_equal(own.flagged, [[False, True], [False, True]])
    assert own.ok.dims == ("g", "T")
    assert own.explain() == "1 x not computed yet; 2 x state found; 1 x the steady state is not unique"


def test_the_spec_is_there_verbatim():
    assert result(spec="# a sweep\nmodel = 'chain'").qthermo.spec == "# a sweep\nmodel = 'chain'"


def test_the_picture_is_that_of_the_command_line_and_a_notebook_shows_it():
    figure = result(title="A title").qthermo.plot("p", select={"T": 1.2}, scale="log")
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_ydata(), [1.0, 3.0])
    assert figure.axes[0].get_title() == "A title\nT = 1"
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert plt.get_fignums() == []  # no window, nothing to close


def test_what_is_wrong_is_said_in_one_line():
    with pytest.raises(PlotError, match="select T=x: 'x' is no number"):
        result().qthermo.plot(select={"T": "x"})
    with pytest.raises(SpecError, match="the dataset has no variable status"):
        xr.Dataset().qthermo.plot()


def test_a_result_is_opened_and_another_file_is_not(tmp_path):
    result(spec="x").to_netcdf(tmp_path / "result.h5", engine="h5netcdf")
    with qj.open_result(tmp_path / "result.h5") as data:
        assert data.qthermo.spec == "x"
    xr.Dataset({"x": 1}).to_netcdf(tmp_path / "other.h5", engine="h5netcdf")
    with pytest.raises(SpecError, match="it has no status and method"):
        qj.open_result(tmp_path / "other.h5")
    with pytest.raises(SpecError, match="no such file"):
        qj.open_result(str(tmp_path / "none.h5"))


def test_whoever_sweeps_or_opens_has_it():
    assert qj.sweep.__module__ == "qthermo_jax.sweeping.execute.entry"
    assert isinstance(result().qthermo, Result)
