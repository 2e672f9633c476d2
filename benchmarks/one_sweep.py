"""One sweep into a file, timed and weighed in a process of its own: `python -m benchmarks.one_sweep`."""

import json
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import click

from benchmarks import memory
from benchmarks.timing import seconds
from qthermo_jax.sweeping import Store, Sweep, run_to_file
from qthermo_jax.sweeping.compute.engine import Engine
from qthermo_jax.sweeping.execute.planning import make_plan
from qthermo_jax.sweeping.execute.this_host import ThisHost
from qthermo_jax.sweeping.plan.model import find_model
from qthermo_jax.sweeping.schedule.tiling import Box
from qthermo_jax.sweeping.spec.reading import parse_spec

# Temperatures that share one H: an eigendecomposition serves them all.
_TEMPERATURES = 5000


def chain_sweep(sites: int, points: int, precision: str = "float64", method: str = "auto") -> Sweep:
    """The mean position on a plane of g and T_L, in 32 bit on the disk."""
    spec = parse_spec(
        {
            "model": "chain",
            "observables": ["mean_position"],
            "parameters": {"sites": sites},
            "axes": {
                "g": {"start": 0.1, "stop": 1.3, "num": max(1, points // _TEMPERATURES)},
                "T_L": {"start": 0.1, "stop": 1.0, "num": min(points, _TEMPERATURES)},
            },
            "solver": {"precision": precision, "method": method},
            "output": {"precision": "float32"},
        },
        "benchmark",
    )
    return Sweep(make_plan(spec, find_model("chain", Path())), "", "chain", Path())


def solve_all(engine: Engine, boxes: Iterable[Box]) -> None:
    """All tiles; nothing is written."""
    for _ in engine.solve(boxes):
        pass


@click.command()
@click.option("--sites", type=int, required=True)
@click.option("--points", type=int, required=True)
@click.option("--precision", default="float64")
@click.option("--repeats", type=int, default=1)
@click.option("--folder", type=click.Path(path_type=Path), help="Where the file is written for a while.")
def main(sites: int, points: int, precision: str, repeats: int, folder: Path | None) -> None:
    """Print what one sweep takes, as JSON."""
    job = chain_sweep(sites, points, precision)
    start = time.perf_counter()
    engine = Engine(job.plan)
    told = engine.bytes_on_device
    compile_s = time.perf_counter() - start
    imported = memory.resident()
    memory.forget_peak()

    alone, whole = [], []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            store = Store(Path(scratch) / "sweep.h5", job.plan)
            whole.append(seconds(lambda store=store: run_to_file(job, store, executor=ThisHost(engine))))
            size = sum(file.stat().st_size for file in Path(scratch).rglob("*.h5"))
        alone.append(seconds(lambda: solve_all(engine, job.plan.tiling.boxes)))
    click.echo(
        json.dumps(
            {
                "points": job.plan.points,
                "tiles": job.plan.tiling.number,
                "seconds": whole,
                "solving_seconds": alone,
                "compile_s": compile_s,
                "device_bytes": told,
                "host_bytes": memory.peak() - imported,
                "file_bytes": size,
            }
        )
    )


if __name__ == "__main__":
    main()
