"""Arguments and options that commands share."""

from pathlib import Path

import click

spec_argument = click.argument("spec", type=click.Path(path_type=Path))
file_argument = click.argument("file", type=click.Path(path_type=Path))
memory_option = click.option(
    "--memory",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="GiB that one tile may take.",
)


def default_output(spec: Path) -> Path:
    """Where the result of a spec goes."""
    return Path("results") / f"{spec.stem}.h5"
