"""Published results, reproduced: `qthermo papers`."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from qthermo_jax.papers import Paper

_EXIT_FAILED = 1


@click.command()
@click.argument("name", required=False)
@click.pass_context
def papers(context: click.Context, name: str | None) -> None:
    """List published results that are checked, or check those of the paper NAME."""
    from qthermo_jax.papers import PAPERS
    from qthermo_jax.sweeping.errors import SpecError, unknown_name

    if name is None:
        _list(PAPERS)
    elif name in PAPERS:
        context.exit(_check(PAPERS[name]))
    else:
        raise SpecError(unknown_name((), "paper", name, PAPERS))


def _list(known: "dict[str, Paper]") -> None:
    from rich.table import Table

    from qthermo_jax.cli.formatting import print_table

    table = Table.grid(padding=(0, 2))
    for name, paper in known.items():
        table.add_row(name, f"{paper.reference}: {paper.about}")
    print_table(table)


def _check(paper: "Paper") -> int:
    """Print what is stated and what comes out; the exit code is 1 if something is not reproduced."""
    from rich.table import Table

    from qthermo_jax.cli.formatting import print_table
    from qthermo_jax.papers import Relation

    found = paper.statements()
    table = Table(title=paper.reference, title_justify="left", title_style="bold")
    for column in (
        "where",
        "what it states",
        "stated",
        "found here",
        "difference",
        "tolerance",
        "verdict",
    ):
        table.add_column(column)
    for own in found:
        equal = own.relation is Relation.EQUAL
        table.add_row(
            own.where,
            own.claim,
            f"{own.relation.value} {own.stated:.8g}",
            f"{own.found:.8g}",
            f"{own.difference:.1e}",
            f"{own.tolerance:.1e}" if equal else "-",
            "reproduced" if own.holds else "NOT REPRODUCED",
        )
    print_table(table)
    held = sum(own.holds for own in found)
    click.echo(f"{held} of {len(found)} statements reproduced")
    return 0 if held == len(found) else _EXIT_FAILED
