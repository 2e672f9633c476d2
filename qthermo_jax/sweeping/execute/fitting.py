"""A fit that is asked for from Python or by a spec: data and spec become a problem of least squares."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import xarray as xr

from qthermo_jax.declared import ComputedObservable
from qthermo_jax.registry import DEFAULT_EQUATION
from qthermo_jax.sweeping.errors import Issue, SpecError, Steps, first_line, unknown_name
from qthermo_jax.sweeping.execute.checking import checked_plan
from qthermo_jax.sweeping.execute.entry import as_written, finder
from qthermo_jax.sweeping.execute.least_squares import FitResult, Problem, fitted
from qthermo_jax.sweeping.execute.pointwise import Pointwise
from qthermo_jax.sweeping.plan.model import Model, find_model, written_reference
from qthermo_jax.sweeping.plan.record import Plan
from qthermo_jax.sweeping.spec.declared import Spec
from qthermo_jax.sweeping.spec.expression import Expression
from qthermo_jax.sweeping.spec.fit import Fit
from qthermo_jax.sweeping.spec.reading import parse_spec, read_toml
from qthermo_jax.sweeping.spec.root import ALONG
from qthermo_jax.sweeping.spec.toml_lines import with_lines
from qthermo_jax.sweeping.spec.units import known_unit
from qthermo_jax.system import OpenSystem

Data: TypeAlias = str | Path | pd.DataFrame | xr.Dataset


def fit(
    model: str | Callable[..., OpenSystem],
    data: Data,
    *,
    over: Mapping[str, Any],
    measured: Mapping[str, str],
    errors: Mapping[str, str | float] | None = None,
    parameters: Mapping[str, Any] | None = None,
    observables: Sequence[str | ComputedObservable] = (),
    samples: int = 16,
    starts: int = 3,
    method: str = "auto",
    generator: str = DEFAULT_EQUATION,
    secular_tol: float | None = None,
    energy_unit: str = "energy",
    units: Mapping[str, str] | None = None,
) -> FitResult:
    """Parameters of a model from measured numbers, by least squares with the exact Jacobian.

    The search looks at `samples` places within the bounds and goes from the best `starts` of them by
    scipy's trust region that keeps bounds.

    Args:
        model: as for `qthermo_jax.sweep`.
        data: a CSV file, a table of pandas or a dataset, a row a measurement. Columns that are called as
            parameters of the model are what was set.
        over: the parameters that are sought, each with its bounds: (a, b), or {"start", "stop",
            "spacing"}.
        measured: for each formula of observables, as for `qthermo_jax.optimise`, the column that
            measures it, in the unit of the formula: a heat current in the square of the energy unit.
            Rows in which it is empty do not count.
        errors: for each formula the column of standard errors, or one number, in the same unit. Without
            them they are taken to be alike and are estimated from what is left over.
        parameters: held fixed.
        observables: one's own that the formulas name, as for `qthermo_jax.sweep`.
        samples, starts: of the search.
        method, generator, secular_tol, energy_unit: as for `qthermo_jax.sweep`.
        units: of parameters that are held, sought or in the data and are given in another unit than the
            rest, as for `qthermo_jax.sweep`; what is found has the unit that its bounds have.

    Returns:
        the values, their errors and covariance, chi^2, and what is left over at each measurement.

    Raises:
        SpecError: a `ValueError` with one line for each issue.
    """
    asked = {
        "data": str(data) if isinstance(data, str | Path) else "data",
        "measured": measured,
        "errors": errors or {},
        "over": over,
        "samples": samples,
        "starts": starts,
    }
    described = as_written(
        {
            "model": written_reference(model),
            "parameters": parameters or {},
            "observables": observables,
            "solver": {"method": method, "generator": generator, "secular_tol": secular_tol},
            "energy_unit": energy_unit,
            "units": units or {},
            "fit": asked,
        }
    )
    return fitted(_problem(described, finder(model, observables, Path.cwd()), data))


def fit_from_file(path: Path) -> FitResult:
    """The fit that a spec with a [fit] asks for; its data and its model's file lie beside it.

    Raises:
        SpecError: what is wrong, one line for each issue.
    """
    return fitted(problem_from_file(path))


def problem_from_file(path: Path) -> Problem:
    """What `fit_from_file` solves.

    Raises:
        SpecError: what is wrong, one line for each issue.
    """
    described, text = read_toml(path)

    def find(spec: Spec) -> Model:
        return find_model(spec.model, path.parent, spec.observables)

    try:
        return _problem(described, find, _data_of(described, path))
    except SpecError as error:
        raise SpecError(*with_lines(error.issues, text, str(path))) from error.__cause__


def data_file(path: Path) -> Path:
    """The file of the data that a spec with a [fit] names; it need not be there.

    Raises:
        SpecError: the spec cannot be read.
    """
    return _data_of(read_toml(path)[0], path)


def _data_of(described: dict[str, Any], path: Path) -> Path:
    asked = described.get("fit")
    return path.parent / str(asked.get("data") if isinstance(asked, dict) else None)


def _problem(described: dict[str, Any], find: Callable[[Spec], Model], data: Data) -> Problem:
    spec = parse_spec(described)
    asked = spec.fit
    if asked is None:
        raise SpecError(Issue(("fit",), "missing: the parameters that are sought, and the data"))
    whole = checked_plan(described, find)
    model = whole.model
    _check_dimensions(asked, whole, data)
    table = _table(data)
    _check_units(spec, model, data)
    columns = {str(name): _numbers(table, str(name)) for name in table if name in model.parameters}
    _check_sought(spec, asked, model, columns)
    _check_columns(asked, model, table, columns, spec.parameters)
    bare = {key: value for key, value in described.items() if key != "fit"}

    def planned(changed: dict[str, Any]) -> Plan:
        return checked_plan(bare | changed, find)

    formulas = tuple(Expression.parsed(text) for text in asked.measured)
    first = {name: own[:1].tolist() for name, own in columns.items()}
    middle = {name: bounds.middle for name, bounds in asked.over.items()}
    plan = planned({"axes": {ALONG: first}, "parameters": dict(spec.parameters) | middle})
    measured = np.stack([_numbers(table, own) for own in asked.measured.values()], axis=1)
    if np.isfinite(measured).sum() < len(asked.over):
        few = f"{np.isfinite(measured).sum()} measured numbers for {len(asked.over)} parameters"
        raise SpecError(Issue(("fit", "data"), few))
    return Problem(
        Pointwise(planned, plan, formulas, tuple(asked.over)),
        columns,
        measured,
        _errors(asked, table, measured),
        bool(asked.errors),
        asked.over,
        asked.samples,
        asked.starts,
    )


def _check_units(spec: Spec, model: Model, data: Data) -> None:
    """Check that a dataset, which may say what its numbers are in, says what the spec says."""
    if not isinstance(data, xr.Dataset):
        return
    own = str(data.attrs.get("energy_unit", ""))
    whole = spec.energy_unit if known_unit(spec.energy_unit) else own
    told = {"the energy unit": (own, whole)}
    for name in data.variables.keys() & model.parameters:
        told[repr(name)] = str(data[name].attrs.get("units", "")), spec.units.get(str(name), whole)
    for name, (given, taken) in told.items():
        if known_unit(given) and known_unit(given) != known_unit(taken):
            raise SpecError(Issue(("fit", "data"), f"{name} is {given!r} there and {taken!r} here"))


def _check_dimensions(asked: Fit, plan: Plan, data: Data) -> None:
    """Check that a dataset has a number in a row, not one for each bath, say."""
    if not isinstance(data, xr.Dataset):
        return
    own = {dim.name for known in plan.system.observables.values() for dim in known.dims}
    for name in {*asked.measured.values(), *asked.errors.values()} & data.keys():
        for dim in own.intersection(map(str, data[name].dims)):
            several = f"{name!r} has a number for each {dim}: choose one, data.sel({dim}=...)"
            raise SpecError(Issue(("fit", "data"), several))


def _check_sought(spec: Spec, asked: Fit, model: Model, columns: Mapping[str, np.ndarray]) -> None:
    for name in asked.over:
        steps: Steps = ("fit", "over", name)
        if name not in model.parameters:
            raise SpecError(unknown_name(steps, "parameter", name, model.parameters))
        if model.parameters[name].structure is not None:
            raise SpecError(Issue(steps, f"{name!r} shapes the system and cannot be fitted"))
        where = {"the data": columns, "[parameters]": spec.parameters}
        for place, known in where.items():
            if name in known:
                raise SpecError(Issue(steps, f"{name!r} is given in {place}"))


def _check_columns(
    asked: Fit,
    model: Model,
    table: pd.DataFrame,
    set_: Mapping[str, np.ndarray],
    fixed: Mapping[str, Any],
) -> None:
    if not set_:
        named = ", ".join(map(str, table))
        lacks = f"no column is called as a parameter of {model.name}; there are {named}"
        raise SpecError(Issue(("fit", "data"), lacks))
    for name, own in set_.items():
        if name in fixed:
            raise SpecError(Issue(("parameters", name), f"{name!r} is a column of the data too"))
        if not np.isfinite(own).all():
            raise SpecError(Issue(("fit", "data"), f"column {name!r} has a row without a number"))
    for formula, column in asked.measured.items():
        if column not in table:
            raise SpecError(
                unknown_name(("fit", "measured", formula), "column", column, map(str, table))
            )
    for formula in asked.errors:
        if formula not in asked.measured:
            raise SpecError(unknown_name(("fit", "errors", formula), "formula", formula, asked.measured))
    if asked.errors and len(asked.errors) < len(asked.measured):
        raise SpecError(Issue(("fit", "errors"), "takes one for each formula, or none at all"))


def _errors(asked: Fit, table: pd.DataFrame, measured: np.ndarray) -> np.ndarray:
    """Standard errors, (n, formulas); 1 where none are given."""
    found = np.ones_like(measured)
    for index, formula in enumerate(asked.measured):
        given = asked.errors.get(formula, 1.0)
        steps: Steps = ("fit", "errors", formula)
        if isinstance(given, str) and given not in table:
            raise SpecError(unknown_name(steps, "column", given, map(str, table)))
        found[:, index] = _numbers(table, given) if isinstance(given, str) else given
        if not (found[:, index][np.isfinite(measured[:, index])] > 0).all():
            raise SpecError(Issue(steps, f"column {given!r} has an error that is not above 0"))
    return found


def _table(data: Data) -> pd.DataFrame:
    """The measurements, a row each."""
    if isinstance(data, xr.Dataset):
        return data.to_dataframe().reset_index()
    if isinstance(data, pd.DataFrame):
        return data
    try:
        table = pd.read_csv(data, comment="#", skipinitialspace=True)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else first_line(error)
        raise SpecError(Issue(("fit", "data"), f"{data}: cannot be read: {reason}")) from None
    if table.empty:
        raise SpecError(Issue(("fit", "data"), f"{data}: has no rows"))
    return table


def _numbers(table: pd.DataFrame, column: str) -> np.ndarray:
    """A column as numbers; NaN where a row is empty."""
    try:
        return np.asarray(table[column], float)
    except (TypeError, ValueError):
        raise SpecError(Issue(("fit", "data"), f"column {column!r} has what is no number")) from None
