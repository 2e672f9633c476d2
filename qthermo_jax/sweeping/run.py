"""A sweep from spec to result, in memory or in a file that resumes."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from qthermo_jax.sweeping.engine import compute
from qthermo_jax.sweeping.layout import layout_of, to_dataset
from qthermo_jax.sweeping.model import find_model
from qthermo_jax.sweeping.plan import DEFAULT_MEMORY, Plan, make_plan
from qthermo_jax.sweeping.spec import load_spec, parse_spec
from qthermo_jax.sweeping.store import Store
from qthermo_jax.system import OpenSystem

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Sweep:
    """A plan with the text that it came from."""

    plan: Plan
    source: str


def _silent(points: int) -> None:
    """No progress."""


def sweep_from_file(path: Path, memory: int = DEFAULT_MEMORY) -> Sweep:
    """Read and resolve a TOML spec; a model's file is looked up beside it.

    Raises:
        SpecError: what is wrong, in one line.
    """
    spec, source = load_spec(path)
    return Sweep(make_plan(spec, find_model(spec.model, path.parent), memory), source)


def run_in_memory(job: Sweep, progress: Progress = _silent) -> xr.Dataset:
    """Compute everything and keep it in memory."""
    layout = layout_of(job.plan, job.source)
    arrays = {name: np.empty(layout.shape(v), v.dtype) for name, v in layout.computed.items()}
    for box, tile in compute(job.plan, job.plan.boxes):
        for name, values in tile.items():
            arrays[name][box] = values
        progress(_points(box))
    return to_dataset(layout, arrays)


def run_to_file(job: Sweep, store: Store, progress: Progress = _silent) -> None:
    """Compute the tiles that are missing, each kept as it is finished, and join them into the file.

    A finished sweep computes nothing.
    """
    if store.finished:
        return
    boxes = list(job.plan.boxes)
    missing = store.missing(boxes)
    progress(job.plan.points - sum(map(_points, missing)))
    for box, tile in compute(job.plan, missing):
        store.write_part(box, tile)
        progress(_points(box))
    store.assemble(layout_of(job.plan, job.source), boxes)


def _points(box: tuple[slice, ...]) -> int:
    return int(np.prod([side.stop - side.start for side in box], dtype=int))


def sweep(
    model: str | Callable[..., OpenSystem],
    *,
    axes: Mapping[str, Any],
    parameters: Mapping[str, Any] | None = None,
    observables: Sequence[str] = (),
    derivatives: Sequence[str] = (),
    method: str = "auto",
    precision: str = "float64",
    title: str = "",
    energy_unit: str = "energy",
    labels: Mapping[str, Mapping[str, Any]] | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    memory: int = DEFAULT_MEMORY,
) -> xr.Dataset:
    """Steady states of a model over a grid of its parameters, in 64 bit unless told otherwise.

    Args:
        model: name of a built-in model, "path/to/file.py:function", "package.module:function", or a
            function of named scalars that returns an `OpenSystem`.
        axes: one dimension each, in order; their product is the grid. An entry is a sequence of
            numbers, {"start", "stop", "num", "spacing"}, or a mapping of several parameters to
            sequences of equal length that move together along one dimension.
        parameters: held fixed.
        observables: names, see `measures`; default: those that the model brings along.
        derivatives: adds d_<observable>_d_<name> for each observable and each name: a scalar parameter
            of the model, "T_3" for the temperature of bath 3, "temperatures" for those of all baths,
            along a dimension `heated_bath`. Where a degenerate level splits along a parameter there is
            no derivative: NaN, and `status_d_<name>` says so.
        method: as for `steadystate`.
        precision: "float64", or "float32" for populations alone: about 6 digits of each, where the rates
            span less than about 30 orders of magnitude (a point where they span more is flagged).
        title, energy_unit: words for files and pictures.
        labels: {"long_name", "symbol", "energy_power"} of a coordinate that the model has no name for.
        out: HDF5 file to write; a sweep that was interrupted goes on from what it finished.
        overwrite: replace a file that holds something else.
        memory: bytes that one tile of the grid may take.

    Returns:
        a dataset with the axes as dimensions, one variable an observable, and `status` (int8); the
        results of a point are NaN unless its status is 0.

    Raises:
        SpecError: a `ValueError` with one line that names the key, what it got and what it takes.

    >>> data = sweep("lambda_system", axes={"T_2": [0.0, 0.5]}, parameters={"T_1": 0.5})
    >>> data.unbalance.round(6).values.tolist()
    [1.0, 0.0]
    """
    described = {
        "model": model if isinstance(model, str) else getattr(model, "__qualname__", repr(model)),
        "axes": {name: _plain(axis) for name, axis in axes.items()},
        "parameters": {name: _plain(value) for name, value in (parameters or {}).items()},
        "observables": list(observables),
        "derivatives": list(derivatives),
        "solver": {"method": method, "precision": precision},
        "title": title,
        "energy_unit": energy_unit,
        "labels": _plain(labels or {}),
    }
    spec = parse_spec(described, "sweep")
    job = Sweep(make_plan(spec, find_model(model, Path.cwd()), memory), json.dumps(spec.model_dump()))
    if out is None:
        return run_in_memory(job)
    store = Store(Path(out), job.plan, overwrite=overwrite)
    run_to_file(job, store)
    return xr.open_dataset(store.path, engine="h5netcdf")


def _plain(value: Any) -> Any:
    """Arrays as lists, mappings as dicts: what a TOML file would have given."""
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    if hasattr(value, "tolist"):
        return value.tolist()
    return list(value) if isinstance(value, tuple | range) else value
