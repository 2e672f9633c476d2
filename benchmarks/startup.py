"""What a user waits for at the start: the import, the first result, cold and compiled before."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from timeit import timeit

import numpy as np

from benchmarks.report import Cell, Report
from benchmarks.timing import Spread

# The package loads a module, and JAX, when one of its names is used.
_FIRST_NAME = "from qthermo_jax import steadystate"

_SPEC = Path(__file__).parents[1] / "sweeps" / "figure2d.toml"


def _seconds(command: Sequence[str], environment: Mapping[str, str]) -> float:
    own = {**os.environ, **environment}
    return timeit(lambda: subprocess.run(command, env=own, check=True, capture_output=True), number=1)


def measure(repeats: int) -> Report:
    """Each in processes of their own, in turns; a cold run finds no compiled programs."""
    python = [sys.executable, "-c"]
    run = [
        *python,
        "from qthermo_jax.cli import main; main()",
        "run",
        str(_SPEC),
        "--overwrite",
        "--out",
    ]
    taken: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        out, warm = str(Path(name) / "r.h5"), str(Path(name) / "warm")
        _seconds([*run, out], {"QTHERMO_CACHE_DIR": warm})
        for turn in range(repeats):
            cold = str(Path(name) / f"cold{turn}")
            times = {
                "import jax": _seconds([*python, "import jax"], {}),
                "import qthermo_jax": _seconds([*python, "import qthermo_jax"], {}),
                "qthermo --help": _seconds([*run[:3], "--help"], {}),
                _FIRST_NAME: _seconds([*python, _FIRST_NAME], {}),
                "qthermo run figure2d.toml, cold": _seconds([*run, out], {"QTHERMO_CACHE_DIR": cold}),
                "the same, compiled before": _seconds([*run, out], {"QTHERMO_CACHE_DIR": warm}),
            }
            for what, seconds in times.items():
                taken.setdefault(what, []).append(seconds)
    rows: list[dict[str, Cell]] = [
        {"what": what, "s": Spread.of(np.array(seconds))} for what, seconds in taken.items()
    ]
    beyond = np.array(taken[_FIRST_NAME]) - np.array(taken["import jax"])
    remarks: dict[str, Cell] = {
        f"{_FIRST_NAME}, beyond jax, s": Spread.of(beyond),
        "runs of each, in turns": repeats,
    }
    return Report("startup", "Processes from start to end", ["what"], rows, remarks)
