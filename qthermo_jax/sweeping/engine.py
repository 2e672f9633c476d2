"""The computation: a point's function mapped over the axes, compiled once for all tiles."""

import math
from collections.abc import Iterable, Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from qthermo_jax.spectral import eigenbasis
from qthermo_jax.steady import Method, Status, bytes_per_point, has_block
from qthermo_jax.structure import Index
from qthermo_jax.sweeping.plan import Box, Plan
from qthermo_jax.sweeping.point import Numbers, PointFunction, point_function

Values = dict[str, np.ndarray]

# Few points need another solver as a rule, and a batch has one size: a larger one would solve padding.
_LARGEST_BATCH = 256

# How many of those points are looked at to find out which levels are degenerate.
_LEVELS_FROM = 32


def mapped(function: PointFunction, n_axes: int) -> PointFunction:
    """The point function with one `vmap` an axis, the first axis outermost.

    Mapping axis by axis, not over a flat list of points, computes what does not depend on an axis
    once along it: one eigendecomposition of H(g) serves all temperatures.
    """
    for position in reversed(range(n_axes)):
        in_axes = [0 if index == position else None for index in range(n_axes)] + [None]
        function = jax.vmap(function, in_axes=tuple(in_axes))
    return function


def in_cells(function: PointFunction, tile: tuple[int, ...], cell: tuple[int, ...]) -> PointFunction:
    """A tile's function from that of a cell, cell after cell: what a cell needs stays in the cache."""
    counts = [-(-n // step) for n, step in zip(tile, cell, strict=True)]
    if math.prod(counts) <= 1:
        return function
    corners = np.stack([corner.reshape(-1) for corner in np.indices(counts)], axis=1)

    def whole(*inputs: Numbers) -> dict[str, Array]:
        *axes, numbers = inputs
        pieces = []
        for values, n, step, count in zip(axes, tile, cell, counts, strict=True):
            index = np.minimum(np.arange(count * step), n - 1).reshape(count, step).astype(np.int32)
            pieces.append({name: column[index] for name, column in values.items()})

        def one(corner: Array) -> dict[str, Array]:
            at = [{k: v[corner[axis]] for k, v in piece.items()} for axis, piece in enumerate(pieces)]
            return function(*at, numbers)

        results = jax.lax.map(one, jnp.asarray(corners))
        return {name: _joined(array, counts, cell, tile) for name, array in results.items()}

    return whole


def _joined(array: Array, counts: list[int], cell: tuple[int, ...], tile: tuple[int, ...]) -> Array:
    """Cells side by side again: (cells, *cell, ...) -> (*tile, ...)."""
    n = len(cell)
    own = array.shape[1 + n :]
    order = [part for axis in range(n) for part in (axis, n + axis)]
    apart = array.reshape(*counts, *cell, *own).transpose(*order, *range(2 * n, 2 * n + len(own)))
    full = apart.reshape(*(c * s for c, s in zip(counts, cell, strict=True)), *own)
    return full[tuple(slice(0, size) for size in tile)]


def tile_inputs(plan: Plan, box: Box) -> Iterator[Values]:
    """Each axis' values in the box; a tile at the edge repeats the last one to keep its shape."""
    for axis, part, step in zip(plan.axes, box, plan.tile, strict=True):
        index = np.minimum(np.arange(part.start, part.start + step), axis.size - 1)
        yield {name: values[index].astype(plan.dtype) for name, values in axis.parameters.items()}


def compute(plan: Plan, boxes: Iterable[Box]) -> Iterator[tuple[Box, Values]]:
    """Compute tiles in the plan's precision, whatever the caller's JAX configuration says.

    With method "auto" a tile is solved for its populations; the points where that is not exact are
    solved again, with the secular block, and those that remain densely. (A choice inside the mapped
    function would compute all of them everywhere.)

    Yields:
        the box and its arrays by name, the box's axes first.
    """
    in_turn = plan.method == "auto" and bool(plan.axes)
    solve = mapped(point_function(plan, "populations" if in_turn else plan.method), len(plan.axes))
    function = jax.jit(in_cells(solve, plan.tile, plan.cell))
    rest = _Rest(plan)
    for box in boxes:
        crop = tuple(slice(0, part.stop - part.start) for part in box)
        with jax.enable_x64(plan.dtype == np.float64):
            numbers = jax.tree.map(lambda value: value.astype(plan.dtype), plan.numbers)
            whole = jax.device_get(function(*tile_inputs(plan, box), numbers))
            tile = {name: np.array(values[crop]) for name, values in whole.items()}
            if in_turn:
                rest.solve(box, tile)
        yield box, tile


class _Rest:
    """The solvers for points where the populations alone are not exact, compiled when first needed."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._solvers: list[tuple[PointFunction, int]] | None = None

    def solve(self, box: Box, tile: Values) -> None:
        """Replace the results of those points of a tile."""
        index = np.argwhere(tile["status"] == Status.METHOD_NOT_EXACT)
        if self._solvers is None and len(index):
            self._solvers = list(self._made_for(self._inputs(box, index[:_LEVELS_FROM])))
        for function, size in self._solvers or ():
            index = np.argwhere(tile["status"] == Status.METHOD_NOT_EXACT)
            for batch in _batches(index, size):
                padded = batch[np.minimum(np.arange(size), len(batch) - 1)]
                found = jax.device_get(function(*self._inputs(box, padded), self._plan.numbers))
                for name, values in found.items():
                    tile[name][tuple(batch.T)] = values[: len(batch)]

    def _inputs(self, box: Box, index: np.ndarray) -> list[Values]:
        """Each axis' values at points of the box, (points, axes)."""
        return [
            {name: values[part.start + along] for name, values in axis.parameters.items()}
            for axis, part, along in zip(self._plan.axes, box, index.T, strict=True)
        ]

    def _made_for(self, inputs: list[Values]) -> Iterator[tuple[PointFunction, int]]:
        """The solvers in their order, each with the size of its batches."""
        plan = self._plan
        system = plan.system
        levels = system.levels if system.levels is not None else self._degenerate_in(inputs)
        if has_block(levels):
            yield self._batched("secular_block", Method.SECULAR_BLOCK, levels)
        yield self._batched("dense", Method.DENSE, levels)

    def _batched(
        self, name: str, method: Method, levels: tuple[Index, ...]
    ) -> tuple[PointFunction, int]:
        plan = self._plan
        each = bytes_per_point(plan.system, method, levels)
        along = (*(0 for _ in plan.axes), None)
        function = jax.jit(jax.vmap(point_function(plan, name, levels), in_axes=along))
        return function, min(max(1, plan.memory // each), _LARGEST_BATCH)

    def _degenerate_in(self, inputs: list[Values]) -> tuple[Index, ...]:
        """The levels that are degenerate at all of some points, for a system that declares none."""
        plan = self._plan

        def level(*values: Numbers) -> Array:
            numbers = {name: value for part in values for name, value in part.items()}
            return eigenbasis(plan.model.function(**plan.structure, **numbers)).level

        along = (*(0 for _ in plan.axes), None)
        found = jax.device_get(jax.jit(jax.vmap(level, in_axes=along))(*inputs, plan.numbers))
        together = (found[:, :, None] == found[:, None, :]).all(axis=0)
        return tuple(tuple(np.flatnonzero(row).tolist()) for row in np.unique(together, axis=0)[::-1])


def _batches(index: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for start in range(0, len(index), size):
        yield index[start : start + size]
