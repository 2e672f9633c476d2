"""Time and memory of one point as the chain grows, beside QuTiP's."""

from collections.abc import Sequence

import numpy as np

from benchmarks.process import measured
from benchmarks.report import Cell, Report, megabytes
from benchmarks.timing import Spread

_TAIL = 3


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float | None:
    """b of the least-squares fit values = a sizes^b to the largest sizes."""
    if len(sizes) < 2:
        return None
    x, y = (np.log(np.maximum(series[-_TAIL:], 1e-300)) for series in (sizes, values))
    return float(np.polyfit(x, y, 1)[0])


def _median(seconds: Sequence[float] | None) -> float | None:
    return None if seconds is None else float(np.median(seconds))


def _milli(seconds: Sequence[float] | None) -> Spread | None:
    return None if seconds is None else Spread.of(1e3 * np.array(seconds))


def measure(sizes: Sequence[int], qutip_sizes: Sequence[int], repeats: int) -> Report:
    """Rows for each solver and size, exponents in N under them."""
    rows: list[dict[str, Cell]] = []
    fits: dict[str, Cell] = {}
    for solver, own in (("populations", sizes), ("qutip", qutip_sizes)):
        found = [
            measured("benchmarks.one_size", solver=solver, sites=sites, repeats=repeats) for sites in own
        ]
        series = {
            "time": [_median(one["seconds"]) for one in found],
            "of that the tensor": [_median(one["tensor_seconds"]) for one in found],
            "peak memory of a run": [one["run_bytes"] for one in found],
            "XLA's temporary memory": [one["temporary_bytes"] for one in found],
        }
        for what, values in series.items():
            if None not in values:
                fits[f"{solver}: {what} ~ N^"] = exponent(own, values)
        rows += [
            {
                "solver": solver,
                "sites": sites,
                "dimension": 2 * sites,
                "a point, ms": _milli(one["seconds"]),
                "of that the tensor, ms": _milli(one["tensor_seconds"]),
                "compile, s": one["compile_s"],
                "peak of a run, MB": megabytes(one["run_bytes"]),
                "peak with compilation, MB": megabytes(one["with_compilation_bytes"]),
                "XLA temporary, MB": megabytes(one["temporary_bytes"]),
            }
            for sites, one in zip(own, found, strict=True)
        ]
    fits["sizes in each fit: the largest"] = _TAIL
    title = "One point of the chain as it grows: populations, and QuTiP's Bloch-Redfield tensor"
    return Report("growth", title, ["solver", "sites"], rows, fits)
