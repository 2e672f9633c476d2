"""Every statement of a paper that the package claims to reproduce; and what the claim itself does."""

import math
from pathlib import Path

import numpy as np
import pytest

from qthermo_jax import papers
from qthermo_jax.papers import PAPERS, Paper, Relation, Statement
from qthermo_jax.papers.record import farthest

# Their programs take some half a minute to compile.
SLOW = (
    "barato_seifert_2015",
    "hofer_2017",
    "joulain_2016",
    "kalaee_2021",
    "kosloff_rezek_2017",
    "onsager_1931",
    "segal_nitzan_2005",
    "werlang_2014",
)


@pytest.mark.long
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in PAPERS]
)
def test_what_a_paper_states_comes_out(name: str) -> None:
    statements = PAPERS[name].statements()
    assert len(statements) >= 2
    assert [own for own in statements if not own.holds] == []


def test_every_module_is_listed() -> None:
    modules = {file.stem for file in Path(papers.__path__[0]).glob("*.py")}
    assert set(PAPERS) == modules - {"__init__", "record"}
    assert next(iter(PAPERS)) == "thermophoresis"


def test_a_statement_holds_within_its_tolerance_alone() -> None:
    for found, holds in ((1.0, True), (1.0 + 1e-6, True), (1.0 + 3e-6, False), (math.nan, False)):
        assert Statement("", "", 1.0, found, 2e-6).holds == holds
    for relation, sign in ((Relation.ABOVE, 1), (Relation.BELOW, -1)):
        holds = [
            Statement("", "", 1.0, 1.0 + sign * off, relation=relation).holds for off in (0.1, 0.0, -0.1)
        ]
        assert holds == [True, False, False]
        assert not Statement("", "", 1.0, math.nan, relation=relation).holds


def test_of_many_points_the_worst_one_is_told() -> None:
    stated = np.array([1.0, 2.0, 4.0])
    told = farthest("", "", stated, np.array([1.0, 2.0 + 1e-3, 4.0 - 1e-4]), 1e-3)
    assert (told.stated, told.found, told.tolerance) == (2.0, 2.001, 4e-3)
    assert not farthest("", "", stated, np.array([1.0, np.nan, 5.0]), 1.0).holds


def test_the_command_lists_checks_and_tells_what_is_not_reproduced(qthermo, monkeypatch) -> None:
    code, out, _ = qthermo("papers")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == list(PAPERS)
    right = Statement("Eq. 1", "two is two", 2.0, 2.0 + 1e-13, 1e-12)
    wrong = Statement("Fig. 2", "three is four", 4.0, 3.0, 1e-12)
    for statements, expected in (([right], 0), ([right, wrong], 1)):
        paper = Paper("Somebody (2026)", "numbers", lambda kept=statements: kept)
        monkeypatch.setitem(PAPERS, "mine", paper)
        code, out, _ = qthermo("papers", "mine")
        assert code == expected
        assert f"1 of {len(statements)} statements reproduced" in out
        assert "Somebody (2026)" in out
        assert out.count("NOT REPRODUCED") == expected


def test_an_unknown_paper_is_one_line(qthermo) -> None:
    code, out, err = qthermo("papers", "thermophoresys")
    assert (code, out) == (2, "")
    assert "unknown paper 'thermophoresys'; did you mean 'thermophoresis'?" in err
    assert err.count("\n") == 1
