"""The tiles of a sweep on the workers of a Dask cluster.

A task is one tile. The worker that solves it writes its part itself; the driver, the process that asked
for the sweep, hears how many points have which status and keeps the books.
"""

import logging
import math
import os
import platform
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import islice, takewhile
from pathlib import Path

import dask
import jax
from dask_jobqueue.slurm import SLURMCluster
from distributed import (
    Client,
    Future,
    KilledWorker,
    Nanny,
    Scheduler,
    SpecCluster,
    Worker,
    get_worker,
)

from qthermo_jax.sweeping.engine import Engine
from qthermo_jax.sweeping.errors import SpecError, first_line
from qthermo_jax.sweeping.model import find_model
from qthermo_jax.sweeping.parts import Parts
from qthermo_jax.sweeping.plan import Box, Plan, make_plan
from qthermo_jax.sweeping.progress import Done, counted
from qthermo_jax.sweeping.run import Solve, Sweep
from qthermo_jax.sweeping.spec import Spec
from qthermo_jax.system import OpenSystem
from qthermo_jax.version import __version__

# How often a tile is tried before it is given up.
_TRIES = 3

# How often the driver looks for workers that joined, and how often it complains that there are none.
_SECONDS_BETWEEN_LOOKS, _SECONDS_BETWEEN_LINES = 1.0, 60.0

# When a worker is given up: started again it imports JAX first, from a slow file system perhaps.
_LOST_AFTER = "2 minutes"

_GONE = "the scheduler is gone; what was finished is kept"

# Of Dask's own words: the driver says itself what became of a tile.
_QUIET = logging.CRITICAL

# Sweeps whose programs a worker keeps: several drivers may take turns on it.
_SWEEPS_KEPT = 4

_log = logging.getLogger(__name__)


# ---- which cluster -------------------------------------------------------------------------------


def solving_on(cluster: str) -> AbstractContextManager[Solve]:
    """A cluster that solves the tiles of sweeps, for as long as it is needed.

    Args:
        cluster: "local:N" for N worker processes on this machine, each with a GPU of its own if there
            are any; "tcp://host:port" for the workers of a Dask scheduler; "slurm:N" for N jobs with
            a worker each, described in Dask's own configuration.

    Raises:
        SpecError: there is no such cluster.
    """
    match cluster.split(":"):
        case ["local", number] if number.isdecimal() and int(number):
            return _solving(_on_this_machine(int(number)))
        case ["slurm", number] if number.isdecimal() and int(number):
            return _solving(_through_slurm(int(number)))
        case ["tcp", _, port] if port.isdecimal():
            return _solving(_at(cluster))
    raise SpecError(
        f"--cluster: takes local:N or slurm:N with N workers, or tcp://scheduler:port, got {cluster!r}"
    )


@contextmanager
def _solving(connected: AbstractContextManager[Client]) -> Iterator[Solve]:
    with connected as client:
        yield partial(_solve, client)


@contextmanager
def _at(address: str) -> Iterator[Client]:
    """The workers of a scheduler that somebody else started."""
    try:
        client = Client(address, set_as_default=False)
    except OSError as error:
        raise SpecError(
            f"--cluster {address}: no scheduler answers there: {first_line(error)}"
        ) from None
    with client:
        yield client


@contextmanager
def _on_this_machine(number: int) -> Iterator[Client]:
    """Workers in processes of their own, which are started again when they die."""
    options = {
        "host": "127.0.0.1",
        "nthreads": 1,
        "memory_limit": None,
        "preload": [__name__],
        "silence_logs": _QUIET,
    }
    workers = {
        name: {"cls": Nanny, "options": {**options, "env": env}}
        for name, env in enumerate(environments(number))
    }
    scheduler = {
        "cls": Scheduler,
        "options": {"host": "127.0.0.1", "port": 0, "dashboard_address": "127.0.0.1:0"},
    }
    with (
        _configured(),
        SpecCluster(workers, scheduler, silence_logs=_QUIET) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


@contextmanager
def _through_slurm(number: int) -> Iterator[Client]:
    """Workers in jobs that are submitted from here, and again when they end too early."""
    if shutil.which("sbatch") is None:
        raise SpecError("--cluster slurm: there is no sbatch here; run it where jobs are submitted")
    with _configured(), _slurm() as cluster, Client(cluster, set_as_default=False) as client:
        cluster.scale(number)
        yield client


def _slurm() -> SLURMCluster:
    """The jobs that Dask's configuration describes, none of them submitted yet.

    Raises:
        SpecError: it describes none, or SLURM would not take them.
    """
    for key in ("cores", "memory"):
        if dask.config.get(f"jobqueue.slurm.{key}") is None:
            raise SpecError(f"--cluster slurm: Dask's jobqueue.yaml does not say {key!r}")
    cluster = SLURMCluster(processes=1, silence_logs=_QUIET)
    told = subprocess.run(
        ["sbatch", "--test-only"],
        input=cluster.job_script(),
        capture_output=True,
        text=True,
        check=False,
    )
    if told.returncode:
        cluster.close()
        raise SpecError(f"--cluster slurm: {' '.join(told.stderr.split())}")
    return cluster


# What a driver knows of compiled programs that are kept; its workers are told by their environment.
_CACHE = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")


def _configured() -> dask.config.set:
    """Dask's settings for clusters that live as long as the sweep."""
    cache = {
        f"distributed.nanny.pre-spawn-environ.{option.upper()}": jax.config.values[option]
        for option in _CACHE
    }
    return dask.config.set(
        {
            # The driver counts how often a tile failed, the deaths of workers included.
            "distributed.scheduler.allowed-failures": 0,
            "distributed.deploy.lost-worker-timeout": _LOST_AFTER,
            **cache,
        }
    )


_COUNT_GPUS = "import jax; print(jax.local_device_count() * (jax.default_backend() == 'gpu'))"


def environments(number: int) -> list[dict[str, str]]:
    """What each worker of this machine is told: its own GPU, where there are any.

    Raises:
        SpecError: there are fewer GPUs.
    """
    # Another process counts them: this one would keep most of the memory of each.
    told = subprocess.run([sys.executable, "-c", _COUNT_GPUS], stdout=subprocess.PIPE, check=True)
    count = int(told.stdout)
    if not count:
        return [{} for _ in range(number)]
    if number > count:
        raise SpecError(f"--cluster local:{number}: one worker a GPU, and there are {count}")
    names = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(count)))
    return [{"CUDA_VISIBLE_DEVICES": name} for name in names.split(",")[:number]]


# ---- on a worker ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Recipe:
    """What a worker makes a plan anew from; equal ones lead to the same programs.

    Attributes:
        identity: of the plan that it has to come out as.
        memory: bytes that a tile may take.
        spec, model, folder: what the plan is made from.
    """

    identity: tuple[str, str, tuple[int, ...]]
    memory: int
    spec: Spec = field(compare=False)
    model: str | Callable[..., OpenSystem] = field(compare=False)
    folder: Path = field(compare=False)


@dataclass(frozen=True)
class _Failed:
    """What became of a tile that was not solved.

    Attributes:
        workers: that it was tried on, one for each time.
        reason: of the last time.
        hopeless: whether nothing else can come of any tile.
    """

    workers: tuple[str, ...]
    reason: str
    hopeless: bool = False


def _recipe(job: Sweep) -> _Recipe:
    plan = job.plan
    return _Recipe(_identity(plan), plan.memory, plan.spec, job.model, job.folder.absolute())


def _identity(plan: Plan) -> tuple[str, str, tuple[int, ...]]:
    """Of what is computed, by which version, and in which tiles."""
    return plan.digest, __version__, plan.tile


def dask_setup(_: Worker) -> None:
    """Called by Dask in a worker of this machine: Ctrl-C is for the driver, which stops in order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def solve_tile(recipe: _Recipe, parts: Parts, box: Box) -> Done | _Failed:
    """Solve a tile and keep it; a failure is told, since the driver may not know its exception."""
    try:
        return _solved(recipe, parts, box)
    except Exception as error:  # noqa: BLE001 - whatever a model raises
        reason = f"{type(error).__name__}: {first_line(error)}"
        return _Failed((get_worker().address,), reason, isinstance(error, SpecError))


# A worker with several threads still solves one tile at a time: two would take the memory of two.
_solving_one = threading.Lock()


def _solved(recipe: _Recipe, parts: Parts, box: Box) -> Done:
    missing, done = parts.survey([box])
    if not missing:  # solved before, and then the worker was lost that was to say so
        return done
    with _solving_one:
        ((_, tile),) = _engine(recipe).solve([box])
    parts.write(box, tile)
    return Done(tile["status"].size, counted(tile["status"]))


@lru_cache(_SWEEPS_KEPT)
def _engine(recipe: _Recipe) -> Engine:
    """The programs of a sweep, compiled once in each worker."""
    if isinstance(recipe.model, str):
        # A worker lives longer than a module's source: it must not compute with what it imported before.
        sys.modules.pop(recipe.model.rpartition(":")[0], None)
    model = find_model(recipe.model, recipe.folder)
    plan = make_plan(recipe.spec, model, recipe.memory, devices=1)
    if _identity(plan) != recipe.identity:
        raise SpecError(
            f"{platform.node()}: the source of model {model.name} or the version of qthermo_jax "
            f"({__version__} there) is not that of the driver"
        )
    return Engine(plan)


# ---- the driver ----------------------------------------------------------------------------------


def _solve(
    client: Client, job: Sweep, parts: Parts, boxes: Iterable[Box], stop: Callable[[], bool]
) -> Iterator[Done]:
    """Solve tiles, as many at a time as there are workers.

    So none waits on a worker behind another, as a rule: a worker that dies casts suspicion only on the
    tile that it was solving, and stopping waits for nothing else.

    Args:
        stop: asked before each tile; once it says so, the tiles in flight are the last ones.
    """
    tiles = _Tiles(client, job, parts)
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


_Outcome = Future[Done | _Failed]


class _Tiles:
    """The tiles in flight, and the workers that each failed on."""

    def __init__(self, client: Client, job: Sweep, parts: Parts) -> None:
        self._client = client
        self._plan = job.plan
        self._parts = Parts(parts.folder.absolute(), parts.sweep)
        self._recipe = _recipe(job)
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
            self._parts,
            box,
            pure=False,
            workers=others or None,
            allow_other_workers=bool(others),
        )
        self._flying[future] = box, failed_on
        future.add_done_callback(self._landed.put)

    def next_done(self) -> Done | None:
        """The next tile that needs no more work; None if it does, or if none ended for a while."""
        try:
            future = self._landed.get(timeout=_SECONDS_BETWEEN_LOOKS)
        except queue.Empty:
            return None
        box, failed_on = self._flying.pop(future)
        outcome = _outcome(future)
        if isinstance(outcome, Done):
            return outcome
        if outcome.hopeless:
            raise SpecError(f"on a worker, {outcome.workers[0]}: {outcome.reason}")
        failed_on += outcome.workers
        told = f"tile {_ranges(self._plan, box)}: {outcome.reason}"
        if len(failed_on) >= _TRIES:
            return Done(math.prod(side.stop - side.start for side in box), failure=told)
        _log.warning("%s; it is tried again", told)
        self.submit(box, failed_on)
        return None


def _outcome(future: _Outcome) -> Done | _Failed:
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
        return _Failed((error.last_worker.address,) * deaths, "the worker died while it was at it")
    return _Failed(("",), f"{type(error).__name__}: {first_line(error)}")


def _ranges(plan: Plan, box: Box) -> str:
    """The parameters of a tile's first and last points: "g 0.1, T_L 0.2 ... 0.9"."""
    ends = [
        (name, dict.fromkeys(values[side][[0, -1]].tolist()))
        for axis, side in zip(plan.axes, box, strict=True)
        for name, values in axis.parameters.items()
    ]
    return ", ".join(f"{name} {' ... '.join(f'{end:g}' for end in own)}" for name, own in ends)
