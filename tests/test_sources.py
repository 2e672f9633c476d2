"""What is computed is what the sources say now: all modules of the user's own are in the identity."""

import importlib
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import qthermo_jax as qj
from qthermo_jax.sweeping import SpecError
from qthermo_jax.sweeping.plan.model import find_model
from qthermo_jax.sweeping.plan.sources import imported_names

MODEL = """
from qthermo_jax.models import chain
{}

def own(g):
    {}
    return chain(sites=2, g=g, T_L={}, T_R=0.25)
"""
OWN = {
    "beside": ("import helper", "", "helper.T"),
    "name of it": ("from helper import T", "", "T"),
    "by another": ("import between", "", "between.helper.T"),
    "package": ("from pack.sub import T", "", "T"),
    "inside": ("", "from helper import T", "T"),
    "by call": ("import importlib; helper = importlib.import_module('helper')", "", "helper.T"),
}


@pytest.fixture
def folder(folder: Path) -> Path:
    """Modules that import one another; all take T from helper.py."""
    (folder / "helper.py").write_text("T = 0.5\n")
    (folder / "between.py").write_text("import helper\n")
    (folder / "pack").mkdir()
    (folder / "pack" / "__init__.py").write_text("")
    (folder / "pack" / "sub.py").write_text("from . import deep\nT = deep.helper.T\n")
    (folder / "pack" / "deep.py").write_text("import helper\n")
    return folder


@pytest.fixture
def forgotten() -> Iterator[None]:
    """Modules that a test imports are not those of the next one."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def current(model: Any, **told: Any) -> float:
    with qj.sweep(model, axes={"g": [0.3]}, observables=["heat_currents"], **told) as data:
        return float(data.heat_currents[0, 0])


def expected(T_L: float) -> float:
    with qj.sweep(
        "chain",
        axes={"g": [0.3]},
        parameters={"sites": 2, "T_L": T_L, "T_R": 0.25},
        observables=["heat_currents"],
    ) as data:
        return float(data.heat_currents[0, 0])


@pytest.mark.parametrize("how", OWN)
def test_an_edited_helper_is_another_model(folder: Path, how: str) -> None:
    """Edited within a second and in the same length: Python's own cache takes it for the old one."""
    (folder / "own.py").write_text(MODEL.format(*OWN[how]))
    before = find_model("own.py:own", folder)
    (folder / "helper.py").write_text("T = 0.9\n")
    after = find_model("own.py:own", folder)
    assert before.digest != after.digest
    assert float(after.function(g=0.3).temperatures[0]) == 0.9


@pytest.mark.long
def test_a_file_with_the_numbers_of_an_edited_helper_is_another_models(folder: Path) -> None:
    (folder / "own.py").write_text(MODEL.format(*OWN["beside"]))
    assert current("own.py:own", out="r.h5") == pytest.approx(expected(0.5), rel=1e-12)
    (folder / "helper.py").write_text("T = 0.9\n")
    with pytest.raises(SpecError, match="another spec or model version"):
        current("own.py:own", out="r.h5")
    assert current("own.py:own", out="r.h5", overwrite=True) == pytest.approx(expected(0.9), rel=1e-12)


@pytest.mark.long
def test_an_edited_helper_of_an_observable_is_another_observable(folder: Path) -> None:
    (folder / "seen.py").write_text(
        "import helper\ndef seen(system, state):\n    return helper.T + 0 * state.leak\n"
    )
    asked: dict[str, Any] = {"axes": {"T_2": [0.1]}, "observables": ["seen.py:seen"]}
    with qj.sweep("lambda_system", **asked, out="r.h5") as data:
        assert data.seen.item() == 0.5
    (folder / "helper.py").write_text("T = 0.9\n")
    with pytest.raises(SpecError, match="another spec or model version"):
        qj.sweep("lambda_system", **asked, out="r.h5")


def test_helpers_of_one_name_in_two_folders_stay_apart(folder: Path) -> None:
    for name, temperature in (("one", 0.5), ("two", 0.9)):
        (folder / name).mkdir()
        (folder / name / "helper.py").write_text(f"T = {temperature}\n")
        (folder / name / "own.py").write_text(MODEL.format(*OWN["inside"]))
    one, two = (find_model(f"{name}/own.py:own", folder) for name in ("one", "two"))
    assert one.digest != two.digest
    both = [float(model.function(g=0.3).temperatures[0]) for model in (one, two, one)]
    assert both == [0.5, 0.9, 0.5]
    assert "helper" not in sys.modules


@pytest.mark.long
def test_what_a_notebook_imported_under_that_name_stays(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = types.ModuleType("helper")
    mine.__file__ = str(folder / "pack" / "__init__.py")
    monkeypatch.setitem(sys.modules, "helper", mine)
    (folder / "own.py").write_text(MODEL.format(*OWN["beside"]))
    assert current("own.py:own") == pytest.approx(expected(0.5), rel=1e-12)
    assert sys.modules["helper"] is mine


def test_only_what_the_user_wrote_counts(folder: Path) -> None:
    (folder / "own.py").write_text(MODEL.format("import json, numpy\nimport helper", "", "helper.T"))
    before = find_model("own.py:own", folder).digest
    (folder / "unrelated.py").write_text("T = 1.0\n")
    assert find_model("own.py:own", folder).digest == before
    moved = folder / "elsewhere"
    moved.mkdir()
    for file in ("own.py", "helper.py"):
        (moved / file).write_bytes((folder / file).read_bytes())
    assert find_model("own.py:own", moved).digest == before


def test_an_edit_while_a_sweep_is_prepared_is_not_mixed_in(folder: Path) -> None:
    (folder / "own.py").write_text(MODEL.format(*OWN["inside"]))
    model = find_model("own.py:own", folder)
    (folder / "helper.py").write_text("T = 0.9\n")
    with pytest.raises(SpecError, match="the module helper was edited meanwhile"):
        model.function(g=0.3)


class TestFromPython:
    """Functions that are given as they are."""

    @pytest.mark.usefixtures("forgotten")
    @pytest.mark.parametrize("edit", ["T = 0.9\n", "T = 0.5\ndef more(): return 1\n"])
    def test_a_module_that_was_edited_after_its_import_is_not_taken_for_the_new_one(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, edit: str
    ) -> None:
        """The process computes with what it imported: no later one may take that for the new source."""
        monkeypatch.syspath_prepend(folder)
        (folder / "mine.py").write_text(MODEL.format(*OWN["beside"]))
        sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
        own = importlib.import_module("mine").own
        first = find_model(own, folder).digest
        (folder / "helper.py").write_text(edit)
        stale = find_model(own, folder).digest
        for name in ("mine", "helper"):
            del sys.modules[name]
        importlib.invalidate_caches()
        fresh = find_model(importlib.import_module("mine").own, folder).digest
        sys.dont_write_bytecode = before
        assert first != fresh
        assert (stale == fresh) == (edit != "T = 0.9\n")

    def test_labels_and_units_of_an_observable_count(self) -> None:
        def sides(system: qj.OpenSystem, state: qj.State) -> jax.Array:
            return state.populations[:2]

        def digest(labels: tuple[str, ...], power: int) -> str:
            quantity = qj.Quantity("sides", "", power)
            own = qj.ComputedObservable(sides, quantity, [qj.Dimension("side", labels)])
            return find_model("lambda_system", Path(), [own]).digest

        found = [digest(("L", "R"), 0), digest(("R", "L"), 0), digest(("L", "R"), 1)]
        assert len(set(found)) == 3
        assert found[0] == digest(("L", "R"), 0)

    def test_values_and_functions_around_it_count(self) -> None:
        def made(T: Any, scale: Callable[[float], float], T_R: float = 0.2) -> Callable[..., Any]:
            def own(g: float, T_R: float = T_R) -> Any:
                return qj.models.chain(sites=2, g=scale(g), T_L=T, T_R=T_R)

            return own

        def halved(g: float) -> float:
            return g / 2

        def doubled(g: float) -> float:
            return g * 2

        ways = [
            made(0.5, halved),
            made(0.6, halved),
            made(0.5, doubled),
            made(np.array(0.5), halved),
            made(0.5, jax.jit(doubled)),
            made(0.5, halved, T_R=0.3),
            made(0.5, halved, T_R=0.4),
        ]
        digests = [find_model(way, Path()).digest for way in ways]
        assert len(set(digests)) == len(ways)
        assert digests == [find_model(way, Path()).digest for way in ways]

    def test_a_notebook_has_no_file_and_its_globals_count(self) -> None:
        cell = """
import qthermo_jax as qj
from dataclasses import dataclass
@dataclass
class Numbers:
    T: float
def left():
    return numbers.T
def own(g):
    return qj.models.chain(sites=2, g=g, T_L=left() + TABLE["T"], T_R=0.2)
"""

        def digest(numbers: float, table: float, text: str = cell) -> str:
            names: dict[str, Any] = {"__name__": "__main__", "TABLE": {"T": table}}
            exec(compile(text, "<cell>", "exec"), names)  # as a notebook does
            names["numbers"] = names["Numbers"](numbers)
            return find_model(names["own"], Path()).digest

        one = digest(0.5, 0.0)
        assert digest(0.5, 0.0) == one
        others = [
            digest(0.6, 0.0),
            digest(0.5, 0.1),
            digest(0.5, 0.0, cell.replace("return n", "return 2 * n")),
        ]
        assert len({one, *others}) == 4


@pytest.mark.parametrize(
    ("source", "package", "names"),
    [
        ("import a.b as c, d", "", {"a.b", "d"}),
        ("from a import b, c", "", {"a", "a.b", "a.c"}),
        ("from a import *", "", {"a"}),
        ("from . import b", "p.q", {"p.q", "p.q.b"}),
        ("from ..r.s import t", "p.q", {"p.r.s", "p.r.s.t"}),
        ("from ... import x", "p", set()),
        ("def f():\n  if x:\n    import a", "", {"a"}),
        ("importlib.import_module('a.b')", "", {"a.b"}),
        ("__import__(name)", "", set()),
        ("import (", "", set()),
    ],
)
def test_imports_are_read_off_the_source(source: str, package: str, names: set[str]) -> None:
    assert set(imported_names(source.encode(), package)) == names
