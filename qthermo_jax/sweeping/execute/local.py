"""The tiles of a sweep on this machine: the devices solve, a thread writes, neither waits."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import takewhile

from qthermo_jax.sweeping.compute.devices import device_name
from qthermo_jax.sweeping.compute.engine import Engine
from qthermo_jax.sweeping.schedule.report import TileReport, counted
from qthermo_jax.sweeping.schedule.tiling import Box
from qthermo_jax.sweeping.store.parts import Parts

# Tiles that may wait to be written: more would only fill the memory when the disk is slow.
_WAITING = 2


def solve_here(
    engine: Engine, parts: Parts, boxes: Iterable[Box], stop: Callable[[], bool]
) -> Iterator[TileReport]:
    """Solve tiles and keep each as a part; yields what is safe on the disk.

    Args:
        stop: asked before each tile; once it says so, the tiles in flight are the last ones.
    """
    waiting: deque[tuple[TileReport, Future[None]]] = deque()

    def written() -> TileReport:
        done, writing = waiting.popleft()
        writing.result()
        return done

    with ThreadPoolExecutor(1, "qthermo-writer") as writer:
        for box, tile in engine.solve(takewhile(lambda _: not stop(), boxes)):
            status = tile["status"]
            writing = writer.submit(parts.write, box, tile, device_name())
            waiting.append((TileReport(status.size, counted(status)), writing))
            if len(waiting) > _WAITING:
                yield written()
        while waiting:
            yield written()
