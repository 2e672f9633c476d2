"""Parameters from measured numbers: `qthermo fit`."""

from pathlib import Path

import click

from qthermo_jax.cli.arguments import spec_argument
from qthermo_jax.cli.pictures import check_format
from qthermo_jax.cli.placing import check_target, put_in_place
from qthermo_jax.cli.running import find_devices


@click.command()
@spec_argument
@click.option("--plot", "picture", type=click.Path(path_type=Path), help="A picture: .png, .svg, .pdf")
@click.option("--out", type=click.Path(path_type=Path), help="What is left over, as a table: .csv")
@click.option("--overwrite", is_flag=True, help="Replace what is there.")
def fit(spec: Path, picture: Path | None, out: Path | None, overwrite: bool) -> None:
    """Fit the parameters that SPEC asks for to its data, and say what was found."""
    from qthermo_jax.sweeping.errors import SpecError
    from qthermo_jax.sweeping.execute.fitting import data_file, fit_from_file

    data = data_file(spec)
    for option, target in (("--plot", picture), ("--out", out)):
        if target:
            check_target(target, spec, overwrite, option=option, what="the spec")
            check_target(target, data, overwrite, option=option, what="the data")
    if picture:
        check_format("--plot", picture)
        if out and picture.absolute() == out.absolute():
            raise SpecError(f"--plot and --out are both {out}")
    find_devices()
    found = fit_from_file(spec)
    for line in found.lines:
        click.echo(line)
    if picture:
        with put_in_place(picture, "--plot") as written:
            found.plot().savefig(written, format=picture.suffix.lstrip("."))
        click.echo(picture)
    if out:
        with put_in_place(out) as written:
            found.data.to_dataframe().to_csv(written)
        click.echo(out)
    if not found.converged:
        raise click.exceptions.Exit(1)
