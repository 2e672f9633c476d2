"""Results from their files: `qthermo info | merge`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qthermo_jax.cli.arguments import file_argument

if TYPE_CHECKING:
    import xarray as xr


@contextmanager
def opened(path: Path) -> Iterator["xr.Dataset"]:
    """The result in a file, closed afterwards.

    Raises:
        SpecError: no such file, or none of a sweep.
    """
    import xarray as xr

    from qthermo_jax.sweeping.errors import SpecError, first_line

    if not path.is_file():
        raise SpecError(f"{path}: {'is a folder' if path.is_dir() else 'no such file'}")
    try:
        data = xr.open_dataset(path, engine="h5netcdf")
    except (OSError, ValueError) as error:
        reason = "no HDF5" if "file signature not found" in str(error) else first_line(error)
        raise SpecError(f"{path}: not a result of a sweep: {reason}") from None
    with data:
        if not {"status", "method"} <= data.keys():
            raise SpecError(f"{path}: not a result of a sweep: it has no status and method")
        yield data


@click.command()
@file_argument
def info(file: Path) -> None:
    """Say what is in the result FILE."""
    from rich.table import Table

    from qthermo_jax.cli.words import in_words, print_table
    from qthermo_jax.steady import Method, Note
    from qthermo_jax.sweeping.progress import counted

    with opened(file) as data:
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
        table.add_row("points", in_words(counted(data["status"].values)))
    print_table(table)


@click.command("merge")
@file_argument
def merge_file(file: Path) -> None:
    """Turn a large FILE, which shows the numbers of its parts, into one that holds them itself."""
    from qthermo_jax.sweeping.files import merge

    with opened(file):
        pass
    merge(file)
    click.echo(file)
