"""The computation: one pure function of a point, mapped over the axes, compiled once for all tiles."""

from collections.abc import Callable, Iterable, Iterator

import jax
import numpy as np
from jaxtyping import Array

from qthermo_jax.steady import Status, steadystate
from qthermo_jax.sweeping.plan import Box, Plan

Values = dict[str, np.ndarray]
PointFunction = Callable[..., dict[str, Array]]


def _point(plan: Plan, method: str) -> PointFunction:
    """(values of axis 1, values of axis 2, ..., fixed numbers) -> observables and flags, one point."""

    def solve(*values: dict[str, Array]) -> dict[str, Array]:
        numbers = {name: value for part in values for name, value in part.items()}
        system = plan.model.function(**plan.structure, **numbers)
        state = steadystate(system, method=method)
        observed = {name: out.compute(system, state) for name, out in plan.outputs.items()}
        return {**observed, "status": state.status, "method": state.method}

    return solve


def mapped(plan: Plan, method: str) -> PointFunction:
    """The point function with one `vmap` an axis, the first axis outermost.

    Mapping axis by axis, not over a flat list of points, computes what does not depend on an axis
    once along it: one eigendecomposition of H(g) serves all temperatures.
    """
    function = _point(plan, method)
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


def compute(plan: Plan, boxes: Iterable[Box]) -> Iterator[tuple[Box, Values]]:
    """Compute tiles in 64 bit, whatever the caller's JAX configuration says.

    With method "auto" a tile is solved for its populations; the points where that is not exact are
    solved again, densely. (A choice inside the mapped function would compute both everywhere.)

    Yields:
        the box and its arrays by name, the box's axes first.
    """
    method = plan.spec.solver.method
    in_turn = method == "auto" and bool(plan.axes)
    function = jax.jit(mapped(plan, "populations" if in_turn else method))
    densely = jax.jit(jax.vmap(_point(plan, "dense"), in_axes=(*(0 for _ in plan.axes), None)))
    for box in boxes:
        crop = tuple(slice(0, part.stop - part.start) for part in box)
        with jax.enable_x64(True):
            whole = jax.device_get(function(*tile_inputs(plan, box), plan.numbers))
            tile = {name: np.array(values[crop]) for name, values in whole.items()}
            if in_turn:
                _solve_the_rest(plan, box, tile, densely)
        yield box, tile


def _solve_the_rest(plan: Plan, box: Box, tile: Values, densely: PointFunction) -> None:
    """Replace the results of the points where the populations alone are not exact."""
    index = np.argwhere(tile["status"] == Status.METHOD_NOT_EXACT)
    for start in range(0, len(index), plan.dense_batch):
        batch = index[start : start + plan.dense_batch]
        padded = batch[np.minimum(np.arange(plan.dense_batch), len(batch) - 1)]
        inputs = [
            {name: values[part.start + along] for name, values in axis.parameters.items()}
            for axis, part, along in zip(plan.axes, box, padded.T, strict=True)
        ]
        solved = jax.device_get(densely(*inputs, plan.numbers))
        for name, values in solved.items():
            tile[name][tuple(batch.T)] = values[: len(batch)]
