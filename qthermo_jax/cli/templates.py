"""What `qthermo new` writes: a spec that has all there is to set, and a model."""

import json
import keyword
import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
from pydantic import BaseModel

from qthermo_jax.sweeping.execute.planning import make_plan
from qthermo_jax.sweeping.plan.model import REQUIRED, Model, Parameter, find_model
from qthermo_jax.sweeping.plan.record import Plan
from qthermo_jax.sweeping.spec.declared import Output, Solver, Spec

_MODEL = '''"""A model: a pure function of named numbers that returns an open quantum system."""

from typing import Annotated

import jax.numpy as jnp
import numpy as np

import qthermo_jax as qj

# What a parameter is called in files and pictures: in words, as a symbol, its unit as a power of the
# energy unit. A plain `float` serves as well.
Gap = Annotated[float, qj.Quantity("gap of the qubit", r"\\omega", 1)]
HotTemperature = Annotated[float, qj.Quantity("temperature of the hot bath", "T_h", 1)]
ColdTemperature = Annotated[float, qj.Quantity("temperature of the cold bath", "T_c", 1)]


def {function}(
    omega: Gap = 1.0,
    T_hot: HotTemperature = 1.0,
    T_cold: ColdTemperature = 0.2,
    eta: float = 0.01,
) -> qj.OpenSystem:
    """A qubit that carries heat from a hot bath to a cold one."""
    H = omega * jnp.array([[0.0, 0.0], [0.0, 1.0]])
    sigma_x = np.array([[0.0, 1.0], [1.0, 0.0]])
    baths = [qj.Bath(sigma_x, T_hot, qj.Ohmic(eta)), qj.Bath(sigma_x, T_cold, qj.Flat(eta))]
    excited = qj.Observable(np.array([0.0, 1.0]), qj.Quantity("probability of being excited", "p_e", 0))
    return qj.OpenSystem(H, baths, labels=["ground", "excited"], observables={{"excitation": excited}})
'''

_SPEC = """\
#:schema ./qthermo.schema.json
# {summary}
#
#   qthermo check {file}      what is wrong or odd in it
#   qthermo explain {file}    what it will compute
#   qthermo run {file}        computes it: {result}
#   qthermo plot {result}
#
# Editors that know the schema complete and check the keys: qthermo schema > qthermo.schema.json

title = {title}
model = {model}
energy_unit = "energy"  # what energies are measured in, for labels
# units = {{ {derivative} = "mK" }}  # with energy_unit = "GHz", say: what is given in another unit

# What is kept of each point; a hash sign leaves one out.
observables = [
{observables}
]
# derivatives = [{derivative}]  # each observable differentiated by each of these parameters

# One of these for another answer than a map; what is sought, `over`, is no axis and no parameter below.
{answers}

# Held fixed. A parameter that varies stands under [axes] instead.
[parameters]
{parameters}

# One dimension of the grid each, their product is the grid. A list does too, [0.1, 0.2, 0.5];
# a range with spacing = "log" is geometric; [axes.NAME] with lists of equal lengths varies several.
[axes]
{axes}

# All there is to set besides, with its defaults:
{settings}
"""


def function_in(file: Path) -> str:
    """What the function in a new model's file is called: as the file, where that name is free."""
    name = file.stem
    taken = keyword.iskeyword(name) or re.search(rf"\b{re.escape(name)}\b", _MODEL)
    return name if name.isidentifier() and not taken else "model"


def model_text(file: Path) -> str:
    """A small model."""
    return _MODEL.format(function=function_in(file))


def spec_text(file: Path, reference: str) -> str:
    """A spec of a model with each of its parameters and observables.

    Args:
        file: where it will stand; a model's file is looked up beside it.

    Raises:
        SpecError: there is no such model.
    """
    model = find_model(reference, file.parent)
    swept = _axis_of(model)
    values = {name: _value(parameter) for name, parameter in model.parameters.items()}
    given = {name: value for name, value in values.items() if value is not None}
    plan = make_plan(Spec(model=reference, parameters=given), model)
    fixed = (_fixed(p, values[name], name == swept) for name, p in model.parameters.items())
    return _SPEC.format(
        summary=model.summary or f"A sweep of {reference}.",
        file=file,
        result=f"results/{file.stem}.h5",
        title=_toml(file.stem),
        model=_toml(reference),
        observables=_aligned(_observables(plan)),
        derivative=_toml(swept or "T_1"),
        answers="\n".join(_answers(plan, swept, values)),
        parameters=_aligned(fixed),
        axes=_axis(swept, values[swept]) if swept else "# none of the model's parameters can move",
        settings="\n#\n".join(
            f"# [{name}]\n{_aligned(_settings(kind))}"
            for name, kind in (("solver", Solver), ("output", Output))
        ),
    )


def _aligned(rows: Iterable[tuple[str, str]]) -> str:
    """Lines with their comments one below the other."""
    lines = list(rows)
    width = max((len(code) for code, _ in lines), default=0)
    return "\n".join(f"{code:<{width}}  # {words}" if words else code for code, words in lines)


def _axis_of(model: Model) -> str | None:
    """The parameter to move at first: a temperature, else any positive number."""
    numbers = [
        name
        for name, parameter in model.parameters.items()
        if parameter.structure is None and np.ndim(value := _value(parameter)) == 0 and (value or 0) > 0
    ]
    hot = (name for name in numbers if "temperature" in model.parameters[name].quantity.long_name)
    return next(hot, numbers[0] if numbers else None)


def _value(parameter: Parameter) -> Any:
    """To begin with: the default, or something of the right kind; None as in the model."""
    if parameter.default is not REQUIRED:
        default = parameter.default
        return default.tolist() if hasattr(default, "tolist") else default
    if parameter.choices:
        return parameter.choices[0]
    if parameter.structure is None:
        return 1.0
    return {int: 2, str: "", bool: False}[parameter.structure]


def _fixed(parameter: Parameter, value: Any, swept: bool) -> tuple[str, str]:
    words = [parameter.quantity.long_name, " or ".join(map(_toml, parameter.choices))]
    if parameter.default is REQUIRED:
        words.append("no default: choose")
    elif value is None:
        words.append("not set by default")
    else:
        words.append(f"default: {_toml(value)}")
    if swept:
        words.append("varies, see below")
    code = f"{_key(parameter.name)} = {'[]' if value is None else _toml(value)}"
    return f"# {code}" if swept or value is None else code, "; ".join(filter(None, words))


def _ends(value: float) -> list[float]:
    """The two ends of an axis around a value."""
    return [float(f"{value * factor:.12g}") for factor in (0.5, 2.0)]


def _key(name: str) -> str:
    """A key as TOML takes it."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _toml(name)


def _axis(name: str, value: float) -> str:
    start, stop = map(_toml, _ends(value))
    return f"{_key(name)} = {{ start = {start}, stop = {stop}, num = 25 }}"


def _observables(plan: Plan) -> Iterator[tuple[str, str]]:
    known = plan.system.observables
    kept = list(dict.fromkeys([*plan.outputs, "heat_currents"]))
    for name in dict.fromkeys([*kept, *known]):
        entry = f"{_toml(name)},"
        yield f"    {entry}" if name in kept else f"    # {entry}", known[name].quantity.long_name


def _answers(plan: Plan, sought: str | None, values: dict[str, Any]) -> Iterator[str]:
    """Tables that a spec may have, one each, for the first observable and a parameter."""
    name, result = next(iter(plan.outputs.items()))
    labels = ", ".join(repr(dim.labels[0]) for dim in result.dims)
    formula = _toml(f"{name}[{labels}]" if labels else name)
    ends = _ends(values[sought]) if sought else [0.1, 1.0]
    over = f"over = {{ {_key(sought or 'T_1')} = {_toml(ends)} }}"
    measured = f'data = "seen.csv", measured = {{ {formula} = "column" }}, {over}'
    yield f"# optimise = {{ maximise = {formula}, {over} }}  # the best parameters at each point"
    yield f"# root = {{ formula = {formula}, value = 0.1 }}  # points or lines on one or two axes"
    yield f"# refine = {{ formula = {formula}, tolerance = 0.01 }}  # a finer grid where it bends"
    yield f"# fit = {{ {measured} }}  # parameters from measured numbers, without axes"


def _settings(table: type[BaseModel]) -> Iterator[tuple[str, str]]:
    for name, field in table.model_fields.items():
        kinds = (field.annotation, *get_args(field.annotation))
        choices = [option for kind in kinds for option in get_args(kind) if isinstance(option, str)]
        value = field.default if field.default is not None else (*choices, 0.1)[0]
        others = ", ".join(_toml(choice) for choice in dict.fromkeys(choices) if choice != value)
        words = " ".join((field.description or "").split())
        yield f"# {name} = {_toml(value)}", f"or {others}. {words}" if others else words


def _toml(value: Any) -> str:
    """A value as TOML writes it, which is as JSON does, but for infinity and what is no number."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return json.dumps(value, ensure_ascii=False)
