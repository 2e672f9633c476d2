"""The computation: a point's function mapped over the axes, compiled once for all tiles."""

import math
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec
from jaxtyping import Array

from qthermo_jax.master_equations import EQUATIONS
from qthermo_jax.precision import compiled
from qthermo_jax.solvers import Solver
from qthermo_jax.steady import GOES_ON
from qthermo_jax.structure import Index
from qthermo_jax.sweeping.compute.point import Numbers, PointFunction, point_function
from qthermo_jax.sweeping.compute.setting import system_function
from qthermo_jax.sweeping.compute.tracing import solvers_of
from qthermo_jax.sweeping.plan.record import Plan
from qthermo_jax.sweeping.schedule.thread_chunks import thread_chunks_of
from qthermo_jax.sweeping.schedule.tiling import Box, chunk_of

Values = dict[str, np.ndarray]

_SPLIT = PartitionSpec("devices")
_WHOLE = PartitionSpec()

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


def in_chunks(function: PointFunction, tile: tuple[int, ...], chunk: tuple[int, ...]) -> PointFunction:
    """A tile's function from that of a chunk, one after another: what one needs stays in the cache."""
    counts = [-(-n // step) for n, step in zip(tile, chunk, strict=True)]
    if math.prod(counts) <= 1:
        return function
    corners = np.stack([corner.reshape(-1) for corner in np.indices(counts)], axis=1)

    def whole(*inputs: Numbers) -> dict[str, Array]:
        *axes, numbers = inputs
        sliced = []
        for values, n, step, count in zip(axes, tile, chunk, counts, strict=True):
            index = np.minimum(np.arange(count * step), n - 1).reshape(count, step).astype(np.int32)
            sliced.append({name: column[index] for name, column in values.items()})

        def one(corner: Array) -> dict[str, Array]:
            at = [
                {k: v[corner[axis]] for k, v in columns.items()} for axis, columns in enumerate(sliced)
            ]
            return function(*at, numbers)

        results = jax.lax.map(one, jnp.asarray(corners))
        return {name: _joined(array, counts, chunk, tile) for name, array in results.items()}

    return whole


def _joined(array: Array, counts: list[int], chunk: tuple[int, ...], tile: tuple[int, ...]) -> Array:
    """Chunks side by side again: (chunks, *chunk, ...) -> (*tile, ...)."""
    n = len(chunk)
    own = array.shape[1 + n :]
    order = [position for axis in range(n) for position in (axis, n + axis)]
    apart = array.reshape(*counts, *chunk, *own).transpose(*order, *range(2 * n, 2 * n + len(own)))
    full = apart.reshape(*(c * s for c, s in zip(counts, chunk, strict=True)), *own)
    return full[tuple(slice(0, size) for size in tile)]


def inputs_of(plan: Plan, box: Box, shape: tuple[int, ...]) -> Iterator[Values]:
    """Each axis' values from the corner of a box on; at the edge the last one repeats."""
    for axis, side, step in zip(plan.axes, box, shape, strict=True):
        index = np.minimum(np.arange(side.start, side.start + step), axis.size - 1)
        yield {name: values[index].astype(plan.dtype) for name, values in axis.parameters.items()}


def spread(function: PointFunction, devices: int, split: tuple[bool, ...], axis: int) -> PointFunction:
    """A function whose inputs are shared out between local devices along their first axis.

    Args:
        split: which of the inputs are; the others are the same everywhere.
        axis: of the results, along which the devices' shards stand side by side.
    """
    if devices == 1:
        return function
    mesh = Mesh(np.array(jax.local_devices()[:devices]), ("devices",))
    ins = tuple(_SPLIT if one else _WHOLE for one in split)
    outs = PartitionSpec(*(None for _ in range(axis)), "devices")
    return jax.shard_map(function, mesh=mesh, in_specs=ins, out_specs=outs, check_vma=False)


class Engine:
    """A plan's programs, each compiled when it is first needed.

    Everything is computed in the plan's precision, whatever the caller's JAX configuration says. With
    method "auto" a tile is solved for its populations; the points where that is not exact are solved
    again, with the secular block, and those that remain densely. (A choice inside the mapped function
    would compute all of them everywhere.)
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._in_turn = len(plan.solvers) > 1 and bool(plan.axes)
        self._rest = _Rest(plan)
        self._thread_chunks = thread_chunks_of(plan.tiling, on_cpu=plan.on_cpu)

    @cached_property
    def _program(self) -> jax.stages.Compiled:
        """That of a thread chunk of a tile."""
        plan, tiling = self._plan, self._plan.tiling
        n_axes = len(plan.axes)
        method = plan.solvers[0] if self._in_turn else plan.method
        shard = self._thread_chunks.shape if tiling.devices == 1 else tiling.shard
        solve_shard = in_chunks(mapped(point_function(plan, method), n_axes), shard, tiling.chunk)
        split = (*(axis == tiling.sharded_axis for axis in range(n_axes)), False)
        function = compiled(spread(solve_shard, plan.devices, split, tiling.sharded_axis))
        with jax.enable_x64(plan.dtype == np.float64):
            first = inputs_of(plan, next(tiling.boxes), self._thread_chunks.shape)
            program: jax.stages.Compiled = function.lower(*first, self._numbers).compile()
        return program

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        """Whatever runs, runs in these: one for each thread chunk."""
        return ThreadPoolExecutor(self._thread_chunks.number)

    @property
    def solvers(self) -> tuple[Solver, ...]:
        """Those that are tried one after the other at each point."""
        return _solvers_of(self._plan, self._plan.system.levels)

    @property
    def bytes_on_device(self) -> int | None:
        """What one device holds while it solves its shard of a tile, by XLA's own account."""
        memory: Any = self._program.memory_analysis()
        if memory is None:
            return None
        sizes = (memory.argument_size_in_bytes, memory.output_size_in_bytes, memory.temp_size_in_bytes)
        return int(sum(sizes)) * self._thread_chunks.number

    @property
    def _numbers(self) -> Values:
        return {name: value.astype(self._plan.dtype) for name, value in self._plan.numbers.items()}

    def _start(self, box: Box) -> list[Future[Values]]:
        """A tile's thread chunks, on their way."""
        program = self._program  # compiled before several threads ask for it
        return [
            self._threads.submit(self._run, program, chunk) for chunk in self._thread_chunks.chunks(box)
        ]

    def _run(self, program: jax.stages.Compiled, box: Box) -> Values:
        with jax.enable_x64(self._plan.dtype == np.float64):
            given = inputs_of(self._plan, box, self._thread_chunks.shape)
            results: Values = jax.device_get(program(*given, self._numbers))
        return results

    def solve(self, boxes: Iterable[Box]) -> Iterator[tuple[Box, Values]]:
        """Compute tiles; while one is handed out the next is on its way.

        Yields:
            the box and its arrays by name, the box's axes first.
        """
        ahead: tuple[Box, list[Future[Values]]] | None = None
        for box in boxes:
            started = box, self._start(box)
            if ahead:
                yield self._finished(*ahead)
            ahead = started
        if ahead:
            yield self._finished(*ahead)

    def _finished(self, box: Box, chunks: list[Future[Values]]) -> tuple[Box, Values]:
        tile = self._thread_chunks.joined(box, [chunk.result() for chunk in chunks])
        if self._in_turn:
            self._threads.submit(self._solve_rest, box, tile).result()
        return box, tile

    def _solve_rest(self, box: Box, tile: Values) -> None:
        with jax.enable_x64(self._plan.dtype == np.float64):
            self._rest.solve(box, tile)


class _Rest:
    """The solvers for points where the populations alone are not exact, compiled when first needed.

    Which levels are degenerate is asked anew in each tile: its numbers are the same whichever tiles a
    process computes.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._solvers: dict[tuple[Index, ...], list[tuple[PointFunction, int]]] = {}

    def solve(self, box: Box, tile: Values) -> None:
        """Replace the results of those points of a tile."""
        index = _unsolved(tile)
        if not len(index):
            return
        levels = self._plan.system.levels
        if levels is None:
            levels = self._degenerate_in(self._inputs(box, index[:_LEVELS_FROM]))
        if levels not in self._solvers:
            self._solvers[levels] = list(self._made_for(levels))
        for function, size in self._solvers[levels]:
            index = _unsolved(tile)
            for batch in _batches(index, size):
                padded = batch[np.minimum(np.arange(size), len(batch) - 1)]
                found = jax.device_get(function(*self._inputs(box, padded), self._plan.numbers))
                for name, values in found.items():
                    tile[name][tuple(batch.T)] = values[: len(batch)]

    def _inputs(self, box: Box, index: np.ndarray) -> list[Values]:
        """Each axis' values at points of the box, (points, axes)."""
        return [
            {name: values[side.start + along] for name, values in axis.parameters.items()}
            for axis, side, along in zip(self._plan.axes, box, index.T, strict=True)
        ]

    def _made_for(self, levels: tuple[Index, ...]) -> Iterator[tuple[PointFunction, int]]:
        """The solvers in their order, each with the size of its batches."""
        for solver in _solvers_of(self._plan, levels)[1:]:
            yield self._batched(solver, levels)

    def _batched(self, solver: Solver, levels: tuple[Index, ...]) -> tuple[PointFunction, int]:
        plan, system = self._plan, self._plan.system
        each = solver.bytes_per_point(system.dimension, system.n_transitions, levels)
        point = point_function(plan, solver.name, levels)
        shard = min(max(1, plan.memory // each), _LARGEST_BATCH)
        chunk = min(shard, chunk_of(each)) if plan.on_cpu else shard
        shard -= shard % chunk

        def batch(*inputs: Numbers) -> dict[str, Array]:
            *axes, numbers = inputs
            found: dict[str, Array] = jax.lax.map(
                lambda own: point(*own, numbers), axes, batch_size=chunk
            )
            return found

        split = (*(True for _ in plan.axes), False)
        return compiled(spread(batch, plan.devices, split, 0)), plan.devices * shard

    def _degenerate_in(self, inputs: list[Values]) -> tuple[Index, ...]:
        """The levels that are degenerate at all of some points, for a system that declares none."""
        plan, function = self._plan, system_function(self._plan)

        def level(*values: Numbers) -> Array:
            numbers = {name: value for own in values for name, value in own.items()}
            return function(**numbers).eigenbasis().level

        along = (*(0 for _ in plan.axes), None)
        found = jax.device_get(compiled(jax.vmap(level, in_axes=along))(*inputs, plan.numbers))
        together = (found[:, :, None] == found[:, None, :]).all(axis=0)
        return tuple(tuple(np.flatnonzero(row).tolist()) for row in np.unique(together, axis=0)[::-1])


def _solvers_of(plan: Plan, levels: tuple[Index, ...] | None) -> tuple[Solver, ...]:
    return solvers_of(plan, EQUATIONS[plan.system.generator], levels)


def _unsolved(tile: Values) -> np.ndarray:
    """The points that are for the next solver, (points, axes)."""
    return np.argwhere(np.isin(tile["status"], GOES_ON))


def _batches(index: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for start in range(0, len(index), size):
        yield index[start : start + size]
