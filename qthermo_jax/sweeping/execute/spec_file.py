"""A sweep that is asked for by a spec in a file."""

import warnings
from pathlib import Path
from typing import Any

from qthermo_jax.sweeping.errors import SpecError, SpecWarning
from qthermo_jax.sweeping.execute.checking import plan_from_text
from qthermo_jax.sweeping.execute.following import followed
from qthermo_jax.sweeping.execute.job import Sweep
from qthermo_jax.sweeping.plan.record import Plan
from qthermo_jax.sweeping.spec.reading import read_toml


def plan_from_file(path: Path, memory: int | None = None, devices: int | None = None) -> Plan:
    """The plan of `sweep_from_file`; with a [root], of the grid that places are sought on.

    Args:
        memory, devices: as for `make_plan`.

    Raises:
        SpecError: what is wrong, one line for each issue.
    """
    return plan_from_text(path, *_read(path), memory, devices)


def _read(path: Path) -> tuple[dict[str, Any], str]:
    data, source = read_toml(path)
    if "fit" in data:
        raise SpecError(f"{path}: has a [fit]: qthermo fit {path}")
    return data, source


def sweep_from_file(path: Path, memory: int | None = None, devices: int | None = None) -> Sweep:
    """Read and resolve a TOML spec; a model's file is looked up beside it.

    Args:
        memory, devices: as for `make_plan`.

    Raises:
        SpecError: what is wrong, one line for each issue; `qthermo check` says the same.
    """
    data, source = _read(path)

    def planned(data: dict[str, Any]) -> Plan:
        return plan_from_text(path, data, source, memory, devices)

    plan, odd = followed(data, planned)
    for issue in odd:
        warnings.warn(str(issue), SpecWarning, stacklevel=2)
    return Sweep(plan, source, plan.spec.model, path.parent, tuple(plan.spec.observables))
