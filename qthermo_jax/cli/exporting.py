"""Results for other programs: `qthermo export`."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import click

from qthermo_jax.cli.arguments import file_argument

# What a format needs that is no dependency of the package.
_NEEDS = {"csv": (), "parquet": ("pyarrow",), "zarr": ("zarr", "dask")}


@click.command()
@file_argument
@click.option("--csv", is_flag=True, help="A table, one row a point, and FILE.csv-metadata.json.")
@click.option("--parquet", is_flag=True, help="The same table with its units inside (pyarrow).")
@click.option("--zarr", is_flag=True, help="A store of arrays on the grid, a folder (zarr).")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Default: FILE.csv, FILE.parquet or FILE.zarr"
)
@click.option("--overwrite", is_flag=True, help="Replace what is there.")
def export(file: Path, csv: bool, parquet: bool, zarr: bool, out: Path | None, overwrite: bool) -> None:
    """Write the result FILE for other programs, a part of it in memory at a time."""
    asked = [kind for kind, given in (("csv", csv), ("parquet", parquet), ("zarr", zarr)) if given]
    if len(asked) != 1:
        raise click.UsageError(f"export {file}: takes one of --csv, --parquet, --zarr")
    (kind,) = asked
    missing = next((name for name in _NEEDS[kind] if find_spec(name) is None), None)
    if missing is not None:
        raise click.UsageError(f'--{kind}: no {missing}: pip install "qthermo_jax[export]"')

    from qthermo_jax.cli.results import refuse_altered
    from qthermo_jax.sweeping import open_result

    target = out or file.with_suffix(f".{kind}")
    refuse_altered(file)
    with open_result(file) as data:
        _check_target(target, file, kind, overwrite)
        if kind == "zarr":
            from qthermo_jax.export.to_zarr import write_zarr

            with _put_in_place(target) as store:
                write_zarr(data, store)
            told = f"{len(data.data_vars)} variables of {data['status'].size} points"
        elif kind == "parquet":
            from qthermo_jax.export.to_parquet import write_parquet

            with _put_in_place(target) as written:
                table = write_parquet(data, written)
            told = f"{table.rows} rows of {len(table.columns)} columns"
        else:
            from qthermo_jax.export.to_csv import DESCRIPTION, write_csv

            beside = target.with_name(target.name + DESCRIPTION)
            _check_target(beside, file, kind, overwrite)
            with _put_in_place(target) as written, _put_in_place(beside) as description:
                table = write_csv(data, written, description, target.name)
            told = f"{table.rows} rows of {len(table.columns)} columns, described in {beside.name}"
    click.echo(f"{target}: {told}")


def _check_target(target: Path, file: Path, kind: str, overwrite: bool) -> None:
    from qthermo_jax.export.to_zarr import is_store
    from qthermo_jax.sweeping.errors import SpecError

    if target.exists() and target.samefile(file):
        raise SpecError(f"--out {target}: is the result itself")
    if target.is_dir() and not (kind == "zarr" and is_store(target)):
        raise SpecError(f"--out {target}: is a folder{' that is no Zarr store' * (kind == 'zarr')}")
    if target.exists() and not overwrite:
        raise SpecError(f"{target}: exists; --overwrite replaces it")


@contextmanager
def _put_in_place(target: Path) -> Iterator[Path]:
    """A path beside `target` to write to, a file or a folder; it takes its place when all is written.

    Raises:
        SpecError: it cannot be written; what was there is kept.
    """
    from qthermo_jax.sweeping.errors import SpecError

    beside = target.with_name(f".{target.name}.unfinished-{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        _remove(target)
        beside.replace(target)
    except OSError as error:
        raise SpecError(f"--out {target}: cannot be written: {error.strerror or error}") from None
    finally:
        with suppress(OSError):
            _remove(beside)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
