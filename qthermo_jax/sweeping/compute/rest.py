"""The points of a tile that are solved again, each by itself.

Where the populations alone are not exact, the next solvers take over. On a GPU the few points whose
currents need net fluxes are solved again here as well.
"""

from collections.abc import Iterator

import jax
import numpy as np
from jaxtyping import Array

from qthermo_jax.results.schema import NOTE
from qthermo_jax.solvers import Note
from qthermo_jax.steady import GOES_ON
from qthermo_jax.structure import Index
from qthermo_jax.sweeping.compute.kinds import KINDS, Levels, PointSolver
from qthermo_jax.sweeping.compute.mapping import spread
from qthermo_jax.sweeping.compute.point import Numbers, point_function
from qthermo_jax.sweeping.compute.programs import Recipe, program
from qthermo_jax.sweeping.compute.setting import system_function
from qthermo_jax.sweeping.compute.tracing import solvers_of
from qthermo_jax.sweeping.plan.record import Plan
from qthermo_jax.sweeping.schedule.tiling import Box, chunk_of

Values = dict[str, np.ndarray]

# Few points are solved again as a rule, and a batch has one size: a larger one would solve padding. A
# GPU takes no longer for thousands than for hundreds.
_LARGEST_BATCH, _LARGEST_ON_GPU = 256, 4096

# How many of those points are looked at to find out which levels are degenerate.
_LEVELS_FROM = 32


def solvers_at(plan: Plan, levels: Levels) -> tuple[PointSolver, ...]:
    """Those that are tried one after the other at each point.

    Args:
        levels: groups of eigenstates that are known to be degenerate; None if nothing is known.
    """
    return solvers_of(plan, KINDS[plan.system.kind], plan.system.generator, levels)


class Rest:
    """What solves single points again: the solvers after the first one of a plan, and the first one.

    Which levels are degenerate is asked anew in each tile: its numbers are the same whichever tiles a
    process computes.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def solve(self, box: Box, tile: Values) -> None:
        """Replace the results of the points of a tile where the first solver is not exact."""
        index = _unsolved(tile)
        if not len(index):
            return
        levels = self._plan.system.levels
        if levels is None:
            levels = self._degenerate_in(box, index)
        for solver in solvers_at(self._plan, levels)[1:]:
            self._solve_again(box, tile, _unsolved(tile), solver, levels)

    def add_net_fluxes(self, box: Box, tile: Values) -> None:
        """Replace the results of the points of a tile whose currents need net fluxes."""
        index = np.argwhere(tile[NOTE.name] & Note.CURRENTS_CANCEL > 0)
        levels = self._plan.system.levels
        self._solve_again(box, tile, index, solvers_at(self._plan, levels)[0], levels)

    def _solve_again(
        self, box: Box, tile: Values, index: np.ndarray, solver: PointSolver, levels: Levels
    ) -> None:
        """Replace the results of points of a tile, (points, axes), by those of a solver."""
        size, _ = self._batch_of(solver, levels)
        for batch in _batches(index, size):
            what, function, inputs = self.recipe(solver, levels, self._inputs(box, batch, size))
            found = jax.device_get(program(self._plan, what, function, *inputs)(*inputs))
            for name, values in found.items():
                tile[name][tuple(batch.T)] = values[: len(batch)]

    def recipe_with_net_fluxes(self) -> Recipe:
        """That of `add_net_fluxes`."""
        levels = self._plan.system.levels
        return self._first_recipe(solvers_at(self._plan, levels)[0], levels)

    def recipes(self) -> Iterator[tuple[str, Recipe]]:
        """The programs of all solvers after the first one, each with its solver's name.

        Which levels are degenerate is known for a system that declares them. For others none is taken to
        be degenerate.
        """
        plan = self._plan
        single = tuple((level,) for level in range(plan.system.dimension))
        levels = plan.system.levels or single
        for solver in solvers_at(plan, levels)[1:]:
            yield solver.name, self._first_recipe(solver, levels)

    def _first_recipe(self, solver: PointSolver, levels: Levels) -> Recipe:
        """That of a solver, with the first point of the plan."""
        size, _ = self._batch_of(solver, levels)
        corner = np.zeros((1, len(self._plan.axes)), int)
        inputs = self._inputs(next(self._plan.tiling.boxes), corner, size)
        return self.recipe(solver, levels, inputs)

    def _inputs(self, box: Box, index: np.ndarray, size: int) -> list[Values]:
        """Each axis' values at points of the box, the last one repeated, (size,), and the numbers."""
        plan = self._plan
        index = index[np.minimum(np.arange(size), len(index) - 1)]
        swept = [
            {k: values[side.start + along].astype(plan.dtype) for k, values in axis.parameters.items()}
            for axis, side, along in zip(plan.axes, box, index.T, strict=True)
        ]
        return [*swept, plan.arguments]

    def _batch_of(self, solver: PointSolver, levels: Levels) -> tuple[int, int]:
        """How many points all devices solve in a call, and how many of them one does at a time."""
        plan, system = self._plan, self._plan.system
        each = solver.bytes_per_point(system.dimension, system.n_transitions, levels)
        share = min(max(1, plan.memory // each), _LARGEST_BATCH if plan.on_cpu else _LARGEST_ON_GPU)
        chunk = min(share, chunk_of(each)) if plan.on_cpu else share
        return plan.devices * (share - share % chunk), chunk

    def recipe(self, solver: PointSolver, levels: Levels, inputs: list[Values]) -> Recipe:
        """That of the program which solves a batch of single points."""
        _, chunk = self._batch_of(solver, levels)
        point = point_function(self._plan, solver.name, levels)

        def batch(*inputs: Numbers) -> dict[str, Array]:
            *axes, numbers = inputs
            found: dict[str, Array] = jax.lax.map(
                lambda own: point(*own, numbers), axes, batch_size=chunk
            )
            return found

        what = {"rest": solver.name, "levels": levels, "chunk": chunk}
        return Recipe(what, spread(batch, self._plan.devices), inputs)

    def _degenerate_in(self, box: Box, index: np.ndarray) -> tuple[Index, ...]:
        """The levels that are degenerate at all of some points, for a system that declares none."""
        plan, function = self._plan, system_function(self._plan)
        inputs = self._inputs(box, index[:_LEVELS_FROM], _LEVELS_FROM)

        def level(*values: Numbers) -> Array:
            numbers = {name: value for own in values for name, value in own.items()}
            found: Array = function(**numbers).eigenbasis().level
            return found

        along = (*(0 for _ in plan.axes), None)
        what = {"rest": "levels"}
        found = jax.device_get(program(plan, what, jax.vmap(level, in_axes=along), *inputs)(*inputs))
        together = (found[:, :, None] == found[:, None, :]).all(axis=0)
        return tuple(tuple(np.flatnonzero(row).tolist()) for row in np.unique(together, axis=0)[::-1])


def _unsolved(tile: Values) -> np.ndarray:
    """The points that are for the next solver, (points, axes)."""
    return np.argwhere(np.isin(tile["status"], GOES_ON))


def _batches(index: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for start in range(0, len(index), size):
        yield index[start : start + size]
