"""Units are converted at the edge; files and pictures keep what was given; wrong ones are noted."""

import re
import warnings

import numpy as np
import pytest
import xarray as xr

import qthermo_jax as qj
from qthermo_jax.sweeping import SpecError
from qthermo_jax.sweeping.errors import SpecWarning
from qthermo_jax.sweeping.execute.verdict import check
from qthermo_jax.sweeping.spec.declared import Spec
from qthermo_jax.sweeping.spec.units import UNITS, conversion, known_unit

# CODATA 2018 as NIST lists it ("Energy equivalents"): what 1 of the first is in the second.
EQUIVALENTS = [
    ("K", "GHz", 20.83661912),
    ("K", "meV", 8.617333262e-2),
    ("K", "cm^-1", 0.6950348004),
    ("eV", "THz", 241.7989242),
    ("meV", "cm^-1", 8.065543937),
    ("meV", "K", 11.60451812),
    ("cm^-1", "GHz", 29.9792458),
    ("cm^-1", "K", 1.438776877),
    ("mK", "MHz", 20.83661912),
    ("ueV", "mK", 11.60451812),
]
MK_IN_GHZ = 20.83661912e-3


def transistor(**options):
    """A thermal transistor of frequencies in GHz and temperatures in mK."""
    given = {
        "axes": {"T_M": [20.0, 100.0], "g": {"g": [1.0, 2.0], "T_R": [10.0, 50.0]}},
        "parameters": {"omega_LM": 5.0, "omega_MR": 4.0, "T_L": 150.0},
        "observables": ["heat_currents"],
        "energy_unit": "GHz",
        "units": {"T_M": "mK", "T_R": "mK", "T_L": "mK"},
        "labels": {"g": {"long_name": "step"}},
    }
    return qj.sweep("thermal_transistor", **given | options)


@pytest.mark.parametrize(("unit", "other", "size"), EQUIVALENTS)
def test_conversions_are_those_of_the_constants_of_nature(unit, other, size):
    np.testing.assert_allclose(conversion(unit, other), size, rtol=1e-9)
    np.testing.assert_allclose(conversion(other, unit), 1.0 / size, rtol=1e-9)


def test_a_unit_converts_to_itself_without_round_off():
    assert [conversion(unit, unit) for unit in UNITS] == [1.0] * len(UNITS)
    assert known_unit("cm^{-1}") == "cm^-1"
    assert known_unit("h") is None
    with pytest.raises(ValueError, match="no units: 'h', 'K'"):
        conversion("h", "K")


@pytest.mark.long
def test_a_sweep_in_units_is_the_sweep_of_the_converted_numbers():
    data = transistor()
    inside = transistor(
        axes={
            "T_M": [20.0 * MK_IN_GHZ, 100.0 * MK_IN_GHZ],
            "g": {"g": [1.0, 2.0], "T_R": [10.0 * MK_IN_GHZ, 50.0 * MK_IN_GHZ]},
        },
        parameters={"omega_LM": 5.0, "omega_MR": 4.0, "T_L": 150.0 * MK_IN_GHZ},
        units=None,
    )
    np.testing.assert_allclose(data.heat_currents, inside.heat_currents, rtol=1e-6, atol=1e-12)
    assert float(np.abs(data.heat_currents).max()) > 1e-3
    # Coordinates keep what was given, in the unit that was given.
    np.testing.assert_array_equal(data.T_M, [20.0, 100.0])
    np.testing.assert_array_equal(data.T_R, [10.0, 50.0])
    units = {name: data[name].attrs.get("units") for name in ("T_M", "T_R", "heat_currents", "g")}
    assert units == {"T_M": "mK", "T_R": "mK", "heat_currents": "GHz^2", "g": None}
    assert "T_L = 150.0 mK" in data.attrs["parameters"]
    assert "omega_LM = 5.0," in data.attrs["parameters"]
    assert data.attrs["energy_unit"] == "GHz"
    (told,) = re.findall(r"^1 mK = (\S+) GHz$", data.attrs["unit_conversions"])
    np.testing.assert_allclose(float(told), MK_IN_GHZ, rtol=1e-9)
    assert "unit_conversions" not in inside.attrs


def test_a_coordinate_that_is_no_parameter_has_a_unit_as_well():
    axes = {"T": {"T": [30.0, 40.0], "T_M": [20.0, 40.0], "T_R": [40.0, 40.0]}}
    data = transistor(axes=axes, units={"T": "mK", "T_M": "mK", "T_R": "mK", "T_L": "K"}, labels={})
    assert data["T"].attrs["units"] == "mK"
    np.testing.assert_array_equal(data["T"], [30.0, 40.0])


@pytest.mark.long
def test_pictures_and_commands_show_the_units(tmp_path, monkeypatch, qthermo):
    monkeypatch.chdir(tmp_path)
    transistor(
        out="units.h5",
        axes={"T_M": [20.0, 100.0, 180.0]},
        parameters={"T_R": 1.0, "T_L": 2.0},
        labels={},
    )
    with qj.open_result("units.h5") as data:
        figure = data.qthermo.plot()
    assert figure.axes[0].get_xlabel() == r"temperature of the middle bath $T_M$ ($\mathrm{mK}$)"
    assert "T_R = 1.0 mK" in figure.get_supxlabel().replace("\N{NO-BREAK SPACE}", " ")
    assert r"energies in $\mathrm{GHz}$".replace(" ", "\N{NO-BREAK SPACE}") in figure.get_supxlabel()
    told = qthermo("info", "units.h5")[1]
    assert re.search(r"^units +1 mK = 0\.0208366\d+ GHz *$", told, re.MULTILINE)
    assert re.search(r"^T_M +T_M 3: temperature of the middle bath \(mK\) *$", told, re.MULTILINE)
    assert qthermo("report", "units.h5")[0] == 0
    page = (tmp_path / "units.html").read_text()
    assert "temperature of the middle bath (mK): T_M = 20.0 … 180.0" in page
    assert "1 mK = 0.0208366" in page
    assert qthermo("export", "units.h5", "--csv")[0] == 0
    exported = "".join(
        path.read_text() for path in tmp_path.rglob("units*") if path.suffix in (".csv", ".json")
    )
    assert "mK" in exported


def test_the_identity_of_a_spec_without_units_is_what_it_was():
    plain = Spec(model="chain")
    assert "units" not in plain.model_dump()
    assert Spec.model_validate(plain.model_dump()) == plain
    mixed = Spec(model="chain", energy_unit="GHz", units={"T_L": "mK"})
    assert Spec.model_validate(mixed.model_dump()) == mixed
    one, other = transistor(units={"T_M": "mK"}), transistor(units={"T_M": "K"})
    assert one.attrs["spec_sha256"] != other.attrs["spec_sha256"]
    assert one.attrs["family_sha256"] != other.attrs["family_sha256"]


def test_a_result_in_units_is_extended_in_them(tmp_path):
    short = {"T_M": [20.0, 100.0]}
    held = {
        "parameters": {"omega_LM": 5.0, "T_R": 10.0},
        "labels": {},
        "units": {"T_M": "mK", "T_R": "mK"},
    }
    transistor(axes=short, out=tmp_path / "x.h5", **held).close()
    longer = {"T_M": [20.0, 60.0, 100.0]}
    more = transistor(axes=longer, out=tmp_path / "x.h5", extend=True, **held)
    xr.testing.assert_equal(more.heat_currents.load(), transistor(axes=longer, **held).heat_currents)
    more.close()
    held["units"] = {"T_M": "K", "T_R": "mK"}
    with pytest.raises(Exception, match="another"):
        transistor(axes=longer, out=tmp_path / "x.h5", extend=True, **held)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"units": {"T_M": "mk"}},
            "units.T_M: takes a unit, one of MHz, GHz, THz, cm^-1, ueV, meV, eV, mK, K; got 'mk'",
        ),
        ({"energy_unit": "h"}, "energy_unit: with [units] it takes a unit that has a size, one of MHz"),
        ({"units": {"T": "mK"}}, "units.T: unknown parameter 'T'"),
        ({"units": {"omega_L": "mK"}}, "units.omega_L: 'omega_L' has no value in this spec"),
        ({"units": {"rate": "mK"}}, "units.rate: 'rate' is neither an energy nor a temperature"),
        ({"units": {"spectrum": "mK"}}, "units.spectrum: 'spectrum' is neither"),
    ],
)
def test_wrong_units_are_said_in_one_line(options, words):
    with pytest.raises(SpecError) as caught:
        transistor(**options)
    assert len(caught.value.lines) == 1
    assert words in str(caught.value)


@pytest.mark.long
def test_values_that_are_odd_are_told_in_the_unit_that_they_have():
    with pytest.warns(SpecWarning, match=r"parameters.T_L: -150 is below 0"):
        transistor(parameters={"omega_LM": 5.0, "T_L": -150.0})


# --- how wrong units look

SPEC = """\
model = "lambda_system"
observables = ["heat_currents"]
[parameters]
omega_1 = 1.0
omega_2 = 0.7
T_2 = {T_2}
[axes]
T_1 = [0.001, {T_1}]
"""


@pytest.mark.long
@pytest.mark.parametrize(
    ("T_1", "T_2", "smallest"),
    [
        # Bath 1 drives the transition of 1.0 alone, bath 2 that of 0.7.
        (0.01, 0.01, "70"),
        (0.0125, 0.001, "80"),
        (0.01, 0.0, "100"),  # a bath at T = 0 excites nothing in any unit
        (0.01, 0.0141, None),
        (0.0201, 0.001, None),
        (1.0, 0.001, None),
        (0.0, 0.0, "1e+03"),
    ],
)
def test_a_grid_on_which_nothing_is_excited_is_noted(folder, qthermo, T_1, T_2, smallest):
    (folder / "cold.toml").write_text(SPEC.format(T_1=T_1, T_2=T_2))
    told = [str(issue) for issue in check(folder / "cold.toml", folder / "x.h5").oddities]
    noted = [text for text in told if "omega / T" in text]
    if smallest is None:
        assert noted == []
        return
    corners = (
        f"omega / T is above 50 for all transitions at all corners of the grid ({smallest} or more)"
    )
    (note,) = noted
    assert f"axes.T_1: {corners}" in note
    assert corners in qthermo("explain", "cold.toml")[1]
    assert corners in qthermo("run", "cold.toml")[2]


@pytest.mark.long
def test_wrong_units_at_one_point_are_noted_by_python_too():
    fixed = {"omega_1": 1.0, "omega_2": 0.5, "T_1": 1e-3, "T_2": 1e-3}
    with pytest.warns(SpecWarning, match=r"parameters.T_1: omega / T .* here \(500 or more\)"):
        qj.sweep("lambda_system", axes={}, parameters=fixed)


def test_a_model_that_refuses_numbers_gets_no_note():
    def refusing(T):
        """A model that looks at numbers which are not traced."""
        if isinstance(T, np.ndarray):
            raise ValueError("T is given in mK")
        return qj.models.lambda_system(T_1=T, T_2=T)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = qj.sweep(refusing, axes={"T": [1e-3, 1e-4]}, observables=["heat_currents"])
    assert found.sizes["T"] == 2


@pytest.mark.long
def test_energies_that_no_parameter_tells_are_looked_at():
    def pair(T):
        """Two levels that are 3 apart."""
        swap = np.array([[0.0, 1.0], [1.0, 0.0]])
        return qj.OpenSystem(np.diag([0.0, 3.0]), [qj.Bath(swap, T, qj.Flat(1.0))])

    with pytest.warns(SpecWarning, match=r"axes.T: omega / T .* \(60 or more\)"):
        qj.sweep(pair, axes={"T": [0.01, 0.05]}, observables=["heat_currents"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        qj.sweep(pair, axes={"T": [0.01, 0.07]}, observables=["heat_currents"])
