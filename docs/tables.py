"""Tables from the code for the site, two of them for README.md too: `python docs/tables.py`.

docs/hooks.py puts them into the pages. README.md is read without a build: its tables are written there.
"""

import ast
import tomllib
from collections.abc import Callable
from pathlib import Path

import click
import jax

from qthermo_jax import available_observables, models
from qthermo_jax.cli import app
from qthermo_jax.cli.formatting import in_bytes
from qthermo_jax.papers import PAPERS
from qthermo_jax.registry import Method
from qthermo_jax.response import response_observables
from qthermo_jax.solvers import Note
from qthermo_jax.steady import Status
from qthermo_jax.sweeping.compute.gpus import GPUS
from qthermo_jax.sweeping.plan.model import find_model

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
# Powers of energy of those observables whose entries differ in it.
_POWERS = {"current_cumulants": "n + 1 for the n-th"}
_BEGIN, _END = "<!-- {}: made by docs/tables.py -->\n", "<!-- end of {} -->"


def models_table() -> str:
    """A row for each built-in model: what it is, its parameters, its own observables."""
    rows = ["| model | what it is | parameters | observables of its own |", "|---|---|---|---|"]
    for name in models.__all__:
        model = find_model(name, Path())
        system = jax.eval_shape(model.function)  # the names alone: nothing is compiled
        own = ", ".join(f"`{observable}`" for observable in system.observables)
        parameters = ", ".join(f"`{parameter}`" for parameter in model.parameters)
        summary = model.summary.rstrip(".").replace("|", r"\|")
        rows.append(f"| `{name}` | {summary} | {parameters} | {own} |")
    return "\n".join(rows) + "\n"


def observables_table() -> str:
    """A row for each observable that any model has."""
    system = jax.eval_shape(lambda: models.chain(sites=2))
    responses = response_observables(system)
    known = {
        name: own
        for name, own in available_observables(system).items()
        if name not in system.observables
    }
    rows = ["| observable | what it is | dimensions | power of energy |", "|---|---|---|---|"]
    for name, own in known.items():
        kind = "response: " if name in responses else ""
        dims = ", ".join(dim.name for dim in own.dims)
        quantity = own.quantity
        power = _POWERS[name] if quantity.energy_power is None else quantity.energy_power
        rows.append(f"| `{name}` | {kind}{quantity.long_name} | {dims} | {power} |")
    return "\n".join(rows) + "\n"


def statuses_table() -> str:
    """A row for each status that a point may have."""
    rows = ["| `status` | name | what it means |", "|---|---|---|"]
    rows += [f"| {status.value} | `{status.name}` | {status.meaning} |" for status in Status]
    return "\n".join(rows) + "\n"


def notes_table() -> str:
    """A row for each note that a state may carry."""
    rows = ["| `note` | name | what it means |", "|---|---|---|"]
    rows += [f"| {note.value} | `{note.name}` | {note.meaning} |" for note in Note]
    return "\n".join(rows) + "\n"


def methods_table() -> str:
    """A row for each solver."""
    rows = ["| `method` | name |", "|---|---|"]
    rows += [f"| {method.value} | `{method.name.lower()}` |" for method in Method]
    return "\n".join(rows) + "\n"


def papers_table() -> str:
    """A row for each publication whose statements are checked."""
    rows = ["| name | publication | what is checked |", "|---|---|---|"]
    rows += [f"| `{name}` | {paper.reference} | {paper.about} |" for name, paper in PAPERS.items()]
    return "\n".join(rows) + "\n"


def gpu_table() -> str:
    """A row for each program that `make gpu-check` holds to bounds on an H100: those bounds."""
    bounds = tomllib.loads((ROOT / ".ci" / "gpu-bounds.toml").read_text(encoding="utf-8"))
    rows = ["| program | launches | traffic a point | temporaries a point | points/s by memory |"]
    rows.append("|---|---|---|---|---|")
    for name, own in bounds.items():
        traffic, temporaries = (own[f"bytes_of_{what}_a_point"] for what in ("traffic", "temporaries"))
        allowed = GPUS["h100"].bandwidth / traffic
        sizes = f"{in_bytes(traffic)} | {in_bytes(temporaries)}"
        rows.append(f"| {name}: {own['about']} | {own['launches']} | {sizes} | {allowed:.1e} |")
    return "\n".join(rows) + "\n"


def floors() -> list[list[str]]:
    """The modules of each floor, the highest first, as pyproject.toml's import contract has them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["id"] == "floors")
    return [[module.strip(" ()") for module in layer.split("|")] for layer in layers]


def floors_table() -> str:
    """A row for each module: its floor, counted from the ground, and what it says that it is."""
    rows = ["| floor | module | what it is |", "|---|---|---|"]
    for height, modules in reversed(list(enumerate(reversed(floors())))):
        rows += [f"| {height} | `{own}` | {_summary(ROOT / 'qthermo_jax' / own)} |" for own in modules]
    return "\n".join(rows) + "\n"


def _summary(module: Path) -> str:
    """First line of a module's docstring, read without importing it; a | in it stands in code."""
    file = module / "__init__.py" if module.is_dir() else module.with_suffix(".py")
    said = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return said.partition("\n")[0].removesuffix(".")


def commands() -> str:
    """What each command says of itself when it is asked for --help."""
    context = click.Context(app, info_name="qthermo")
    parts = []
    for name, command in app.commands.items():
        said = command.get_help(click.Context(command, parent=context, info_name=name))
        parts.append(f"## `qthermo {name}` {{ #{name} }}\n\n```text\n{said}\n```\n")
    return "\n".join(parts)


def models_reference() -> str:
    """The docstring of each model, as mkdocstrings is asked for it; names and units are in its text."""
    options = "    options: { show_signature_annotations: false }\n"
    functions = [getattr(models, name) for name in models.__all__]
    return "\n".join(f"::: {own.__module__}.{own.__name__}\n{options}" for own in functions)


TABLES: dict[str, Callable[[], str]] = {
    "models": models_table,
    "models_reference": models_reference,
    "observables": observables_table,
    "statuses": statuses_table,
    "notes": notes_table,
    "methods": methods_table,
    "papers": papers_table,
    "gpu": gpu_table,
    "floors": floors_table,
    "commands": commands,
}


def with_tables(text: str) -> str:
    """A text with the tables between their marks as the code has them now."""
    for name in ("models", "observables"):
        begin, end = _BEGIN.format(name), _END.format(name)
        before, _, rest = text.partition(begin)
        text = before + begin + TABLES[name]() + end + rest.partition(end)[2]
    return text


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text(encoding="utf-8")), encoding="utf-8")
