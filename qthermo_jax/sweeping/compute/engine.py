"""The computation: a point's function mapped over the axes, one compiled program for all tiles."""

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from typing import Any

import jax
import numpy as np

from qthermo_jax.results.schema import NOTE
from qthermo_jax.solvers import Note
from qthermo_jax.sweeping.compute.kinds import KINDS, PointSolver
from qthermo_jax.sweeping.compute.mapping import Results, mapped, one_after_another, spread
from qthermo_jax.sweeping.compute.point import point_function
from qthermo_jax.sweeping.compute.programs import Recipe, program
from qthermo_jax.sweeping.compute.rest import Rest, Values, solvers_at
from qthermo_jax.sweeping.plan.record import Plan
from qthermo_jax.sweeping.schedule.batches import batches_of
from qthermo_jax.sweeping.schedule.tiling import Box

# What the names of the programs with net fluxes say.
NET_FLUXES = ", net fluxes"

# The part of a GPU's tile that is solved again point by point; where more points ask, the whole tile is.
_FEW = 1 / 16

# What a call found, and how many of its chunks count.
Batch = tuple[Results, int]


class Engine:
    """A plan's programs, each compiled when it is first needed.

    Everything is computed in the plan's precision, whatever the caller's JAX configuration says. With
    method "auto" a tile is solved for its populations; the points where that is not exact are solved
    again, with the secular block, and those that remain densely. (A choice inside the mapped function
    would compute all of them everywhere.) In the same way the chunks that have a point whose currents
    lose digits when fluxes both ways are subtracted are solved again with net fluxes: a larger program,
    which most sweeps never need. On a GPU, whose chunks are tiles, few such points are solved again
    alone.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._in_turn = len(plan.solvers) > 1 and bool(plan.axes)
        self._method = plan.solvers[0] if self._in_turn else plan.method
        # A function of the user's own may make anything of a NaN.
        asks_all = not plan.system.computed_observables.isdisjoint(plan.outputs)
        # A search has to see every current.
        withholds = KINDS[plan.system.kind].withholds and plan.search is None
        self._net_fluxes_first = asks_all or not withholds
        self._rest = Rest(plan)
        self._batches = batches_of(plan.tiling, on_cpu=plan.on_cpu)

    @cached_property
    def _program(self) -> jax.stages.Compiled:
        """That of a batch of chunks."""
        return self._compiled(self._recipe(net_fluxes=self._net_fluxes_first))

    @cached_property
    def _thorough_program(self) -> jax.stages.Compiled:
        """The same with net fluxes."""
        return self._compiled(self._recipe(net_fluxes=True))

    def _compiled(self, recipe: Recipe) -> jax.stages.Compiled:
        what, function, inputs = recipe
        return program(self._plan, what, function, *inputs)

    def _recipe(self, *, net_fluxes: bool) -> Recipe:
        plan, batches = self._plan, self._batches
        point = point_function(plan, self._method, net_fluxes=net_fluxes)
        function = spread(one_after_another(mapped(point, len(plan.axes)), batches.chunks), plan.devices)
        first = self._inputs(next(plan.tiling.boxes), batches.of(next(plan.tiling.boxes))[0])
        what = {"method": self._method, "chunks": batches.chunks, "net_fluxes": net_fluxes}
        return Recipe(what, function, first)

    @property
    def recipes(self) -> Iterator[tuple[str, Recipe]]:
        """Those of all programs that the plan may need, each with what solves its points."""
        yield self._method, self._recipe(net_fluxes=self._net_fluxes_first)
        if not self._net_fluxes_first:
            yield f"{self._method}{NET_FLUXES}", self._recipe(net_fluxes=True)
            if self._plan.axes and not self._plan.on_cpu:
                name = f"{self._method}{NET_FLUXES} at single points"
                yield name, self._rest.recipe_with_net_fluxes()
        if self._in_turn:
            yield from self._rest.recipes()

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        """Whatever runs, runs in these."""
        return ThreadPoolExecutor(self._batches.at_once)

    @property
    def solvers(self) -> tuple[PointSolver, ...]:
        """Those that are tried one after the other at each point."""
        return solvers_at(self._plan, self._plan.system.levels)

    @property
    def bytes_on_device(self) -> int | None:
        """What one device holds while it solves its share of a tile, by XLA's own account."""
        memory: Any = self._program.memory_analysis()
        if memory is None:
            return None
        sizes = (memory.argument_size_in_bytes, memory.output_size_in_bytes, memory.temp_size_in_bytes)
        first = next(self._plan.tiling.boxes)
        return int(sum(sizes)) * min(self._batches.at_once, len(self._batches.of(first)))

    def _inputs(self, box: Box, corners: np.ndarray) -> list[Any]:
        """What the program takes: how many chunks each device solves, their values, the fixed numbers.

        Beyond the edge of the box the last point repeats, and so does the last chunk of the batch.
        """
        plan, batches, devices = self._plan, self._batches, self._plan.devices
        here = np.arange(batches.size).reshape(devices, -1)
        number = np.clip(len(corners) - here[:, 0], 0, batches.chunks).astype(np.int32)
        corners = corners[np.minimum(np.arange(batches.size), len(corners) - 1)]
        inputs: list[Any] = [number]
        for axis, side, step, starts in zip(plan.axes, box, plan.tiling.chunk, corners.T, strict=True):
            index = np.minimum(starts[:, None] + np.arange(step), side.stop - 1)
            columns = axis.parameters.items()
            inputs.append({name: values[index].astype(plan.dtype) for name, values in columns})
        return [*inputs, plan.arguments]

    def _start(self, box: Box) -> list[Future[Batch]]:
        """A tile's batches, on their way."""
        program = self._program  # compiled before several threads ask for it
        return [
            self._threads.submit(self._run, program, box, corners) for corners in self._batches.of(box)
        ]

    def _asking(self, chunks: Values) -> np.ndarray:
        """The points of a tile's chunks that need net fluxes and have not got them."""
        needed: np.ndarray = chunks[NOTE.name] & Note.CURRENTS_CANCEL > 0
        return needed & (not self._net_fluxes_first)

    def _add_net_fluxes(self, box: Box, chunks: Values, asking: np.ndarray) -> None:
        """Replace the results of the points that need them."""
        which = np.flatnonzero(asking.reshape(len(asking), -1).any(axis=1))
        if not which.size:
            return
        program, size = self._thorough_program, self._batches.size
        corners = np.split(self._plan.tiling.corners(box)[which], range(size, which.size, size))
        found = _together([self._threads.submit(self._run, program, box, own) for own in corners])
        for name, values in found.items():
            chunks[name][asking] = values[asking[which]]

    def _run(self, program: jax.stages.Compiled, box: Box, corners: np.ndarray) -> Batch:
        """Solve a batch.

        A GPU is given its work at once and sends the results when it has them, so that the next tile is
        there when it has finished this one. A thread of a CPU is busy until its batch is solved.
        """
        with jax.enable_x64(self._plan.dtype == np.float64):
            results: Results = program(*self._inputs(box, corners))
        for own in results.values():
            own.block_until_ready() if self._plan.on_cpu else own.copy_to_host_async()
        return results, len(corners)

    def solve(self, boxes: Iterable[Box]) -> Iterator[tuple[Box, Values]]:
        """Compute tiles; while one is handed out the next is on its way.

        Yields:
            the box and its arrays by name, the box's axes first.
        """
        ahead: tuple[Box, list[Future[Batch]]] | None = None
        for box in boxes:
            started = box, self._start(box)
            if ahead:
                yield self._finished(*ahead)
            ahead = started
        if ahead:
            yield self._finished(*ahead)

    def _finished(self, box: Box, batches: list[Future[Batch]]) -> tuple[Box, Values]:
        chunks = _together(batches)
        asking = self._asking(chunks)
        at_points = bool(not self._plan.on_cpu and 0 < asking.mean() <= _FEW)
        if not at_points:
            self._add_net_fluxes(box, chunks, asking)
        tile = {name: self._plan.tiling.joined(box, values) for name, values in chunks.items()}
        if self._in_turn or at_points:
            self._threads.submit(self._solve_rest, box, tile, net_fluxes=at_points).result()
        return box, tile

    def _solve_rest(self, box: Box, tile: Values, *, net_fluxes: bool) -> None:
        with jax.enable_x64(self._plan.dtype == np.float64):
            if net_fluxes:
                self._rest.add_net_fluxes(box, tile)
            if self._in_turn:
                self._rest.solve(box, tile)


def _together(batches: list[Future[Batch]]) -> Values:
    """The results of batches, chunk after chunk."""
    solved = [(jax.device_get(results), number) for results, number in (own.result() for own in batches)]
    names = solved[0][0]
    return {name: np.concatenate([found[name][:number] for found, number in solved]) for name in names}
