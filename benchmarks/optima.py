"""What a grid of optima costs beside the sweep of the same grid."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

import qthermo_jax as qj
from benchmarks.report import Cell, Report
from benchmarks.timing import Spread, in_turns

# No more than so many sweeps.
_TARGET = "<= 50"

_SWEEP = "the sweep, at one g"
_SOUGHT = {"g": (0.05, 1.5)}


def _numbers(sites: int, side: int) -> dict[str, Any]:
    return {
        "axes": {"T_L": np.linspace(0.5, 2.0, side), "T_R": np.linspace(0.1, 0.45, side)},
        "parameters": {"sites": sites},
        "observables": ["site_populations"],
    }


def measure(sites: int, side: int, repeats: int) -> Report:
    """The largest population of site 4 over g, at `side` x `side` pairs of temperatures."""
    numbers = _numbers(sites, side)
    asked: dict[str, Callable[[], xr.Dataset]] = {_SWEEP: partial(qj.sweep, "chain", **numbers)}
    for starts in (1, 2):
        asked[f"optima over g, starts = {starts}"] = partial(
            qj.optimise, "chain", maximise="site_populations[4]", over=_SOUGHT, starts=starts, **numbers
        )
    found = {name: run() for name, run in asked.items()}
    taken = in_turns(asked, repeats)
    rows: list[dict[str, Cell]] = [
        {
            "what": name,
            "ms": Spread.of(1e3 * seconds),
            "times the sweep": Spread.of(seconds / taken[_SWEEP]),
            "target": None if name == _SWEEP else _TARGET,
            "share with a status OK": float((found[name].status == 0).mean()),
        }
        for name, seconds in taken.items()
    ]
    return Report(
        "optima",
        f"A grid of optima, chain of {sites} sites, {side} x {side} temperatures",
        ["what"],
        rows,
        {"runs of each, in turns in one process, after one that compiles": repeats},
    )
