"""Results from their files: `qthermo info | merge`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from qthermo_jax.cli.arguments import file_argument

if TYPE_CHECKING:
    from rich.table import Table
    from xarray import Dataset

# The master equation and how it was solved.
_PHYSICS = ("generator", "secular_tol", "method", "precision")

# What else was asked for, where it was.
_ANSWERS = ("optimise", "refine")


@click.command()
@file_argument
def info(file: Path) -> None:
    """Say what is in the result FILE, and whether it is what was written."""
    from qthermo_jax.cli.formatting import print_table
    from qthermo_jax.sweeping import open_result
    from qthermo_jax.sweeping.errors import SpecError
    from qthermo_jax.sweeping.store.files import Integrity, integrity_with_tile_files

    refuse_altered(file)
    try:
        with open_result(file) as data:
            table = _table_of(data)
        integrity = integrity_with_tile_files(file)
    except SpecError:
        raise
    except Exception:
        if not file.is_file() or integrity_with_tile_files(file) is Integrity.INTACT:
            raise
        raise SpecError(f"{file}: {Integrity.ALTERED.value}, and cannot be read") from None
    table.add_row("checksum", integrity.value)
    print_table(table)


def refuse_altered(file: Path) -> None:
    """Nobody knows what the readers of a damaged file do with it.

    Raises:
        SpecError: its checksum is another one.
    """
    from qthermo_jax.sweeping.errors import SpecError
    from qthermo_jax.sweeping.store.checksums import is_intact
    from qthermo_jax.sweeping.store.files import Integrity

    if file.is_file() and is_intact(file) is False:
        raise SpecError(f"{file}: {Integrity.ALTERED.value}: its checksum is another one")


def _table_of(data: "Dataset") -> "Table":
    from rich.table import Table

    from qthermo_jax.cli.formatting import causes, in_words
    from qthermo_jax.registry import Method
    from qthermo_jax.results.schema import STATUS, status_variable
    from qthermo_jax.solvers import Note
    from qthermo_jax.sweeping.schedule.report import counted

    table = Table.grid(padding=(0, 2))
    for key in ("title", "model", "parameters", *_PHYSICS, "device", "created", "spec_sha256"):
        table.add_row(key, str(data.attrs.get(key, "-")))
    for key in _ANSWERS:
        if key in data.attrs:
            table.add_row(key, str(data.attrs[key]))
    if "unit_conversions" in data.attrs:
        table.add_row("units", str(data.attrs["unit_conversions"]))
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
    table.add_row("points", in_words(counted(data[STATUS.name].values)))
    own = dict.fromkeys(status_variable(array.attrs) for array in data.values())
    for name in [name for name in own if name != STATUS.name and name in data]:
        table.add_row(f"points by {name}", in_words(counted(data[name].values)))
    for cause in causes(data):
        table.add_row("flagged", cause)
    return table


@click.command("merge")
@file_argument
def merge_file(file: Path) -> None:
    """Turn a large FILE, which shows the numbers of its parts, into one that holds them itself."""
    from qthermo_jax.sweeping import open_result
    from qthermo_jax.sweeping.store.files import merge

    with open_result(file):
        pass
    merge(file)
    click.echo(file)
