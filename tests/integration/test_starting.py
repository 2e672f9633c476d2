"""Something to start from: what `qthermo new` writes runs as it is; what the shell completes."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import jsonschema
import pytest
import xarray as xr

from qthermo_jax import cli, models, plotting
from qthermo_jax.cli.completion import VARIABLE
from qthermo_jax.cli.templates import spec_text
from qthermo_jax.sweeping.execute.verdict import check
from qthermo_jax.sweeping.plan.model import find_model
from qthermo_jax.sweeping.spec.json_schema import json_schema


@pytest.mark.long
def test_a_new_model_and_its_spec_run_as_they_are(folder, qthermo):
    code, out, _ = qthermo("new", "my_model.py")
    assert code == 0
    assert "qthermo run my_model.toml" in out
    code, out, _ = qthermo("check", "my_model.toml")
    assert (code, out.count("\n")) == (0, 1)
    code, out, _ = qthermo("run", "my_model.toml")
    assert code == 0
    assert "25 state found" in out
    with xr.open_dataset("results/my_model.h5", engine="h5netcdf") as data:
        # What the cold bath takes is what the hot one gives.
        J = data.heat_currents.values
        assert abs(J.sum(axis=1)).max() < 1e-12 * abs(J).max()
        assert J[-1, 1] > 0


def test_a_new_spec_says_all_there_is_to_set(folder, qthermo):
    assert qthermo("new", "deep/chain.toml")[0] == 0
    text = Path("deep/chain.toml").read_text()
    assert text.startswith("#:schema ./qthermo.schema.json\n")
    for parameter in find_model("chain", folder).parameters.values():
        (line,) = re.findall(rf"^(?:# )?{parameter.name} = .*#.*$", text, re.MULTILINE)
        assert parameter.quantity.long_name in line
        told = "not set" if parameter.default is None else f"default: {parameter.default}"
        assert told in line.replace('"', "")
    spec = tomllib.loads(text)
    jsonschema.validate(spec, json_schema())
    assert spec["axes"].keys() & spec["parameters"].keys() == set()
    # Everything that it leaves out can be let in.
    whole = re.sub(r"^( *)# (\w+ = |\"|\[\w+\]$)", r"\1\2", text, flags=re.MULTILINE)
    allowed = re.sub(
        r"^(T_L = 0.8|temperatures|secular_tol|derivatives|units|optimise|root|refine|fit).*$",
        "",
        whole,
        flags=re.MULTILINE,
    )
    assert set(tomllib.loads(allowed)) == {*spec, "solver", "output"}
    Path("whole.toml").write_text(allowed)
    verdict = check(Path("whole.toml"), Path("x.h5"))
    assert (verdict.faults, verdict.oddities) == ((), ())
    assert len(verdict.plan.outputs) > len(spec["observables"])


@pytest.mark.parametrize("model", ["chain", "lambda_system"])
@pytest.mark.parametrize("name", ["optimise", "root", "refine", "fit"])
def test_a_new_spec_shows_what_else_can_be_asked_for(folder, qthermo, model, name):
    assert qthermo("new", "new.toml", "--model", model)[0] == 0
    text = Path("new.toml").read_text()
    asking, count = re.subn(rf"^# ({name} = .*)$", r"\1", text, flags=re.MULTILINE)
    assert count == 1
    if name in ("optimise", "fit"):  # what is sought is no axis
        asking = re.sub(r"^T_\w+ = {.*$", "", asking, flags=re.MULTILINE)
    if name == "fit":  # nor is what the data give
        Path("seen.csv").write_text("rate,column\n0.1,0.5\n0.2,0.6\n")
        asking = re.sub(r"^rate = .*$", "", asking, flags=re.MULTILINE)
    Path("new.toml").write_text(asking)
    jsonschema.validate(tomllib.loads(asking), json_schema())
    verdict = check(Path("new.toml"), Path("x.h5"))
    assert (verdict.faults, verdict.oddities) == ((), ())


def test_nothing_that_is_there_is_written_over_unasked(folder, qthermo):
    Path("mine.toml").write_text("precious")
    for name in ("mine.toml", "mine.py"):
        assert qthermo("new", name)[0] == 2
        assert Path("mine.toml").read_text() == "precious"
        assert not Path("mine.py").exists()
    assert qthermo("new", "mine.toml", "--overwrite")[0] == 0
    assert "precious" not in Path("mine.toml").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("model", models.__all__)
def test_a_new_spec_of_every_model_runs_as_it_is(folder, qthermo, model):
    assert qthermo("new", "new.toml", "--model", model)[0] == 0
    assert qthermo("check", "new.toml")[1].count("\n") == 1
    code, out, _ = qthermo("run", "new.toml")
    assert code == 0
    assert "25 state found" in out
    assert qthermo("plot", "results/new.h5")[0] == 0


def test_a_spec_of_a_model_that_has_no_defaults(folder):
    Path("own.py").write_text("""
import numpy as np
import qthermo_jax as qj

def qubits(number: int, T, gap=1.0, loud: bool = False):
    H = np.diag(np.arange(2.0**number)) * gap
    return qj.OpenSystem(H, [qj.Bath(np.ones((2**number, 2**number)), T, qj.Ohmic(1.0))])
""")
    text = spec_text(Path("own.toml"), "own.py:qubits")
    Path("own.toml").write_text(text)
    assert re.search(r"^number = 2 +# no default: choose$", text, re.MULTILINE)
    assert re.search(r"^loud = false +# default: false$", text, re.MULTILINE)
    verdict = check(Path("own.toml"), Path("x.h5"))
    assert (verdict.faults, verdict.oddities) == ((), ())
    assert verdict.plan.axes[0].name == "T"


@pytest.fixture
def completed(qthermo, monkeypatch):
    """What bash is offered for the last word of a line."""

    def words(*line):
        monkeypatch.setenv(VARIABLE, "bash_complete")
        monkeypatch.setenv("COMP_WORDS", " ".join(("qthermo", *line)))
        monkeypatch.setenv("COMP_CWORD", str(len(line)))
        code, out, err = qthermo()
        assert (code, err) == (0, "")
        return [tuple(line.split(",")) for line in out.split()]

    return words


def test_commands_and_options_are_completed(completed):
    assert completed("me") == [("plain", "merge")]
    assert completed("run", "--over") == [("plain", "--overwrite")]
    assert completed("plot", "x.h5", "--scale", "sy") == [("plain", "symlog")]


def test_files_are_left_to_the_shell(completed):
    assert completed("run", "swee") == [("file", "swee")]
    assert completed("new", "--model", "own") == [("file", "own")]


def test_models_are_completed(completed):
    assert completed("new", "x.toml", "--model", "") == [("plain", name) for name in models.__all__]
    assert completed("new", "x.toml", "--model", "v_") == [("plain", "v_system")]


def test_variables_of_the_file_are_completed(folder, completed):
    own = {"role": "diagnostic"}
    about = {"status": ("T", [0, 0]), "method": ("T", [1, 1]), "status_d_g": ("T", [0, 0], own)}
    found = {"unbalance": ("T", [0.8, 0.7]), "heat_currents": (("T", "bath"), [[0.0, 0.0], [0.1, -0.1]])}
    coordinates = {"T": [1.0, 2.0], "bath": [1, 2], "moving": ("T", [0.0, 1.0])}
    xr.Dataset(found | about, coordinates).to_netcdf("file.h5", engine="h5netcdf")
    assert completed("plot", "file.h5", "--variable", "") == [("plain", name) for name in found]
    assert completed("plot", "file.h5", "--variable", "heat") == [("plain", "heat_currents")]
    assert completed("plot", "none.h5", "--variable", "") == []
    Path("notes.h5").write_text("my thesis")
    assert completed("plot", "notes.h5", "--variable", "") == []


def test_the_scales_of_the_command_are_those_of_the_pictures():
    (scale,) = (option for option in cli.draw.params if option.name == "scale")
    assert scale.type.choices == plotting.SCALES


SHELL = """
eval "$(qthermo completion bash)"
COMP_WORDS=(qthermo new x.toml --model three_q) COMP_CWORD=4
_qthermo_completion qthermo
echo "${COMPREPLY[@]}"
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_completes(folder):
    Path("qthermo").write_text(f'#!/bin/sh\nexec {sys.executable} -m qthermo_jax "$@"\n')
    Path("qthermo").chmod(0o755)
    here = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    shell = subprocess.run(["bash", "-c", SHELL], env=here, capture_output=True, text=True, check=True)
    assert shell.stdout == "three_qubit_refrigerator\n"


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_given_a_script(qthermo, shell):
    code, out, _ = qthermo("completion", shell)
    assert code == 0
    assert f"{VARIABLE}={shell}_complete" in out
