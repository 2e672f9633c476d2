"""Whatever solves the tiles of a sweep, in whatever order: the file is the same."""

from collections.abc import Callable, Iterable, Iterator
from inspect import unwrap
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

import qthermo_jax as qj
from qthermo_jax.steady import bytes_per_point
from qthermo_jax.sweeping import SpecError, Sweep
from qthermo_jax.sweeping.execute.executor import Executor
from qthermo_jax.sweeping.execute.this_host import THIS_HOST
from qthermo_jax.sweeping.schedule.report import TileReport
from qthermo_jax.sweeping.schedule.tiling import Box
from qthermo_jax.sweeping.store.tile_files import TileFiles

AXES = {"T_2": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]}
TWO_POINTS = 2 * bytes_per_point(qj.models.lambda_system(), qj.Method.POPULATIONS)


class Backwards(Executor):
    """The last tile first, on the devices of this process."""

    devices = 1
    writes_elsewhere = True

    def __init__(self) -> None:
        self.first: list[int] = []

    def solve(
        self, job: Sweep, tile_files: TileFiles, boxes: Iterable[Box], stop: Callable[[], bool]
    ) -> Iterator[TileReport]:
        backwards = list(boxes)[::-1]
        self.first = [box[0].start for box in backwards]
        return THIS_HOST.solve(job, tile_files, backwards, stop)


def test_an_executor_takes_the_place_of_another(tmp_path: Path) -> None:
    executor = Backwards()
    found = qj.sweep(
        "lambda_system", axes=AXES, out=tmp_path / "r.h5", memory=TWO_POINTS, workers=executor
    )
    assert executor.first == [4, 2, 0]
    xr.testing.assert_equal(found.load(), qj.sweep("lambda_system", axes=AXES))
    found.close()


@pytest.mark.parametrize("workers", ["local:2", None])
def test_what_is_no_executor_is_one_line(workers: Any) -> None:
    with pytest.raises(SpecError, match=r"workers: takes what `with solving_on\(\.\.\.\)` gives"):
        unwrap(qj.sweep)("lambda_system", axes=AXES, workers=workers)  # without the tests' own checks


def test_one_that_writes_elsewhere_needs_a_file() -> None:
    with pytest.raises(SpecError, match="say where with out"):
        qj.sweep("lambda_system", axes=AXES, workers=Backwards())
