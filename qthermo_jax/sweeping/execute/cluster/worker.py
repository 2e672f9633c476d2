"""What a worker does: it makes the plan anew, solves tiles one by one, and keeps each as a part."""

import platform
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from distributed import Worker, get_worker

from qthermo_jax.declared import ComputedObservable
from qthermo_jax.sweeping.compute.devices import device_name
from qthermo_jax.sweeping.compute.engine import Engine
from qthermo_jax.sweeping.errors import SpecError, first_line
from qthermo_jax.sweeping.execute.job import Sweep
from qthermo_jax.sweeping.execute.planning import make_plan
from qthermo_jax.sweeping.plan.model import find_model
from qthermo_jax.sweeping.schedule.report import TileReport, counted
from qthermo_jax.sweeping.schedule.tiling import Box
from qthermo_jax.sweeping.spec.declared import Spec
from qthermo_jax.sweeping.store.tile_files import TileFiles
from qthermo_jax.system import OpenSystem
from qthermo_jax.version import __version__

# Sweeps whose programs a worker keeps: several drivers may take turns on it.
_SWEEPS_KEPT = 4


@dataclass(frozen=True)
class Recipe:
    """What a worker makes a plan anew from; equal ones lead to the same programs.

    Attributes:
        digest: of the plan that it has to come out as.
        memory: bytes that a tile may take.
        spec, model, observables, folder: what the plan is made from.
    """

    digest: str
    memory: int
    spec: Spec = field(compare=False)
    model: str | Callable[..., OpenSystem] = field(compare=False)
    observables: tuple[str | ComputedObservable, ...] = field(compare=False)
    folder: Path = field(compare=False)


@dataclass(frozen=True)
class Failed:
    """What became of a tile that was not solved.

    Attributes:
        workers: that it was tried on, one for each time.
        reason: of the last time.
        hopeless: whether nothing else can come of any tile.
    """

    workers: tuple[str, ...]
    reason: str
    hopeless: bool = False


def recipe_of(job: Sweep) -> Recipe:
    """What a worker needs to know of a sweep."""
    plan = job.plan
    folder = job.folder.absolute()
    return Recipe(plan.digest, plan.memory, plan.spec, job.model, job.observables, folder)


def dask_setup(_: Worker) -> None:
    """Called by Dask in a worker of this machine: Ctrl-C is for the driver, which stops in order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def solve_tile(recipe: Recipe, tile_files: TileFiles, box: Box) -> TileReport | Failed:
    """Solve a tile and keep it; a failure is told, since the driver may not know its exception."""
    try:
        return _solved(recipe, tile_files, box)
    except Exception as error:  # noqa: BLE001 - whatever a model raises
        reason = f"{type(error).__name__}: {first_line(error)}"
        return Failed((get_worker().address,), reason, isinstance(error, SpecError))


# A worker with several threads still solves one tile at a time: two would take the memory of two.
_solving_one = threading.Lock()


def _solved(recipe: Recipe, tile_files: TileFiles, box: Box) -> TileReport:
    missing, done = tile_files.survey([box])
    if not missing:  # solved before, and then the worker was lost that was to say so
        return done
    with _solving_one:
        ((_, tile),) = _engine(recipe).solve([box])
    tile_files.write(box, tile, device_name())
    return TileReport(tile["status"].size, counted(tile["status"]))


@lru_cache(_SWEEPS_KEPT)
def _engine(recipe: Recipe) -> Engine:
    """The programs of a sweep, compiled once in each worker."""
    model = find_model(recipe.model, recipe.folder, recipe.observables)
    plan = make_plan(recipe.spec, model, recipe.memory, devices=1)
    if plan.digest != recipe.digest:
        raise SpecError(
            f"{platform.node()}: the source of model {model.name}, a module that it imports or the "
            f"version of qthermo_jax ({__version__} there) is not that of the driver"
        )
    return Engine(plan)
