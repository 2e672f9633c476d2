"""Medians and quartiles of run times, taken in turns."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from timeit import timeit
from typing import Any

import jax
import numpy as np


@dataclass(frozen=True)
class Spread:
    """Median and quartiles of a set of measurements."""

    median: float
    lower: float
    upper: float

    @classmethod
    def of(cls, values: np.ndarray) -> "Spread":
        """Of values, (n,)."""
        lower, median, upper = np.quantile(values, [0.25, 0.5, 0.75])
        return cls(float(median), float(lower), float(upper))

    def __str__(self) -> str:
        return f"{self.median:.3g} ({self.lower:.3g}-{self.upper:.3g})"


def seconds(run: Callable[[], Any]) -> float:
    """One run, until its result is there."""
    return timeit(lambda: jax.block_until_ready(run()), number=1)


def in_turns(runs: Mapping[str, Callable[[], Any]], repeats: int) -> dict[str, np.ndarray]:
    """Seconds of each run, (repeats,), after a warm-up; a b a b ..., ratios are of neighbours."""
    for run in runs.values():
        seconds(run)
    taken = [[seconds(run) for run in runs.values()] for _ in range(repeats)]
    return dict(zip(runs, np.array(taken).T, strict=True))


@dataclass(frozen=True)
class Program:
    """A compiled function: `run` calls it with the arguments that it was compiled for."""

    run: Callable[[], Any]
    compile_s: float
    temporary_bytes: int | None
    executable: jax.stages.Compiled


def compiled(function: Callable[..., Any], *arguments: Any) -> Program:
    """Trace and compile, timed together; XLA's own account of the temporary memory."""
    start = time.perf_counter()
    program = jax.jit(function).lower(*arguments).compile()
    taken = time.perf_counter() - start
    memory = program.memory_analysis()
    return Program(
        lambda: program(*arguments),
        taken,
        None if memory is None else memory.temp_size_in_bytes,
        program,
    )
