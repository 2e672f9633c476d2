"""Pictures of results: `qthermo plot`."""

from contextlib import ExitStack
from pathlib import Path

import click

from qthermo_jax.cli.arguments import file_argument
from qthermo_jax.cli.completion import variable_names
from qthermo_jax.cli.results import opened

_SCALES = ("linear", "log", "symlog")  # those of `plotting`, which takes a second to load


@click.command("plot")
@file_argument
@click.option("--out", type=click.Path(path_type=Path), help="Default: FILE.png; or .svg, .pdf")
@click.option("--variable", shell_complete=variable_names, help="Default: the first that can be drawn.")
@click.option(
    "--select", "choices", multiple=True, metavar="NAME=VALUE", help="Fix a dimension; may be repeated."
)
@click.option(
    "--line", "lines", multiple=True, metavar="FILE[:VARIABLE]", help="Draw a result over a map's axis."
)
@click.option("--scale", type=click.Choice(_SCALES), default="linear", help="Of the values.")
def draw(
    file: Path,
    out: Path | None,
    variable: str | None,
    choices: tuple[str, ...],
    lines: tuple[str, ...],
    scale: str,
) -> None:
    """Draw the result FILE."""
    from qthermo_jax.plotting import plot, select
    from qthermo_jax.sweeping.errors import SpecError

    with ExitStack() as files:
        data = files.enter_context(opened(file))
        over = [(files.enter_context(opened(path)), name) for path, name in map(_file_and_name, lines)]
        figure = plot(select(data, *choices), variable, lines=over, scale=scale)
    target = out or file.with_suffix(".png")
    if target.suffix.lstrip(".") not in figure.canvas.get_supported_filetypes():
        raise SpecError(f"--out {target}: takes .png, .svg or .pdf")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(target)
    except OSError as error:
        raise SpecError(f"--out {target}: cannot be written: {error.strerror}") from None
    click.echo(target)


def _file_and_name(given: str) -> tuple[Path, str | None]:
    """FILE or FILE:VARIABLE, taken apart."""
    file, colon, name = given.rpartition(":")
    return (Path(given), None) if Path(given).is_file() or not colon else (Path(file), name)
