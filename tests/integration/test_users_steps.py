"""What a person does who has read the page "Optima, lines and fits", wrong turns included.

Each walk is a folder, and a list of steps: what is written or changed in a file, the command, its exit
code and what it must say. A wrong turn ends in one line that leads to the next step.
"""

import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import qthermo_jax as qj

pytestmark = pytest.mark.long


def assert_walk(qthermo, steps):
    for change, command, code, told in steps:
        if change:
            name, *edit = change
            path = Path(name)
            if len(edit) == 1:
                path.write_text(edit[0])
            else:
                text = path.read_text()
                assert edit[0] in text
                path.write_text(text.replace(*edit))
        got, out, err = qthermo(*command.split())
        assert (got, "Traceback" in err) == (code, False), (command, out, err)
        assert re.search(told, out + err), (command, out, err)
        if code:
            assert len((out + err).splitlines()) == 1, (out, err)


FRONT = """model = "maser"
observables = ["output_power", "efficiency"]
[parameters]
T_h = 8.0
[optimise]
maximise = "power"
over = { omega_c = [2.9, 0.1] }
"""


@pytest.mark.slow
def test_to_the_best_frequency_and_a_front(folder, qthermo):
    assert_walk(
        qthermo,
        [
            (("best.toml", FRONT), "check best.toml", 2, "takes start < stop, not 2.9 and 0.1"),
            (("best.toml", "[2.9, 0.1]", "[0.1, 2.9]"), "check best.toml", 2, "unknown name 'power'"),
            (("best.toml", '"power"', '"output_power"'), "check best.toml", 0, "1 points of maser"),
            (None, "run best.toml --out best.h5", 0, "1 state found"),
            (None, "info best.h5", 0, "largest output_power over omega_c from 0.1 to 2.9"),
            (
                ("best.toml", "[optimise]", "[axes]\nleast = [0.75, 0.9]\n[optimise]"),
                "check best.toml",
                2,
                "unknown parameter 'least'",
            ),
            (
                ("best.toml", "over =", 'where = ["efficiency > least"]\nover ='),
                "check best.toml",
                2,
                "a condition takes <= or >=",
            ),
            (
                ("best.toml", "efficiency >", "efficiency >="),
                "run best.toml --out front.h5",
                0,
                "2 state",
            ),
            (None, "report front.h5", 0, "front.html"),
            (None, "export front.h5 --csv", 0, "front.csv: 2 rows"),
            (None, "plot front.h5 --variable output_power", 0, "front.png"),
            (None, "plot front.h5 --variable power", 2, "output_power"),
        ],
    )
    with xr.open_dataset("front.h5", engine="h5netcdf") as data:
        np.testing.assert_allclose(data.omega_c, 3.0 * (1 - data.least), rtol=1e-6)


MAP = """model = "lambda_system"
observables = ["unbalance"]
[axes]
T_1 = { start = 0.2, stop = 1.0, num = 9 }
T_2 = { start = 0.2, stop = 1.0, num = 9 }
"""


def test_to_a_line_over_a_map(folder, qthermo):
    assert_walk(
        qthermo,
        [
            (("map.toml", MAP), "run map.toml --out map.h5", 0, "81 state found"),
            (
                ("line.toml", MAP + '[root]\nformula = "unbalnce"\n'),
                "check line.toml",
                2,
                "did you mean",
            ),
            (("line.toml", "unbalnce", "unbalance"), "check line.toml", 0, "can be run"),
            (
                ("line.toml", '"unbalance"\n', '"unbalance"\nvalue = 3.0\n'),
                "run line.toml --out line.h5",
                2,
                "no place was found between the points of the axes at which",
            ),
            (("line.toml", "3.0", "0.1"), "run line.toml --out line.h5", 0, "state found"),
            (None, "plot map.h5 --line line.h5", 0, "map.png"),
        ],
    )
    with qj.open_result("line.h5") as data:
        np.testing.assert_allclose(data.unbalance, 0.1, rtol=1e-9)


FIT = """model = "lambda_system"
[parameters]
T_2 = 0.5
[fit]
data = "seen.csv"
measured = { unbalance = "u" }
over = { T_2 = [0.1, 2.0] }
"""


def test_to_parameters_from_a_table(folder, qthermo):
    T = np.linspace(0.2, 1.5, 8)
    exact = qj.sweep(
        "lambda_system", axes={"T_1": T}, parameters={"T_2": 0.7}, observables=["unbalance"]
    )
    noise = 0.01 * np.random.default_rng(5).normal(size=8)
    rows = zip(T, exact.unbalance.values + noise, strict=True)
    table = "T_1,u\n" + "\n".join(f"{a},{b}" for a, b in rows)
    assert_walk(
        qthermo,
        [
            (("fit.toml", FIT), "fit fit.toml", 2, "seen.csv: cannot be read"),
            (("seen.csv", table), "fit fit.toml", 2, r"'T_2' is given in \[parameters\]"),
            (("fit.toml", "[parameters]\nT_2 = 0.5\n", ""), "fit fit.toml", 0, r"T_2 = 0\.[67]\d* \+- "),
            (None, "run fit.toml", 2, "has a .fit.: qthermo fit fit.toml"),
            (
                ("fit.toml", "over", "errors = { unbalence = 0.01 }\nover"),
                "fit fit.toml",
                2,
                "did you mean 'unbalance'",
            ),
            (("fit.toml", "unbalence", "unbalance"), "fit fit.toml --plot fit.png", 0, "probability"),
            (None, "fit fit.toml --plot fit.png", 2, "exists; --overwrite replaces it"),
        ],
    )


UNITS = """model = "lambda_system"
observables = ["unbalance"]
energy_unit = "h"
[units]
T_1 = "mK"
[parameters]
T_2 = 0.5
[axes]
T_1 = [20.0, 40.0]
"""


def test_to_temperatures_in_millikelvin(folder, qthermo):
    assert_walk(
        qthermo,
        [
            (("cold.toml", UNITS), "check cold.toml", 2, "energy_unit"),
            (("cold.toml", '"h"', '"GHz"'), "run cold.toml --out cold.h5", 0, "2 state found"),
            (None, "info cold.h5", 0, "mK"),
            (("cold.toml", '"mK"', '"mk"'), "check cold.toml", 2, "takes a unit, one of"),
        ],
    )
