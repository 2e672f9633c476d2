"""Baths at T = 0, which only take heat: whether the steady state is unique with them."""

import re
from collections.abc import Callable, Iterator
from itertools import chain, combinations, islice

import jax
import numpy as np

from qthermo_jax.registry import AUTO
from qthermo_jax.solvers import solvers_for
from qthermo_jax.steady import Status, solved
from qthermo_jax.sweeping.compute.kinds import KINDS
from qthermo_jax.sweeping.compute.setting import system_function
from qthermo_jax.sweeping.errors import Issue, Steps
from qthermo_jax.sweeping.plan.record import Plan

# So many corners of the grid are looked at.
_CORNERS = 8

# Up to this dimension the dense solver is asked where the populations alone do not tell.
_DENSE = 16


def is_a_temperature(plan: Plan, name: str) -> bool:
    """By the model's words for it, else by its name: T, T_1, T_hot, temperatures."""
    words = plan.model.parameters[name].quantity.long_name
    return "temperature" in words if words else bool(re.match(r"T(_|\d|$)|temperature", name))


def not_unique_at_zero(
    plan: Plan, not_unique_at: Callable[[tuple[int, ...]], bool] | None = None
) -> Iterator[Issue]:
    """An issue of the first corner of the grid with a bath at T = 0 where the state is not unique.

    Args:
        not_unique_at: what the sweep found at a point of the grid; without it, the corners are solved.
    """
    if not KINDS[plan.system.kind].examined_when_cold:
        return
    fixed: list[Steps] = [
        ("parameters", name)
        for name, value in plan.numbers.items()
        if is_a_temperature(plan, name) and (value == 0).any()
    ]
    cold = {
        axis.name: {
            name: values for name, values in axis.parameters.items() if _is_cold(plan, name, values)
        }
        for axis in plan.axes
    }
    axes = [name for name, found in cold.items() if found]
    sizes = range(0 if fixed else 1, len(axes) + 1)
    for chosen in islice(chain.from_iterable(combinations(axes, n) for n in sizes), _CORNERS):
        point: dict[str, np.ndarray] = {}
        index = []
        for axis in plan.axes:
            own = cold[axis.name]
            at_zero = np.logical_or.reduce([values == 0 for values in own.values()]) if own else None
            along = 0 if at_zero is None else int(np.argmax(at_zero == (axis.name in chosen)))
            point |= {name: np.asarray(values[along]) for name, values in axis.parameters.items()}
            index.append(along)
        if not_unique_at(tuple(index)) if not_unique_at else _is_not_unique(plan, point):
            places: list[Steps] = [*(("axes", name) for name in chosen), *fixed]
            where = plan.told_at(index)
            at = f" at {where}" if where else ""
            yield Issue(
                places[0], f"a bath at T = 0 leaves more than one steady state{at}: NaN, and a status"
            )
            return


def _is_cold(plan: Plan, name: str, values: np.ndarray) -> bool:
    return is_a_temperature(plan, name) and bool((values == 0).any())


def _is_not_unique(plan: Plan, point: dict[str, np.ndarray]) -> bool:
    with jax.enable_x64(True):
        system = system_function(plan)(**plan.numbers, **point)
        small = system.dimension <= _DENSE
        for solver in solvers_for(AUTO, system.equation):
            if not small and solver.any_equation:
                break
            status = int(solved(system, solver.name).status)
            if status != Status.METHOD_NOT_EXACT:
                return status == Status.NOT_UNIQUE
    return False
