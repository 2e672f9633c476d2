"""Arguments and options that commands share."""

import math
from pathlib import Path

import click

spec_argument = click.argument("spec", type=click.Path(path_type=Path))
specs_argument = click.argument(
    "specs", metavar="SPEC...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
files_argument = click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
file_argument = click.argument("file", type=click.Path(path_type=Path))


def _in_bytes(
    _context: click.Context, _parameter: click.Parameter, gibibytes: float | None
) -> int | None:
    if gibibytes is None:
        return None
    if not math.isfinite(gibibytes):
        raise click.BadParameter(f"{gibibytes} is not a size")
    return int(gibibytes * 2**30)


memory_option = click.option(
    "--memory",
    callback=_in_bytes,
    type=click.FloatRange(min=0, min_open=True),
    help="GiB that one tile may take on a device. Default: 1, of a GPU up to an eighth of its memory.",
)


def default_output(spec: Path) -> Path:
    """Where the result of a spec goes."""
    return Path("results") / f"{spec.stem}.h5"
