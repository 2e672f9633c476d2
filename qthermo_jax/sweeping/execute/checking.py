"""A spec read critically: everything that is wrong with it, and what is allowed but odd."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from qthermo_jax.sweeping.compute.cold import is_a_temperature, not_unique_at_zero
from qthermo_jax.sweeping.compute.point import try_user_observables
from qthermo_jax.sweeping.errors import SpecError
from qthermo_jax.sweeping.execute.planning import make_plan
from qthermo_jax.sweeping.plan.model import find_model
from qthermo_jax.sweeping.plan.record import Plan
from qthermo_jax.sweeping.spec.declared import Range, Spec, faults_of, read_toml
from qthermo_jax.sweeping.spec.error_recovery import Draft, key_of
from qthermo_jax.sweeping.spec.toml_lines import line_of, lines_of_keys
from qthermo_jax.sweeping.store.store import check_file_name, room_for

# Of the size of the density matrix: H, its eigenvectors, rates, tables of its transitions.
_MATRICES = 10


@dataclass(frozen=True)
class Remark:
    """One line about a spec.

    Attributes:
        text: begins with the key that it is about, if it is about one.
        line: of the file; None where it is about none.
        fatal: the sweep cannot be run; otherwise it is only odd.
    """

    text: str
    line: int | None
    fatal: bool


def check(path: Path, output: Path) -> tuple[list[Remark], Plan | None]:
    """Find everything that is wrong with a spec; of its points, at most a few at T = 0 are solved.

    Args:
        output: the file that its result would go to.

    Returns:
        what was found, in the order of the file; the plan, unless something is fatal.

    Raises:
        SpecError: it cannot be read, is not TOML, or the output's name is too long.
    """
    check_file_name(output)
    data, text = read_toml(path)
    lines = lines_of_keys(text)
    faults, plan = _faults(data, path.parent)
    oddities = []
    if plan:
        oddities = [*_odd_numbers(plan), *_too_many_levels(plan), *_too_large(plan, output)]
        oddities += not_unique_at_zero(plan)
    remarks = [Remark(fault, line_of(key_of(fault), lines), fatal=True) for fault in faults]
    remarks += [Remark(odd, line_of(key_of(odd), lines), fatal=False) for odd in oddities]
    return sorted(remarks, key=lambda remark: remark.line or 0), plan


def _faults(data: dict[str, Any], folder: Path) -> tuple[list[str], Plan | None]:
    """All faults, found one after the other: each is repaired in a draft so that the next one shows."""
    draft = Draft(data)
    while True:
        try:
            spec = Spec.model_validate(draft.data)
            plan = make_plan(spec, find_model(spec.model, folder, spec.observables), devices=1)
            try_user_observables(plan)
        except ValidationError as error:
            found = faults_of(error)
        except SpecError as error:
            found = [str(error)]
        else:
            return draft.faults, None if draft.faults else plan
        if not draft.repair(found):
            return draft.faults, None


def _odd_numbers(plan: Plan) -> Iterator[str]:
    for axis in plan.axes:
        together = isinstance(plan.spec.axes[axis.name], dict)
        for name, values in axis.parameters.items():
            key = f"axes.{axis.name}.{name}" if together else f"axes.{axis.name}"
            yield from _odd_values(plan, key, name, values)
            if not together and _repeats(plan.spec.axes[axis.name], values):
                yield f"{key}: a value stands more than once, and is computed as often"
        given = plan.spec.axes[axis.name]
        if isinstance(given, Range) and given.num == 1 and given.start != given.stop:
            yield f"axes.{axis.name}: num = 1 takes start, {given.start:g}, and leaves stop out"
    for name, value in plan.numbers.items():
        yield from _odd_values(plan, f"parameters.{name}", name, np.atleast_1d(value))


def _repeats(given: Any, values: np.ndarray) -> bool:
    """Whether a value stands more than once; a range has as many as it says unless its ends are one."""
    if isinstance(given, Range):
        return given.num > 1 and given.start == given.stop
    return len(np.unique(values)) < len(values)


def _odd_values(plan: Plan, key: str, name: str, values: np.ndarray) -> Iterator[str]:
    if not np.isfinite(values).all():
        yield f"{key}: {values[~np.isfinite(values)][0]} is not a finite number: NaN there, and a status"
    below = values[values < 0]
    if len(below) and is_a_temperature(plan, name):
        listed = f"{len(below)} of {len(values)} values are" if len(values) > 1 else f"{below[0]:g} is"
        yield f"{key}: {listed} below 0, which no temperature is: NaN there, and a status"


def _too_many_levels(plan: Plan) -> Iterator[str]:
    levels = plan.system.dimension
    # Exact for a single solver; elsewhere the few matrices that every one of them holds.
    needed = _MATRICES * 8 * levels**2
    if len(plan.solvers) == 1:
        needed = max(needed, plan.system.bytes_per_point)
    there = _memory()
    if there and needed > there:
        yield (
            f"model: {levels} levels: a point takes {needed:.1e} bytes or more, and this machine has "
            f"{there:.1e}"
        )


def _memory() -> int | None:
    """Bytes of this machine; None where it does not tell."""
    if not hasattr(os, "sysconf"):
        return None
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _too_large(plan: Plan, output: Path) -> Iterator[str]:
    folder = next(folder for folder in output.absolute().parents if folder.is_dir())
    free, needed = shutil.disk_usage(folder).free, room_for(plan)
    if needed > free:
        yield f"the result takes {needed:.3g} bytes of disk, but {free:.3g} are free in {folder}"
