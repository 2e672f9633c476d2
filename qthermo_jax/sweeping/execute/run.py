"""A sweep from spec to result, in memory or in a file that resumes."""

import json
import logging
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from qthermo_jax.declared import Computed
from qthermo_jax.registry import DEFAULT_EQUATION
from qthermo_jax.sweeping.compute.engine import Engine
from qthermo_jax.sweeping.errors import (
    Interrupted,
    Issue,
    SpecError,
    SpecWarning,
    TilesFailed,
    first_line,
)
from qthermo_jax.sweeping.execute.checking import (
    checked_plan,
    oddities_of,
    oddities_of_result,
    plan_from_text,
)
from qthermo_jax.sweeping.execute.local import solve_here
from qthermo_jax.sweeping.execute.progress import Watcher, logged, nobody
from qthermo_jax.sweeping.plan.model import Model, find_model
from qthermo_jax.sweeping.plan.record import DEFAULT_MEMORY, Plan
from qthermo_jax.sweeping.schedule.report import TileReport, counted
from qthermo_jax.sweeping.schedule.tiling import Box
from qthermo_jax.sweeping.spec.declared import Spec
from qthermo_jax.sweeping.spec.reading import read_toml
from qthermo_jax.sweeping.store.extension import find_extension, placed
from qthermo_jax.sweeping.store.layout import layout_of, to_dataset
from qthermo_jax.sweeping.store.parts import Parts
from qthermo_jax.sweeping.store.reasons import EXPLAINED, with_reasons
from qthermo_jax.sweeping.store.store import Store
from qthermo_jax.system import OpenSystem


@dataclass(frozen=True)
class Sweep:
    """A plan and what it came from.

    Attributes:
        source: the spec verbatim.
        model, observables: as they were asked for; another process finds them again with `folder`.
        folder: what a relative path of the model starts from.
    """

    plan: Plan
    source: str
    model: str | Callable[..., OpenSystem]
    folder: Path
    observables: tuple[str | Computed, ...] = ()


# Solves tiles and keeps each as a part: yields what is safe on the disk, and stops when it is told.
Solve = Callable[[Sweep, Parts, Iterable[Box], Callable[[], bool]], Iterator[TileReport]]


def solve_locally(
    job: Sweep, parts: Parts, boxes: Iterable[Box], stop: Callable[[], bool]
) -> Iterator[TileReport]:
    """On the devices of this machine."""
    return solve_here(Engine(job.plan), parts, boxes, stop)


def sweep_from_file(path: Path, memory: int = DEFAULT_MEMORY, devices: int | None = None) -> Sweep:
    """Read and resolve a TOML spec; a model's file is looked up beside it.

    Args:
        memory: bytes that one device's share of a tile may take.
        devices: how many share a tile; all local ones if not told.

    Raises:
        SpecError: what is wrong, one line for each issue; `qthermo check` says the same.
    """
    data, source = read_toml(path)
    plan = plan_from_text(path, data, source, memory, devices)
    return Sweep(plan, source, plan.spec.model, path.parent, tuple(plan.spec.observables))


def run_in_memory(job: Sweep) -> xr.Dataset:
    """Compute everything and keep it in memory."""
    layout = layout_of(job.plan, job.source)
    arrays = {name: np.empty(layout.shape(v), v.dtype) for name, v in layout.computed.items()}
    for box, tile in Engine(job.plan).solve(job.plan.tiling.boxes):
        for name, values in tile.items():
            arrays[name][box] = values
    whole = tuple(slice(0, axis.size) for axis in job.plan.axes)
    layout = with_reasons(layout, job.plan, [(whole, arrays)])
    return to_dataset(layout, arrays)


def run_to_file(
    job: Sweep,
    store: Store,
    watch: Watcher = nobody,
    stop: Callable[[], bool] = lambda: False,
    solve: Solve = solve_locally,
) -> None:
    """Compute the tiles that are missing, each kept as it is finished, and join them into the file.

    A finished sweep computes nothing.

    Args:
        watch: told of each tile.
        stop: asked now and then; once it says so, the sweep ends after the tiles in flight.
        solve: where the tiles are solved.

    Raises:
        SpecError: another process is writing this output.
        StoreError: the disk is full, or whatever else keeps files from being written.
        Interrupted: `stop` said so.
        TilesFailed: some tiles could not be solved; the rest is kept.
    """
    with store.locked():
        if not store.finished:
            _run_logged(job, store, watch, stop, solve)


def _run_logged(
    job: Sweep, store: Store, watch: Watcher, stop: Callable[[], bool], solve: Solve
) -> None:
    with logged(store.path) as log:
        try:
            if store.extends:
                _extend(job, store, partial(run_to_file, watch=watch, stop=stop, solve=solve), watch)
            else:
                _run(job, store, watch, stop, solve, log)
            log.info("finished")
        except BaseException as error:
            log.info("stopped: %s: %s", type(error).__name__, first_line(error))
            raise


def _run(
    job: Sweep,
    store: Store,
    watch: Watcher,
    stop: Callable[[], bool],
    solve: Solve,
    log: logging.Logger,
) -> None:
    plan = job.plan
    layout, boxes = layout_of(plan, job.source), list(plan.tiling.boxes)
    missing, there = store.begin(layout, boxes)
    title = plan.spec.title or plan.model.name
    log.info("%s: %d points, %d of %d tiles missing", title, plan.points, len(missing), len(boxes))
    watch(there)
    failures: list[str] = []
    statuses = Counter(there.statuses)
    for done in solve(job, store.parts, missing, stop):
        if done.failure is None:
            log.info("%d points solved; by status: %s", done.points, dict(done.statuses))
        else:
            log.info("gave up %s", done.failure)
            failures.append(done.failure)
        statuses += done.statuses
        watch(done)
    if failures:
        told = f"{len(failures)} of {len(boxes)} tiles failed, the first one {failures[0]}"
        raise TilesFailed(f"{told}; the others are kept in {store.parts.folder}")
    if stop():
        hint = "; without --overwrite it goes on from them" if store.anew else ""
        raise Interrupted(f"finished tiles are kept in {store.parts.folder}{hint}")
    if statuses.keys() & set(EXPLAINED):
        layout = with_reasons(layout, plan, store.tiles())
    store.finish(layout, boxes)


def _extend(job: Sweep, store: Store, run_piece: Callable[[Sweep, Store], None], watch: Watcher) -> None:
    """Compute what the result that is there lacks, each piece as a sweep of its own, and join all."""
    layout = layout_of(job.plan, job.source)
    names, axes = tuple(layout.computed), layout.axes
    with ExitStack() as opened:

        def result(path: Path) -> xr.Dataset:
            return opened.enter_context(xr.open_dataset(path, engine="h5netcdf"))

        old = result(store.path)
        extension = find_extension(job.plan, old, names)
        if extension.points:
            there = old["status"].isel(dict(zip(axes, extension.old, strict=True)))
            watch(TileReport(extension.points, counted(there.values), earlier=True))
        values = [placed(old, extension.given, axes, extension.old, extension.known)]
        codes = [placed(old, ["status"], axes, extension.old, extension.known)]
        for piece in extension.pieces:
            kept = store.piece(piece.plan)
            run_piece(replace(job, plan=piece.plan), kept)
            own = tuple(np.arange(len(along)) for along in piece.index)
            values.append(placed(result(kept.path), piece.adds, axes, own, piece.index))
            if "status" in piece.adds:
                codes.append(placed(result(kept.path), ["status"], axes, own, piece.index))
        layout = with_reasons(layout, job.plan, chain.from_iterable(codes))
        store.replace(layout, chain.from_iterable(values))


def sweep(
    model: str | Callable[..., OpenSystem],
    *,
    axes: Mapping[str, Any],
    parameters: Mapping[str, Any] | None = None,
    observables: Sequence[str | Computed] = (),
    derivatives: Sequence[str] = (),
    method: str = "auto",
    precision: str = "float64",
    generator: str = DEFAULT_EQUATION,
    secular_tol: float | None = None,
    evolution: Mapping[str, Any] | None = None,
    stored: str | None = None,
    title: str = "",
    energy_unit: str = "energy",
    labels: Mapping[str, Mapping[str, Any]] | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    extend: bool = False,
    memory: int = DEFAULT_MEMORY,
    workers: Solve = solve_locally,
) -> xr.Dataset:
    """Steady states of a model over a grid of its parameters, in 64 bit unless told otherwise.

    Args:
        model: name of a built-in model, "path/to/file.py:function", "package.module:function", or a
            function of named scalars that returns an `OpenSystem`.
        axes: one dimension each, in order; their product is the grid. An entry is a sequence of
            numbers, {"start", "stop", "num", "spacing"}, or a mapping of several parameters to
            sequences of equal length that move together along one dimension.
        parameters: held fixed.
        observables: names, see `measures`; "path/to/file.py:function" or `observable` functions of
            (system, state); default: those that the model brings along.
        derivatives: adds d_<observable>_d_<name> for each observable and each name: a scalar parameter
            of the model, "T_3" for the temperature of bath 3, "temperatures" for those of all baths,
            along a dimension `heated_bath`. Where a degenerate level splits along a parameter there is
            no derivative: NaN, and `status_d_<name>` says so.
        method: as for `steadystate`.
        precision: "float64", or "float32" for populations alone: about 6 digits of each, where the rates
            span less than about 30 orders of magnitude (a point where they span more is flagged).
        generator, secular_tol: the master equation, as for `OpenSystem`.
        evolution: {} or {"initial", "heat_capacity"}: the state at a `time`, which is an axis or a
            parameter then, instead of the steady one. "initial" is the label of a basis state or
            populations by label; default: the model's own initial state. With a heat capacity, one for
            all baths or one each, they warm up as the system gives heat to them.
        stored: precision of the results that are kept, if it is another: "float32" halves them.
        title, energy_unit: words for files and pictures.
        labels: {"long_name", "symbol", "energy_power"} of a coordinate that the model has no name for.
        out: HDF5 file to write; a sweep that was interrupted goes on from what it finished.
        overwrite: compute everything anew, and replace whatever the file holds when that is complete;
            what was interrupted goes on without it.
        extend: take over from a file of the same model, parameters and solver what it holds already:
            fewer points, or fewer observables.
        memory: bytes that one tile of the grid may take.
        workers: those of a cluster, from `qthermo_jax.sweeping.execute.cluster.solving_on`; needs
            `out`, in a folder that they see too.

    Returns:
        a dataset with the axes as dimensions, one variable an observable, and `status` (int8); the
        results of a point are NaN unless its status is 0.

    Raises:
        SpecError: a `ValueError` with one line for each issue, the key, what it got and what it takes;
            the issues stand in its `issues` as data too.

    Warns:
        SpecWarning: what is allowed but odd. `qthermo check` finds the same issues in a spec.

    >>> data = sweep("lambda_system", axes={"T_2": [0.0, 0.5]}, parameters={"T_1": 0.5})
    >>> data.unbalance.round(6).values.tolist()
    [1.0, 0.0]
    """
    described = {
        "model": getattr(model, "__qualname__", repr(model)) if callable(model) else model,
        "axes": _plain(axes),
        "parameters": _plain(parameters or {}),
        "observables": _plain(observables),
        "derivatives": _plain(derivatives),
        "solver": {
            "method": method,
            "precision": precision,
            "generator": generator,
            "secular_tol": secular_tol,
        },
        "evolution": None if evolution is None else _plain(evolution),
        "output": {"precision": stored},
        "title": title,
        "energy_unit": energy_unit,
        "labels": _plain(labels or {}),
    }
    folder = Path.cwd()
    listed = observables if isinstance(observables, list | tuple) else ()
    own = {given.name: given for given in listed if isinstance(given, Computed)}

    def find(spec: Spec) -> Model:
        asked = [own.get(name, name) for name in spec.observables]
        return find_model(model if callable(model) else spec.model, folder, asked)

    devices = None if workers is solve_locally else 1
    plan = checked_plan(described, find, memory, devices)
    if workers is not solve_locally and out is None:
        raise SpecError("workers: those of a cluster write files: say where with out")
    job = Sweep(plan, json.dumps(plan.spec.model_dump()), model, folder, tuple(observables))
    if out is None:
        _warn(oddities_of(plan, None))
        data = run_in_memory(job)
    else:
        store = Store(Path(out), plan, overwrite=overwrite, extend=extend)
        begun = store.finished or store.parts.folder.is_dir()  # then it takes less of the disk
        _warn(oddities_of(plan, None if begun else store.path))
        run_to_file(job, store, solve=workers)
        data = xr.open_dataset(store.path, engine="h5netcdf")
    _warn(oddities_of_result(plan, data))
    return data


def _warn(issues: Iterable[Issue]) -> None:
    """As warnings about the line that calls `sweep`."""
    for issue in issues:
        warnings.warn(str(issue), SpecWarning, stacklevel=3)


def _plain(value: Any) -> Any:
    """Arrays as lists, mappings as dicts, functions by name: what a TOML file would have given."""
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, Computed):
        return value.name
    if hasattr(value, "tolist"):
        return value.tolist()
    return [*map(_plain, value)] if isinstance(value, list | tuple | range) else value
