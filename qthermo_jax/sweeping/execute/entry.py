"""A sweep that is asked for from Python."""

import json
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from qthermo_jax.declared import ComputedObservable
from qthermo_jax.registry import DEFAULT_EQUATION
from qthermo_jax.sweeping.errors import Issue, SpecError, SpecWarning
from qthermo_jax.sweeping.execute.checking import (
    checked_plan,
    oddities_of,
    oddities_of_result,
)
from qthermo_jax.sweeping.execute.executor import Executor
from qthermo_jax.sweeping.execute.following import followed
from qthermo_jax.sweeping.execute.in_memory import run_in_memory
from qthermo_jax.sweeping.execute.job import Sweep
from qthermo_jax.sweeping.execute.run import run_to_file
from qthermo_jax.sweeping.execute.this_host import THIS_HOST
from qthermo_jax.sweeping.plan.model import Model, find_model, written_reference
from qthermo_jax.sweeping.plan.record import Plan
from qthermo_jax.sweeping.spec.declared import Spec
from qthermo_jax.sweeping.store.store import Store
from qthermo_jax.system import OpenSystem


def sweep(
    model: str | Callable[..., OpenSystem],
    *,
    axes: Mapping[str, Any],
    parameters: Mapping[str, Any] | None = None,
    observables: Sequence[str | ComputedObservable] = (),
    derivatives: Sequence[str] = (),
    method: str = "auto",
    precision: str = "float64",
    generator: str = DEFAULT_EQUATION,
    secular_tol: float | None = None,
    evolution: Mapping[str, Any] | None = None,
    optimise: Mapping[str, Any] | None = None,
    root: Mapping[str, Any] | None = None,
    refine: Mapping[str, Any] | None = None,
    stored: str | None = None,
    title: str = "",
    energy_unit: str = "energy",
    units: Mapping[str, str] | None = None,
    labels: Mapping[str, Mapping[str, Any]] | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    extend: bool = False,
    memory: int | None = None,
    workers: Executor = THIS_HOST,
) -> xr.Dataset:
    """Steady states of a model over a grid of its parameters, in 64 bit unless told otherwise.

    Args:
        model: name of a built-in model, "path/to/file.py:function", "package.module:function", or a
            function of named scalars that returns an `OpenSystem`.
        axes: one dimension each, in order; their product is the grid. An entry is a sequence of
            numbers, {"start", "stop", "num", "spacing"}, or a mapping of several parameters to
            sequences of equal length that move together along one dimension.
        parameters: held fixed.
        observables: names, see `available_observables`; "path/to/file.py:function" or `observable`
            functions of (system, state); default: those that the model brings along.
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
        optimise: {"maximise" or "minimise", "over", "where", "samples", "starts"}: at each point the
            best parameters are sought, see `qthermo_jax.optimise`.
        root: {"formula", "value", "step"}: the sweep is over the places in the plane of the axes at
            which the formula has the value, see `qthermo_jax.follow`.
        refine: {"formula", "tolerance", "levels"}: each interval of one or two axes is halved, up to
            `levels` times (default 4), where the formula differs by more than the tolerance from what
            is interpolated between the points. The result is over the finest grid that is reached; its
            variable `interpolated` says which points were not computed, and the attribute
            `largest_surplus` of each variable by how much the interpolation was wrong at the points
            that were computed to test it.
        stored: precision of the results that are kept, if it is another: "float32" halves them.
        title, energy_unit: words for files and pictures.
        units: of parameters that are energies or temperatures and that are given in another unit than
            the rest, {"T_L": "mK"}. `energy_unit` is one with a size then: MHz, GHz, THz (E / h), cm^-1,
            ueV, meV, eV, mK or K. Coordinates keep the numbers and units that were given.
        labels: {"long_name", "symbol", "energy_power"} of a coordinate that the model has no name for.
        out: HDF5 file to write; a sweep that was interrupted goes on from what it finished.
        overwrite: compute everything anew, and replace whatever the file holds when that is complete;
            what was interrupted goes on without it.
        extend: take over from a file of the same model, parameters and solver what it holds already:
            fewer points, or fewer observables.
        memory: bytes that one tile of the grid may take on each device; default: 1 GiB, and of a GPU up
            to an eighth of its memory.
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
    written = {
        "model": written_reference(model),
        "axes": axes,
        "parameters": parameters or {},
        "observables": observables,
        "derivatives": derivatives,
        "solver": {
            "method": method,
            "precision": precision,
            "generator": generator,
            "secular_tol": secular_tol,
        },
        "evolution": evolution,
        **({} if optimise is None else {"optimise": optimise}),
        **({} if root is None else {"root": root}),
        **({} if refine is None else {"refine": refine}),
        "output": {"precision": stored},
        "title": title,
        "energy_unit": energy_unit,
        "units": units or {},
        "labels": labels or {},
    }
    if not isinstance(workers, Executor):
        raise SpecError(f"workers: takes what `with solving_on(...)` gives, got {workers!r}")
    folder = Path.cwd()
    find = finder(model, observables, folder)

    def planned(described: dict[str, Any]) -> Plan:
        return checked_plan(described, find, memory, workers.devices)

    plan, odd = followed(as_written(written), planned)
    _warn(odd)
    if workers.writes_elsewhere and out is None:
        raise SpecError("workers: those of a cluster write files: say where with out")
    job = Sweep(plan, json.dumps(plan.spec.model_dump()), model, folder, tuple(observables))
    if out is None:
        _warn(oddities_of(plan, None))
        data = run_in_memory(job)
    else:
        store = Store(Path(out), plan, overwrite=overwrite, extend=extend)
        begun = store.finished or store.tile_files.folder.is_dir()  # then it takes less of the disk
        _warn(oddities_of(plan, None if begun else store.path))
        run_to_file(job, store, executor=workers)
        data = xr.open_dataset(store.path, engine="h5netcdf")
    _warn(oddities_of_result(plan, data))
    return data


def finder(
    model: str | Callable[..., OpenSystem],
    observables: Sequence[str | ComputedObservable],
    folder: Path,
) -> Callable[[Spec], Model]:
    """What finds the model of a spec from Python, which may be a function, as observables may be.

    Args:
        folder: what relative file paths start from.
    """
    listed = observables if isinstance(observables, list | tuple) else ()
    own = {given.name: given for given in listed if isinstance(given, ComputedObservable)}

    def find(spec: Spec) -> Model:
        asked = [own.get(name, name) for name in spec.observables]
        return find_model(model if callable(model) else spec.model, folder, asked)

    return find


def _warn(issues: Iterable[Issue]) -> None:
    """As warnings about the line that calls `sweep`."""
    for issue in issues:
        warnings.warn(str(issue), SpecWarning, stacklevel=3)


def as_written(value: Any) -> Any:
    """Arrays as lists, mappings as dicts, functions by name: what a TOML file would have given."""
    if isinstance(value, Mapping):
        return {key: as_written(entry) for key, entry in value.items()}
    if isinstance(value, ComputedObservable):
        return value.name
    if hasattr(value, "tolist"):
        return value.tolist()
    return [*map(as_written, value)] if isinstance(value, list | tuple | range) else value
