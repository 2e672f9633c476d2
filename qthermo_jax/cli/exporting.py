"""Results for other programs: `qthermo export`."""

from importlib.util import find_spec
from pathlib import Path

import click

from qthermo_jax.cli.arguments import file_argument
from qthermo_jax.cli.placing import check_target, put_in_place

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
        check_target(target, file, overwrite, store=kind == "zarr")
        if kind == "zarr":
            from qthermo_jax.export.to_zarr import write_zarr

            with put_in_place(target) as store:
                write_zarr(data, store)
            told = f"{len(data.data_vars)} variables of {data['status'].size} points"
        elif kind == "parquet":
            from qthermo_jax.export.to_parquet import write_parquet

            with put_in_place(target) as written:
                table = write_parquet(data, written)
            told = f"{table.rows} rows of {len(table.columns)} columns"
        else:
            from qthermo_jax.export.to_csv import DESCRIPTION, write_csv

            beside = target.with_name(target.name + DESCRIPTION)
            check_target(beside, file, overwrite)
            with put_in_place(target) as written, put_in_place(beside) as description:
                table = write_csv(data, written, description, target.name)
            told = f"{table.rows} rows of {len(table.columns)} columns, described in {beside.name}"
    click.echo(f"{target}: {told}")
