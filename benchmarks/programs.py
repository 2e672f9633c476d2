"""The programs that `make gpu-check` counts, as they run: how fast, and the memory traffic on a GPU."""

import math
import tempfile
import tomllib
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from benchmarks.report import Cell, Report, megabytes
from benchmarks.timing import Program, Spread, compiled, in_turns
from qthermo_jax.sweeping.compute.engine import Engine
from qthermo_jax.sweeping.compute.hlo import costs_of
from qthermo_jax.sweeping.execute.planning import make_plan
from qthermo_jax.sweeping.plan.model import find_model
from qthermo_jax.sweeping.spec.reading import parse_spec

BOUNDS = Path(__file__).parents[1] / ".ci" / "gpu-bounds.toml"

# Of a program, so many are named.
_KERNELS = 5


def _programs(names: Sequence[str]) -> dict[str, Program]:
    """The first program of each sweep, compiled side by side."""
    lowered: dict[str, Callable[[], Program]] = {}
    for name, given in tomllib.loads(BOUNDS.read_text(encoding="utf-8")).items():
        if names and name not in names:
            continue
        spec = parse_spec(given["spec"], str(BOUNDS))
        _, recipe = next(Engine(make_plan(spec, find_model(spec.model, Path()))).recipes)
        lowered[name] = partial(compiled, recipe.function, *recipe.inputs)
    with ThreadPoolExecutor() as threads:
        started = {name: threads.submit(make) for name, make in lowered.items()}
    return {name: program.result() for name, program in started.items()}


def _on_gpu(program: Program, points: int, seconds: np.ndarray) -> dict[str, Cell]:
    """What the kernels of a GPU do, from runs that took so many seconds each."""
    cost, _ = costs_of(program.executable.as_text())
    return {
        "launches": cost.launches,
        "us a launch": Spread.of(1e6 * seconds / cost.launches),
        "traffic, kB a point": cost.traffic / points / 1e3,
        "traffic, GB/s": Spread.of(cost.traffic / seconds / 1e9),
        "longest kernels, ms": _longest_kernels(program.run),
    }


def _longest_kernels(run: Callable[[], Any]) -> str:
    """Those of one run, and their milliseconds."""
    taken: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            jax.block_until_ready(run())
        for file in Path(folder).rglob("*.xplane.pb"):
            for plane in jax.profiler.ProfileData.from_file(str(file)).planes:
                for line in plane.lines if "GPU" in plane.name else ():
                    for event in line.events if line.name.startswith("Stream") else ():
                        taken[event.name] += event.duration_ns
    return ", ".join(f"{name} {time / 1e6:.3g}" for name, time in taken.most_common(_KERNELS))


def _fetched(run: Callable[[], Any]) -> Any:
    return jax.device_get(run())


def measure(names: Sequence[str], repeats: int) -> Report:
    """A row for each of these programs; all of them if none is named."""
    rows: list[dict[str, Cell]] = []
    for name, program in _programs(names).items():
        points = math.prod(program.run()["status"].shape)
        runs = {"run": program.run, "fetched": partial(_fetched, program.run)}
        taken = in_turns(runs, repeats)
        rows.append(
            {
                "program": name,
                "points in a call": points,
                "points/s": Spread.of(points / taken["run"]),
                "the same, fetched to the host": Spread.of(points / taken["fetched"]),
                "temporaries, MB": megabytes(program.temporary_bytes),
            }
        )
        if jax.default_backend() != "cpu":
            rows[-1] |= _on_gpu(program, points, taken["run"])
    remarks: dict[str, Cell] = {
        "runs of each": repeats,
        "launches and traffic of a GPU": "counted, where no point needs more care",
    }
    return Report("programs", "Programs of the ten-site chain", ["program"], rows, remarks)
