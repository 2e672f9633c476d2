"""What the driver does: it hands out tiles, hears what became of them, and has failures tried again."""

import logging
import math
import queue
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice, takewhile

from distributed import Client, Future, KilledWorker

from qthermo_jax.sweeping.errors import SpecError, first_line
from qthermo_jax.sweeping.execute.cluster.worker import Failed, recipe_of, solve_tile
from qthermo_jax.sweeping.execute.executor import Executor
from qthermo_jax.sweeping.execute.job import Sweep
from qthermo_jax.sweeping.plan.record import Plan
from qthermo_jax.sweeping.schedule.report import TileReport
from qthermo_jax.sweeping.schedule.tiling import Box
from qthermo_jax.sweeping.store.tile_files import TileFiles

# How often a tile is tried before it is given up.
_TRIES = 3

# How often the driver looks for workers that joined, and how often it complains that there are none.
_SECONDS_BETWEEN_LOOKS, _SECONDS_BETWEEN_LINES = 1.0, 60.0

_GONE = "the scheduler is gone; what was finished is kept"

_log = logging.getLogger(__name__)


class OnCluster(Executor):
    """The workers of a Dask cluster, which write the tiles.

    Args:
        client: connected to the scheduler.
    """

    devices = 1
    writes_elsewhere = True

    def __init__(self, client: Client) -> None:
        self._client = client

    def solve(
        self, job: Sweep, tile_files: TileFiles, boxes: Iterable[Box], stop: Callable[[], bool]
    ) -> Iterator[TileReport]:
        """As `Executor` says; as many tiles at a time as there are workers.

        So none waits on a worker behind another, as a rule: a worker that dies casts suspicion only on
        the tile that it was solving, and stopping waits for nothing else.
        """
        tiles = _Tiles(self._client, job, tile_files)
        queued = takewhile(lambda _: not stop(), boxes)
        while True:
            workers = tiles.workers()
            room = max(1, len(workers)) - tiles.in_flight
            for box in islice(queued, max(0, room)):
                tiles.submit(box)
            if not tiles.in_flight or (stop() and not workers):
                return
            done = tiles.next_done()
            if done is not None:
                yield done


_Outcome = Future[TileReport | Failed]


class _Tiles:
    """The tiles in flight, and the workers that each failed on."""

    def __init__(self, client: Client, job: Sweep, tile_files: TileFiles) -> None:
        self._client = client
        self._plan = job.plan
        self._tile_files = TileFiles(tile_files.folder.absolute(), tile_files.sweep)
        self._recipe = recipe_of(job)
        self._flying: dict[_Outcome, tuple[Box, tuple[str, ...]]] = {}
        self._landed: queue.SimpleQueue[_Outcome] = queue.SimpleQueue()
        self._heard = time.monotonic()

    @property
    def in_flight(self) -> int:
        """How many there are."""
        return len(self._flying)

    def workers(self) -> list[str]:
        """Those that are there now; says so now and then if there are none."""
        try:
            found = list(self._client.nthreads())
        except OSError as error:
            raise ConnectionError(_GONE) from error
        cluster = self._client.cluster
        if cluster and len(found) < len(cluster.worker_spec):
            cluster.scale(len(cluster.worker_spec))  # starts again what has ended for good
        if found:
            self._heard = time.monotonic()
        elif time.monotonic() - self._heard > _SECONDS_BETWEEN_LINES:
            self._heard = time.monotonic()
            _log.warning("there are no workers; waiting for one")
        return found

    def submit(self, box: Box, failed_on: tuple[str, ...] = ()) -> None:
        """Have a tile solved, elsewhere than where it failed if there is an elsewhere."""
        others = [worker for worker in self.workers() if worker not in failed_on] if failed_on else []
        future = self._client.submit(
            solve_tile,
            self._recipe,
            self._tile_files,
            box,
            pure=False,
            workers=others or None,
            allow_other_workers=bool(others),
        )
        self._flying[future] = box, failed_on
        future.add_done_callback(self._landed.put)

    def next_done(self) -> TileReport | None:
        """The next tile that needs no more work; None if it does, or if none ended for a while."""
        try:
            future = self._landed.get(timeout=_SECONDS_BETWEEN_LOOKS)
        except queue.Empty:
            return None
        box, failed_on = self._flying.pop(future)
        outcome = _outcome(future)
        if isinstance(outcome, TileReport):
            return outcome
        if outcome.hopeless:
            raise SpecError(f"on a worker, {outcome.workers[0]}: {outcome.reason}")
        failed_on += outcome.workers
        told = f"tile {_ranges(self._plan, box)}: {outcome.reason}"
        if len(failed_on) >= _TRIES:
            return TileReport(math.prod(side.stop - side.start for side in box), failure=told)
        _log.warning("%s; it is tried again", told)
        self.submit(box, failed_on)
        return None


def _outcome(future: _Outcome) -> TileReport | Failed:
    """What became of a tile, as the worker or the scheduler tells it.

    Raises:
        ConnectionError: there is no scheduler any more.
    """
    if future.cancelled():
        raise ConnectionError(_GONE)
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, KilledWorker):
        deaths = error.allowed_failures + 1
        return Failed((error.last_worker.address,) * deaths, "the worker died while it was at it")
    return Failed(("",), f"{type(error).__name__}: {first_line(error)}")


def _ranges(plan: Plan, box: Box) -> str:
    """The parameters of a tile's first and last points: "g 0.1, T_L 0.2 ... 0.9"."""
    ends = [
        (name, dict.fromkeys(values[side][[0, -1]].tolist()))
        for axis, side in zip(plan.axes, box, strict=True)
        for name, values in axis.as_given.items()
    ]
    return ", ".join(f"{name} {' ... '.join(f'{end:g}' for end in own)}" for name, own in ends)
