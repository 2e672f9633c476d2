"""How far from what the device can do.

Operations and bytes counted from the algorithm, against a matrix product and a copy on the same device.
"""

from collections.abc import Sequence
from functools import partial

import jax.numpy as jnp
import numpy as np

from benchmarks.one_sweep import chain_sweep, solve_all
from benchmarks.report import Cell, Report
from benchmarks.timing import Spread, compiled, in_turns
from qthermo_jax.sweeping.compute.engine import Engine

# An exponential or a logarithm, in additions and multiplications; an estimate.
_TRANSCENDENTAL = 10


def operations(sites: int, method: str) -> float:
    """Additions and multiplications that the solver's algorithm takes for one point.

    Populations: N^2 transitions with their rates, the half of the states that leave together as one
    product, the elimination of the rest, and the way back. Dense: LU of the d^2 real unknowns.
    """
    N = sites
    if method == "dense":
        return 2 / 3 * (2 * N) ** 6
    rates = N**2 * (12 + 2 * _TRANSCENDENTAL)
    return rates + (2 * N**3 + 2 * N**2) + 2 / 3 * N**3 + 4 * N**2


def moved_bytes(sites: int, method: str) -> float:
    """Bytes that one point's matrix takes, written once and read once."""
    unknowns = 2 * sites if method == "populations" else (2 * sites) ** 2
    return 2 * 8 * unknowns**2


def _device(repeats: int) -> dict[str, float]:
    """Operations a second of a matrix product, bytes a second of a copy."""
    n, length = 1500, 4 * 10**7
    matrix, vector = jnp.ones((n, n)), jnp.ones(length)
    taken = in_turns(
        {
            "product": compiled(lambda A: A @ A, matrix).run,
            "copy": compiled(lambda x: x + 1.0, vector).run,
        },
        repeats,
    )
    return {
        "product": 2 * n**3 / float(np.median(taken["product"])),
        "copy": 2 * 8 * length / float(np.median(taken["copy"])),
    }


def measure(sizes: Sequence[int], count: int, repeats: int) -> Report:
    """Solved by a sweep that writes nothing, thousands of points on one H; fewer of the dense tier."""
    device = _device(repeats)
    rows: list[dict[str, Cell]] = []
    for sites in sizes:
        for method in ("populations", "dense"):
            own = count if method == "populations" else max(2, count // sites**4)
            plan = chain_sweep(sites, own, method=method).plan
            run = partial(solve_all, Engine(plan), list(plan.tiling.boxes))
            rate = plan.points / in_turns({"run": run}, repeats)["run"]
            flops, moved = operations(sites, method), moved_bytes(sites, method)
            bound = min(device["product"] / flops, device["copy"] / moved)
            rows.append(
                {
                    "sites": sites,
                    "method": method,
                    "operations": flops,
                    "bytes": moved,
                    "bound by operations, points/s": device["product"] / flops,
                    "bound by memory, points/s": device["copy"] / moved,
                    "points/s": Spread.of(rate),
                    "share of the lower bound": Spread.of(rate / bound),
                }
            )
    remarks: dict[str, Cell] = {
        "matrix product, operations/s": device["product"],
        "copy, bytes/s": device["copy"],
        "an exponential counts as": _TRANSCENDENTAL,
        "runs of each": repeats,
    }
    title = "Distance to the limit: sweeps of the chain, nothing written"
    return Report("limit", title, ["sites", "method"], rows, remarks)
