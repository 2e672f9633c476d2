"""Specs read critically: all faults at once with their lines, what is odd, and the JSON Schema."""

import re
import shutil
import tomllib
from pathlib import Path
from types import SimpleNamespace

import jsonschema
import pytest

from qthermo_jax.sweeping.execute.verdict import check
from qthermo_jax.sweeping.spec.json_schema import json_schema
from qthermo_jax.sweeping.spec.toml_lines import line_of, lines_of_keys

SWEEPS = sorted((Path(__file__).parents[1] / "sweeps").glob("*.toml"))
FAULTY = """\
titel = "x"
model = "chian"
observables = [
    "site_population",
    "heat_currents",
    "heat_currents",
    "foo",
    "mean_position",
    "bar",
]
derivatives = ["T_X", "T_L"]

[parameters]
sites = "ten"
T_LL = 0.2
rate = true
[axes]
g = { start = 0.1, stop = 1, num = 0 }
q = [1.0]
[axes.bias]
h = [1.0, 2.0]
rate = [1.0]
[solver]
method = "dens"
"""
FOUND = [
    (1, "unknown key 'titel'"),
    (2, "model: unknown model 'chian'"),
    (3, "observables[0]: unknown observable 'site_population'"),
    (3, "observables[2]: 'heat_currents' is listed twice"),
    (3, "observables[3]: unknown observable 'foo'"),
    (3, "observables[5]: unknown observable 'bar'"),
    (11, "derivatives[0]: unknown parameter 'T_X'"),
    (14, "parameters.sites: takes a whole number"),
    (15, "parameters.T_LL: unknown parameter 'T_LL'"),
    (16, "parameters.rate: 'rate' is an axis too"),
    (18, "axes.g.num: takes at least 1, got 0"),
    (19, "axes.q: unknown parameter 'q'"),
    (20, "axes.bias: lists that move together have equal lengths"),
    (24, "solver.method: takes 'auto'"),
]


def looked_at(folder, text):
    path = folder / "spec.toml"
    path.write_text(text)
    return check(path, folder / "results" / "spec.h5")


def test_all_faults_are_found_at_once_each_with_its_line(tmp_path):
    verdict = looked_at(tmp_path, FAULTY)
    assert (verdict.plan, verdict.oddities) == (None, ())
    found = [(issue.line, str(issue)) for issue in verdict.faults]
    assert len(found) == len(FOUND), found
    for (line, text), (expected, begins) in zip(found, FOUND, strict=True):
        assert line == expected
        assert text.startswith(begins)


def test_a_name_that_was_wrong_is_not_missing_too(tmp_path):
    (tmp_path / "own.py").write_text("def f(T): raise ValueError\n")
    verdict = looked_at(tmp_path, 'model = "own.py:f"\n[parameters]\nTT = 1.0\n')
    texts = [*map(str, verdict.faults)]
    assert texts[0].startswith("model own.py:f: ValueError")
    assert texts[1].startswith("parameters.TT: unknown parameter 'TT'; did you mean 'T'?")
    assert len(texts) == 2


def test_where_the_keys_of_a_file_stand():
    lines = lines_of_keys(FAULTY)
    text = FAULTY.splitlines()
    for steps, begins in {
        ("observables", 2): "observables",
        ("parameters",): "[parameters]",
        ("axes", "g", "num"): "g =",
        ("axes", "bias", "rate"): "rate = [",
        ("axes", "bias"): "[axes.bias]",
    }.items():
        line = line_of(steps, lines)
        assert line is not None
        assert text[line - 1].startswith(begins)
    assert line_of(("parameters", "T_R"), lines) == line_of(("parameters",), lines)
    assert line_of(("title",), lines) is None


def test_a_letter_that_others_take_for_a_line_break_is_none_in_toml():
    assert lines_of_keys("title = 'a\u2028b'\nmodel = 'chain'")["model",] == 2


ODD = """\
model = "chain"
observables = ["mean_position"]
[parameters]
T_R = -0.1
[axes]
g = [0.1, 0.2, 0.1]
T_L = [0.5, nan, -1.0, -2.0]
h = { start = 1.0, stop = 2.0, num = 1 }
"""


def test_what_is_odd_is_told_and_can_be_run(tmp_path):
    verdict = looked_at(tmp_path, ODD)
    assert verdict.plan is not None
    assert verdict.plan.points == 12
    assert [(issue.line, issue.path) for issue in verdict.oddities] == [
        (4, "parameters.T_R"),
        (6, "axes.g"),
        (7, "axes.T_L"),
        (7, "axes.T_L"),
        (8, "axes.h"),
    ]
    assert "-0.1 is below 0" in verdict.oddities[0].message
    assert "2 of 4 values are below 0" in verdict.oddities[3].message


@pytest.mark.parametrize(
    ("numbers", "key"),
    [
        ("axes.T_1 = [0.5, 0.0]\naxes.T_2 = [0.0, 1.0]", "axes.T_1"),
        ("axes.T_1 = [0.5, 0.0]\nparameters.T_2 = 0.0", "axes.T_1"),
        ("parameters.T_1 = 0.0\nparameters.T_2 = 0.0", "parameters.T_1"),
        # One bath that is warm moves the system on.
        ("axes.T_1 = [0.5, 0.0]\nparameters.T_2 = 0.1", None),
        ("axes.both.T_1 = [0.0, 0.5]\naxes.both.T_2 = [0.5, 0.0]", None),
    ],
)
def test_cold_baths_that_leave_several_steady_states_are_told(tmp_path, numbers, key):
    verdict = looked_at(tmp_path, f'model = "lambda_system"\n{numbers}\n')
    assert verdict.plan is not None
    assert [issue.path for issue in verdict.oddities] == ([key] if key else [])
    assert all("T = 0" in issue.message for issue in verdict.oddities)


def test_a_result_that_the_disk_has_no_room_for(tmp_path, monkeypatch):
    text = 'model = "lambda_system"\naxes.T_1 = { start = 0.1, stop = 1.0, num = 1000 }\n'
    assert looked_at(tmp_path, text).oddities == ()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    verdict = looked_at(tmp_path, text)
    (issue,) = verdict.oddities
    assert "1e+03 are free" in issue.message
    assert verdict.plan is not None


def test_more_levels_than_the_memory_holds(tmp_path):
    text = 'model = "chain"\nsolver.method = "{}"\nparameters.sites = 500\n'
    assert looked_at(tmp_path, text.format("populations")).oddities == ()
    # The Liouvillian alone has 10^6 x 10^6 complex elements: 16 TB.
    (issue,) = looked_at(tmp_path, text.format("dense")).oddities
    assert issue.line == 1
    assert "1000 levels" in issue.message
    assert float(re.search(r"takes (\S+) bytes", issue.message)[1]) >= 16e12


@pytest.mark.slow
@pytest.mark.parametrize("spec", SWEEPS, ids=lambda path: path.stem)
def test_nothing_is_wrong_with_the_sweeps_that_come_along(spec):
    verdict = check(spec, Path("results/x.h5"))
    assert (verdict.faults, verdict.oddities) == ((), ())
    assert verdict.plan is not None


VALIDATOR = jsonschema.validators.validator_for(json_schema())(json_schema())


def test_the_schema_is_one():
    assert json_schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    meta = jsonschema.Draft202012Validator(jsonschema.Draft202012Validator.META_SCHEMA)
    assert list(meta.iter_errors(json_schema())) == []


@pytest.mark.parametrize("spec", SWEEPS, ids=lambda path: path.stem)
def test_the_schema_takes_the_sweeps_that_come_along(spec):
    assert list(VALIDATOR.iter_errors(tomllib.loads(spec.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    "text",
    [
        "title = 'no model'",
        "model = 3",
        "model = 'chain'\ntitel = 'x'",
        "model = 'chain'\nobservables = 'mean_position'",
        "model = 'chain'\naxes.g = 0.1",
        "model = 'chain'\naxes.g = []",
        "model = 'chain'\naxes.g = ['a']",
        "model = 'chain'\naxes.g = {start = 0.0, stop = 1.0}",
        "model = 'chain'\naxes.g = {start = 0.0, stop = 1.0, num = 0}",
        "model = 'chain'\naxes.g = {start = 0.0, stop = 1.0, num = 2, spacing = 'cubic'}",
        "model = 'chain'\nparameters.g = {a = 1}",
        "model = 'chain'\nsolver.method = 'dens'",
        "model = 'chain'\nsolver.metod = 'dense'",
        "model = 'chain'\nevolution.heat_capacity = 'large'",
        "model = 'chain'\nlabels.g.name = 'x'",
    ],
)
def test_the_schema_refuses_what_a_spec_may_not_be(text):
    assert not VALIDATOR.is_valid(tomllib.loads(text))


def test_every_key_of_the_schema_is_described():
    schema = json_schema()
    tables = [schema, *schema["$defs"].values()]

    def described(key):
        told = schema["$defs"][key["$ref"].rpartition("/")[2]] if "$ref" in key else key
        return told.get("description", "").endswith(".")

    bare = [name for table in tables for name, key in table["properties"].items() if not described(key)]
    assert bare == []
