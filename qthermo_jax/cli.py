"""The command line: `qthermo run | explain | info | merge | plot | view | models`.

Exit codes: 0 done; 1 failed; 2 bad input, in one line; 130 interrupted, what was finished is kept.
"""

import logging
import math
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import NoReturn

import click
import jax
from platformdirs import user_cache_path
from rich.console import Console
from rich.table import Table

from qthermo_jax import models
from qthermo_jax.monitor import Tally, watched
from qthermo_jax.plotting import SCALES, PlotError, plot, select
from qthermo_jax.steady import Method, Note, Status
from qthermo_jax.sweeping import (
    Interrupted,
    SpecError,
    Store,
    StoreError,
    TilesFailed,
    open_result,
    run_to_file,
    sweep_from_file,
)
from qthermo_jax.sweeping.engine import Engine
from qthermo_jax.sweeping.errors import first_line
from qthermo_jax.sweeping.files import merge
from qthermo_jax.sweeping.model import REQUIRED, find_model
from qthermo_jax.sweeping.plan import Plan, make_plan
from qthermo_jax.sweeping.progress import counted
from qthermo_jax.sweeping.run import Solve, solve_locally
from qthermo_jax.sweeping.spec import Spec
from qthermo_jax.sweeping.store import LARGEST_COPY
from qthermo_jax.version import __version__

_EXIT_FAILED, _EXIT_BAD_INPUT, _EXIT_INTERRUPTED = 1, 2, 130

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
@click.option("--extend", is_flag=True, help="Compute what a file of the same model lacks.")
@click.option(
    "--cluster", help="local:N or slurm:N with N workers, or tcp://host:port of Dask's scheduler."
)
@memory_option
def run(
    spec: Path, out: Path | None, overwrite: bool, extend: bool, cluster: str | None, memory: float
) -> None:
    """Run the sweep SPEC; goes on from what an interrupted run finished."""
    _keep_what_is_compiled()
    _show_warnings()
    solving, devices = (_solving_on(cluster), 1) if cluster else (nullcontext(solve_locally), None)
    job = sweep_from_file(spec, _bytes(memory), devices)
    store = Store(out or _default_output(spec), job.plan, overwrite=overwrite, extend=extend)
    if store.finished:
        run_to_file(job, store)
        click.echo(f"{store.path}: finished already, nothing computed")
        return
    tally = Tally(job.plan.points)
    with _stopped_by_signals() as stop, solving as solve, watched(spec.stem, tally) as watch:
        run_to_file(job, store, watch, stop, solve)
    took = f"{tally.points} points in {tally.seconds:.1f} s"
    click.echo(f"{store.path}: {took}; {_in_words(tally.statuses)}")


def _show_warnings() -> None:
    """What a sweep warns of while it runs, a tile that is tried again for one, besides in its log."""
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)
    handler.setFormatter(logging.Formatter("qthermo: %(message)s"))
    logging.basicConfig(handlers=[handler])


def _solving_on(cluster: str) -> AbstractContextManager[Solve]:
    """The workers of a cluster, one device each; this process keeps books and its hands off the GPUs."""
    try:
        # Dask is an extra, and takes half a second to load.
        from qthermo_jax.sweeping.cluster import solving_on  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise SpecError(f'--cluster: no {error.name}: pip install "qthermo_jax[cluster]"') from None
    jax.config.update("jax_platforms", "cpu")
    return solving_on(cluster)


def _keep_what_is_compiled() -> None:
    """Programs compiled once serve every later run, from a folder that only the user can write."""
    if "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return
    folder = user_cache_path("qthermo_jax", ensure_exists=False)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        return  # no home, or a full one: everything is compiled anew
    if not folder.stat().st_mode & 0o022:
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)


@contextmanager
def _stopped_by_signals() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C or SIGTERM asked to stop; a second one does not wait for the tiles in flight."""
    asked = threading.Event()

    def ask(*_: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        click.echo("stopping after the tiles in flight; once more to leave at once", err=True)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _bytes(gibibytes: float) -> int:
    return int(gibibytes * 2**30)


def _in_words(statuses: Mapping[int, int]) -> str:
    """How many points have which status."""
    return ", ".join(f"{n} {Status(code).meaning}" for code, n in sorted(statuses.items()))


@app.command()
@spec_argument
@memory_option
def explain(spec: Path, memory: float) -> None:
    """Say what the sweep SPEC would compute, and compute nothing."""
    _keep_what_is_compiled()
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
    tiling = plan.tiling
    shape = " x ".join(map(str, tiling.tile)) or "1 point"
    yield "tiles", f"{tiling.number} of {math.prod(tiling.tile)} points ({shape})"
    yield "devices", f"{plan.devices} ({jax.default_backend()})"
    more = "; where that is not exact, one more for each solver" if plan.method == "auto" else ""
    yield "compilations", f"1{more}"
    needed = Engine(plan).bytes_on_device
    yield "memory", "not known" if needed is None else f"{_size(needed)} on each device"
    copied = "one file" if plan.bytes_on_disk <= LARGEST_COPY else "a view of the parts that hold it"
    yield "on disk", f"{_size(plan.bytes_on_disk)}, {copied}"


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
    with open_result(file) as data:
        table = Table.grid(padding=(0, 2))
        for key in ("title", "model", "parameters", "method", "device", "created", "spec_sha256"):
            table.add_row(key, str(data.attrs.get(key, "-")))
        for name, array in data.variables.items():
            shape = " x ".join(f"{dim} {size}" for dim, size in array.sizes.items()) or "number"
            unit = array.attrs.get("units", "1")
            words = array.attrs.get("long_name", "") + (f" ({unit})" if unit != "1" else "")
            table.add_row(str(name), f"{shape}: {words}")
        methods = counted(data["method"].values)
        solvers = (f"{n} by {Method(code).name.lower()}" for code, n in methods.items() if code)
        table.add_row("solved", ", ".join(solvers) or "none")
        found = counted(data["note"].values)
        notes = (f"{n}: {Note(code).meaning}" for code, n in found.items() if code)
        table.add_row("notes", "; ".join(notes) or "none")
        table.add_row("points", _in_words(counted(data["status"].values)))
    _print(table)


@app.command("merge")
@file_argument
def merge_file(file: Path) -> None:
    """Turn a large FILE, which shows the numbers of its parts, into one that holds them itself."""
    with open_result(file):
        pass
    merge(file)
    click.echo(file)


@app.command("plot")
@file_argument
@click.option("--out", type=click.Path(path_type=Path), help="Default: FILE.png; or .svg, .pdf")
@click.option("--variable", help="Default: the first that can be drawn.")
@click.option("--x", metavar="NAME", help="Dimension to the right.")
@click.option("--y", metavar="NAME", help="Dimension upwards: draws a map.")
@click.option(
    "--select", "choices", multiple=True, metavar="NAME=VALUE", help="Fix a dimension; may be repeated."
)
@click.option(
    "--line", "lines", multiple=True, metavar="FILE[:VARIABLE]", help="Draw a result over a map's axis."
)
@click.option("--scale", type=click.Choice(SCALES), default="linear", help="Of the values.")
def draw(
    file: Path,
    out: Path | None,
    variable: str | None,
    x: str | None,
    y: str | None,
    choices: tuple[str, ...],
    lines: tuple[str, ...],
    scale: str,
) -> None:
    """Draw the result FILE."""
    target = out or file.with_suffix(".png")
    with ExitStack() as files:
        data = files.enter_context(open_result(file))
        over = [
            (files.enter_context(open_result(path)), name) for path, name in map(_file_and_name, lines)
        ]
        part = select(data, *choices, tell=partial(click.echo, err=True))
        figure = plot(part, variable, x=x, y=y, lines=over, scale=scale)
    if target.suffix.lstrip(".") not in figure.canvas.get_supported_filetypes():
        raise SpecError(f"--out {target}: takes .png, .svg or .pdf")
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target)
    click.echo(target)


@app.command()
@file_argument
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Default: any that is free.")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
def view(file: Path, port: int, no_browser: bool) -> None:
    """Look at the result FILE in the browser, with a slider for each axis."""
    with open_result(file) as data:
        try:
            # Bokeh is an extra, and takes half a second to load.
            from qthermo_jax.viewer import serve  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise SpecError(f'view: no {error.name}: pip install "qthermo_jax[view]"') from None
        try:
            serve(
                data, port, browser=not no_browser, tell=lambda url: click.echo(f"{url}  Ctrl-C ends it")
            )
        except KeyboardInterrupt:
            click.echo("stopped")


def _file_and_name(given: str) -> tuple[Path, str | None]:
    """FILE or FILE:VARIABLE, taken apart."""
    file, colon, name = given.rpartition(":")
    return (Path(given), None) if Path(given).is_file() or not colon else (Path(file), name)


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
    except Interrupted as error:
        _leave(_EXIT_INTERRUPTED, f"interrupted; {error}")
    except (StoreError, TilesFailed) as error:
        _leave(_EXIT_FAILED, str(error))
    except Exception as error:
        if os.environ.get("QTHERMO_DEBUG"):
            raise
        reason = f"{type(error).__name__}: {first_line(error)}"
        _leave(_EXIT_FAILED, f"failed: {reason} (QTHERMO_DEBUG=1 shows where)")
    sys.exit(0)


def _leave(code: int, message: str) -> NoReturn:
    click.echo(f"qthermo: {message}", err=True)
    sys.exit(code)
