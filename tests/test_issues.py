"""Problems of specs as data: place, line and suggestion of each; `sweep` and `check` find the same."""

import copy
import pickle
import random
import tomllib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import qthermo_jax as qj
from attack.specs import by_grammar
from qthermo_jax.sweeping import Issue, SpecError, SpecWarning
from qthermo_jax.sweeping.execute.verdict import check
from qthermo_jax.sweeping.spec import toml_lines
from qthermo_jax.sweeping.spec.declared import Spec

OWN = """
import jax.numpy as jnp
import numpy as np
import qthermo_jax as qj

def qubit(T, gap=1.0):
    X = np.array([[0.0, 1.0], [1.0, 0.0]])
    initial = {"initial": jnp.array([1.0, 0.0])}
    H = np.diag([0.0, 1.0]) * gap
    return qj.OpenSystem(H, [qj.Bath(X, T, qj.Flat(1.0))], labels=("ground", "excited"), **initial)

def picky(T):
    raise ValueError("T is above 1")

def vector(system, state):
    return state.populations

@qj.observable(qj.Quantity("a number that is two"))
def two(system, state):
    return state.populations

def brings(T):
    return qubit(T).with_observables({"two": two})
"""

# What is wrong: id, the spec, and for each issue (path, line, suggestion, words of the message).
LAMBDA = 'model = "lambda_system"\n'
QUBIT = 'model = "own.py:qubit"\naxes.T = [1.0]\n'
FAULTS = [
    ("a model", 'model = "lamda_system"', [("model", 1, "lambda_system", "unknown model")]),
    ("a type", LAMBDA + "axes = 3", [("axes", 2, None, "takes a table, got 3")]),
    (
        "a key of a range, which is not missing too",
        LAMBDA + "[axes]\nT_1 = { start = 0.1, stopp = 1.0, num = 3 }",
        [("axes.T_1.stopp", 3, "stop", "unknown key 'stopp'")],
    ),
    (
        "a missing key of a range",
        LAMBDA + "axes.T_1 = { start = 0.1, stop = 1.0 }",
        [("axes.T_1.num", 2, None, "missing")],
    ),
    ("a value", LAMBDA + 'axes.T_1 = [1.0, "a"]', [("axes.T_1[1]", 2, None, "takes a number")]),
    (
        "an axis called list",
        LAMBDA + 'axes.list = ["a"]',
        [
            ("axes.list[0]", 2, None, "takes a number"),
            ("axes.list", 2, None, "unknown parameter 'list'"),
        ],
    ),
    (
        "an axis",
        LAMBDA + "\n[axes]\nT_3 = [1.0]",
        [("axes.T_3", 4, "T_2", "unknown parameter 'T_3'")],
    ),
    (
        "an axis whose name has a dot",
        LAMBDA + "axes.T_1 = [1.0]\naxes.'T_1.x' = [1.0]",
        [("axes.T_1.x", 3, "T_1", "unknown parameter 'T_1.x'")],
    ),
    ("a name", LAMBDA + "[axes]\n'a/b' = [1.0]", [("axes.a/b", 3, None, "takes no /")]),
    (
        "a parameter of an axis",
        'model = "chain"\n[axes.bias]\nT_L = [1.0]\nT_X = [1.0]',
        [("axes.bias.T_X", 4, "T_R", "unknown parameter 'T_X'")],
    ),
    (
        "lengths",
        'model = "chain"\n[axes.bias]\nT_L = [1.0]\nT_R = [1.0, 2.0]',
        [("axes.bias", 2, None, "equal lengths, but T_L has 1, T_R has 2")],
    ),
    ("a shape", 'model = "chain"\naxes.sites = [2.0]', [("axes.sites", 2, None, "cannot be an axis")]),
    (
        "parameters",
        LAMBDA + '[parameters]\nt_1 = 1.0\nT_2 = "hot"\nspectrum = "pink"',
        [
            ("parameters.t_1", 3, "T_1", "unknown parameter 't_1'"),
            ("parameters.T_2", 4, None, "takes a number, got 'hot'"),
            ("parameters.spectrum", 5, None, "takes one of 'flat', 'ohmic', got 'pink'"),
        ],
    ),
    (
        "a parameter that the model needs",
        'model = "own.py:qubit"\n[parameters]\ngap = 1.0',
        [("parameters.T", 2, None, "missing")],
    ),
    (
        "observables",
        LAMBDA + 'observables = ["unbalanced", "purity", "purity", "cooling_power"]',
        [
            ("observables[0]", 2, "unbalance", "unknown observable"),
            ("observables[2]", 2, None, "listed twice"),
            ("observables[3]", 2, None, "three_level_refrigerator alone"),
        ],
    ),
    (
        "derivatives",
        LAMBDA + 'derivatives = ["T_1", "rat", "spectrum"]',
        [
            ("derivatives[1]", 2, "rate", "unknown parameter 'rat'"),
            ("derivatives[2]", 2, None, "not a single number"),
        ],
    ),
    ("the solver", LAMBDA + '[solver]\nmethod = "dens"', [("solver.method", 3, None, "takes 'auto'")]),
    (
        "the solver and its precision",
        LAMBDA + '[solver]\nmethod = "dense"\nprecision = "float32"',
        [("solver", 2, None, "'dense' needs 'float64'")],
    ),
    (
        "an evolution",
        LAMBDA + '[solver]\nmethod = "secular_block"\n[evolution]\n',
        [
            ("solver.method", 3, None, "an evolution takes 'auto'"),
            ("evolution", 4, None, "takes a time"),
        ],
    ),
    (
        "an initial state, and what else",
        QUBIT + 'parameters.time = 1.0\nevolution.initial = "exited"\nobservables = ["puriti"]',
        [
            ("evolution.initial", 4, "excited", "unknown basis state 'exited'"),
            ("observables[0]", 5, "purity", "unknown observable 'puriti'"),
        ],
    ),
    (
        "an initial population",
        QUBIT + "parameters.time = 1.0\n[evolution.initial]\nground = 0.5\nexited = 0.5",
        [("evolution.initial.exited", 6, "excited", "unknown basis state 'exited'")],
    ),
    (
        "heat capacities",
        QUBIT + "parameters.time = 1.0\nevolution.heat_capacity = [1.0, 2.0]",
        [("evolution.heat_capacity", 4, None, "2 numbers for 1 baths")],
    ),
    (
        "labels",
        LAMBDA + 'axes.T_1 = [1.0]\nlabels.T_3.symbol = "T"\nlabels.T_1.symbl = "T"',
        [
            ("labels.T_3", 3, "T_1", "unknown coordinate 'T_3'"),
            ("labels.T_1.symbl", 4, "symbol", "unknown key 'symbl'"),
        ],
    ),
    (
        "a label of what is called like a table",
        LAMBDA + 'labels.output.precison = "T"',
        [
            ("labels.output.precison", 2, None, "allowed: energy_power, long_name, symbol"),
            ("labels.output", 2, None, "unknown coordinate 'output'"),
        ],
    ),
    (
        "a function in a model's file, and what else",
        'model = "own.py:qbit"\naxes.T = [1.0]\nparameters.gapp = 1.0',
        [
            ("model", 1, "own.py:qubit", "unknown function 'qbit'"),
            ("parameters.gapp", 3, "gap", "unknown parameter 'gapp'"),
        ],
    ),
    (
        "a model's own words",
        'model = "own.py:picky"\naxes.T = [2.0]',
        [("model", 1, None, "ValueError: T is above 1")],
    ),
    (
        "a model's range",
        'model = "chain"\n[parameters]\nsites = 0',
        [("model", 1, None, "a chain has at least one site")],
    ),
    (
        "an observable's shape",
        QUBIT + 'observables = ["purity", "own.py:vector"]',
        [("observables[1]", 3, None, "has shape (2,), and its dimensions ()")],
    ),
    (
        "the shape of an observable that the model brings",
        'model = "own.py:brings"\naxes.T = [1.0]',
        [("model", 1, None, "has shape (2,), and its dimensions ()")],
    ),
]


def call_of(text):
    """What `sweep` is called with to be asked the same as by a spec."""
    data = tomllib.loads(text)
    solver, output = data.pop("solver", {}), data.pop("output", {})
    return {"axes": {}, **data, **solver, **({"stored": output["precision"]} if output else {})}


def found_by_sweep(text):
    with pytest.raises(SpecError) as caught:
        qj.sweep(**call_of(text))
    return caught.value.issues


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "own.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def checked(folder, text):
    (folder / "spec.toml").write_text(text)
    return check(folder / "spec.toml", folder / "out.h5")


def places(issues):
    """Without the lines, which a spec from Python has not."""
    return {(issue.steps, issue.message, issue.suggestion, issue.subject) for issue in issues}


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(("text", "expected"), [c[1:] for c in FAULTS], ids=[c[0] for c in FAULTS])
def test_each_issue_has_place_line_and_suggestion_and_sweep_finds_the_same(folder, text, expected):
    faults = checked(folder, text).faults
    assert [(one.path, one.line, one.suggestion) for one in faults] == [one[:3] for one in expected]
    for issue, (*_, words) in zip(faults, expected, strict=True):
        assert words in issue.message
        assert "\n" not in str(issue)
    assert places(found_by_sweep(text)) == places(faults)


class Started(Exception):
    """A sweep passed all checks; it holds its plan."""


def texts_for_python(number, seed):
    """Random specs whose keys are arguments of `sweep`."""
    chance, arguments = random.Random(seed), {*Spec.model_fields}
    solvers = {*Spec.model_fields["solver"].annotation.model_fields}
    while number:
        text = by_grammar(chance)
        try:
            data = tomllib.loads(text)
        except (ValueError, RecursionError):
            continue
        if arguments >= {*data} and solvers >= {*data.get("solver", {})} and "output" not in data:
            number -= 1
            yield text


@pytest.fixture
def unstarted(monkeypatch):
    """A sweep that passed all checks ends there."""

    def started(job):
        raise Started(job.plan)

    monkeypatch.setattr("qthermo_jax.sweeping.execute.entry.run_in_memory", started)


@pytest.mark.long
@pytest.mark.usefixtures("unchecked", "unstarted")
@pytest.mark.filterwarnings("ignore::qthermo_jax.sweeping.SpecWarning")
def test_sweep_and_check_find_the_same_in_random_specs(folder, monkeypatch):
    monkeypatch.setattr("qthermo_jax.sweeping.execute.checking.not_unique_at_zero", lambda _: [])
    for text in texts_for_python(25, seed=1):
        faults, call = checked(folder, text).faults, call_of(text)
        before = repr(call)
        with pytest.raises((SpecError, Started)) as caught:
            qj.sweep(**call)
        assert places(getattr(caught.value, "issues", ())) == places(faults), text
        assert repr(call) == before


def test_an_error_from_python_lists_all_issues(capsys):
    with pytest.raises(ValueError, match="unknown parameter 'T_X'") as caught:
        qj.sweep("lambda_system", axes={"T_X": [0.1]}, observables=["puriti"], derivatives=["rat"])
    assert [issue.path for issue in caught.value.issues] == [
        "axes.T_X",
        "observables[0]",
        "derivatives[0]",
    ]
    assert str(caught.value) == "\n".join(map(str, caught.value.issues))
    assert capsys.readouterr() == ("", "")


def test_run_lists_all_issues_with_their_lines(folder, qthermo):
    text = LAMBDA + 'observables = ["puriti"]\n[axes]\nT_X = [0.1]'
    faults = checked(folder, text).faults
    code, out, err = qthermo("run", "spec.toml")
    assert (code, out) == (2, "")
    assert err == "".join(f"qthermo: spec.toml:{issue.line}: {issue}\n" for issue in faults)
    assert [issue.line for issue in faults] == [2, 4]


ODD = """
model = "lambda_system"
observables = ["unbalance"]
[axes]
T_1 = [0.5, 0.0, 0.0]
T_2 = [0.0, nan, -1.0]
"""
ODD_PATHS = ["axes.T_1", "axes.T_1", "axes.T_2", "axes.T_2"]


@pytest.mark.long
def test_sweep_and_run_warn_of_what_check_finds_odd(folder, qthermo, capsys):
    verdict = checked(folder, ODD)
    assert [issue.path for issue in verdict.oddities] == ODD_PATHS
    assert any("more than one steady state at T_1 = 0, T_2 = 0" in str(one) for one in verdict.oddities)
    with pytest.warns(SpecWarning) as caught:
        data = qj.sweep(**call_of(ODD))
    assert {str(one.message) for one in caught} == {str(one) for one in verdict.oddities}
    assert int(data.status.sel(T_2=0.0).isel(T_1=1)) == qj.Status.NOT_UNIQUE
    assert capsys.readouterr() == ("", "")
    code, _, err = qthermo("run", "spec.toml")
    assert code == 0
    told = {f"qthermo: spec.toml:{one.line}: warning: {one}" for one in verdict.oddities}
    assert told <= set(err.splitlines())
    assert "warning" not in qthermo("run", "spec.toml")[2]  # finished already


def test_a_disk_that_is_too_small_is_told_in_python_too(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    call = {"model": "lambda_system", "axes": {"T_1": [0.5]}, "out": tmp_path / "x.h5"}
    with pytest.raises(SpecWarning, match=r"the result takes .* but 1e\+03 are free"):
        qj.sweep(**call)


def test_lines_are_sought_for_issues_alone(monkeypatch):
    """For a table of 2000 numbers, one a line, that takes seconds."""
    monkeypatch.setattr(toml_lines, "lines_of_keys", None)
    assert toml_lines.with_lines([], "x = [1,\n2]", "spec.toml") == []


@pytest.mark.usefixtures("unstarted")
def test_nothing_that_sweep_is_given_is_changed():
    g, T_L, T_R = np.array([0.1, 0.3]), jnp.array([0.5, 0.7]), [0.2, 0.3]
    call = {
        "axes": {
            "g": g,
            "bias": {"T_L": T_L, "T_R": T_R},
            "rate": {"start": 1.0, "stop": 2.0, "num": 2},
        },
        "parameters": {"sites": 2, "h": np.array([1.0, 2.0])},
        "observables": ["site_populations"],
        "labels": {"bias": {"symbol": "b"}},
    }
    before = copy.deepcopy(call)
    g.flags.writeable = call["parameters"]["h"].flags.writeable = False
    with pytest.raises(Started) as caught:
        qj.sweep("chain", **call)
    jax.tree.map(np.testing.assert_array_equal, call, before)
    assert call["axes"]["bias"]["T_L"] is T_L
    assert call["axes"]["bias"]["T_R"] is T_R
    (plan,) = caught.value.args
    assert not np.shares_memory(plan.axes[0].parameters["g"], g)
    assert not np.shares_memory(plan.numbers["h"], call["parameters"]["h"])
    wrong = {**call, "axes": {**call["axes"], "gg": [1.0]}, "observables": ["site_population"]}
    before = copy.deepcopy(wrong)
    with pytest.raises(SpecError, match="'gg'"):
        qj.sweep("chain", **wrong)
    jax.tree.map(np.testing.assert_array_equal, wrong, before)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("call", "path", "words"),
    [
        ({"model": None}, "model", "takes a text, got None"),
        ({"axes": {3: [1.0]}}, "axes", "takes names, got 3"),
        ({"parameters": {3: 1.0}}, "parameters", "takes names, got 3"),
        ({"observables": {"purity"}}, "observables", "takes a list, got {'purity'}"),
        ({"observables": 3}, "observables", "takes a list, got 3"),
        ({"observables": [max]}, "observables[0]", "takes a text"),
    ],
)
def test_what_only_python_can_get_wrong(call, path, words):
    with pytest.raises(SpecError) as caught:
        qj.sweep(**{"model": "lambda_system", "axes": {}, **call})
    (issue,) = caught.value.issues
    assert issue.path == path
    assert words in issue.message


def test_issues_of_an_own_observable_from_python():
    @qj.observable(qj.Quantity("two numbers that are said to be one"))
    def several(system, state):
        return state.populations

    with pytest.raises(SpecError) as caught:
        qj.sweep("lambda_system", axes={}, observables=["purity", several])
    assert [issue.path for issue in caught.value.issues] == ["observables[1]"]


def test_an_error_that_another_process_sends_keeps_its_issues():
    error = SpecError(Issue(("axes", "g"), "empty", line=3), source="spec.toml")
    sent = pickle.loads(pickle.dumps(error))
    assert (sent.issues, str(sent)) == (error.issues, str(error))
    assert str(sent) == "spec.toml:3: axes.g: empty"
