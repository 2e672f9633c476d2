"""Errors of users: each ends in one line that says what to do, without a traceback, and exit code 2."""

import os
import subprocess
import sys

import pytest
import xarray as xr

import qthermo_jax as qj
from processes import QTHERMO
from qthermo_jax.sweeping import SpecError

GOOD = """
model = "lambda_system"
observables = ["unbalance"]
[parameters]
T_1 = 1.0
[axes]
T_2 = [0.1, 0.2]
"""
OWN = """
import numpy as np
import qthermo_jax as qj

X = np.array([[0.0, 1.0], [1.0, 0.0]])

def qubit(T, gap=1.0):
    return qj.OpenSystem(np.diag([0.0, 1.0]) * gap, [qj.Bath(X, T, qj.Flat(1.0))])

def out_of_reach(T):
    raise RuntimeError("no such state")

def of_positive(T):
    raise ValueError("T is above 1")

def of_numpy(T):
    return qj.OpenSystem(np.diag([0.0, float(T)]), [qj.Bath(X, T, qj.Flat(1.0))])

def branching(T):
    return qubit(T) if T > 1 else qubit(T, 2.0)

def forgetful(T):
    qubit(T)

def state_of(system, state):
    raise LookupError("no state")
"""


def edited(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def own(name: str, more: str = "axes.T = [1.0]") -> str:
    return f'model = "{name}"\n{more}\n'


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Good and bad files; no test changes them."""
    folder = tmp_path_factory.mktemp("errors")
    (folder / "good.toml").write_text(GOOD)
    (folder / "own.py").write_text(OWN)
    (folder / "broken.py").write_text("def f(:\n")
    (folder / "leaves.py").write_text("import sys\nsys.exit(3)\n")
    (folder / "needs.py").write_text("import no_such_package\n")
    (folder / "notes.txt").write_text("my thesis")
    (folder / "picture.toml").write_bytes(b"\x89PNG\xff")
    (folder / "empty.toml").write_text("")
    xr.Dataset({"x": ("a", [1.0])}).to_netcdf(folder / "other.h5", engine="h5netcdf")
    # As good as a result for what reads names and codes only.
    xr.Dataset(
        {"unbalance": ("T_2", [0.8, 0.7]), "status": ("T_2", [0, 0]), "method": ("T_2", [1, 1])},
        {"T_2": [0.1, 0.2]},
    ).to_netcdf(folder / "result.h5", engine="h5netcdf")
    return folder


@pytest.fixture
def folder(files, monkeypatch):
    monkeypatch.chdir(files)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return files


def table(*cases):
    """Of (what is done, how, the words that the line must contain)."""
    return pytest.mark.parametrize(("wrong", "words"), [c[1:] for c in cases], ids=[c[0] for c in cases])


# What is wrong in a spec: id, its text, what the line must contain.
SPECS = [
    ("no model", edited('model = "lambda_system"', ""), ["model: missing"]),
    ("a typo in a key", edited("observables", "observable"), ["did you mean 'observables'"]),
    ("a typo in a model", edited("lambda_", "lamda_"), ["did you mean 'lambda_system'"]),
    ("a typo in an axis", edited("T_2", "T2"), ["axes.T2", "did you mean 'T_2'"]),
    ("a typo in a parameter", edited("T_1", "T1"), ["parameters.T1", "did you mean 'T_1'"]),
    ("a typo in an observable", edited("balance", "balanc"), ["did you mean 'unbalance'"]),
    ("a text for a number", edited("1.0", '"hot"'), ["parameters.T_1", "takes a number", "'hot'"]),
    ("a number for a list", edited("[0.1, 0.2]", "0.1"), ["axes.T_2", "takes a list of numbers"]),
    (
        "a cut-off that is no number",
        GOOD + "[solver]\nsecular_tol = nan",
        ["solver.secular_tol", "finite"],
    ),
    ("a cut-off below 0", GOOD + "[solver]\nsecular_tol = -0.1", ["solver.secular_tol", "at least 0"]),
    (
        "no points",
        edited("[0.1, 0.2]", "{ start = 0, stop = 1, num = 0 }"),
        ["axes.T_2.num", "at least 1"],
    ),
    (
        "more points than there is memory",
        edited("[0.1, 0.2]", "{ start = 0, stop = 1, num = 1_000_000_000_000 }"),
        ["axes.T_2.num", "at most"],
    ),
    ("a time without an axis", GOOD + "[evolution]\ninitial = 'e'", ["evolution", "axes.time"]),
    ("half precision", GOOD + "[solver]\nprecision = 'float16'", ["'float64' or 'float32'"]),
    (
        "single precision where it does not reach",
        GOOD + "[solver]\nprecision = 'float32'\nmethod = 'dense'",
        ["'float32'", "'populations'"],
    ),
    ("the same table twice", GOOD + "[axes]\n", ["not TOML"]),
    ("a parameter that the model needs", own("own.py:qubit", ""), ["parameters.T", "missing"]),
    ("no such file of a model", own("mine.py:f"), ["model", "no file", "mine.py"]),
    ("no function named", own("own.py"), ["own.py:NAME"]),
    ("no such function", own("own.py:qbit"), ["did you mean 'qubit'"]),
    ("a syntax error in a model", own("broken.py:f"), ["broken.py", "SyntaxError", "line 1"]),
    ("a model's file that leaves", own("leaves.py:f"), ["leaves.py", "SystemExit"]),
    ("a model's package is missing", own("needs.py:f"), ["needs.py", "no_such_package"]),
    ("a model that raises", own("own.py:out_of_reach"), ["RuntimeError: no such state"]),
    ("a model that returns nothing", own("own.py:forgetful"), ["returns NoneType, not an OpenSystem"]),
    ("a model with an if", own("own.py:branching"), ["jnp.where"]),
    ("a model in floats", own("own.py:of_numpy"), ["jax.numpy"]),
    (
        "a model that says what is wrong with its numbers",
        own("own.py:of_positive"),
        ["model own.py:of_positive: ValueError: T is above 1"],
    ),
    ("a name in capitals", edited("T_1", "t_1"), ["did you mean 'T_1'"]),
    ("an observable in capitals", edited('"unbalance"', '"UNBALANCE"'), ["did you mean 'unbalance'"]),
    (
        "a current one way of one bath",
        own("own.py:qubit", "observables = ['rectification']\naxes.T = [1.0]"),
        ["'rectification' needs a system of two baths, and this one has 1"],
    ),
    (
        "a position without sites",
        edited("unbalance", "peak_site"),
        ["needs a model", "site_populations"],
    ),
    (
        "a response of a state that is on its way",
        edited("unbalance", "conductance") + "time = [1.0]\n[evolution]\ninitial = 'e'",
        ["'conductance' needs a steady state"],
    ),
    (
        "an observable of another model",
        edited("unbalance", "cooling_power"),
        ["'cooling_power' is an observable of three_level_refrigerator alone"],
    ),
    (
        "an observable that raises",
        edited('"unbalance"', '"own.py:state_of"'),
        ["observable state_of", "LookupError", "no state"],
    ),
]


@table(*SPECS)
def test_a_spec_that_is_wrong(folder, qthermo, wrong, words):
    (folder / "spec.toml").write_text(wrong)
    code, out, err = qthermo("run", "spec.toml")
    assert (code, out) == (2, "")
    assert err.startswith("qthermo: spec.toml:")
    assert err.count("\n") == 1
    for word in words:
        assert word in err
    # `qthermo check` finds the same, and where.
    code, out, err = qthermo("check", "spec.toml")
    assert code == 2
    for word in words:
        assert word in out + err


# What is wrong in a call: id, arguments, what the line must contain.
CALLS = [
    ("no such command", "rnu good.toml", ["No such command 'rnu'"]),
    ("no memory", "run good.toml --memory 0", ["--memory"]),
    ("no such option", "run good.toml --overwite", ["'--overwrite'"]),
    ("no spec", "run", ["Missing argument 'SPEC...'"]),
    ("a spec twice", "run good.toml good.toml", ["results/good.h5", "--out"]),
    ("a spec that is not there", "run sweep.toml", ["sweep.toml", "No such file"]),
    ("a folder as a spec", "run .", ["Is a directory"]),
    ("a picture as a spec", "run picture.toml", ["not a text file"]),
    ("a result as a spec", "run result.h5", ["not a text file"]),
    ("an empty spec", "run empty.toml", ["model: missing"]),
    ("a size that is none", "run good.toml --memory nan", ["--memory", "nan"]),
    ("no such cluster", "run good.toml --cluster sge:4", ["local:N or slurm:N"]),
    ("a folder as output", "run good.toml --out .", ["--out", "is a folder"]),
    ("a text as output", "run good.toml --out notes.txt", ["--overwrite"]),
    ("a file as a folder", "run good.toml --out notes.txt/x.h5", ["notes.txt", "cannot be"]),
    ("somebody's file as output", "run good.toml --out other.h5", ["other.h5", "--out"]),
    ("a result that is not there", "info none.h5", ["no such file"]),
    ("a folder as a result", "plot .", ["is a folder"]),
    ("a text as a result", "plot notes.txt", ["not a result of a sweep", "HDF5"]),
    ("somebody's file as a result", "plot other.h5", ["not a result of a sweep", "no status"]),
    ("a spec as a result", "info good.toml", ["not a result of a sweep"]),
    ("nothing to merge", "merge notes.txt", ["not a result of a sweep"]),
    ("no such variable", "plot result.h5 --variable unbalanc", ["'unbalanc'", "unbalance"]),
    ("a choice without a value", "plot result.h5 --select T_2", ["NAME=VALUE"]),
    ("no such dimension", "plot result.h5 --select bath=1", ["'bath'", "T_2"]),
    ("no such scale", "plot result.h5 --scale lag", ["'linear', 'log', 'symlog'"]),
    ("a line from nowhere", "plot result.h5 --line none.h5", ["none.h5: no such file"]),
    ("a picture's ending", "plot result.h5 --out x.doc", [".png, .svg or .pdf"]),
    ("a picture in a file", "plot result.h5 --out notes.txt/x.png", ["cannot be written"]),
    ("something new of no kind", "new thesis.doc", [".toml", ".py"]),
    ("something new that is there", "new good.toml", ["good.toml", "--overwrite"]),
    ("a new model that is there", "new own.py", ["own.py", "--overwrite"]),
    ("a new model of a model", "new x.py --model chain", ["--model", "x.toml"]),
    ("a new spec of no model", "new x.toml --model chian", ["did you mean 'chain'"]),
    ("a new model that Python reads otherwise", "new lambda.py", ["'lambda'"]),
    ("something new in a file", "new notes.txt/x.toml", ["notes.txt", "cannot be written"]),
    ("another shell", "completion tcsh", ["'bash', 'zsh', 'fish'"]),
]


@table(*CALLS)
def test_a_call_that_is_wrong(folder, qthermo, wrong, words):
    before = sorted(folder.rglob("*"))
    code, out, err = qthermo(*wrong.split())
    assert (code, out) == (2, "")
    assert err.startswith("qthermo: ")
    assert err.count("\n") == 1
    for word in words:
        assert word in err
    assert sorted(folder.rglob("*")) == before


def test_no_command_at_all_shows_the_commands(qthermo):
    code, out, err = qthermo()
    assert (code, err) == (0, "")
    assert "Commands:" in out


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.usefixtures("folder")
def test_a_folder_that_may_not_be_written(tmp_path, qthermo):
    tmp_path.chmod(0o500)
    for call in ("run good.toml --out {}/x.h5", "new {}/x.toml", "plot result.h5 --out {}/x.png"):
        code, _, err = qthermo(*call.format(tmp_path).split())
        assert code == 2
        assert err.count("\n") == 1
        assert "cannot be written" in err


# In Python: id, what `sweep` is called with, what its one line must contain.
PYTHON = [
    (
        "a name for a list",
        {"observables": "unbalance"},
        ["observables", "a list", "'unbalance'"],
    ),
    ("a list for a table", {"axes": ["T_2"]}, ["axes", "a table"]),
    ("a typo in an axis", {"axes": {"T2": [0.1]}}, ["axes.T2", "did you mean 'T_2'"]),
    ("texts on an axis", {"axes": {"T_2": ["0.1"]}}, ["axes.T_2", "a number", "'0.1'"]),
    ("single precision", {"precision": "float32", "method": "dense"}, ["'populations'", "'float64'"]),
    ("a model by its file", {"model": "own.py"}, ["own.py:NAME"]),
]


@table(*PYTHON)
@pytest.mark.usefixtures("unchecked")
def test_a_sweep_from_python_that_is_wrong(wrong, words):
    with pytest.raises(SpecError) as error:
        qj.sweep(**{"model": "lambda_system", "axes": {"T_2": [0.1]}, **wrong})
    assert "\n" not in str(error.value)
    for word in words:
        assert word in str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["--cluster", "local:1"]], ids=["here", "on a cluster"])
def test_a_gpu_that_is_not_there(folder, options):
    here = {**os.environ, "JAX_PLATFORMS": "cuda"}
    command = [*QTHERMO, "run", "good.toml", *options]
    call = subprocess.run(command, env=here, capture_output=True, text=True, timeout=120, check=False)
    if call.returncode == 0:
        pytest.skip("it is there")
    assert call.returncode == 2
    assert call.stderr.count("\n") == 1
    assert "JAX_PLATFORMS=cuda; unset it" in call.stderr


def test_a_file_name_that_leaves_no_room_for_the_parts(folder, qthermo):
    told = (
        f"qthermo: {'y' * 40}...: a file name of 248 bytes; takes at most 200, as parts and a log stand "
    )
    told += "beside it under longer names\n"
    assert qthermo("run", "good.toml", "--out", f"{'y' * 245}.h5") == (2, "", told)
    assert qthermo("check", "good.toml", "--out", f"{'y' * 245}.h5")[0] == 2
