"""Whatever a spec says, `check` leaves with exit code 0 or 2 and says in one line each what is wrong."""

import os
import random
import shutil
import signal
from pathlib import Path

import pytest

from attack.specs import SWEEPS, by_grammar, by_mutation

# Seconds that one spec may take before it counts as hung.
_PATIENCE = 60


def attack(folder, qthermo, number, seed):
    """Check random specs one after the other; what came out wrong."""
    for file in SWEEPS[0].parent.glob("*.py"):
        shutil.copy(file, folder)
    chance, wrong = random.Random(seed), []
    spec = Path("spec.toml")
    for _ in range(number):
        text = chance.choice([by_grammar, by_mutation])(chance)
        spec.write_text(text, encoding="utf-8", errors="replace")
        signal.alarm(_PATIENCE)
        code, out, err = qthermo("check", spec)
        signal.alarm(0)
        lines = [*out.splitlines(), *err.splitlines()]
        told = all(line.startswith(("spec.toml", "qthermo: spec.toml")) for line in lines)
        if code not in (0, 2) or not lines or not told or "Traceback" in out + err:
            wrong.append((code, out[-500:], err[-500:], text[-1500:]))
    return wrong


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_random_specs_are_told_in_lines(folder, qthermo):
    assert attack(folder, qthermo, 150, seed=1) == []


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_very_many_random_specs_are_told_in_lines(folder, qthermo):
    number = int(os.environ.get("QTHERMO_ATTACKS", "100000"))
    assert attack(folder, qthermo, number, seed=2) == []
