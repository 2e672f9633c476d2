"""The command line: `qthermo run | explain | info | plot | models`.

Exit codes: 0 done; 1 failed; 2 bad input, in one line; 130 interrupted, what was finished is kept.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import click
import numpy as np
import xarray as xr
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from qthermo_jax import models
from qthermo_jax.plotting import PlotError, plot
from qthermo_jax.steady import Method, Note, Status
from qthermo_jax.sweeping import SpecError, Store, run_to_file, sweep_from_file
from qthermo_jax.sweeping.errors import first_line
from qthermo_jax.sweeping.model import REQUIRED, find_model
from qthermo_jax.sweeping.plan import Plan, make_plan
from qthermo_jax.sweeping.spec import Spec
from qthermo_jax.version import __version__

_EXIT_FAILED, _EXIT_BAD_INPUT, _EXIT_INTERRUPTED = 1, 2, 130
_SECONDS_BETWEEN_LINES = 5.0

spec_argument = click.argument("spec", type=click.Path(path_type=Path))
file_argument = click.argument("file", type=click.Path(path_type=Path))
memory_option = click.option(
    "--memory",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="GiB that one tile may take.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="qthermo")
def app() -> None:
    """Parameter sweeps of open quantum systems between thermal baths."""


def _default_output(spec: Path) -> Path:
    return Path("results") / f"{spec.stem}.h5"


@app.command()
@spec_argument
@click.option("--out", type=click.Path(path_type=Path), help="Default: results/SPEC.h5")
@click.option("--overwrite", is_flag=True, help="Replace a file that holds something else.")
@memory_option
def run(spec: Path, out: Path | None, overwrite: bool, memory: float) -> None:
    """Run the sweep SPEC; goes on from what an interrupted run finished."""
    job = sweep_from_file(spec, _bytes(memory))
    store = Store(out or _default_output(spec), job.plan, overwrite=overwrite)
    if store.finished:
        click.echo(f"{store.path}: finished already, nothing computed")
        return
    start = time.monotonic()
    try:
        with _progress(spec.stem, job.plan.points) as advance:
            run_to_file(job, store, advance)
    except KeyboardInterrupt:
        kept = (
            f"finished tiles are kept in {store.parts}" if store.parts.exists() else "none was finished"
        )
        click.echo(f"interrupted; {kept}", err=True)
        raise
    seconds = time.monotonic() - start
    click.echo(f"{store.path}: {job.plan.points} points in {seconds:.1f} s; {_statuses(store.path)}")


def _bytes(gibibytes: float) -> int:
    return int(gibibytes * 2**30)


@contextmanager
def _progress(title: str, points: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, a plain line now and then elsewhere."""
    console = Console(stderr=True)
    if console.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
            task = bar.add_task(title, total=points)
            yield lambda done: bar.advance(task, done)
        return
    total, spoke = 0, time.monotonic()

    def advance(done: int) -> None:
        nonlocal total, spoke
        total += done
        if time.monotonic() - spoke > _SECONDS_BETWEEN_LINES:
            spoke = time.monotonic()
            click.echo(f"{title}: {total} of {points} points", err=True)

    yield advance


def _statuses(path: Path) -> str:
    """How many points have which status."""
    with _opened(path) as data:
        return ", ".join(f"{n} {Status(code).meaning}" for code, n in _counted(data["status"]))


def _counted(codes: xr.DataArray) -> Iterator[tuple[int, int]]:
    """Each code with the number of points that have it."""
    for code, n in zip(*np.unique(codes.values, return_counts=True), strict=True):
        yield int(code), int(n)


@app.command()
@spec_argument
@memory_option
def explain(spec: Path, memory: float) -> None:
    """Say what the sweep SPEC would compute, and compute nothing."""
    plan = sweep_from_file(spec, _bytes(memory)).plan
    table = Table.grid(padding=(0, 2))
    for key, value in _explained(plan):
        table.add_row(key, value)
    table.add_row("output", str(_default_output(spec)))
    _print(table)


_METHODS = {
    "auto": "auto: populations alone where that is exact, the secular block or dense elsewhere",
    "populations": "populations alone; points where they drive coherences are flagged",
    "secular_block": "secular block: the coherences inside degenerate levels too",
    "dense": "dense: every element of the density matrix",
}


def _explained(plan: Plan) -> Iterator[tuple[str, str]]:
    yield "title", plan.spec.title or "-"
    yield "model", plan.model.name
    yield "fixed", ", ".join(f"{key} = {value}" for key, value in plan.constants.items()) or "-"
    for axis in plan.axes:
        ends = ", ".join(f"{k} {v[0]:g} ... {v[-1]:g}" for k, v in axis.parameters.items())
        yield "axis", f"{axis.name}: {axis.size} values of {ends}"
    yield "points", f"{plan.points} ({' x '.join(map(str, plan.shape)) or 'no axes'})"
    for name, measure in plan.outputs.items():
        dims = " x ".join(f"{dim.name} {len(dim.labels)}" for dim in measure.dims)
        yield "observable", f"{name}: {measure.quantity.long_name}" + (f" ({dims})" if dims else "")
    for derivative in plan.derivatives:
        yield "derivative", f"by {derivative.name}"
    yield "method", f"{_METHODS[plan.method]}; {plan.dtype}"
    tile_points = int(np.prod(plan.tile, dtype=int))
    yield "tiles", f"{plan.n_tiles} of {tile_points} points, one compilation a solver"
    yield "memory", f"{_size(plan.memory_per_tile)} a tile"
    yield "on disk", _size(plan.bytes_on_disk)


def _size(n_bytes: int) -> str:
    amount = float(n_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:.3g} TB"


@app.command()
@file_argument
def info(file: Path) -> None:
    """Say what is in the result FILE."""
    with _opened(file) as data:
        table = Table.grid(padding=(0, 2))
        for key in ("title", "model", "parameters", "method", "device", "created", "spec_sha256"):
            table.add_row(key, str(data.attrs.get(key, "-")))
        for name, array in data.variables.items():
            shape = " x ".join(f"{dim} {size}" for dim, size in array.sizes.items()) or "number"
            unit = array.attrs.get("units", "1")
            words = array.attrs.get("long_name", "") + (f" ({unit})" if unit != "1" else "")
            table.add_row(str(name), f"{shape}: {words}")
        solvers = (f"{n} by {Method(code).name.lower()}" for code, n in _counted(data["method"]))
        table.add_row("solved", ", ".join(solvers))
        notes = (f"{n}: {Note(code).meaning}" for code, n in _counted(data["note"]) if code)
        table.add_row("notes", "; ".join(notes) or "none")
    table.add_row("points", _statuses(file))
    _print(table)


@app.command("plot")
@file_argument
@click.option("--out", type=click.Path(path_type=Path), help="Default: FILE.png; or .svg, .pdf")
@click.option("--variable", help="Default: the first that can be drawn.")
def draw(file: Path, out: Path | None, variable: str | None) -> None:
    """Draw the result FILE."""
    target = out or file.with_suffix(".png")
    with _opened(file) as data:
        figure = plot(data, variable)
    if target.suffix.lstrip(".") not in figure.canvas.get_supported_filetypes():
        raise SpecError(f"--out {target}: takes .png, .svg or .pdf")
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target)
    click.echo(target)


@contextmanager
def _opened(path: Path) -> Iterator[xr.Dataset]:
    if not path.is_file():
        raise SpecError(f"{path}: no such file")
    try:
        data = xr.open_dataset(path, engine="h5netcdf")
    except (OSError, ValueError) as error:
        raise SpecError(f"{path}: not a result of a sweep: {first_line(error)}") from None
    with data:
        if not {"status", "method"} <= data.keys():
            raise SpecError(f"{path}: not a result of a sweep: it has no status and method")
        yield data


@app.command("models")
def list_models() -> None:
    """List the built-in models, their parameters and observables."""
    for name in models.__all__:
        model = find_model(name, Path())
        plan = make_plan(Spec(model=name), model)
        table = Table(title=f"{name}: {model.summary}", title_justify="left", title_style="bold")
        for column in ("parameter", "default", "meaning"):
            table.add_column(column)
        for parameter in model.parameters.values():
            default = "required" if parameter.default is REQUIRED else str(parameter.default)
            meaning = parameter.quantity.long_name or " or ".join(map(str, parameter.choices))
            table.add_row(parameter.name, default, meaning)
        for observable, measure in plan.outputs.items():
            table.add_row(observable, "", f"observable: {measure.quantity.long_name}", style="italic")
        _print(table)


def _print(table: Table) -> None:
    """To a terminal as wide as it is; elsewhere no line is broken."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=10_000)
    console.print(table, highlight=False)


def main() -> NoReturn:
    """Run the command line; every error is one line, and the exit code says its kind."""
    try:
        app(standalone_mode=False)
    except (SpecError, PlotError) as error:
        _leave(_EXIT_BAD_INPUT, str(error))
    except click.ClickException as error:
        _leave(_EXIT_BAD_INPUT, error.format_message())
    except (KeyboardInterrupt, click.Abort):
        sys.exit(_EXIT_INTERRUPTED)
    except Exception as error:
        if os.environ.get("QTHERMO_DEBUG"):
            raise
        reason = f"{type(error).__name__}: {first_line(error)}"
        _leave(_EXIT_FAILED, f"failed: {reason} (QTHERMO_DEBUG=1 shows where)")
    sys.exit(0)


def _leave(code: int, message: str) -> NoReturn:
    click.echo(f"qthermo: {message}", err=True)
    sys.exit(code)
