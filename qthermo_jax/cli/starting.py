"""Something to start from: `qthermo new`."""

import keyword
from pathlib import Path

import click

from qthermo_jax.cli.completion import model_names


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--model",
    shell_complete=model_names,
    help="Of the spec: a built-in one, by default chain, or file.py:function.",
)
@click.option("--overwrite", is_flag=True, help="Replace a file that is there.")
def new(file: Path, model: str | None, overwrite: bool) -> None:
    """Write a spec, FILE.toml, or a model with its spec, FILE.py, to start from."""
    if file.suffix not in (".toml", ".py"):
        raise click.UsageError(f"{file}: takes a name that ends in .toml (a spec) or .py (a model)")
    if file.suffix == ".py" and model:
        raise click.UsageError(f"--model: goes with a spec, {file.stem}.toml; {file} will be a model")
    if keyword.iskeyword(file.stem):
        raise click.UsageError(f"{file}: {file.stem!r} is a word of Python's own; takes another name")
    spec = file.with_suffix(".toml")
    for target in {file, spec}:
        if target.exists() and not overwrite:
            raise click.UsageError(f"{target}: exists; --overwrite replaces it")

    from qthermo_jax.cli.templates import function_in, model_text, spec_text
    from qthermo_jax.sweeping.errors import SpecError

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".py":
            model = f"{file.name}:{function_in(file)}"
            file.write_text(model_text(file), encoding="utf-8")
            click.echo(f"{file}: a model; change it, it is yours")
        spec.write_text(spec_text(spec, model or "chain"), encoding="utf-8")
    except OSError as error:
        raise SpecError(f"{error.filename}: cannot be written: {error.strerror}") from None
    click.echo(f"{spec}: a spec; next: qthermo run {spec}")
