"""Random specs, valid and nearly valid: by a grammar, and by mutation of the specs that come along."""

import inspect
import random
from pathlib import Path

from qthermo_jax import models

SWEEPS = sorted((Path(__file__).parents[2] / "sweeps").glob("*.toml"))

# Names that a spec may not have, or that look like a path inside it.
_STRANGE = [
    "t_l",
    ".",
    "..",
    "",
    " ",
    "a/b",
    "T_L.0",
    "T_L.\u00b2",
    "axes[1]",
    "é",
    "did you mean 'g'",
    "x" * 300,
]

_INSIDE = {
    "solver": {
        "method": ["'auto'", "'dense'", "'populations'", "'secular_block'"],
        "precision": ["'float32'", "'float64'"],
        "generator": ["'global'", "'local'", "'redfield'", "'partial_secular'"],
        "secular_tol": ["0.1", "0", "1e-9"],
    },
    "output": {"precision": ["'float32'", "'float64'"]},
    "evolution": {
        "initial": ["'g_1'", "'e_1'", "{e_1 = 0.5, g_1 = 0.5}", "{e_1 = 1}"],
        "heat_capacity": ["1.0", "[1.0, 2.0]"],
    },
}
_LABEL = {"long_name": ["'heat'"], "symbol": ["'T'"], "energy_power": ["1", "0"]}
_OBSERVABLES = ["heat_currents", "purity", "rectification", "soret", "peak_site", "level_populations"]
_KEYS = ["title", "model", "axes", "parameters", "solver", "output", "labels", "evolution", "titel"]
_VALUES = [
    *["0", "1", "-1", "0.5", "1e308", "1e400", "nan", "inf", "-inf", "true", "[]", "{}", "[[]]", "''"],
    *["10" * 200, "1" * 5000, "1000000000000", "'hot'", "'\\u0000'", '"\\u0000"', '"\\n"', '"é☃"'],
    *["[0.1, 0.2]", "['a']", "[1, 'a']", "[true]", "2020-01-01", "{start = 0.1, stop = 1.0, num = 3}"],
    *[
        "{start = 0.1, stop = 1.0, num = 1000000000}",
        "{start = 1}",
        "{num = 2}",
        "{a = {start = 1}}",
        "{a = [1.0]}",
    ],
    *["[" * 2000 + "]" * 2000, "{start = nan, stop = inf, num = 2}", "'auto'", "'dense'", "'redfield'"],
    *["'builtins:int'", "'os:getcwd'", "'none.py:f'", "':'", "'a:b:c'", "'..:x'", "'" + "a" * 300 + "'"],
]
_AXES = [
    *["[0.1, 0.2]", "{start = 0.1, stop = 1.0, num = 3}", "[0.3]", "[0.5, 0.5]", "[-1.0, nan]"],
    *[
        "{start = 0.1, stop = 1.0, num = 9, spacing = 'log'}",
        "{start = 0, stop = 1, num = 2, spacing = 'log'}",
    ],
    *[
        "{start = 0.1, stop = 1.0, num = 10000000}",
        "{T_L = [0.1, 0.2], T_R = {start = 1, stop = 2, num = 2}}",
    ],
]
_NUMBERS = ["0.5", "1", "2", "[0.1, 0.2]", "'flat'", "'XX'", "'1-2 2-3'", "-1.0"]
_LETTERS = [*"[]{}=,.'\"#\n\t\\:-_0a é☃", "\x00", "\ufeff", "\u2028"]


def by_grammar(chance: random.Random) -> str:
    """A spec of the right form, most of whose names and values are right."""
    model = chance.choice(models.__all__)
    own = [*inspect.signature(getattr(models, model)).parameters, "time"]
    lines = [f"model = '{model}'"]
    for key, right in (("observables", _OBSERVABLES), ("derivatives", [*own, "T_1", "temperatures"])):
        if chance.random() < 0.4:
            names = [_name(chance, right) for _ in range(chance.randrange(1, 4))]
            lines.append(f"{key} = [{', '.join(map(_text, names))}]")
    texts = [key for key in ("title", "energy_unit") if chance.random() < 0.1]
    lines += [f"{key} = {chance.choice(_VALUES)}" for key in texts]
    free = chance.sample(own, len(own))
    axes, fixed = free[: chance.randrange(3)], free[3 : 3 + chance.randrange(3)]
    lines += ["[axes]", *(_pair(chance, axes, name, _AXES) for name in axes)]
    lines += ["[parameters]", *(_pair(chance, own, name, _NUMBERS) for name in fixed)]
    for table, keys in _INSIDE.items():
        if chance.random() < 0.3:
            some = chance.sample(list(keys), chance.randrange(len(keys) + 1))
            lines += [f"[{table}]", *(_pair(chance, list(keys), key, keys[key]) for key in some)]
    if axes and chance.random() < 0.3:
        lines.append(f"[labels.{_text(_name(chance, axes))}]")
        lines += [_pair(chance, list(_LABEL), key, values) for key, values in _LABEL.items()]
    return "\n".join(lines)


def _pair(chance: random.Random, names: list[str], name: str, values: list[str]) -> str:
    """A key and its value: one in ten is a wrong key, and one in ten a wrong value."""
    key = _name(chance, names) if chance.random() < 0.1 else name
    return f"{_text(key)} = {chance.choice(_VALUES if chance.random() < 0.1 else values)}"


def _name(chance: random.Random, right: list[str]) -> str:
    return chance.choice(_STRANGE if chance.random() < 0.1 else right)


def _text(name: str) -> str:
    return f'"{name}"'


def _quoted(name: str) -> str:
    return name if name.isidentifier() else f'"{name}"'


def by_mutation(chance: random.Random) -> str:
    """A spec that comes along with some letters, lines or values of it changed."""
    text = chance.choice(SWEEPS).read_text(encoding="utf-8")
    for _ in range(chance.randrange(1, 4)):
        text = chance.choice([_letter, _line, _value, _key, _cut])(text, chance)
    return text


def _letter(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text) + 1)
    return text[:at] + chance.choice(_LETTERS) + text[at + chance.randrange(2) :]


def _line(text: str, chance: random.Random) -> str:
    """A line twice, in another place, or gone."""
    lines = text.splitlines() or [""]
    one = lines[chance.randrange(len(lines))]
    if chance.random() < 0.5:
        lines.remove(one)
    if chance.random() < 0.7:
        lines.insert(chance.randrange(len(lines) + 1), one)
    return "\n".join(lines)


def _value(text: str, chance: random.Random) -> str:
    lines = text.splitlines()
    places = [number for number, line in enumerate(lines) if "=" in line]
    if places:
        at = chance.choice(places)
        lines[at] = f"{lines[at].split('=')[0]}= {chance.choice(_VALUES)}"
    return "\n".join(lines)


def _key(text: str, chance: random.Random) -> str:
    line = f"{_quoted(chance.choice(_STRANGE + _KEYS))} = {chance.choice(_VALUES)}"
    lines = text.splitlines()
    lines.insert(chance.randrange(len(lines) + 1), line)
    return "\n".join(lines)


def _cut(text: str, chance: random.Random) -> str:
    return text[: chance.randrange(len(text) + 1)] if chance.random() < 0.2 else text
