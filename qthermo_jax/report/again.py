"""How a result is made again, from what its file holds."""

import json
import shlex
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qthermo_jax import models

_PYTHON = """\
import json
import qthermo_jax as qj

with open({source!r}, encoding="utf-8") as file:
    spec = json.load(file)
{own}stored, solver = spec.pop("output")["precision"], spec.pop("solver")
qj.sweep(**spec, **solver, stored=stored, out={out!r})
"""

# A spec of Python cannot hold a function.
_OWN = """\
spec["model"] = ...  # the Python function {name!r}, which the result does not hold
"""


def read_spec(source: str) -> tuple[str, Mapping[str, Any]]:
    """What kind of text a spec is, "toml" or "json", and what it says; ("", {}) if neither.

    >>> read_spec('model = "chain"')
    ('toml', {'model': 'chain'})
    """
    kinds = (("toml", tomllib.loads), ("json", json.loads))
    for kind, read in kinds:
        try:
            found = read(source)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            return kind, found
    return "", {}


def commands(kind: str, spec: Mapping[str, Any], file: Path) -> str:
    """What computes the result, given its spec in a file of the result's name."""
    source, out = f"{file.stem}.{kind}", file.name
    if kind == "json":
        name = str(spec.get("model"))
        is_known = name in models.__all__ or ":" in name
        own = "" if is_known else _OWN.format(name=name)
        return _PYTHON.format(source=source, out=out, own=own)
    return f"qthermo run {shlex.quote(source)} --out {shlex.quote(out)}"
