"""[fit]: parameters from measured numbers, against linear regression in closed form and by coverage."""

import re
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from click.testing import CliRunner
from scipy import constants

import qthermo_jax as qj
from qthermo_jax.cli import app
from qthermo_jax.sweeping import SpecError


def plane(x: float = 0.0, y: float = 0.0, T: float = 1.0) -> qj.OpenSystem:
    """Two levels that know nothing of x and y: formulas that are linear in these are lines."""
    flip = jnp.array([[0.0, 1.0], [1.0, 0.0]])
    return qj.OpenSystem(jnp.diag(jnp.array([0.0, 1.0])), [qj.Bath(flip, T, qj.Ohmic(0.1))])


def two_levels(omega: float = 1.0, T: float = 1.0) -> qj.OpenSystem:
    flip = jnp.array([[0.0, 1.0], [1.0, 0.0]])
    return qj.OpenSystem(jnp.diag(jnp.stack([0.0 * omega, omega])), [qj.Bath(flip, T, qj.Ohmic(0.1))])


T = np.linspace(0.2, 3.0, 12)


def line(seed, error):
    noise = np.random.default_rng(seed).normal(size=T.size)
    return pd.DataFrame({"T": T, "seen": 0.7 * T - 0.3 + error * noise, "error": error})


def fitted_line(table, **settings):
    over = {"x": (-2.0, 2.0), "y": (-2.0, 2.0)}
    return qj.fit(plane, table, over=over, measured={"x*T + y": "seen"}, **settings)


@pytest.mark.long
def test_a_line_is_that_of_linear_regression():
    table = line(1, 0.1)
    found = fitted_line(table, errors={"x*T + y": "error"})
    design = np.stack([T, np.ones_like(T)], axis=1) / 0.1
    covariance = np.linalg.inv(design.T @ design)
    best = covariance @ design.T @ (table.seen / 0.1)
    np.testing.assert_allclose(list(found.values.values()), best, rtol=1e-9)
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-9)
    left = (design @ best - table.seen / 0.1).to_numpy()
    assert found.chi2 == pytest.approx(left @ left, rel=1e-9)
    assert found.degrees == T.size - 2
    np.testing.assert_allclose(found.data.residual[:, 0], left, atol=1e-8)
    # A quadratic chi^2 has a profile that is known.
    away = best[0] + np.array([-2.0, 1.0]) * found.errors["x"]
    np.testing.assert_allclose(found.profile("x", away), [4.0, 1.0], rtol=1e-6)
    np.testing.assert_allclose(
        found.interval("y"), best[1] + found.errors["y"] * np.array([-1, 1]), rtol=1e-4
    )


@pytest.mark.long
def test_errors_that_are_not_given_are_those_that_polyfit_estimates():
    table = line(2, 0.05)
    found = fitted_line(table)
    best, covariance = np.polyfit(T, table.seen, 1, cov=True)
    np.testing.assert_allclose(list(found.values.values()), best, rtol=1e-9)
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-8)
    assert np.isnan(found.probability)
    assert "estimated" in str(found)


@pytest.mark.long
def test_rows_without_a_number_do_not_count():
    table = line(3, 0.05)
    table.loc[4, "seen"] = np.nan
    found, without = fitted_line(table), fitted_line(table.drop(index=4))
    assert found.degrees == T.size - 3
    assert found.values == pytest.approx(without.values, rel=1e-9)


@pytest.mark.long
def test_what_the_data_do_not_tell_has_no_error_bars():
    found = qj.fit(
        plane, line(4, 0.05), over={"x": (0.5, 2.0), "y": (0.5, 2.0)}, measured={"x*y*T": "seen"}
    )
    assert found.errors == {"x": np.inf, "y": np.inf}


@pytest.mark.long
def test_a_parameter_on_its_bound_says_so():
    found = qj.fit(plane, line(5, 0.05), over={"x": (1.0, 2.0)}, measured={"x*T": "seen"})
    assert found.on_bound == ("x",)
    assert found.values["x"] == pytest.approx(1.0, abs=1e-6)


# What 1 mK is in GHz.
MK = 1e-3 * constants.k / (1e9 * constants.h)
MEV = 1e-3 * constants.e / (1e9 * constants.h)


@pytest.mark.long
def test_a_line_in_units_is_that_of_linear_regression_with_the_converted_numbers():
    """x T + y in GHz, of T in K and y in mK."""
    table = line(9, 0.1)
    both = {"T": "K", "y": "mK"}
    over = {"x": (-2.0, 2.0), "y": (-2e3, 2e3)}
    found = qj.fit(
        plane,
        table,
        over=over,
        measured={"x*T + y": "seen"},
        errors={"x*T + y": "error"},
        energy_unit="GHz",
        units=both,
    )
    design = np.stack([T * 1e3 * MK, np.full_like(T, MK)], axis=1) / 0.1
    covariance = np.linalg.inv(design.T @ design)
    best = covariance @ design.T @ (table.seen / 0.1)
    np.testing.assert_allclose(list(found.values.values()), best, rtol=1e-9)
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-9)
    np.testing.assert_allclose(found.errors["y"], np.sqrt(covariance[1, 1]), rtol=1e-9)
    away = best[1] + np.array([-2.0, 1.0]) * found.errors["y"]
    profile = found.profile("y", away)
    np.testing.assert_allclose(profile, [4.0, 1.0], rtol=1e-6)
    assert profile.y.attrs["units"] == "mK"
    np.testing.assert_allclose(
        found.interval("y"), best[1] + found.errors["y"] * np.array([-1, 1]), rtol=1e-4
    )
    assert found.units == {"x": "", "y": "mK"}
    assert f"y = {found.values['y']:.6g} +- {found.errors['y']:.2g} mK" in found.lines
    assert found.data["T"].attrs["units"] == "K"
    above, below = found.plot().axes
    assert below.get_xlabel() == r"T ($\mathrm{K}$)"
    assert above.get_ylabel() == "x*T + y"  # of a sum no unit is known


DIODE = """model = "thermal_diode"
energy_unit = "GHz"
units = { T_L = "mK", T_R = "mK", h_L = "meV" }
[parameters]
h_L = 0.05
h_R = 3.0
[fit]
data = "seen.csv"
measured = { "heat_currents[1]" = "J" }
errors = { "heat_currents[1]" = 1e-6 }
over = { Delta = [1.0, 20.0], T_R = [10.0, 200.0] }
"""


@pytest.mark.slow
def test_a_fit_in_units_is_that_of_the_converted_numbers(folder, qthermo):
    units = {"T_L": "mK", "T_R": "mK", "h_L": "meV"}
    held = {"h_L": 0.05, "h_R": 3.0}
    seen = qj.sweep(
        "thermal_diode",
        axes={"T_L": np.linspace(50.0, 400.0, 8)},
        parameters=held | {"T_R": 60.0, "Delta": 7.0},
        observables=["heat_currents"],
        energy_unit="GHz",
        units=units,
    )
    noise = 1e-6 * np.random.default_rng(1).normal(size=8)
    table = pd.DataFrame({"T_L": seen.T_L, "J": seen.heat_currents.sel(bath=1) + noise})
    table.to_csv("seen.csv", index=False)
    Path("fit.toml").write_text(DIODE)
    asked = {"measured": {"heat_currents[1]": "J"}, "errors": {"heat_currents[1]": 1e-6}}
    found = qj.fit(
        "thermal_diode",
        seen.sel(bath=1).assign(J=("T_L", table.J)),
        over={"Delta": (1.0, 20.0), "T_R": (10.0, 200.0)},
        parameters=held,
        energy_unit="GHz",
        units=units,
        **asked,
    )
    inside = qj.fit(
        "thermal_diode",
        table.assign(T_L=table.T_L * MK),
        over={"Delta": (1.0, 20.0), "T_R": (10.0 * MK, 200.0 * MK)},
        parameters={"h_L": 0.05 * MEV, "h_R": 3.0},
        energy_unit="GHz",
        **asked,
    )
    assert found.values == pytest.approx({"Delta": 7.0, "T_R": 60.0}, rel=1e-4)
    for name, size in (("Delta", 1.0), ("T_R", MK)):
        np.testing.assert_allclose(found.values[name] * size, inside.values[name], rtol=1e-9)
        np.testing.assert_allclose(found.errors[name] * size, inside.errors[name], rtol=1e-6)
    code, told, _ = qthermo("check", "fit.toml")
    assert code == 0
    assert "can be run: a fit to " in told
    Path("wrong.toml").write_text(DIODE.replace("heat_currents", "heat_curents"))
    code, told, _ = qthermo("check", "wrong.toml")
    assert code == 2
    assert "did you mean 'heat_currents'" in told
    code, out, _ = qthermo("fit", "fit.toml", "--out", "left.csv", "--plot", "fit.png")
    assert code == 0
    assert out.splitlines()[:2] == found.lines[:2]
    assert found.lines[1].startswith("T_R = ")
    assert found.lines[1].endswith(" mK")
    left = pd.read_csv("left.csv")
    np.testing.assert_allclose(left.T_L, table.T_L, rtol=1e-15)
    assert set(left.unit) == {"GHz^2"}
    above, below = found.plot().axes
    assert below.get_xlabel() == "temperature of the left bath $T_L$ ($\\mathrm{mK}$)"
    assert above.get_ylabel() == "heat_currents[1] ($\\mathrm{GHz}^{2}$)"


@pytest.mark.parametrize(
    ("about", "units", "line_"),
    [
        ({}, {}, "'T' is 'mK' there and 'GHz' here"),
        ({}, {"T": "K"}, "'T' is 'mK' there and 'K' here"),
        ({"energy_unit": "meV"}, {"T": "mK"}, "the energy unit is 'meV' there and 'GHz' here"),
    ],
)
def test_a_dataset_in_other_units_is_refused(about, units, line_):
    data = noisy_population(0).to_xarray().assign_attrs({"energy_unit": "GHz"} | about)
    data["T"].attrs["units"] = "mK"
    asked = {"over": {"omega": (0.1, 5.0)}, "measured": {"level_populations['2']": "p"}}
    with pytest.raises(SpecError, match=f"^fit.data: {line_}$"):
        qj.fit(two_levels, data, energy_unit="GHz", units=units, **asked)


def noisy_population(seed, error=0.01):
    noise = np.random.default_rng(seed).normal(size=T.size)
    return pd.DataFrame({"T": T, "p": 1 / (np.exp(1.3 / T) + 1) + error * noise})


def fitted_frequency(table):
    return qj.fit(
        two_levels,
        table,
        over={"omega": {"start": 0.05, "stop": 20.0, "spacing": "log"}},
        measured={"level_populations['2']": "p"},
        errors={"level_populations['2']": 0.01},
        samples=8,
        starts=1,
    )


@pytest.mark.long
def test_a_frequency_is_found_in_noisy_populations():
    found = fitted_frequency(noisy_population(6))
    assert found.converged
    assert abs(found.values["omega"] - 1.3) < 4 * found.errors["omega"]
    low, high = found.interval("omega")
    assert low < found.values["omega"] < high
    assert high - low == pytest.approx(2 * found.errors["omega"], rel=0.05)


@pytest.mark.slow
def test_the_error_covers_the_truth_as_often_as_it_says():
    """68.3 % of 200 fits, to three standard deviations of a binomial number; chi^2 as its law says."""
    fits = [fitted_frequency(noisy_population(seed)) for seed in range(200)]
    inside = sum(abs(own.values["omega"] - 1.3) <= own.errors["omega"] for own in fits)
    assert abs(inside - 0.683 * 200) <= 3 * np.sqrt(200 * 0.683 * 0.317)
    chi2 = np.array([own.chi2 for own in fits])
    assert chi2.mean() == pytest.approx(fits[0].degrees, abs=4 * np.sqrt(2 * fits[0].degrees / 200))


@pytest.mark.long
def test_the_command_fits_what_a_spec_says(tmp_path):
    noisy_population(7).to_csv(tmp_path / "p.csv", index=False)
    (tmp_path / "model.py").write_text(
        "import jax.numpy as jnp\n"
        "import qthermo_jax as qj\n"
        "def two_levels(omega: float = 1.0, T: float = 1.0):\n"
        "    flip = jnp.array([[0.0, 1.0], [1.0, 0.0]])\n"
        "    H = jnp.diag(jnp.stack([0.0 * omega, omega]))\n"
        "    return qj.OpenSystem(H, [qj.Bath(flip, T, qj.Ohmic(0.1))])\n"
    )
    spec = tmp_path / "fit.toml"
    spec.write_text(
        """model = "model.py:two_levels"
[fit]
data = "p.csv"
measured = { "level_populations['2']" = "p" }
errors = { "level_populations['2']" = 0.01 }
over = { omega = [0.1, 5.0] }
"""
    )
    picture, table = tmp_path / "fit.png", tmp_path / "left.csv"
    arguments = ["fit", str(spec), "--plot", str(picture), "--out", str(table)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "omega = 1." in result.output
    assert "chi^2 = " in result.output
    assert picture.stat().st_size > 1000
    assert len(pd.read_csv(table)) == T.size
    refused = CliRunner().invoke(app, ["run", str(spec)])
    assert "qthermo fit" in str(refused.exception)


@pytest.mark.long
def test_the_picture_shows_what_was_measured_and_what_is_left():
    found = fitted_line(line(8, 0.1), errors={"x*T + y": "error"})
    above, below = found.plot().axes
    (fit,) = (drawn for drawn in above.lines if drawn.get_label() == "fit")
    np.testing.assert_allclose(fit.get_ydata(), found.data.model[:, 0])
    assert below.get_xlabel() == "T"


@pytest.mark.parametrize(
    ("changed", "line_"),
    [
        ({"measured": {"level_populations['2']": "q"}}, "unknown column 'q'"),
        ({"measured": {"level_populations['3']": "p"}}, "has no level '3'"),
        ({"measured": {"level_populations['2'": "p"}}, "is no formula"),
        ({"over": {"omeg": (0.1, 1.0)}}, "did you mean 'omega'?"),
        ({"over": {"T": (0.1, 1.0)}}, "'T' is given in the data"),
        ({"over": {"omega": (1.0, 0.1)}}, "takes start < stop"),
        ({"errors": {"level_populations['1']": 0.1}}, "unknown formula"),
        ({"errors": {"level_populations['2']": "d"}}, "unknown column 'd'"),
        ({"parameters": {"omega": 1.0}}, "'omega' is given in [parameters]"),
    ],
)
def test_what_cannot_be_fitted_is_told_in_one_line(changed, line_):
    asked = {"over": {"omega": (0.1, 5.0)}, "measured": {"level_populations['2']": "p"}} | changed
    with pytest.raises(SpecError) as caught:
        qj.fit(two_levels, noisy_population(0), **asked)
    assert line_ in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_told():
    with pytest.raises(SpecError, match=r"fit\.data: nowhere\.csv: cannot be read"):
        qj.fit(two_levels, "nowhere.csv", over={"omega": (0.1, 1.0)}, measured={"T": "p"})


def fitted_to(measured, over, table, **settings):
    return qj.fit(plane, table, over=over, measured=measured, **settings)


@pytest.mark.long
def test_one_parameter_that_the_data_do_not_tell_leaves_the_errors_of_others():
    table, over = line(6, 0.05), {"x": (-2.0, 2.0)}
    alone = fitted_to({"x*T - 0.3": "seen"}, over, table)
    beside = fitted_to({"x*T - 0.3 + 0*y": "seen"}, over | {"y": (0.5, 2.0)}, table)
    assert beside.errors["y"] == np.inf
    ratio = np.sqrt(alone.degrees / beside.degrees)  # of the estimated error
    assert beside.errors["x"] == pytest.approx(alone.errors["x"] * ratio, rel=1e-6)
    # How wide an interval is does not decide what the data tell.
    tiny = fitted_to({"x*T - 1e8*y": "seen"}, over | {"y": (-1.0, 1.0)}, table)
    both = fitted_to({"x*T - y": "seen"}, over | {"y": (-2.0, 2.0)}, table)
    assert tiny.errors["y"] == pytest.approx(both.errors["y"] * 1e-8, rel=1e-3)


@pytest.mark.long
def test_other_values_that_fit_as_well_are_said():
    found = fitted_to({"x**2*T": "seen"}, {"x": (-2.0, 2.0)}, line(7, 0.05), samples=16, starts=4)
    assert found.agreeing + found.elsewhere == 4
    assert found.elsewhere > 0
    assert f"{found.elsewhere} to other values that fit as well" in str(found)


@pytest.mark.long
def test_as_many_parameters_as_numbers_have_no_error_and_no_interval():
    found = fitted_to({"x*T + y": "seen"}, {"x": (-2.0, 2.0), "y": (-2.0, 2.0)}, line(8, 0.05)[:2])
    assert found.errors == {"x": np.inf, "y": np.inf}
    assert found.interval("x") == (-2.0, 2.0)
    assert found.data.error.isnull().all()
    with pytest.raises(SpecError, match="'z'"):
        found.interval("z")


@pytest.mark.long
def test_errors_that_are_not_given_are_drawn_as_they_are_estimated():
    table = line(2, 0.05)
    found = fitted_line(table)
    spread = np.sqrt(np.sum((table.seen - found.data.model[:, 0]) ** 2) / (T.size - 2))
    np.testing.assert_allclose(found.data.error, spread, rtol=1e-9)
    np.testing.assert_allclose(np.sum(found.data.residual**2), T.size - 2, rtol=1e-9)


@pytest.mark.long
def test_where_there_is_no_derivative_the_search_has_not_converged():
    def split(x: float = 0.0, T: float = 0.5) -> qj.OpenSystem:
        """Two upper levels that meet at x = 0."""
        H = jnp.zeros((3, 3)).at[1, 1].set(1.0).at[2, 2].set(1.0)
        H = H.at[1, 2].set(x).at[2, 1].set(x)
        S = jnp.zeros((3, 3)).at[0, 1].set(1.0).at[1, 0].set(1.0).at[0, 2].set(0.5).at[2, 0].set(0.5)
        return qj.OpenSystem(H, [qj.Bath(S, T, qj.Ohmic(0.1))])

    table = pd.DataFrame({"T": [0.4, 0.5], "seen": [0.2, 0.3]})
    asked = {"over": {"x": (-1.0, 1.0)}, "measured": {"level_populations['2']": "seen"}}
    found = qj.fit(split, table, **asked, samples=1, starts=1)
    if found.values["x"] == 0.0:
        assert not found.converged
        assert "2 of 2 measured numbers have" in found.message


def test_a_number_for_each_bath_is_none_in_a_row():
    data = xr.Dataset({"J": (("T", "bath"), np.ones((3, 2)))}, {"T": [0.1, 0.2, 0.3], "bath": [1, 2]})
    with pytest.raises(SpecError, match="'J' has a number for each bath: choose one"):
        fitted_to({"heat_currents[1]": "J"}, {"x": (0.0, 1.0)}, data)


@pytest.mark.long
@pytest.mark.parametrize(
    ("asked", "line_"),
    [
        ('data = "absent.csv"', "fit.data: .*absent.csv: cannot be read"),
        ("over = { nonsense = [0.1, 1.0] }", "fit.over.nonsense: unknown parameter"),
        ("errors = { unbalanced = 0.1 }", "fit.errors.unbalanced: unknown formula"),
    ],
)
def test_check_finds_what_fit_refuses(folder, qthermo, asked, line_):
    Path("seen.csv").write_text("T_1,seen\n0.5,0.1\n0.7,0.2\n")
    table = {"data": '"seen.csv"', "measured": '{ unbalance = "seen" }', "over": "{ T_2 = [0.1, 1.0] }"}
    key, _, value = asked.partition(" = ")
    rows = "".join(f"{name} = {text}\n" for name, text in (table | {key: value}).items())
    Path("own.toml").write_text(f'model = "lambda_system"\n[fit]\n{rows}')
    for command in ("check", "fit"):
        code, out, err = qthermo(command, "own.toml")
        assert code == 2
        assert re.search(line_, out + err), (command, out, err)
    Path("own.toml").write_text(
        'model = "lambda_system"\n[fit]\n' + "".join(f"{k} = {v}\n" for k, v in table.items())
    )
    assert qthermo("check", "own.toml")[0] == 0


def test_no_fit_replaces_its_spec_or_its_data(folder, qthermo):
    Path("seen.csv").write_text("T_1,seen\n0.5,0.1\n0.7,0.2\n")
    spec = '[fit]\ndata = "seen.csv"\nmeasured = { unbalance = "seen" }\nover = { T_2 = [0.1, 1.0] }\n'
    Path("own.toml").write_text(f'model = "lambda_system"\n{spec}')
    for options, words in (
        (("--out", "seen.csv"), "--out seen.csv: is the data itself"),
        (("--plot", "own.toml"), "--plot own.toml: is the spec itself"),
        (("--plot", "a.svg", "--out", "a.svg"), "--plot and --out are both a.svg"),
    ):
        code, _, err = qthermo("fit", "own.toml", *options, "--overwrite")
        assert code == 2
        assert words in err
