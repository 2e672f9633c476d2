"""Specs before they run: `qthermo check | schema`."""

import json
from pathlib import Path

import click

from qthermo_jax.cli.arguments import default_output, spec_argument
from qthermo_jax.labels import printable


@click.command()
@spec_argument
@click.option("--out", type=click.Path(path_type=Path), help="Default: results/SPEC.h5")
@click.pass_context
def check(context: click.Context, spec: Path, out: Path | None) -> None:
    """Say everything that is wrong or odd in SPEC. Exit code 2 if it cannot run.

    This runs the code that SPEC names, its model and its observables: check only specs from people you
    trust. No sweep is computed.
    """
    from qthermo_jax.cli.explaining import refinement
    from qthermo_jax.sweeping.execute.verdict import check as look

    verdict = look(spec, out or default_output(spec))
    for kind, issues in (("error", verdict.faults), ("warning", verdict.oddities)):
        for issue in issues:
            click.echo(printable(issue.told(kind)))
    if plan := verdict.plan:
        extent = f"{plan.points} points{refinement(plan)}"
        if fit := plan.spec.fit:
            extent = f"a fit to {fit.data}"
        elif plan.spec.root:
            extent = f"the places sought on {extent}"
        names = ", ".join(plan.results)
        click.echo(printable(f"{spec}: can be run: {extent} of {plan.model.name}: {names}"))
    else:
        context.exit(2)


@click.command()
def schema() -> None:
    """Print the JSON Schema of a spec, for editors."""
    from qthermo_jax.sweeping.spec.json_schema import json_schema

    click.echo(json.dumps(json_schema(), indent=2))
