"""The tiles of a sweep on this machine: the devices solve, a thread writes, neither waits."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import takewhile

from qthermo_jax.sweeping.compute.devices import device_name
from qthermo_jax.sweeping.compute.engine import Engine
from qthermo_jax.sweeping.execute.executor import Executor
from qthermo_jax.sweeping.execute.job import Sweep
from qthermo_jax.sweeping.schedule.report import TileReport, counted
from qthermo_jax.sweeping.schedule.tiling import Box
from qthermo_jax.sweeping.store.tile_files import TileFiles

# Tiles that may wait to be written: more would only fill the memory when the disk is slow.
_WAITING = 2


class ThisHost(Executor):
    """The devices of this process.

    Args:
        engine: that solves, for another than that of the sweep's plan, compiled before for example.
    """

    devices = None
    writes_elsewhere = False

    def __init__(self, engine: Engine | None = None) -> None:
        self._engine = engine

    def solve(
        self, job: Sweep, tile_files: TileFiles, boxes: Iterable[Box], stop: Callable[[], bool]
    ) -> Iterator[TileReport]:
        """As `Executor` says."""
        return _solved(self._engine or Engine(job.plan), tile_files, boxes, stop)


THIS_HOST = ThisHost()


def _solved(
    engine: Engine, tile_files: TileFiles, boxes: Iterable[Box], stop: Callable[[], bool]
) -> Iterator[TileReport]:
    waiting: deque[tuple[TileReport, Future[None]]] = deque()

    def written() -> TileReport:
        done, writing = waiting.popleft()
        writing.result()
        return done

    with ThreadPoolExecutor(1, "qthermo-writer") as writer:
        for box, tile in engine.solve(takewhile(lambda _: not stop(), boxes)):
            status = tile["status"]
            writing = writer.submit(tile_files.write, box, tile, device_name())
            waiting.append((TileReport(status.size, counted(status)), writing))
            if len(waiting) > _WAITING:
                yield written()
        while waiting:
            yield written()
