"""Parameters from measured numbers: `qthermo fit`."""

from pathlib import Path

import click

from qthermo_jax.cli.arguments import spec_argument
from qthermo_jax.cli.pictures import check_format
from qthermo_jax.cli.placing import check_target, put_in_place


@click.command()
@spec_argument
@click.option("--plot", "picture", type=click.Path(path_type=Path), help="A picture: .png, .svg, .pdf")
@click.option("--out", type=click.Path(path_type=Path), help="What is left over, as a table: .csv")
@click.option("--overwrite", is_flag=True, help="Replace what is there.")
def fit(spec: Path, picture: Path | None, out: Path | None, overwrite: bool) -> None:
    """Fit the parameters that SPEC asks for to its data, and say what was found."""
    from qthermo_jax.sweeping.errors import SpecError
    from qthermo_jax.sweeping.execute.fitting import fit_from_file

    for target in (picture, out):
        if target:
            check_target(target, spec, overwrite)
    if picture:
        check_format("--plot", picture)
        if out and picture.absolute() == out.absolute():
            raise SpecError(f"--plot and --out are both {out}")
    found = fit_from_file(spec)
    for line in found.lines:
        click.echo(line)
    if picture:
        with put_in_place(picture) as written:
            found.plot().savefig(written, format=picture.suffix.lstrip("."))
        click.echo(picture)
    if out:
        with put_in_place(out) as written:
            found.data.to_dataframe().to_csv(written)
        click.echo(out)
    if not found.converged:
        raise click.exceptions.Exit(1)
