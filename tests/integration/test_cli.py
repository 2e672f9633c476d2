"""The command line: what it prints, what it writes, and its exit codes."""

import errno
import os
import pty
import signal
import stat
import subprocess
import time
import tomllib
from pathlib import Path
from threading import Event

import click
import numpy as np
import pytest
import xarray as xr

import qthermo_jax as qj
from processes import QTHERMO, SPEC
from qthermo_jax.cli import pictures
from qthermo_jax.cli.placing import put_in_place
from qthermo_jax.sweeping import SpecError, SpecWarning

OWN_MODEL = """
import jax.numpy as jnp
import qthermo_jax as qj

def atom(T_1, T_2=0.1, omega=1.0):
    \"\"\"Two levels between two baths.\"\"\"
    S = jnp.array([[0.0, 1.0], [1.0, 0.0]])
    baths = [qj.Bath(S, T, qj.Ohmic(0.5)) for T in (T_1, T_2)]
    return qj.OpenSystem(jnp.diag(jnp.array([0.0, 1.0]) * omega), baths)
"""


@pytest.fixture(autouse=True)
def spec(folder):
    (folder / "spec.toml").write_text(SPEC)


@pytest.mark.long
def test_run_writes_the_file_and_counts_points_by_status(folder, qthermo):
    code, out, _ = qthermo("run", "spec.toml")
    assert code == 0
    assert "results/spec.h5: 4 points" in out
    assert "3 state found, 1 a temperature, duration or cut-off below 0" in out
    with xr.open_dataset(folder / "results" / "spec.h5", engine="h5netcdf") as data:
        assert data.attrs["spec"] == SPEC
        assert data.unbalance.values[0] == 1.0
        assert np.isnan(data.unbalance.values[3])


def test_several_specs_run_one_after_the_other_and_are_drawn_meanwhile(folder, qthermo):
    (folder / "other.toml").write_text(SPEC.replace("T_1 = 1.0", "T_1 = 0.5"))
    code, out, _ = qthermo("run", "--plot", "spec.toml", "other.toml")
    assert code == 0
    names = [line.split(":")[0] for line in out.splitlines() if line.startswith("results/")]
    names = list(dict.fromkeys(names))  # a line about the file, and one about its first flagged point
    for kind in ("h5", "png"):
        assert [name for name in names if name.endswith(kind)] == [
            f"results/{spec}.{kind}" for spec in ("spec", "other")
        ]
    assert names.index("results/spec.png") > names.index("results/spec.h5")
    assert len(names) == 4
    with xr.open_dataset("results/other.h5", engine="h5netcdf") as data:
        assert data.unbalance.values[0] == 1.0
        assert data.unbalance.values[1] == pytest.approx(0.0)
    assert (folder / "results" / "other.png").read_bytes().startswith(b"\x89PNG")


def test_a_picture_that_cannot_be_drawn_ends_no_sweep(folder, qthermo):
    (folder / "other.toml").write_text(SPEC.replace("T_1 = 1.0", "T_1 = 0.5"))
    (folder / "third.toml").write_text(SPEC.replace("T_1 = 1.0", "T_1 = 0.7"))
    (folder / "results" / "spec.png").mkdir(parents=True)
    code, out, err = qthermo("run", "--plot", "spec.toml", "other.toml", "third.toml")
    assert code == 2
    assert err.endswith("qthermo: --out results/spec.png: is a folder\n")
    for name in ("other", "third"):
        assert f"results/{name}.h5: 4 points" in out
        assert (folder / "results" / f"{name}.png").is_file()


def test_the_error_of_a_picture_waits_for_the_last_sweep(monkeypatch, capsys):
    second = Event()

    def picture_of(file):
        if file.name == "first":
            raise SpecError("cannot be drawn")
        second.set()
        return file

    def drawn():
        with pictures.drawing() as draw:
            draw(Path("first"))
            draw(Path("second"))
            assert second.wait(30)  # there is one thread: the first one has failed
            draw(Path("third"))
            click.echo("swept")

    monkeypatch.setattr(pictures, "picture_of", picture_of)
    with pytest.raises(SpecError, match="cannot be drawn"):
        drawn()
    assert capsys.readouterr().out.split() == ["second", "swept", "third"]


def test_several_specs_do_not_share_an_output_and_none_starts_if_one_is_wrong(folder, qthermo):
    (folder / "sub").mkdir()
    (folder / "sub" / "spec.toml").write_text(SPEC)
    (folder / "bad.toml").write_text(SPEC.replace("lambda_system", "lambda_sistem"))
    for arguments, words in (
        (("spec.toml", "sub/spec.toml"), "2 specs would be written to results/spec.h5"),
        (("spec.toml", "bad.toml", "--out", "a.h5"), "--out a.h5: takes one SPEC"),
        (("spec.toml", "bad.toml"), "did you mean 'lambda_system'"),
    ):
        code, _, err = qthermo("run", *arguments)
        assert code == 2
        assert words in err
        assert err.count("\n") == 1
    assert not (folder / "results").exists()


def test_the_faults_of_all_specs_are_told_and_none_runs(folder, qthermo):
    # The lines, counted by hand: SPEC begins with an empty one.
    (folder / "axis.toml").write_text(SPEC.replace("T_2 =", "T2 =").replace("T_1 = 1.0", 'T_1 = "hot"'))
    (folder / "model.toml").write_text(SPEC.replace("lambda_system", "lambda_sistem"))
    code, out, err = qthermo("run", "axis.toml", "spec.toml", "model.toml", "none.toml")
    assert (code, out) == (2, "")
    told = ("axis.toml:7: parameters.T_1", "axis.toml:9: axes.T2", "model.toml:3: model", "none.toml")
    assert len(err.splitlines()) == len(told)
    for line, start in zip(err.splitlines(), told, strict=True):
        assert line.startswith(f"qthermo: {start}: ")
    assert not (folder / "results").exists()


def test_outputs_that_cannot_be_written_are_told_of_all_specs(folder, qthermo):
    (folder / "results").mkdir()
    for name in ("one", "two"):
        (folder / f"{name}.toml").write_text(SPEC)
        (folder / "results" / f"{name}.h5").write_text("my thesis")
    code, out, err = qthermo("run", "one.toml", "spec.toml", "two.toml")
    assert (code, out) == (2, "")
    refused = [line.split(":")[1].strip() for line in err.splitlines()]
    assert refused == ["results/one.h5", "results/two.h5"]
    assert not (folder / "results" / "spec.h5").exists()


@pytest.mark.long
def test_a_status_of_several_causes_names_the_first_one(folder, qthermo):
    cause = "parameter_out_of_range, first at T_2 = -1: bath 2: temperature -1.0 is below 0"
    assert f"results/spec.h5: {cause}\n" in qthermo("run", "spec.toml")[1]
    assert cause in qthermo("info", "results/spec.h5")[1]
    # An extension keeps it, and finds one of its own.
    for values in ("0.5, 1.0, -1.0, 2.0", "1.5, 2.5"):
        (folder / "spec.toml").write_text(SPEC.replace("0.5, 1.0, -1.0", values))
        out = qthermo("run", "spec.toml", "--extend")[1]
        assert (cause in out) == ("-1.0" in values)
    with pytest.warns(SpecWarning, match="axes.T_2: 1 of 2 values are below 0"):
        data = qj.sweep("lambda_system", axes={"T_2": [0.5, -1.0]})
    assert data.status.attrs["first_causes"] == cause


@pytest.mark.long
def test_an_extension_says_before_what_it_takes_over_and_what_it_computes(folder, qthermo):
    qthermo("run", "spec.toml")
    more = SPEC.replace("-1.0]", "-1.0, 3.0]").replace('"heat_currents"', '"heat_currents", "purity"')
    (folder / "spec.toml").write_text(more)
    code, out, _ = qthermo("run", "spec.toml", "--extend")
    assert code == 0
    assert out.splitlines()[0] == (
        "results/spec.h5: extended: takes over unbalance, heat_currents at 4 points; "
        "computes purity at 4 points and unbalance, heat_currents, purity at 1 points"
    )


@pytest.mark.long
def test_a_file_names_the_master_equation_and_its_solver(folder, qthermo):
    more = '[solver]\ngenerator = "partial_secular"\nsecular_tol = 0.25\nmethod = "dense"\n'
    (folder / "spec.toml").write_text(SPEC + more)
    qthermo("run", "spec.toml")
    with xr.open_dataset("results/spec.h5", engine="h5netcdf") as data:
        told = [data.attrs[key] for key in ("generator", "secular_tol", "method")]
    assert told == ["partial_secular", 0.25, "dense"]
    lines = [line.split() for line in qthermo("info", "results/spec.h5")[1].splitlines()]
    for pair in (["generator", "partial_secular"], ["secular_tol", "0.25"], ["method", "dense"]):
        assert pair in lines


def test_run_again_computes_nothing(folder, qthermo):
    qthermo("run", "spec.toml", "--out", "a.h5")
    stamp = (folder / "a.h5").stat().st_mtime_ns
    code, out, _ = qthermo("run", "spec.toml", "--out", "a.h5")
    assert (code, out) == (0, "a.h5: finished already, nothing computed\n")
    assert (folder / "a.h5").stat().st_mtime_ns == stamp


def test_info_says_what_is_in_a_file(folder, qthermo):
    qthermo("run", "spec.toml")
    code, out, _ = qthermo("info", "results/spec.h5")
    assert code == 0
    for words in (
        "lambda_system",
        "T_1 = 1.0",
        "T_2 4 x bath 2: heat current into the bath (h^2)",
        "3 state found",
        "4 by populations",
    ):
        assert words in out


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_plot_writes_a_picture(folder, qthermo, ending):
    qthermo("run", "spec.toml")
    code, out, _ = qthermo("plot", "results/spec.h5", "--out", f"new/picture.{ending}")
    assert (code, out) == (0, f"new/picture.{ending}\n")
    start = (folder / "new" / f"picture.{ending}").read_bytes()[:5]
    assert start == {"png": b"\x89PNG\r", "svg": b"<?xml", "pdf": b"%PDF-"}[ending]


def test_models_lists_parameters_and_observables(qthermo):
    code, out, _ = qthermo("models")
    assert code == 0
    for words in ("chain", "lambda_system", "v_system", "T_L", "flat or ohmic", "site_populations"):
        assert words in out


@pytest.mark.long
def test_a_users_model_from_a_file_beside_the_spec(folder, qthermo, monkeypatch):
    (folder / "deep").mkdir()
    (folder / "deep" / "atom.py").write_text(OWN_MODEL)
    spec = 'model = "atom.py:atom"\nobservables = ["heat_currents"]\n[axes]\nT_1 = [0.1, 0.9]'
    (folder / "deep" / "mine.toml").write_text(spec)
    assert qthermo("run", "deep/mine.toml", "--out", "mine.h5")[0] == 0
    with xr.open_dataset("mine.h5", engine="h5netcdf") as data:
        J = data.heat_currents.values
    # Two ohmic baths on one transition: J_2 = omega^2 eta (n_1 - n_2)/(2 (1 + n_1 + n_2)).
    n_1, n_2 = 1 / np.expm1(1 / 0.9), 1 / np.expm1(1 / 0.1)
    np.testing.assert_allclose(J[1, 1], 0.5 * (n_1 - n_2) / (2 * (1 + n_1 + n_2)), rtol=1e-12)
    np.testing.assert_allclose(J[0], 0, atol=1e-16)


def test_an_output_of_another_spec_is_left_alone(folder, qthermo):
    qthermo("run", "spec.toml", "--out", "a.h5")
    before = (folder / "a.h5").read_bytes()
    (folder / "other.toml").write_text(SPEC.replace("0.5", "0.6"))
    code, _, err = qthermo("run", "other.toml", "--out", "a.h5")
    assert code == 2
    assert "belongs to another spec" in err
    assert (folder / "a.h5").read_bytes() == before
    assert qthermo("run", "other.toml", "--out", "a.h5", "--overwrite")[0] == 0


def test_a_failure_is_one_line_and_exit_code_1(folder, qthermo, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("qthermo_jax.sweeping.store.tile_files.TileFiles.write", full)
    (folder / "spec.toml").write_text(SPEC.replace(", -1.0", ""))
    code, _, err = qthermo("run", "spec.toml")
    assert code == 1
    assert err.count("\n") == 1
    assert "No space left on device" in err


SLOW_SPEC = """
model = "chain"
observables = ["mean_position"]
[parameters]
sites = 8
[axes]
g = { start = 0.1, stop = 1.3, num = 400 }
"""


@pytest.mark.long
def test_interrupted_it_leaves_with_130_and_keeps_what_was_finished(folder):
    (folder / "slow.toml").write_text(SLOW_SPEC)
    command = [*QTHERMO, "run", "slow.toml", "--memory", "0.00001"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 90
    while not list(folder.glob("results/*.parts*/*.h5")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "finished tiles are kept in results/slow.h5.parts" in err
    kept = list(folder.glob("results/*.parts*/*.h5"))
    assert 0 < len(kept) < 400


@pytest.mark.long
def test_what_it_compiles_is_kept_for_the_user_alone(folder):
    cache = folder / "cache"
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    del environment["QTHERMO_CACHE_DIR"]
    subprocess.run([*QTHERMO, "run", "spec.toml"], env=environment, check=True, timeout=120)
    kept = cache / "qthermo_jax" / "programs"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    assert list(kept.iterdir())
    log = (folder / "results" / "spec.h5.log").read_text().splitlines()
    assert "4 points, 1 of 1 tiles missing" in log[0]
    assert log[-1].endswith("finished")


@pytest.mark.long
def test_two_processes_fill_one_cache_at_once(folder):
    environment = {**os.environ, "QTHERMO_CACHE_DIR": str(folder / "cache")}
    commands = [[*QTHERMO, "run", "spec.toml", "--out", name] for name in ("a.h5", "b.h5")]
    both = [subprocess.Popen(command, env=environment) for command in commands]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    subprocess.run([*QTHERMO, "run", "spec.toml", "--out", "c.h5"], env=environment, check=True)
    assert {path.suffix for path in (folder / "cache").iterdir()} == {".kept"}
    first, *others = (qj.open_result(folder / name) for name in ("a.h5", "b.h5", "c.h5"))
    for other in others:
        xr.testing.assert_equal(other, first)


@pytest.mark.long
def test_a_bar_on_a_terminal_and_plain_lines_elsewhere(folder):
    leader, follower = pty.openpty()
    command = [*QTHERMO, "run", "spec.toml"]
    subprocess.run(
        command, stderr=follower, check=True, timeout=120, env={**os.environ, "TERM": "xterm"}
    )
    os.close(follower)
    assert b"\x1b[" in os.read(leader, 4096)
    os.close(leader)
    plain = subprocess.run([*command, "--out", "b.h5"], stderr=subprocess.PIPE, check=True, timeout=120)
    assert b"\x1b[" not in plain.stderr


def test_brackets_and_colons_in_a_title_are_no_markup(folder, qthermo):
    (folder / "spec.toml").write_text(SPEC.replace("Unbalance", "J [/s] in [h^2] :heart:"))
    assert qthermo("run", "spec.toml")[0] == 0
    code, out, _ = qthermo("info", "results/spec.h5")
    assert code == 0
    assert "J [/s] in [h^2] :heart:" in out


def test_a_file_that_is_to_be_replaced_stays_where_that_fails(folder, monkeypatch):
    there = folder / "there.csv"
    there.write_text("old")

    def refuses(self, target):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "replace", refuses)
    with pytest.raises(SpecError, match="cannot be written"), put_in_place(there) as beside:
        beside.write_text("new")
    assert there.read_text() == "old"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["missing.toml", "--out", "there.csv"], "qthermo: missing.toml: "),
        (["spec.toml", "--plot", "fit.xyz"], "qthermo: --plot fit.xyz: takes .png, .svg or .pdf\n"),
    ],
)
def test_what_a_fit_cannot_take_is_one_line(folder, qthermo, words, line):
    (folder / "there.csv").touch()
    code, _, err = qthermo("fit", *words, "--overwrite")
    assert code == 2
    assert err.startswith(line)
    assert err.count("\n") == 1


def test_a_new_spec_is_toml_whatever_its_name_and_its_numbers(folder, qthermo):
    (folder / "own.py").write_text(OWN_MODEL.replace("omega=1.0", "omega=1.0, most=float('inf')"))
    assert qthermo("new", "\N{ICE CUBE}.toml", "--model", "own.py:atom")[0] == 0
    spec = tomllib.loads((folder / "\N{ICE CUBE}.toml").read_text())
    assert spec["title"] == "\N{ICE CUBE}"
    assert spec["parameters"]["most"] == float("inf")
