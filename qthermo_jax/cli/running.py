"""Sweeps from their specs: `qthermo run | explain`."""

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from qthermo_jax.cli.arguments import default_output, memory_option, spec_argument, specs_argument
from qthermo_jax.cli.interrupts import Interrupts
from qthermo_jax.labels import printable

if TYPE_CHECKING:
    from qthermo_jax.sweeping import Store, Sweep
    from qthermo_jax.sweeping.errors import Issue
    from qthermo_jax.sweeping.execute.executor import Executor

T = TypeVar("T")


@click.command()
@specs_argument
@click.option("--out", type=click.Path(path_type=Path), help="Of one SPEC. Default: results/SPEC.h5")
@click.option("--overwrite", is_flag=True, help="Compute everything anew and replace the file.")
@click.option("--extend", is_flag=True, help="Compute what a file of the same model lacks.")
@click.option("--plot", "drawn", is_flag=True, help="Draw each result too, as qthermo plot does.")
@click.option(
    "--cluster", help="local:N or slurm:N with N workers, or tcp://host:port of Dask's scheduler."
)
@memory_option
@click.make_pass_decorator(Interrupts, ensure=True)  # one that hears nothing where `main` made none
def run(
    interrupts: Interrupts,
    specs: tuple[Path, ...],
    out: Path | None,
    overwrite: bool,
    extend: bool,
    drawn: bool,
    cluster: str | None,
    memory: int | None,
) -> None:
    """Run the sweeps SPEC one after the other; goes on from what an interrupted run finished."""
    from qthermo_jax.cli.pictures import drawing
    from qthermo_jax.sweeping import Store, sweep_from_file
    from qthermo_jax.sweeping.execute.checking import oddities_of
    from qthermo_jax.sweeping.execute.this_host import THIS_HOST

    outputs = [out or default_output(spec) for spec in specs]
    _check_outputs(specs, out, outputs)
    _show_warnings()
    if not cluster:
        find_devices()
    solving, devices = (
        (_solving_on(cluster), 1) if cluster else (nullcontext(THIS_HOST), THIS_HOST.devices)
    )
    # What is wrong with any of them is said before the first one starts.
    jobs = _of_each(lambda spec: sweep_from_file(spec, memory, devices), specs)
    stores = _of_each(
        lambda path, job: Store(path, job.plan, overwrite=overwrite, extend=extend), outputs, jobs
    )
    for spec, job, store in zip(specs, jobs, stores, strict=True):
        if not store.finished:
            _warn(spec, job, oddities_of(job.plan, None))  # the store asks the disk itself
    if all(store.finished for store in stores):
        solving = nullcontext(THIS_HOST)  # nothing to do for a cluster
    with solving as executor, drawing() if drawn else nullcontext() as draw:
        for spec, job, store in zip(specs, jobs, stores, strict=True):
            run_one(spec, job, store, executor, interrupts)
            if draw:
                draw(store.path)


def _of_each(make: Callable[..., T], *given: Sequence[Any]) -> list[T]:
    """What `make` returns for each of several specs.

    Raises:
        SpecError: the issues of all those for which it raises one.
    """
    from qthermo_jax.sweeping.errors import Issue, SpecError

    made: list[T] = []
    issues: list[Issue] = []
    for arguments in zip(*given, strict=True):
        try:
            made.append(make(*arguments))
        except SpecError as error:
            issues += error.issues
    if issues:
        raise SpecError(*issues)
    return made


def _check_outputs(specs: Sequence[Path], out: Path | None, outputs: Sequence[Path]) -> None:
    from qthermo_jax.sweeping.errors import SpecError

    for path in outputs:
        if path.exists() and any(spec.exists() and path.samefile(spec) for spec in specs):
            raise SpecError(f"--out {path}: is the spec itself")
    if out and len(outputs) > 1:
        raise SpecError(f"--out {out}: takes one SPEC; several go to results/")
    for path, times in Counter(outputs).items():
        if times > 1:
            raise SpecError(f"{times} specs would be written to {path}: run them apart, with --out")


def _warn(spec: Path, job: "Sweep", oddities: "Iterable[Issue]") -> None:
    """What is odd in a spec, each with its line."""
    from qthermo_jax.sweeping.spec.toml_lines import with_lines

    for issue in with_lines(oddities, job.source, str(spec)):
        click.echo(printable(f"qthermo: {issue.told('warning')}"), err=True)


def run_one(
    spec: Path, job: "Sweep", store: "Store", executor: "Executor", interrupts: Interrupts
) -> None:
    """One sweep, with its progress and a line that says what came out; a signal stops it in order.

    Args:
        spec: the file that the job was read from, to name it.
        job, store, executor: what is computed, where it goes, and what computes it.
        interrupts: which are listening.

    Raises:
        Interrupted: it was asked to stop; what was finished is kept.
        StoreError: the result cannot be written; what was finished is kept.
        TilesFailed: some tiles could not be computed; the rest is kept.
    """
    from qthermo_jax.cli.formatting import causes, in_words
    from qthermo_jax.monitor import Tally, watched
    from qthermo_jax.steady import Status
    from qthermo_jax.sweeping import run_to_file
    from qthermo_jax.sweeping.execute.checking import oddities_of_result

    if store.finished:
        run_to_file(job, store)
        unknown = "; it has no checksum, so nobody can tell whether it was altered" * store.unchecked
        click.echo(f"{store.path}: finished already, nothing computed{unknown}")
        return
    if store.extends:
        from qthermo_jax.cli.explaining import extended

        click.echo(f"{store.path}: {extended(job, store)}")
    tally = Tally(None if job.plan.spec.refine else job.plan.points)
    with (
        interrupts.stopping(lambda: store.tile_files.folder) as stop,
        watched(spec.stem, tally) as watch,
    ):
        run_to_file(job, store, watch, stop, executor)
    took = f"{tally.points} points in {tally.seconds:.1f} s"
    click.echo(f"{store.path}: {took}; {in_words(tally.statuses)}")
    if not tally.statuses.keys() - {Status.OK} and not job.plan.spec.refine:
        return
    from qthermo_jax.sweeping import open_result

    with open_result(store.path) as data:
        for cause in causes(data):
            click.echo(f"{store.path}: {cause}")
        _warn(spec, job, oddities_of_result(job.plan, data))


def find_devices() -> None:
    """Whether JAX has any.

    Raises:
        SpecError: it has none.
    """
    import jax

    from qthermo_jax.sweeping.errors import SpecError, no_device

    try:
        jax.devices()
    except (RuntimeError, AssertionError):  # JAX asserts that there is one
        raise SpecError(no_device()) from None


def _show_warnings() -> None:
    """What a sweep warns of while it runs, a tile that is tried again for one, besides in its log."""
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)
    handler.setFormatter(logging.Formatter("qthermo: %(message)s"))
    logging.basicConfig(handlers=[handler])


def _solving_on(cluster: str) -> AbstractContextManager["Executor"]:
    """The workers of a cluster, one device each; this process keeps books and its hands off the GPUs."""
    import jax

    from qthermo_jax.sweeping.errors import SpecError

    try:
        from qthermo_jax.sweeping.execute.cluster import solving_on  # Dask is an extra
    except ModuleNotFoundError as error:
        raise SpecError(f'--cluster: no {error.name}: pip install "qthermo_jax[cluster]"') from None
    jax.config.update("jax_platforms", "cpu")
    return solving_on(cluster)


@click.command()
@spec_argument
@memory_option
@click.option(
    "--platform",
    type=click.Choice(["cpu", "cuda"]),
    help="What the programs for one device of this kind consist of; it need not be there.",
)
@click.option(
    "--compile",
    "gpu",
    type=click.Choice(["h100", "h200"]),
    help="Compile them for this GPU, which need not be there (minutes): what they cost on it.",
)
def explain(spec: Path, memory: int | None, platform: str | None, gpu: str | None) -> None:
    """Say what the sweep SPEC would compute, and compute nothing of it."""
    from rich.table import Table

    from qthermo_jax.cli.explaining import explained
    from qthermo_jax.cli.formatting import print_table
    from qthermo_jax.sweeping.errors import SpecError
    from qthermo_jax.sweeping.execute.spec_file import plan_from_file

    if gpu and platform == "cpu":
        raise SpecError(f"--platform cpu: --compile {gpu} takes --platform cuda")
    if gpu:
        # Before JAX loads: the package of CUDA looks for a driver unless it is told not to.
        os.environ.setdefault("JAX_SKIP_CUDA_CONSTRAINTS_CHECK", "1")
    find_devices()
    plan = plan_from_file(spec, memory)
    table = Table.grid(padding=(0, 2))
    for key, value in explained(plan, "cuda" if gpu else platform, gpu):
        table.add_row(key, value)
    table.add_row("output", str(default_output(spec)))
    print_table(table)
