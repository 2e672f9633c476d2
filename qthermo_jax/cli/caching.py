"""Compiled programs that later runs load: `qthermo cache`."""

import click


@click.command()
@click.option("--clear", is_flag=True, help="Remove them.")
def cache(clear: bool) -> None:
    """Say where compiled programs are kept, and how large they are."""
    from qthermo_jax import cache as kept
    from qthermo_jax.cli.formatting import in_bytes

    folder = kept.folder()
    if folder is None:
        click.echo(f"{kept.VARIABLE} is empty: no compiled programs are kept")
        return
    number, size = kept.kept()
    if clear:
        kept.clear()
    files = f"{number} file{'s' * (number != 1)}, {in_bytes(size)}"
    click.echo(f"{folder}: {files}{' removed' * clear}")
