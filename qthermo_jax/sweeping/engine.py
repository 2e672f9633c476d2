"""The computation: one pure function of a point, mapped over the axes, compiled once for all tiles."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jax
import numpy as np
from jaxtyping import Array

from qthermo_jax.steady import steadystate
from qthermo_jax.sweeping.plan import Box, Plan

Values = dict[str, np.ndarray]


def _point(plan: Plan) -> Callable[..., dict[str, Array]]:
    """(values of axis 1, values of axis 2, ..., fixed numbers) -> observables and status, one point."""

    def solve(*values: dict[str, Array]) -> dict[str, Array]:
        numbers = {name: value for part in values for name, value in part.items()}
        system = plan.model.function(**plan.structure, **numbers)
        state = steadystate(system, method=plan.spec.solver.method)
        observed = {name: out.compute(system, state) for name, out in plan.outputs.items()}
        return {**observed, "status": state.status}

    return solve


def mapped(plan: Plan) -> Callable[..., dict[str, Array]]:
    """The point function with one `vmap` an axis, the first axis outermost.

    Mapping axis by axis, not over a flat list of points, computes what does not depend on an axis
    once along it: one eigendecomposition of H(g) serves all temperatures.
    """
    function = _point(plan)
    n_axes = len(plan.axes)
    for position in reversed(range(n_axes)):
        in_axes = [0 if index == position else None for index in range(n_axes)] + [None]
        function = jax.vmap(function, in_axes=tuple(in_axes))
    return function


def tile_inputs(plan: Plan, box: Box) -> Iterator[Values]:
    """Each axis' values in the box; a tile at the edge repeats the last one to keep its shape."""
    for axis, part, step in zip(plan.axes, box, plan.tile, strict=True):
        index = np.minimum(np.arange(part.start, part.start + step), axis.size - 1)
        yield {name: values[index] for name, values in axis.parameters.items()}


def compute(plan: Plan, boxes: Iterable[Box]) -> Iterator[tuple[Box, dict[str, Any]]]:
    """Compute tiles in 64 bit, whatever the caller's JAX configuration says.

    Yields:
        the box and its arrays by name, the box's axes first.
    """
    function = jax.jit(mapped(plan))
    for box in boxes:
        crop = tuple(slice(0, part.stop - part.start) for part in box)
        with jax.enable_x64(True):
            tile = jax.device_get(function(*tile_inputs(plan, box), plan.numbers))
        yield box, {name: values[crop] for name, values in tile.items()}
