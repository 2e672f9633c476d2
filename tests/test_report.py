"""`qthermo report`: what it finds is what is in the file, and nothing in the file becomes markup."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import qthermo_jax as qj
from qthermo_jax.report import pictures, scan
from qthermo_jax.report.again import commands
from qthermo_jax.sweeping import SpecWarning
from report_pages import (
    GRID,
    OF_MACHINES,
    OTHERS,
    Read,
    assert_loads_and_runs_nothing,
    made,
    made_with,
    page_of,
    words_of,
    written,
)

HOSTILE = (
    "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> javascript:alert(3) {{ 7 * 7 }} \u202e"
)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pictures, which take most of the time."""
    monkeypatch.setattr("qthermo_jax.report.page.pictures_of", lambda _: [])


def test_a_violated_law_names_its_worst_point_and_its_value(folder, undrawn):
    J = np.ones((2, 3, 2)) * np.array([1.0, -1.0])
    J[1, 2, 0] += 1e-3
    J[0, 1, 0] += 1e-5
    J[0, 0, 0] += 1e-9  # below the limit, 2e-6 of the currents
    sigma = np.full((2, 3), 0.5)
    sigma[0, 2] = -0.125
    data = made(heat_currents=((*GRID, "bath"), J), entropy_production=(GRID, sigma))
    page = page_of(data, folder)
    first = page.row("Σ J_k = 0")
    assert first[1] == "does not hold at 2 of 6 points"
    assert first[2] == "Σ J_k = 0.001at g = 0.2, T = 3.0"
    second = page.row("entropy production ≥ 0")
    assert second[1] == "does not hold at 1 of 6 points"
    assert second[2] == "entropy production = -0.125at g = 0.1, T = 3.0"


def test_a_law_that_holds_names_the_point_nearest_to_its_limit(folder, undrawn):
    sigma = np.array([[0.5, 0.25, 0.75], [0.5, 2.0, 3.0]])
    page = page_of(made(entropy_production=(GRID, sigma)), folder)
    row = page.row("entropy production ≥ 0")
    assert row[1:3] == ["holds at 6 points", "entropy production = 0.25at g = 0.1, T = 2.0"]


@pytest.mark.long
def test_every_check_fails_where_its_law_does_and_holds_where_it_does(folder, undrawn):
    p = np.full((2, 3, 4), 0.25)
    S = np.broadcast_to(np.array([[2.0, -2.0], [-2.0, 2.0]]), (2, 3, 2, 2)).copy()
    good = {
        "heat_currents": ((*GRID, "bath"), np.ones((2, 3, 2)) * np.array([1.0, -1.0])),
        "bath_temperatures": ((*GRID, "bath"), np.ones((2, 3, 2)) * np.array([1.0, 2.0])),
        "entropy_production": (GRID, np.ones((2, 3))),
        "level_populations": ((*GRID, "level"), p),
        "min_eigenvalue": (GRID, np.zeros((2, 3))),
        "current_noise": ((*GRID, "bath", "other_bath"), S),
        "secular_ratio": (GRID, np.full((2, 3), 0.01)),
        "error": (GRID, np.full((2, 3), 1e-12)),
        "residual": (GRID, np.full((2, 3), 1e-12)),
        "leak": (GRID, np.zeros((2, 3))),
    }

    def verdicts(data: xr.Dataset) -> Iterator[tuple[str, str]]:
        page = page_of(data, folder)
        for check in OTHERS:
            if check.limit:
                yield check.statement, page.row(check.statement)[1]

    assert {verdict for _, verdict in verdicts(made(**good))} == {"holds at 6 points"}
    worse = {
        "heat_currents": {"Σ J_k = 0: what the baths give they take back": 1.0 + 1e-5},
        "entropy_production": {"entropy production ≥ 0": -1.0},
        "level_populations": {"populations sum to 1": 1.0 + 1e-10},
        "secular_ratio": {
            "the largest rate is below the smallest distance of Bohr frequencies": 200.0,
            "the same, such that the current of two coupled qubits is right to 4 %": 200.0,
        },
        "error": {"round-off has left the state right": 1e10},
        "residual": {"the state satisfies its equation": 1e5},
    }
    for name, fails in worse.items():
        dims, values = good[name]
        bad = values.copy()
        bad.reshape(-1)[0] *= next(iter(fails.values()))
        found = dict(verdicts(made(**{**good, name: (dims, bad)})))
        failing = {
            statement for statement, verdict in found.items() if verdict.startswith("does not hold")
        }
        assert failing == set(fails), name
    for name, value, statement in (
        ("level_populations", -1e-3, "no population is negative"),
        ("min_eigenvalue", -2e-3, "no eigenvalue of rho is negative"),
        ("current_noise", -2.0, "the noise is a covariance"),
        ("bath_temperatures", 4.0, "Σ J_k / T_k ≥ 0"),
    ):
        dims, values = good[name]
        bad = values.copy()
        bad.reshape(-1)[0] = value
        found = dict(verdicts(made(**{**good, name: (dims, bad)})))
        (own,) = (verdict for told, verdict in found.items() if told.startswith(statement))
        assert own == "does not hold at 1 of 6 points", name


def test_the_laws_of_machines_are_their_own(folder, undrawn):
    """Power adds to heat; what a machine's file says is not judged by the laws of steady states."""
    J = np.ones((2, 3, 2)) * np.array([1.0, -0.5])
    good = {
        "heat_currents": ((*GRID, "bath"), J),
        "power": (GRID, np.full((2, 3), 0.5)),
        "heat": ((*GRID, "bath"), 3 * J),
        "work": (GRID, np.full((2, 3), 1.5)),
        "entropy_production": (GRID, np.full((2, 3), 0.1)),
    }
    words = words_of(OF_MACHINES)
    assert set(words) == set(good)

    def verdicts(**changed: np.ndarray) -> list[str]:
        given = {name: (dims, changed.get(name, values)) for name, (dims, values) in good.items()}
        page = page_of(made_with(words, **given).assign_attrs(state="limit cycle"), folder)
        assert page.row("Σ J_k = 0")[1] == "does not apply: it is about steady states"
        return [page.row(check.statement)[1] for check in OF_MACHINES]

    holds, fails = "holds at 6 points", "does not hold at 6 of 6 points"
    assert verdicts() == [holds] * 3
    assert verdicts(power=np.full((2, 3), 0.5001)) == [fails, holds, holds]
    assert verdicts(work=np.full((2, 3), 1.5001)) == [holds, fails, holds]
    assert verdicts(entropy_production=np.full((2, 3), -0.1)) == [holds, holds, fails]


def test_what_the_file_does_not_have_is_said_and_not_judged(folder, undrawn):
    page = page_of(made(entropy_production=(GRID, np.ones((2, 3)))), folder)
    told = "not in the file: add heat_currents and bath_temperatures to its observables"
    assert page.row("Σ J_k / T_k ≥ 0")[1] == told
    # A model's own observable of that name is another quantity.
    data = made(entropy_production=(GRID, -np.ones((2, 3))))
    data["entropy_production"].attrs["long_name"] = "entropy of the reservoir"
    assert page_of(data, folder).row("entropy production ≥ 0")[1].startswith("not in the file")
    data = made(secular_ratio=(GRID, np.full((2, 3), 5.0))).assign_attrs(generator="redfield")
    row = page_of(data, folder).row("the largest rate is below")
    assert row[1] == "does not apply: it is about the global equation"
    data = made(entropy_production=(GRID, -np.ones((2, 3)))).assign_attrs(spec="evolution = {}")
    page = page_of(data, folder)
    for begins in ("entropy production ≥ 0", "the state satisfies its equation"):
        assert page.row(begins)[1] == "does not apply: a time evolution, no steady state"


def test_a_large_result_is_drawn_with_fewer_points(folder, monkeypatch):
    monkeypatch.setattr("qthermo_jax.report.pictures.POINTS", 2)
    page = page_of(made(entropy_production=(GRID, np.ones((2, 3)))), folder)
    assert "entropy production; one in 2 values of g; one in 2 values of T" in page.text
    assert page.row("entropy production ≥ 0")[1] == "holds at 6 points"


def test_points_without_a_state_are_counted_and_not_judged(folder, undrawn):
    sigma = np.array([[0.5, np.nan, 0.75], [-1.0, np.inf, 3.0]])
    data = made(entropy_production=(GRID, sigma))
    data["status"][1, 0] = 4
    page = page_of(data, folder)
    assert page.row("entropy production ≥ 0")[1] == "holds at 4 points"
    assert page.row("entropy_production")[1:] == [
        "0.5 at g = 0.1, T = 1.0",
        "3 at g = 0.2, T = 3.0",
        "2",
    ]
    assert page.row("1")[:2] == ["1", "4 NOT_UNIQUE"]
    assert page.row("1")[2:] == [qj.Status.NOT_UNIQUE.meaning, "g = 0.2, T = 1.0"]


@pytest.mark.parametrize("most", [1, 2, 4])
def test_the_size_of_the_blocks_changes_nothing(folder, monkeypatch, undrawn, most):
    rng = np.random.default_rng(7)
    J = rng.normal(size=(2, 3, 2))
    data = made(heat_currents=((*GRID, "bath"), J), entropy_production=(GRID, rng.normal(size=(2, 3))))
    data["status"][0, 2] = 4
    whole = page_of(data, folder)
    monkeypatch.setattr(scan, "points_of", lambda _: most)
    # Hashes aside: the file is written again.
    assert [row for row in page_of(data, folder).rows if "SHA" not in row[0]] == [
        row for row in whole.rows if "SHA" not in row[0]
    ]


def test_nothing_in_a_file_becomes_markup(folder):
    name = HOSTILE.replace("/", "")
    status = np.zeros((2, 2), "int8")
    status[0, 0] = 99
    attrs = {"long_name": HOSTILE, "symbol": HOSTILE, "units": HOSTILE}
    data = xr.Dataset(
        {
            name: (("g", "end"), np.ones((2, 2)), attrs),
            "other": (("g", "end", "own"), np.ones((2, 2, 2)), attrs),
            "status": (("g", "end"), status, {"first_causes": HOSTILE}),
            "method": (("g", "end"), status),
            "note": (("g", "end"), status),
        },
        {"g": ("g", [0.1, 0.2], attrs), "end": ("end", ["a", HOSTILE]), "own": ("own", ["b", HOSTILE])},
        dict.fromkeys(
            ("title", "model", "parameters", "generator", "spec", "device", "created", "jax_version"),
            HOSTILE,
        ),
    )
    page = page_of(data, folder)
    assert_loads_and_runs_nothing(page)
    shown = HOSTILE.replace("\u202e", "\\u202e")
    assert page.text.count(shown) >= 8
    assert "\u202e" not in page.text


def test_attributes_that_are_no_texts_end_in_a_page_too(folder):
    data = made(entropy_production=(GRID, np.ones((2, 3))))
    data["entropy_production"].attrs |= {"units": np.arange(3), "symbol": 1.5, "neutral": "<b>"}
    data.attrs |= {"title": np.arange(4), "spec": 3, "model": "x" * 10**6}
    page = page_of(data, folder)
    assert_loads_and_runs_nothing(page)
    assert "… (1000000 characters)" in page.row("model")[1]
    assert "cannot be drawn" in page.text  # nothing is compared with a neutral value that is a text


def test_names_of_files_are_quoted_in_commands():
    assert commands("toml", {}, Path("a b; rm -rf $HOME.h5")).splitlines() == [
        "qthermo run 'a b; rm -rf $HOME.toml' --out 'a b; rm -rf $HOME.h5'"
    ]


@pytest.mark.long
def test_a_sweep_reports_itself(folder, qthermo):
    spec = """title = "Two baths"
model = "lambda_system"
observables = ["heat_currents", "level_populations", "error", "secular_ratio", "min_eigenvalue"]
parameters = { T_1 = 0.5, rate = 0.01 }
axes.T_2 = [0.2, 0.5, -1.0]
"""
    Path("own.toml").write_text(spec)
    assert qthermo("run", "own.toml")[0] == 0
    code, out, _ = qthermo("report", "results/own.h5")
    assert code == 0
    assert out == "results/own.html: checks: 7 hold, 0 do not, 4 need what is not in the file\n"
    text = Path("results/own.html").read_text(encoding="utf-8")
    page = Read(text)
    assert_loads_and_runs_nothing(page)
    assert spec in page.text
    assert "qthermo run own.toml --out own.h5" in page.text
    assert page.row("SHA-256")[1] == hashlib.sha256(Path("results/own.h5").read_bytes()).hexdigest()
    assert page.row("checksum")[1] == "intact"
    assert "3 points; a state was found at 2 of them." in page.text
    assert "bath 2: temperature -1.0 is below 0" in page.text
    assert sum(tag == "img" for tag, _ in page.elements) == 5
    code, _, err = qthermo("report", "results/own.h5")
    assert (code, err) == (2, "qthermo: results/own.html: exists; --overwrite replaces it\n")
    assert qthermo("report", "results/own.h5", "--overwrite", "--out", "results/own.html")[0] == 0


IN_UNITS = """model = "lambda_system"
observables = ["level_populations"]
energy_unit = "GHz"
units = { T_1 = "mK", T_2 = "mK" }
[parameters]
omega_1 = 10.0
omega_2 = 8.0
T_2 = 300.0
"""
AXIS = "[axes]\nT_1 = { start = 200.0, stop = 900.0, num = 8 }\n"
TOP = "\"level_populations['e']\""


@pytest.mark.long
@pytest.mark.parametrize(
    ("asked", "row", "shown"),
    [
        (
            f"{AXIS}[root]\nformula = {TOP}\nvalue = 0.1\n",
            ("root", "level_populations['e'] = 0.1"),
            r"0\.1 level_populations\[level=e\] at along = 0\.0, T_1 = \d{3}\.\d{1,7} mK",
        ),
        (
            f"{AXIS}[refine]\nformula = {TOP}\ntolerance = 0.001\nlevels = 3\n",
            ("axis T_1", "29 values; temperature of bath 1 (mK): T_1 = 200.0 … 900.0"),
            r"29 points, \d\d of them computed and \d+ interpolated between these; 29 have",
        ),
        (
            f"[optimise]\nmaximise = {TOP}\nover = {{ T_1 = [200.0, 900.0] }}\n",
            ("optimise", "largest level_populations['e'] over T_1 from 200 to 900 mK"),
            r"where the optimum lies\W*on a bound at the one point",
        ),
    ],
)
def test_other_answers_than_maps_say_what_they_are(folder, qthermo, asked, row, shown):
    Path("own.toml").write_text(IN_UNITS + asked)
    assert qthermo("run", "own.toml", "--out", "own.h5")[0] == 0
    assert qthermo("report", "own.h5")[0] == 0
    page = Read(Path("own.html").read_text(encoding="utf-8"))
    assert tuple(page.row(row[0])) == row
    assert re.search(shown, page.text), page.text


@pytest.mark.long
def test_a_sweep_from_python_is_made_again_by_what_its_page_says(folder, qthermo):
    with pytest.warns(SpecWarning, match="below 0"):
        first = qj.sweep("lambda_system", axes={"T_2": [0.2, -1.0]}, parameters={"T_1": 0.5}, out="a.h5")
    first.close()
    assert qthermo("report", "a.h5")[0] == 0
    page = Read(Path("a.html").read_text(encoding="utf-8"))
    source = first.attrs["spec"]
    assert source in page.text
    program = commands("json", {"model": "lambda_system"}, Path("a.h5"))
    assert program in page.text
    Path("a.json").write_text(source)
    Path("a.h5").unlink()
    with pytest.warns(SpecWarning, match="below 0"):
        exec(program, {})  # what a reader would paste
    with qj.open_result("a.h5") as second:
        assert second.attrs["spec_sha256"] == first.attrs["spec_sha256"]
        np.testing.assert_array_equal(second.unbalance, first.unbalance)


def test_a_function_that_a_result_does_not_hold_is_named_where_it_belongs():
    program = commands("json", {"model": "atom"}, Path("a.h5"))
    assert (
        "spec[\"model\"] = ...  # the Python function 'atom', which the result does not hold" in program
    )
    compile(program, "again", "exec")


def test_long_axes_are_thinned_and_short_ones_stay():
    axes = {"side": [0.0, 1.0], "T": np.arange(140_000.0)}
    values = np.broadcast_to(np.array([[0.0], [1.0]]), (2, 140_000))
    data = xr.Dataset(
        {"J": (("side", "T"), values), "status": (("side", "T"), np.zeros(values.shape, "int8"))}, axes
    )
    thin, told = pictures._thinned(data)  # noqa: SLF001
    assert dict(thin.sizes) == {"side": 2, "T": 70_000}
    assert told == "; one in 2 values of T"


def test_an_observable_of_a_model_called_error_is_no_bound(folder, undrawn):
    p = np.full((2, 3, 2), 0.5)
    p[1, 2] = 1.2, -0.2
    data = made(level_populations=((*GRID, "level"), p))
    data["error"] = GRID, np.ones((2, 3)), {"long_name": "readout error of the detector"}
    assert page_of(data, folder).row("no population is negative")[1] == "does not hold at 1 of 6 points"


def test_errors_of_users_are_one_line_and_leave_nothing(folder, qthermo):
    written(made(entropy_production=(GRID, np.ones((2, 3)))), Path("made.h5"))
    Path("notes.txt").write_text("no result")
    before = sorted(Path.cwd().iterdir())
    for arguments, words in (
        (("none.h5",), "none.h5: no such file"),
        (("notes.txt",), "notes.txt: not a result of a sweep"),
        (("made.h5", "--out", "made.h5", "--overwrite"), "is the result itself"),
        (("made.h5", "--out", "notes.txt/a.html"), "cannot be written"),
        (("made.h5", "--out", "."), "is a folder"),
    ):
        code, out, err = qthermo("report", *arguments)
        assert (code, out) == (2, "")
        assert words in err
        assert err.count("\n") == 1
    assert sorted(Path.cwd().iterdir()) == before
