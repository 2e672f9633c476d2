"""What a user waits for at the start: imports, first answers, cold and compiled before, and again."""

import json
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

_ROOT = Path(__file__).parents[1]
_SPEC = _ROOT / "sweeps" / "figure2d.toml"

# What programs measure in a process of their own, after their imports; each prints {what: seconds}.
_TIMED = """
import json, time, numpy as np
found = {}
def timed(what, run, number=1):
    start = time.perf_counter()
    for _ in range(number):
        run()
    found[what] = (time.perf_counter() - start) / number
"""
_FIGURE = f"""{_TIMED}
import jax, qthermo_jax as qj
jax.config.update("jax_enable_x64", True)
qj.sweep
g = [0.1, 0.3, 0.5, 0.7, 0.9, 1.1, 1.3]
def figure(g=g, T_R=0.4):
    qj.sweep("chain", axes={{"g": g}}, parameters={{"sites": 10, "T_L": 0.8, "T_R": T_R}},
             observables=["site_populations", "heat_currents"])
timed("qj.sweep of Fig. 2(d), first", figure)
timed("the same again", figure, 10)
timed("the same with another T_R", lambda: figure(T_R=0.3), 10)
timed("the same with 9 points", lambda: figure(g=np.linspace(0.1, 1.3, 9)), 10)
print(json.dumps(found))
"""
_TWO_LEVELS = f"""{_TIMED}
import jax.numpy as jnp, qthermo_jax as qj
qj.sweep
def two_levels(T, omega=1.0):
    flip = jnp.array([[0.0, 1.0], [1.0, 0.0]])
    baths = [qj.Bath(flip, T, qj.Ohmic(0.1)), qj.Bath(flip, 0.5, qj.Ohmic(0.1))]
    return qj.OpenSystem(omega * jnp.diag(jnp.array([0.0, 1.0])), baths)
T = np.linspace(0.1, 2, 20)
timed("qj.sweep of two levels, 20 points", lambda: qj.sweep(two_levels, axes={{"T": T}}))
print(json.dumps(found))
"""
_DIRECT = f"""{_TIMED}
import itertools, jax, qthermo_jax as qj
jax.config.update("jax_enable_x64", True)
temperatures = itertools.count(1)
def solve():
    return qj.steadystate(qj.models.chain(sites=10, T_L=1 / next(temperatures))).rho.block_until_ready()
timed("qj.steadystate of the chain, first", solve)
timed("the same at new temperatures", solve, 100)
def population(T):
    return qj.steadystate(qj.models.chain(sites=10, T_L=T)).level_populations[-1]
timed("jax.grad of a population, first", lambda: jax.grad(population)(0.7).block_until_ready())
timed("the same at another temperature", lambda: jax.grad(population)(0.6).block_until_ready())
print(json.dumps(found))
"""
_QUTIP = f"""{_TIMED}
from benchmarks.one_size import direct, sites_by_qutip
timed("QuTiP, the 7 points of Fig. 2(d)",
      lambda: [sites_by_qutip(10, direct, 0.8, g) for g in (0.1, 0.3, 0.5, 0.7, 0.9, 1.1, 1.3)])
print(json.dumps(found))
"""


# Modules are compiled once and kept, as Python does unless it is told otherwise.
_KEPT = {"PYTHONDONTWRITEBYTECODE": ""}


def _seconds(command: Sequence[str], environment: Mapping[str, str]) -> float:
    own = {**os.environ, **_KEPT, **environment}
    return timeit(lambda: subprocess.run(command, env=own, check=True, capture_output=True), number=1)


def _inside(script: str, cache: str) -> dict[str, float]:
    """What a script measures, with compiled programs kept in a folder."""
    paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    own = {**os.environ, **_KEPT, "QTHERMO_CACHE_DIR": cache, "PYTHONPATH": os.pathsep.join(paths)}
    ran = subprocess.run([sys.executable, "-c", script], env=own, check=True, capture_output=True)
    found: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
    return found


def _warm(script: str, cache: str) -> dict[str, float]:
    return {f"{what}, compiled before": seconds for what, seconds in _inside(script, cache).items()}


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
                **_inside(_QUTIP, ""),
                **_inside(_FIGURE, f"{cold}-figure"),
                **_inside(_TWO_LEVELS, f"{cold}-levels"),
                **_warm(_TWO_LEVELS, f"{cold}-levels"),
                **_inside(_DIRECT, ""),
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
        "the upper six": "whole processes; the others after their imports",
    }
    return Report("startup", "Until the first answer, and the next", ["what"], rows, remarks)
