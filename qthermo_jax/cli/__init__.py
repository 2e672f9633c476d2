"""The command line: `qthermo new | check | run | explain | info | plot | ...`.

Exit codes: 0 done; 1 failed; 2 bad input, in one line; 130 interrupted, what was finished is kept.

What a command needs is imported when it runs: its help and the completion of its options load no JAX.
"""

import os
import sys
from typing import NoReturn

import click

from qthermo_jax.cli.caching import cache
from qthermo_jax.cli.checking import check, schema
from qthermo_jax.cli.completion import VARIABLE, completion
from qthermo_jax.cli.exporting import export
from qthermo_jax.cli.fits import fit
from qthermo_jax.cli.interrupts import EXIT_INTERRUPTED, Interrupts, leave_in_order
from qthermo_jax.cli.listing import list_models
from qthermo_jax.cli.pictures import draw, view
from qthermo_jax.cli.publications import papers
from qthermo_jax.cli.reporting import report
from qthermo_jax.cli.results import info, merge_file
from qthermo_jax.cli.running import explain, run
from qthermo_jax.cli.starting import new
from qthermo_jax.labels import printable
from qthermo_jax.version import __version__

_EXIT_FAILED, _EXIT_BAD_INPUT = 1, 2


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="qthermo")
@click.pass_context
def app(context: click.Context) -> None:
    """Parameter sweeps of open quantum systems between thermal baths."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


_COMMANDS = (
    new,
    check,
    run,
    explain,
    info,
    merge_file,
    draw,
    view,
    fit,
    report,
    export,
    list_models,
    papers,
    schema,
    completion,
    cache,
)
for command in _COMMANDS:
    app.add_command(command)


def main() -> NoReturn:
    """Run the command line; every error is a line of its own, and the exit code says their kind."""
    interrupts = Interrupts()
    with interrupts.listening():
        code, messages = _run(interrupts)
        for message in messages:
            click.echo(printable(f"qthermo: {message}"), err=True)
        if code == EXIT_INTERRUPTED and interrupts.came():
            leave_in_order()
    sys.exit(code)


def _run(interrupts: Interrupts) -> tuple[int, list[str]]:
    """The exit code, and what to say about it, a line each."""
    try:
        # What a command leaves with, if it says so itself.
        return app(standalone_mode=False, complete_var=VARIABLE, obj=interrupts) or 0, []
    except click.ClickException as error:
        return _EXIT_BAD_INPUT, [error.format_message()]
    except (KeyboardInterrupt, click.Abort):
        return EXIT_INTERRUPTED, []
    except Exception as error:
        code, messages = _verdict(error)
        if not messages:
            raise
        return code, messages


def _verdict(error: Exception) -> tuple[int, list[str]]:
    """The exit code for an error, and what to say: nothing where a traceback is asked for."""
    from qthermo_jax.sweeping.errors import Interrupted, SpecError, StoreError, TilesFailed, first_line

    match error:
        case SpecError():
            return _EXIT_BAD_INPUT, error.lines
        case Interrupted():
            return EXIT_INTERRUPTED, [f"interrupted; {error}"]
        case StoreError() | TilesFailed():
            return _EXIT_FAILED, [str(error)]
    if os.environ.get("QTHERMO_DEBUG"):
        return _EXIT_FAILED, []
    reason = f"{type(error).__name__}: {first_line(error)}"
    return _EXIT_FAILED, [f"failed: {reason} (QTHERMO_DEBUG=1 shows where)"]
