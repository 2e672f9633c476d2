"""Why points were flagged whose status has several causes: the first of each, named in the result."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from qthermo_jax.results.schema import STATUS
from qthermo_jax.steady import Status
from qthermo_jax.sweeping.plan.record import Plan
from qthermo_jax.sweeping.schedule.tiling import Box
from qthermo_jax.sweeping.store.layout import Layout

# The attribute of the variable `status` that holds a line for each of them.
ATTRIBUTE = "first_causes"

EXPLAINED = (Status.PARAMETER_OUT_OF_RANGE, Status.NOT_HERMITIAN)

# What is wrong at a point, from the values of the parameters that move.
Causes = Callable[[Mapping[str, Any]], tuple[str, ...]]


def with_reasons(
    layout: Layout,
    plan: Plan,
    tiles: Iterable[tuple[Box, Mapping[str, np.ndarray]]],
    causes_at: Causes,
) -> Layout:
    """The layout, its status saying what was wrong at a point of each status of several causes.

    Args:
        tiles: with their status; read until every such status was met, of which each is told at its
            first point in the first of these tiles that has one.
        causes_at: computes what is wrong at a point.
    """
    missing = list(EXPLAINED)
    lines: list[str] = []
    for box, arrays in tiles:
        status = arrays[STATUS.name]
        for code in [code for code in missing if (status == code).any()]:
            missing.remove(code)
            offsets = np.argwhere(status == code)[0]
            index = tuple(_at(side, int(k)) for side, k in zip(box, offsets, strict=True))
            lines += _reasons(plan, code, index, causes_at)
        if not missing:
            break
    if not lines:
        return layout
    variable = layout.computed[STATUS.name]
    told = dataclasses.replace(variable, attrs={**variable.attrs, ATTRIBUTE: "\n".join(lines)})
    return dataclasses.replace(layout, computed={**layout.computed, STATUS.name: told})


def _at(side: slice, offset: int) -> int:
    return int(side.start) + offset * int(side.step or 1)


def _reasons(plan: Plan, code: Status, index: tuple[int, ...], causes_at: Causes) -> list[str]:
    """A line about one point; none where its system is sound in 64 bit."""
    point = {
        name: values[k]
        for axis, k in zip(plan.axes, index, strict=True)
        for name, values in axis.parameters.items()
    }
    told = causes_at(point)
    where = plan.told_at(index) or "the one point"
    return [f"{code.name.lower()}, first at {where}: {'; '.join(told)}"] if told else []
