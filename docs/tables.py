"""Tables of models and observables from the code, into README.md: `python docs/tables.py`."""

from pathlib import Path

from qthermo_jax import measures, models
from qthermo_jax.response import response_measures
from qthermo_jax.sweeping.model import find_model

README = Path(__file__).parents[1] / "README.md"
_BEGIN, _END = "<!-- {}: made by docs/tables.py -->\n", "<!-- end of {} -->"


def models_table() -> str:
    """A row for each built-in model: what it is, its parameters, its own observables."""
    rows = ["| model | what it is | parameters | observables of its own |", "|---|---|---|---|"]
    for name in models.__all__:
        model = find_model(name, Path())
        own = ", ".join(f"`{observable}`" for observable in model.function().observables)
        parameters = ", ".join(f"`{parameter}`" for parameter in model.parameters)
        summary = model.summary.rstrip(".").replace("|", r"\|")
        rows.append(f"| `{name}` | {summary} | {parameters} | {own} |")
    return "\n".join(rows) + "\n"


def observables_table() -> str:
    """A row for each observable that any model has."""
    system = models.chain(sites=2)
    responses = response_measures(system)
    known = {name: own for name, own in measures(system).items() if name not in system.observables}
    rows = ["| observable | what it is | dimensions | power of energy |", "|---|---|---|---|"]
    for name, measure in known.items():
        kind = "response: " if name in responses else ""
        dims = ", ".join(dim.name for dim in measure.dims)
        quantity = measure.quantity
        rows.append(f"| `{name}` | {kind}{quantity.long_name} | {dims} | {quantity.energy_power} |")
    return "\n".join(rows) + "\n"


def with_tables(text: str) -> str:
    """A text with the tables between their marks as the code has them now."""
    for name, table in (("models", models_table()), ("observables", observables_table())):
        begin, end = _BEGIN.format(name), _END.format(name)
        before, _, rest = text.partition(begin)
        text = before + begin + table + end + rest.partition(end)[2]
    return text


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text(encoding="utf-8")), encoding="utf-8")
