"""A result as a page to send: `qthermo report`."""

from pathlib import Path

import click

from qthermo_jax.cli.arguments import file_argument
from qthermo_jax.cli.placing import check_target, put_in_place


@click.command()
@file_argument
@click.option("--out", type=click.Path(path_type=Path), help="Default: FILE.html")
@click.option("--overwrite", is_flag=True, help="Replace what is there.")
def report(file: Path, out: Path | None, overwrite: bool) -> None:
    """Make one page of the result FILE: what was asked, what came out, what was checked."""
    from qthermo_jax.cli.results import refuse_altered
    from qthermo_jax.report import made_page
    from qthermo_jax.sweeping import open_result
    from qthermo_jax.sweeping.errors import SpecError
    from qthermo_jax.sweeping.store.files import Integrity, integrity_with_tile_files

    target = out or file.with_suffix(".html")
    refuse_altered(file)
    with open_result(file) as data:
        check_target(target, file, overwrite)
        integrity = integrity_with_tile_files(file)
        if integrity is Integrity.ALTERED:
            raise SpecError(f"{file}: {integrity.value}")
        page = made_page(data, file, integrity.value)
    with put_in_place(target) as written:
        written.write_text(page.html, encoding="utf-8")
    told = f"{page.hold} hold, {page.fail} do not, {page.missing} need what is not in the file"
    click.echo(f"{target}: checks: {told}")
