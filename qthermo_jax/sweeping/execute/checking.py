"""From a spec to a plan with everything checked, the same way for `qthermo check`, `run` and `sweep`."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from qthermo_jax.results.schema import INTERPOLATED, STATUS
from qthermo_jax.steady import Status
from qthermo_jax.sweeping.compute.cold import is_a_temperature, not_unique_at_zero
from qthermo_jax.sweeping.compute.frozen import frozen_out
from qthermo_jax.sweeping.compute.point import try_user_observables
from qthermo_jax.sweeping.errors import Issue, SpecError, Steps
from qthermo_jax.sweeping.execute.planning import make_plan
from qthermo_jax.sweeping.plan.model import Model, find_model
from qthermo_jax.sweeping.plan.record import Plan
from qthermo_jax.sweeping.plan.refinement import on_halved_grid
from qthermo_jax.sweeping.spec.declared import Spec
from qthermo_jax.sweeping.spec.error_recovery import Draft
from qthermo_jax.sweeping.spec.fields import Range
from qthermo_jax.sweeping.spec.reading import parse_spec
from qthermo_jax.sweeping.spec.toml_lines import with_lines
from qthermo_jax.sweeping.store.store import room_for

# Of the size of the density matrix: H, its eigenvectors, rates, tables of its transitions.
_MATRICES = 10


def plan_from_text(
    path: Path,
    data: dict[str, Any],
    text: str,
    memory: int | None = None,
    devices: int | None = None,
) -> Plan:
    """The plan of a spec that was read from a file.

    Args:
        path: of the file; the model's is looked up beside it.
        data, text: what it says, as `read_toml` returns it.
        memory, devices: as for `make_plan`.

    Raises:
        SpecError: all issues with their lines, in the order of the file.
    """

    def find(spec: Spec) -> Model:
        return find_model(spec.model, path.parent, spec.observables)

    try:
        return checked_plan(data, find, memory, devices)
    except SpecError as error:
        raise SpecError(*with_lines(error.issues, text, str(path))) from error.__cause__


def checked_plan(
    data: dict[str, Any],
    find: Callable[[Spec], Model],
    memory: int | None = None,
    devices: int | None = None,
) -> Plan:
    """The plan of a spec, nothing of which is compiled.

    Args:
        data: of the spec, plain; it is left alone.
        find: the model that a spec asks for.
        memory, devices: as for `make_plan`.

    Raises:
        SpecError: all issues, found one after the other: each is repaired in a draft so that the next
            one shows.
    """

    def attempt(data: dict[str, Any]) -> Plan:
        spec = parse_spec(data)
        plan = make_plan(spec, find(spec), memory, devices)
        try_user_observables(plan)
        return plan

    try:
        return attempt(data)
    except SpecError as error:
        first, found = error, error.issues
    draft = Draft(data)
    while draft.repair(found):
        try:
            attempt(draft.data)
        except SpecError as error:
            found = error.issues
        else:
            break
    raise SpecError(*draft.issues) from first.__cause__


def oddities_of(plan: Plan, output: Path | None) -> Iterator[Issue]:
    """What is allowed but odd in a plan; no point is solved for it.

    Args:
        output: the file that the result goes to, if any.
    """
    yield from _odd_numbers(plan)
    yield from _too_many_levels(plan)
    yield from frozen_out(plan)
    if output:
        yield from _too_large(plan, output)


def oddities_of_result(plan: Plan, data: Any) -> Iterator[Issue]:
    """What is odd in what came out, with what `check` solves points for.

    Args:
        data: the finished result, a dataset.
    """
    status = data[STATUS.name]
    # A refined grid has those of the plan's in between.
    steps = [(n - 1) // max(1, own.size - 1) for n, own in zip(status.shape, plan.axes, strict=True)]

    def not_unique_at(index: tuple[int, ...]) -> bool:
        place = tuple(at * step for at, step in zip(index, steps, strict=True))
        return int(status[place]) == Status.NOT_UNIQUE

    yield from not_unique_at_zero(plan, not_unique_at)
    if plan.spec.refine:
        told = data[INTERPOLATED.name].attrs
        if cells := told["unresolved_cells"]:
            bend = f"bends by more than the tolerance, up to {told['unresolved_surplus']:.2g}"
            yield Issue(("refine", "levels"), f"the formula {bend}, inside {cells} of the finest cells")


def _odd_numbers(plan: Plan) -> Iterator[Issue]:
    for axis in plan.axes:
        together = isinstance(plan.spec.axes[axis.name], dict)
        for name, values in axis.as_given.items():
            steps: Steps = ("axes", axis.name, name) if together else ("axes", axis.name)
            yield from _odd_values(plan, steps, name, values)
            if not together and _repeats(plan.spec.axes[axis.name], values):
                yield Issue(steps, "a value stands more than once, and is computed as often")
        given = plan.spec.axes[axis.name]
        if isinstance(given, Range) and given.num == 1 and given.start != given.stop:
            ends = f"num = 1 takes start, {given.start:g}, and leaves stop out"
            yield Issue(("axes", axis.name), ends)
    for name, value in plan.numbers.items():
        if name not in plan.sought:
            as_given = np.atleast_1d(value) / plan.spec.conversion(name)
            yield from _odd_values(plan, ("parameters", name), name, as_given)


def _repeats(given: Any, values: np.ndarray) -> bool:
    """Whether a value stands more than once; a range has as many as it says unless its ends are one."""
    if isinstance(given, Range):
        return given.num > 1 and given.start == given.stop
    return len(np.unique(values)) < len(values)


def _odd_values(plan: Plan, steps: Steps, name: str, values: np.ndarray) -> Iterator[Issue]:
    if not np.isfinite(values).all():
        infinite = values[~np.isfinite(values)][0]
        yield Issue(steps, f"{infinite} is not a finite number: NaN there, and a status")
    below = values[values < 0]
    if len(below) and is_a_temperature(plan, name):
        listed = f"{len(below)} of {len(values)} values are" if len(values) > 1 else f"{below[0]:g} is"
        yield Issue(steps, f"{listed} below 0, which no temperature is: NaN there, and a status")


def _too_many_levels(plan: Plan) -> Iterator[Issue]:
    levels = plan.system.dimension
    # Exact for a single solver; elsewhere the few matrices that every one of them holds.
    needed = _MATRICES * 8 * levels**2
    if len(plan.solvers) == 1:
        needed = max(needed, plan.system.bytes_per_point)
    there = _memory()
    if there and needed > there:
        takes = f"a point takes {needed:.1e} bytes or more, and this machine has {there:.1e}"
        yield Issue(("model",), f"{levels} levels: {takes}")


def _memory() -> int | None:
    """Bytes of this machine; None where it does not tell."""
    if not hasattr(os, "sysconf"):
        return None
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _too_large(plan: Plan, output: Path) -> Iterator[Issue]:
    folder = next(folder for folder in output.absolute().parents if folder.is_dir())
    free, needed = shutil.disk_usage(folder).free, room_for(on_halved_grid(plan))
    if needed > free:
        takes = "may take" if plan.spec.refine else "takes"
        large = f"the result {takes} {needed:.3g} bytes of disk, but {free:.3g} are free in {folder}"
        yield Issue((), large)
