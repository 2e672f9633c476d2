"""Random specs, valid and nearly valid: by a grammar, and by mutation of the specs that come along."""

import random
from pathlib import Path

SWEEPS = sorted((Path(__file__).parents[2] / "sweeps").glob("*.toml"))

_MODELS = ["chain", "lambda_system", "v_system", "thermal_diode", "three_level_refrigerator"]
_NAMES = [
    "T_L",
    "T_R",
    "T_1",
    "g",
    "h",
    "sites",
    "rate",
    "spectrum",
    "time",
    "t_l",
    ".",
    "",
    "a/b",
    "x" * 300,
]
_KEYS = ["title", "model", "axes", "parameters", "solver", "output", "labels", "evolution", "titel"]
_VALUES = [
    *["0", "1", "-1", "0.5", "1e308", "1e400", "nan", "inf", "-inf", "true", "[]", "{}", "[[]]", "''"],
    *["10" * 200, "1" * 5000, "1000000000000", "'hot'", "'\\u0000'", '"\\u0000"', '"\\n"', '"é☃"'],
    *["[0.1, 0.2]", "['a']", "[1, 'a']", "[true]", "2020-01-01", "{start = 0.1, stop = 1.0, num = 3}"],
    *["{start = 0.1, stop = 1.0, num = 1000000000}", "{start = 1}", "{num = 2}", "{a = [1.0]}"],
    *["[" * 2000 + "]" * 2000, "{start = nan, stop = inf, num = 2}", "'auto'", "'dense'", "'redfield'"],
    *["'builtins:int'", "'os:getcwd'", "'none.py:f'", "':'", "'a:b:c'", "'..:x'", "'" + "a" * 300 + "'"],
]
_LETTERS = [*"[]{}=,.'\"#\n\t\\:-_0a é☃", "\x00", "\ufeff", "\u2028"]


def by_grammar(chance: random.Random) -> str:
    """A spec of the right form, most of whose names and values are right."""
    lines = [f"model = '{chance.choice(_MODELS)}'"]
    observables = chance.sample(
        ["heat_currents", "purity", "rectification", "soret", "peak_site", "nothing"], 2
    )
    if chance.random() < 0.5:
        lines.append(f"observables = {observables}")
    for table in ("parameters", "axes", "solver", "output", "labels.T_L", "evolution"):
        if chance.random() < 0.5:
            continue
        lines.append(f"[{table}]")
        names = chance.sample(_NAMES, chance.randrange(3))
        lines += [f"{_quoted(name)} = {chance.choice(_VALUES)}" for name in names]
    return "\n".join(lines)


def _quoted(name: str) -> str:
    return name if name.isidentifier() else f'"{name}"'


def by_mutation(chance: random.Random) -> str:
    """A spec that comes along with some letters, lines or values of it changed."""
    text = chance.choice(SWEEPS).read_text()
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
    line = f"{_quoted(chance.choice(_NAMES + _KEYS))} = {chance.choice(_VALUES)}"
    lines = text.splitlines()
    lines.insert(chance.randrange(len(lines) + 1), line)
    return "\n".join(lines)


def _cut(text: str, chance: random.Random) -> str:
    return text[: chance.randrange(len(text) + 1)] if chance.random() < 0.2 else text
