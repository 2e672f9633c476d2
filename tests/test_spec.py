"""Specs: what is accepted, and one line for everything that is not."""

import tomllib

import numpy as np
import pytest

from qthermo_jax.sweeping.errors import SpecError
from qthermo_jax.sweeping.execute.spec_file import sweep_from_file
from qthermo_jax.sweeping.spec.fields import values_of
from qthermo_jax.sweeping.spec.reading import parse_spec

GOOD = """
model = "lambda_system"
[parameters]
T_1 = 1
[axes]
T_2 = [0.1, 0.2]
"""


def resolve(tmp_path, text):
    path = tmp_path / "spec.toml"
    path.write_text(text)
    return sweep_from_file(path).plan


def test_a_range_is_numpy_linspace_or_geomspace():
    axes = {
        "a": {"start": 0.1, "stop": 0.7, "num": 4},
        "b": {"start": 0.1, "stop": 10, "num": 3, "spacing": "log"},
    }
    spec = parse_spec({"model": "chain", "axes": axes})
    np.testing.assert_array_equal(values_of(spec.axes["a"]), np.linspace(0.1, 0.7, 4))
    np.testing.assert_allclose(values_of(spec.axes["b"]), [0.1, 1.0, 10.0], rtol=1e-15)


def test_the_source_text_is_kept_verbatim(tmp_path):
    path = tmp_path / "spec.toml"
    path.write_text(GOOD + "# a comment\n")
    assert sweep_from_file(path).source == GOOD + "# a comment\n"


def test_an_axis_table_with_its_own_coordinate(tmp_path):
    text = (
        'model = "chain"\n[axes.mean]\nmean = [1.0, 2.0]\nT_L = [1.5, 2.5]\n'
        "T_R = { start = 0.5, stop = 1.5, num = 2 }"
    )
    (axis,) = resolve(tmp_path, text).axes
    assert axis.coordinate.tolist() == [1.0, 2.0]
    assert {name: values.tolist() for name, values in axis.parameters.items()} == {
        "T_L": [1.5, 2.5],
        "T_R": [0.5, 1.5],
    }


def test_the_digest_depends_on_the_numbers_and_the_model_not_on_comments(tmp_path):
    digest = resolve(tmp_path, GOOD).digest
    assert resolve(tmp_path, GOOD + "# more words").digest == digest
    assert resolve(tmp_path, GOOD.replace("0.2", "0.3")).digest != digest
    assert resolve(tmp_path, GOOD.replace("lambda", "v")).digest != digest


@pytest.mark.long
def test_the_source_of_a_users_model_is_part_of_the_digest(tmp_path):
    model = tmp_path / "mine.py"
    source = USER + "f = model\n"
    text = GOOD.replace("lambda_system", "mine.py:f")
    model.write_text(source)
    before = resolve(tmp_path, text).digest
    model.write_text(source + "# changed\n")
    assert resolve(tmp_path, text).digest != before


# (what is wrong, text of the spec, what the line must say)
LONG = "a" * 300
BAD = [
    ("axis named .", 'model = "chain"\n[axes."."]\nT_L = [1.0]', ["axes: '.' is not a name"]),
    (
        "axis with a long name",
        f'model = "chain"\n[axes.{LONG}]\nT_L = [1.0]',
        ["300 characters", "at most 100"],
    ),
    ("long title", f'title = "{LONG}"\n' + GOOD, ["title: takes at most 200 characters, got 300"]),
    ("built-in as a model", 'model = "builtins:int"', ["builtins:int", "its parameters are not known"]),
    (
        "too many points on an axis",
        GOOD.replace("[0.1, 0.2]", "{start = 0.0, stop = 1.0, num = 1000000000000}"),
        ["at most 10000000"],
    ),
    ("huge whole number", GOOD.replace("= 1\n", f"= {'1' * 400}\n"), ["parameters.T_1", "1.8e308"]),
    ("number of too many digits", GOOD.replace("= 1\n", f"= {'1' * 5000}\n"), ["not TOML", "digits"]),
    ("axis in lower case", GOOD.replace("T_2", "t_2"), ["did you mean 'T_2'?"]),
    (
        "rectification of ten baths",
        'observables = ["rectification"]\nmodel = "chain"',
        ["rectification", "two baths", "10"],
    ),
    (
        "peak of no sites",
        'observables = ["peak_site"]\n' + GOOD,
        ["'peak_site' needs a model with an observable 'site_populations'"],
    ),
    ("not TOML", "model = chain\n", ["not TOML", "line 1"]),
    (
        "unknown key",
        'titel = "x"\n' + GOOD,
        ["unknown key 'titel'", "did you mean 'title'", "axes"],
    ),
    ("no model", "[axes]\nT_2 = [1.0]", ["model", "missing"]),
    ("unknown model", 'model = "lamda_system"', ["'lamda_system'", "did you mean 'lambda_system'"]),
    ("model of the wrong type", "model = 3", ["model", "a text", "3"]),
    ("unknown parameter", GOOD.replace("T_1", "T1"), ["parameters.T1", "did you mean 'T_1'"]),
    (
        "parameter of the wrong type",
        GOOD.replace("= 1", '= "hot"'),
        ["parameters.T_1", "a number", "'hot'"],
    ),
    (
        "parameter that is a date",
        GOOD.replace("= 1\n", "= 2020-01-01\n"),
        ["parameters.T_1", "takes a number"],
    ),
    ("unknown axis", GOOD.replace("T_2 =", "T_3 ="), ["axes.T_3", "did you mean 'T_2'"]),
    ("empty axis", GOOD.replace("[0.1, 0.2]", "[]"), ["axes.T_2", "empty"]),
    ("axis of texts", GOOD.replace("[0.1, 0.2]", '["a"]'), ["axes.T_2[0]", "a number", "'a'"]),
    (
        "axis that is a number",
        GOOD.replace("[0.1, 0.2]", "0.1"),
        ["axes.T_2", "a list of numbers", "0.1"],
    ),
    (
        "range without num",
        GOOD.replace("[0.1, 0.2]", "{start = 0.0, stop = 1.0}"),
        ["axes.T_2.num", "missing"],
    ),
    (
        "range with a wrong key",
        GOOD.replace("[0.1, 0.2]", "{start = 0.0, stopp = 1.0, num = 3}"),
        ["axes.T_2", "'stopp'", "did you mean 'stop'"],
    ),
    (
        "range of no points",
        GOOD.replace("[0.1, 0.2]", "{start = 0.0, stop = 1.0, num = 0}"),
        ["axes.T_2.num", "takes at least 1, got 0"],
    ),
    (
        "range of half a point",
        GOOD.replace("[0.1, 0.2]", "{start = 0.0, stop = 1.0, num = 2.5}"),
        ["axes.T_2.num", "a whole number", "2.5"],
    ),
    (
        "logarithmic from 0",
        GOOD.replace("[0.1, 0.2]", '{start = 0.0, stop = 1.0, num = 3, spacing = "log"}'),
        ["axes.T_2", "ends > 0", "0.0"],
    ),
    (
        "unknown spacing",
        GOOD.replace("[0.1, 0.2]", '{start = 1.0, stop = 2.0, num = 3, spacing = "cubic"}'),
        ["axes.T_2.spacing", "'linear' or 'log'", "'cubic'"],
    ),
    (
        "lists of unequal length",
        'model = "chain"\n[axes.bias]\nT_L = [1.0, 2.0]\nT_R = [1.0]',
        ["axes.bias", "equal lengths", "T_L has 2", "T_R has 1"],
    ),
    (
        "unknown moving parameter",
        'model = "chain"\n[axes.bias]\nT_X = [1.0]\nT_L=[1.0]',
        ["axes.bias.T_X", "T_R"],
    ),
    (
        "table that moves nothing",
        'model = "chain"\n[axes.bias]\nbias = [1.0]',
        ["axes.bias", "moves"],
    ),
    ("empty table", 'model = "chain"\n[axes.bias]', ["axes.bias", "empty"]),
    (
        "axis and parameter",
        GOOD.replace("T_1 = 1", "T_2 = 1"),
        ["parameters.T_2", "axis too", "axes.T_2"],
    ),
    (
        "parameter on two axes",
        'model = "chain"\n[axes]\nT_L = [1.0]\n[axes.bias]\nT_L = [1.0]\nT_R = [1.0]',
        ["axes.bias", "'T_L'", "axes.T_L"],
    ),
    (
        "axis that shapes the system",
        'model = "chain"\n[axes]\nsites = [2.0, 3.0]',
        ["axes.sites", "cannot be an axis"],
    ),
    (
        "shape of the wrong type",
        'model = "chain"\n[parameters]\nsites = 2.5',
        ["parameters.sites", "whole number"],
    ),
    (
        "choice that is none",
        'model = "chain"\n[parameters]\nspectrum = "pink"',
        ["'flat', 'ohmic'", "'pink'"],
    ),
    (
        "shape out of range",
        'model = "chain"\n[parameters]\nsites = 0',
        ["model chain", "at least one site"],
    ),
    (
        "array of the wrong length",
        'model = "chain"\n[parameters]\nsites = 3\nh = [1.0, 2.0]',
        ["(2,)", "(3,)"],
    ),
    (
        "unknown observable",
        'observables = ["unbalanced"]\n' + GOOD,
        ["observables[0]", "did you mean 'unbalance'"],
    ),
    (
        "observable twice",
        'observables = ["unbalance", "unbalance"]\n' + GOOD,
        ["observables[1]", "twice"],
    ),
    (
        "unknown method",
        GOOD + '[solver]\nmethod = "magic"',
        ["solver.method", "'auto', 'populations', 'secular_block' or 'dense'", "'magic'"],
    ),
    (
        "output in an unknown precision",
        GOOD + '[output]\nprecision = "float16"',
        ["output.precision", "'float64' or 'float32'", "'float16'"],
    ),
    (
        "unknown key of the output",
        GOOD + '[output]\npresicion = "float32"',
        ["output", "unknown key 'presicion'", "did you mean 'precision'?"],
    ),
    (
        "single precision with a solver that cannot",
        GOOD + '[solver]\nmethod = "dense"\nprecision = "float32"',
        ["solver", "'float32' takes method = 'populations'", "'dense' needs 'float64'"],
    ),
    (
        "derivative by nothing",
        'derivatives = ["rat"]\n' + GOOD,
        ["derivatives[0]", "'rat'", "did you mean 'rate'", "temperatures"],
    ),
    (
        "derivative twice",
        'derivatives = ["T_1", "T_1"]\n' + GOOD,
        ["derivatives[1]", "'T_1' is listed twice"],
    ),
    (
        "derivative by what shapes the system",
        'derivatives = ["spectrum"]\n' + GOOD,
        ["derivatives[0]", "'spectrum' is not a single number", "'temperatures'", "T_1 ... T_2"],
    ),
    (
        "axis named as a derivative",
        'derivatives = ["T_1"]\n' + GOOD + "[axes.d_unbalance_d_T_1]\nomega_1 = [1.0]",
        ["axes.d_unbalance_d_T_1", "taken by an observable"],
    ),
    (
        "unknown key of the solver",
        GOOD + '[solver]\nmetod = "auto"',
        ["solver", "'metod'", "'method'"],
    ),
    ("label of nothing", GOOD + '[labels.T_3]\nsymbol = "x"', ["labels.T_3", "did you mean 'T_2'"]),
    (
        "axis named as a dimension",
        'model = "chain"\n[axes.site]\nT_L = [1.0]',
        ["axes.site", "'site'", "a dimension of an observable"],
    ),
    ("axis named status", 'model = "chain"\n[axes.status]\nT_L = [1.0]', ["axes.status", "taken"]),
    ("no such file", GOOD.replace("lambda_system", "none.py:f"), ["no file", "none.py"]),
    (
        "no such function",
        GOOD.replace("lambda_system", "user.py:modle"),
        ["'modle'", "did you mean 'model'"],
    ),
    (
        "file that fails",
        GOOD.replace("lambda_system", "broken.py:f"),
        ["broken.py", "ZeroDivisionError"],
    ),
    (
        "no such module",
        GOOD.replace("lambda_system", "no.such:f"),
        ["no.such", "ModuleNotFoundError"],
    ),
    (
        "not a system",
        GOOD.replace("lambda_system", "user.py:number"),
        ["returns", "not an OpenSystem"],
    ),
    (
        "untraceable",
        GOOD.replace("lambda_system", "user.py:branches"),
        ["branches", "TracerBoolConversionError"],
    ),
    (
        "required parameter missing",
        'model = "user.py:model"\n[axes]\nT_1 = [1.0]',
        ["parameters.T_2", "missing"],
    ),
]

USER = """
import qthermo_jax as qj

def model(T_1, T_2):
    return qj.models.lambda_system(T_1=T_1, T_2=T_2)

def number(T_1, T_2):
    return T_1

def branches(T_1, T_2):
    return model(T_1, T_2) if T_1 > 0 else model(T_2, T_1)
"""


@pytest.mark.parametrize(("text", "words"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_every_error_is_one_line_that_says_what_to_do(tmp_path, text, words):
    (tmp_path / "user.py").write_text(USER)
    (tmp_path / "broken.py").write_text("1 / 0\n")
    with pytest.raises(SpecError) as caught:
        resolve(tmp_path, text)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message
    assert sorted(file.name for file in tmp_path.glob("*.*")) == [
        "broken.py",
        "spec.toml",
        "user.py",
    ]


def test_the_base_of_the_bad_specs_is_good(tmp_path):
    assert resolve(tmp_path, GOOD).points == 2
    assert set(tomllib.loads(GOOD)) == {"model", "parameters", "axes"}
