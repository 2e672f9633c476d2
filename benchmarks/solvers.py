"""Points per second of each solver, in one compiled call."""

from collections.abc import Sequence
from functools import partial

import jax
import numpy as np

import qthermo_jax as qj
from benchmarks.chains import chunk_size, even, points, site_populations
from benchmarks.report import Cell, Report, megabytes
from benchmarks.timing import Spread, compiled, in_turns
from qthermo_jax.steady import bytes_per_point

METHODS = {
    "populations": qj.Method.POPULATIONS,
    "secular_block": qj.Method.SECULAR_BLOCK,
    "dense": qj.Method.DENSE,
}


# Seconds that one run may take: a larger batch of a solver that is slow says nothing new.
_PATIENCE_S = 1.0

# Bytes that one point may take.
_LARGEST_BYTES = 2**30


def measure(sizes: Sequence[int], batches: Sequence[int], repeats: int) -> Report:
    """Of chains of these sizes, so many points (T_L, g) in one call: an eigendecomposition for each."""
    rows: list[dict[str, Cell]] = []
    for sites in sizes:
        for method, tier in METHODS.items():
            system = jax.eval_shape(partial(qj.models.chain, sites=sites))
            if bytes_per_point(system, tier) > _LARGEST_BYTES:
                continue
            f = site_populations(sites, method)
            per_point = 0.0
            for count in batches:
                if per_point * count > _PATIENCE_S:
                    continue
                chunk = even(count, chunk_size(sites, tier))
                program = compiled(
                    lambda batch, f=f, chunk=chunk: jax.lax.map(
                        lambda point: f(point[0], point[1]), batch, batch_size=chunk
                    ),
                    points(count),
                )
                taken = in_turns({method: program.run}, repeats)[method]
                per_point = float(np.median(taken)) / count
                rows.append(
                    {
                        "sites": sites,
                        "method": method,
                        "points": count,
                        "at a time": chunk,
                        "points/s": Spread.of(count / taken),
                        "us a point": Spread.of(1e6 * taken / count),
                        "compile, s": program.compile_s,
                    }
                )
    return Report(
        "solvers",
        "Site populations of the chain, by solver",
        ["sites", "method", "points"],
        rows,
        {
            "runs of each": repeats,
            "left out: batches of more seconds than": _PATIENCE_S,
            "left out: points of more MB than": megabytes(_LARGEST_BYTES),
        },
    )
