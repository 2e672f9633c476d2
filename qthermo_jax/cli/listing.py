"""What is built in: `qthermo models`."""

from pathlib import Path

import click


@click.command("models")
def list_models() -> None:
    """List the built-in models, their parameters and observables."""
    from rich.table import Table

    from qthermo_jax import models
    from qthermo_jax.cli.formatting import print_table
    from qthermo_jax.sweeping.execute.planning import make_plan
    from qthermo_jax.sweeping.plan.model import REQUIRED, find_model
    from qthermo_jax.sweeping.spec.declared import Spec

    for name in models.__all__:
        model = find_model(name, Path())
        plan = make_plan(Spec(model=name), model)
        table = Table(title=f"{name}: {model.summary}", title_justify="left", title_style="bold")
        for column in ("parameter", "default", "meaning"):
            table.add_column(column)
        for parameter in model.parameters.values():
            default = "required" if parameter.default is REQUIRED else str(parameter.default)
            choices = " or ".join(map(str, parameter.choices))
            meaning = ": ".join(filter(None, [parameter.quantity.long_name, choices]))
            table.add_row(parameter.name, default, meaning)
        for observable, measure in plan.outputs.items():
            table.add_row(observable, "", f"observable: {measure.quantity.long_name}", style="italic")
        print_table(table)
