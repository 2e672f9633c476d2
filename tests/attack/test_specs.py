"""Whatever a spec says, `check` leaves with exit code 0 or 2 and says in one line each what is wrong."""

import os
import random
import shutil
import signal
import tomllib
from pathlib import Path

import jsonschema
import pytest
from pydantic import ValidationError

from attack.specs import SWEEPS, by_grammar, by_mutation
from qthermo_jax.sweeping.spec.declared import Spec
from qthermo_jax.sweeping.spec.json_schema import json_schema

# Seconds that one spec may take before it counts as hung.
_PATIENCE = 60

# What JSON Schema does not tell apart: 3.0 from 3, NaN from a number, a long number from a shorter one.
# What it is not asked: whether keys fit one another ("value_error").
_BEYOND_THE_SCHEMA = {"finite_number", "int_type", "int_from_float", "float_type", "value_error"}

VALIDATOR = jsonschema.validators.validator_for(json_schema())(json_schema())


def texts(number, seed):
    """Random specs as bytes; a few are not UTF-8."""
    chance = random.Random(seed)
    for _ in range(number):
        written = chance.choice([by_grammar, by_mutation])(chance).encode()
        if chance.random() < 0.02:
            at = chance.randrange(len(written) + 1)
            written = written[:at] + bytes([chance.randrange(128, 256)]) + written[at:]
        yield written


def attack(folder, qthermo, number, seed):
    """Check random specs one after the other; what came out wrong."""
    for file in SWEEPS[0].parent.glob("*.py"):
        shutil.copy(file, folder)
    wrong, spec = [], Path("spec.toml")
    codes = {0: 0, 2: 0}
    for written in texts(number, seed):
        spec.write_bytes(written)
        signal.alarm(_PATIENCE)
        code, out, err = qthermo("check", spec)
        signal.alarm(0)
        codes[code] = codes.get(code, 0) + 1
        lines = (out + err).removesuffix("\n").split("\n")
        told = all(line.startswith(("spec.toml", "qthermo: spec.toml")) for line in lines)
        if code not in (0, 2) or not told or not all(map(str.isprintable, lines)):
            wrong.append((code, out[-500:], err[-500:], written[-1500:]))
    # The grammar is worth something only if it makes both.
    assert min(codes[0], codes[2]) > number / 20, codes
    return wrong


def disagreements(number, seed):
    """Specs of which the JSON Schema says something else than what reads them."""
    found = []
    for written in texts(number, seed):
        try:
            data = tomllib.loads(written.decode())
        except (ValueError, RecursionError):
            continue
        try:
            Spec.model_validate(data)
            faults = set()
        except ValidationError as error:
            faults = {detail["type"] for detail in error.errors()}
        takes = VALIDATOR.is_valid(data)
        if (takes and not faults <= _BEYOND_THE_SCHEMA) or (not takes and not faults):
            found.append((takes, faults, written[-1500:]))
    return found


@pytest.mark.long
@pytest.mark.parametrize("number", [60, pytest.param(150, marks=pytest.mark.slow)])
def test_random_specs_are_told_in_lines(folder, qthermo, number):
    assert attack(folder, qthermo, number, seed=1) == []


def test_the_schema_agrees_with_the_reader_of_specs():
    assert disagreements(500, seed=3) == []


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_very_many_random_specs_are_told_in_lines(folder, qthermo):
    number = int(os.environ.get("QTHERMO_ATTACKS", "100000"))
    seed = int(os.environ.get("QTHERMO_ATTACK_SEED", "2"))
    assert attack(folder, qthermo, number, seed) == []


@pytest.mark.slow
def test_the_schema_agrees_about_very_many_specs():
    assert disagreements(20000, seed=4) == []


def test_a_file_name_with_a_line_break_is_told_in_one_line(folder, qthermo):
    name = "a\nb.toml"
    code, out, err = qthermo("check", name)
    assert (code, out) == (2, "")
    assert err == "qthermo: a\\nb.toml: cannot be read: No such file or directory\n"
    Path(name).write_text("model = 'chain'")
    code, out, err = qthermo("check", name)
    assert (code, out.count("\n"), err) == (0, 1, "")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        # A step that `str.isdigit` takes and `int` does not.
        ("model = 'chain'\naxes.T_L = [1.0]\naxes.'T_L.²' = [1.0]", ["3: error: axes.T_L.²: unknown"]),
        ("model = 'chain'\nparameters = 3", ["2: error: parameters: takes a table, got 3"]),
        # The axis is repaired as a whole before what is missing inside it.
        (
            "model = 'chain'\n[axes.d]\ng = [1.0]\nx = {start = 1}\nh = 'builtins:int'",
            [
                "4: error: axes.d.x.stop: missing",
                "4: error: axes.d.x.num: missing",
                "4: error: axes.d.x: unknown parameter",
                "5: error: axes.d.h: takes a list of numbers",
            ],
        ),
        (
            "model = 'chain'\nparameters.h = [1.0, 'a']",
            ["2: error: parameters.h: takes a number, a list of numbers, a text, true"],
        ),
        (
            "model = 'chain'\naxes.time = [1.0]\nevolution.initial = [1]",
            ["3: error: evolution.initial: takes a basis state or a table of populations, got [1]"],
        ),
    ],
)
def test_each_fault_is_one_line(folder, qthermo, text, lines):
    Path("spec.toml").write_text(text, encoding="utf-8")
    code, out, err = qthermo("check", "spec.toml")
    assert (code, err, len(out.splitlines())) == (2, "", len(lines))
    for line, begins in zip(out.splitlines(), lines, strict=True):
        assert line.startswith(f"spec.toml:{begins}")


@pytest.mark.parametrize(
    ("model", "key", "value"),
    [
        ("chain", "sites", 10**12),
        ("spin_chain", "sites", 10**12),
        ("square_lattice", "rows", 10**12),
        ("network", "bonds", "'1-2 2-99999999999'"),
    ],
)
def test_a_model_of_more_sites_than_any_solver_takes_is_refused(folder, qthermo, model, key, value):
    Path("spec.toml").write_text(f"model = '{model}'\nparameters.{key} = {value}")
    code, out, _ = qthermo("check", "spec.toml")
    assert code == 2
    assert f"model {model}: " in out
    assert "sites: the model takes at most" in out


@pytest.mark.parametrize(
    "text",
    [
        f"title = '{'a' * 201}'",
        'title = "a\\nb"',
        "axes.'a/b' = [1.0]",
        f"axes.{'a' * 101} = [1.0]",
        "labels.'.'.symbol = 'x'",
        "parameters.' ' = 1",
        "axes.g = {start = 0.0, stop = 1.0, num = 3, spacing = 'log'}",
    ],
)
def test_the_schema_refuses_names_texts_and_ends_that_are_refused(text):
    data = tomllib.loads(f"model = 'chain'\n{text}")
    assert not VALIDATOR.is_valid(data)
    with pytest.raises(ValidationError):
        Spec.model_validate(data)
