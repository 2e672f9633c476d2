"""A sweep over a grid that is finer where a formula bends: which points are computed, and the rest."""

import dataclasses
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

import numpy as np

from qthermo_jax.results.schema import FLAG_VALUES, INTERPOLATED, LEAK, METHOD, NOTE, STATUS
from qthermo_jax.steady import Status
from qthermo_jax.sweeping.compute.devices import device_name
from qthermo_jax.sweeping.compute.engine import Engine
from qthermo_jax.sweeping.compute.reasons import causes_at
from qthermo_jax.sweeping.errors import Interrupted, StoreError
from qthermo_jax.sweeping.execute.hierarchy import Between, Level, agreeing, finer, mean, refined
from qthermo_jax.sweeping.execute.job import Sweep
from qthermo_jax.sweeping.execute.progress import Watcher, nobody
from qthermo_jax.sweeping.plan.elements import Elements, quantity_of, resolve
from qthermo_jax.sweeping.plan.record import Plan
from qthermo_jax.sweeping.plan.refinement import at_points, on_halved_grid
from qthermo_jax.sweeping.schedule.report import TileReport, counted
from qthermo_jax.sweeping.schedule.tiling import Box
from qthermo_jax.sweeping.spec.expression import Expression
from qthermo_jax.sweeping.spec.refine import Refine
from qthermo_jax.sweeping.store.layout import SURPLUS, Layout, layout_of, with_interpolated
from qthermo_jax.sweeping.store.reasons import with_reasons
from qthermo_jax.sweeping.store.tile_files import Arrays, TileFiles

# Points that are solved at a time: a multiple of the one, at least the other, so that one program serves
# most of the lists. A GPU compiles one for each length: for it they are powers of two.
_MULTIPLE, _LEAST = 128, 256

# Before the names of the axes in a part: what they are at its points.
_PLACE = "at "


@dataclasses.dataclass
class _Points:
    """The model at points of the grids, and everything that was computed.

    Attributes:
        plan: of the grid that is halved.
        asked: what its spec says of that.
        watch, stop: told of the points, and asked whether to go on.
        tile_files: where the points are kept, numbered in their order; None in memory.
        batches: for each level, the indices of points in its grid, (n, axes), and what came out.
    """

    plan: Plan
    asked: Refine
    watch: Watcher
    stop: Callable[[], bool]
    tile_files: TileFiles | None
    batches: list[list[tuple[np.ndarray, Arrays]]]

    def __call__(self, level: int, index: np.ndarray) -> np.ndarray:
        """The formula at points of the grid of a level, NaN where there is no state."""
        columns = {
            axis.name: axis.parameters[axis.name][index[:, at] << (self.asked.levels - level)]
            for at, axis in enumerate(self._finest.axes)
        }
        found = self._solved(columns, len(index)) if len(index) else {}
        if found:
            self.batches[level].append((index, found))
        return self._formula(columns, found) if found else np.empty(0)

    @cached_property
    def _finest(self) -> Plan:
        return on_halved_grid(self.plan)

    def _solved(self, columns: Arrays, size: int) -> Arrays:
        """Everything that is sought at some points; the last one is repeated to a usual number."""
        wanted = max(_LEAST, -(-size // _MULTIPLE) * _MULTIPLE)
        if not self.plan.on_cpu:
            wanted = 1 << (wanted - 1).bit_length()
        index = np.minimum(np.arange(wanted), size - 1)
        names = {name.name for name in self._resolved[0]}
        plan = at_points(self.plan, {name: own[index] for name, own in columns.items()}, names)
        boxes = [box for box in plan.tiling.boxes if box[0].start < size]
        parts = {side.start: kept for (side,) in boxes if (kept := self._kept(side, columns, size))}
        missing = [box for box in boxes if box[0].start not in parts]
        for (side,), tile in Engine(plan).solve(missing) if missing else ():
            parts[side.start] = there = {name: own[: size - side.start] for name, own in tile.items()}
            status = there[STATUS.name]
            if self.tile_files:
                places = {_PLACE + name: own[side] for name, own in columns.items()}
                self.tile_files.write(self._box(side, size), there | places, device_name())
            self.watch(TileReport(status.size, counted(status)))
            if self.stop():
                raise Interrupted
        arranged = [parts[side.start] for (side,) in boxes]
        return {name: np.concatenate([part[name] for part in arranged]) for name in arranged[0]}

    def _box(self, side: slice, size: int) -> Box:
        """The numbers of some of the points that are solved next, in the order of all."""
        before = sum(len(index) for own in self.batches for index, _ in own)
        return (slice(before + side.start, before + min(side.stop, size)),)

    def _kept(self, side: slice, columns: Arrays, size: int) -> Arrays | None:
        """What an earlier run found at some of the points that are solved next; None if it did not.

        Values that were computed anew, on another device, may lead to other points with these numbers:
        a part says at which points it was computed.
        """
        if self.tile_files is None:
            return None
        try:
            found = self.tile_files.read(self._box(side, size)).arrays
        except StoreError:
            return None
        places = [found.pop(_PLACE + name, np.empty(0)) for name in columns]
        if not all(map(np.array_equal, places, (own[side] for own in columns.values()))):
            return None
        status = found[STATUS.name]
        self.watch(TileReport(status.size, counted(status), earlier=True))
        return found

    @cached_property
    def _expression(self) -> Expression:
        return Expression.parsed(self.asked.formula)

    @property
    def between(self) -> Between:
        """What the formula is between two points: of a few values it has theirs, or any."""
        known = quantity_of(self._expression, self.plan.system.observables)
        return agreeing if known.values else mean

    @cached_property
    def _resolved(self) -> tuple[Elements, dict[str, np.ndarray]]:
        """Where observables stand, and the defaults of parameters that are not given."""
        return resolve(self._expression, ("refine", "formula"), self.plan, self.plan.system.observables)

    def _formula(self, columns: Arrays, found: Arrays) -> np.ndarray:
        elements, defaults = self._resolved
        others = self.plan.numbers | defaults | columns
        numbers = {
            name: _element(found[name.name], elements[name]) if name in elements else others[name.name]
            for name in self._expression.names
        }
        with np.errstate(all="ignore"):
            value = np.asarray(self._expression.value(numbers, np), float)
        there = found[STATUS.name] == Status.OK
        return np.where(there & np.isfinite(value), value, np.nan)


def _element(values: np.ndarray, index: tuple[int, ...]) -> np.ndarray:
    """One of the numbers of an observable at each point, in 64 bit."""
    place: tuple[Any, ...] = (slice(None), *index)
    return np.asarray(values[place], float)


def refined_result(
    job: Sweep,
    watch: Watcher = nobody,
    stop: Callable[[], bool] = lambda: False,
    tile_files: TileFiles | None = None,
) -> tuple[Layout, Arrays]:
    """The result of a sweep with a [refine], over the finest grid that was reached.

    Args:
        watch: told of the points that are solved.
        stop: asked now and then.
        tile_files: where the points are kept as they are solved; those that are there already are not
            solved again.

    Raises:
        Interrupted: `stop` said so.
        StoreError: the points cannot be kept.
    """
    plan, asked = job.plan, job.plan.spec.refine
    if asked is None:
        raise AssertionError(job.source)  # nobody asks for it without a [refine]
    points = _Points(plan, asked, watch, stop, tile_files, [[] for _ in range(asked.levels + 1)])
    levels = list(refined(points, plan.shape, asked.tolerance, asked.levels, points.between))
    whole_plan = on_halved_grid(plan, len(levels))
    layout = layout_of(whole_plan, job.source, device_name())
    arrays, surpluses = {}, {}
    for name in layout.computed:
        between = _between(layout, name)
        arrays[name], surpluses[name] = _assembled(points.batches, levels, name, between, plan.shape)
    interpolated = np.ones(whole_plan.shape, INTERPOLATED.dtype)
    for level, batches in enumerate(points.batches):
        for index, _ in batches:
            interpolated[tuple((index << (len(levels) - level)).T)] = 0
    told = _told(asked, levels, interpolated)
    layout = with_interpolated(layout, told, surpluses)
    whole: Box = tuple(slice(0, n) for n in whole_plan.shape)
    computed = {STATUS.name: np.where(interpolated, int(Status.OK), arrays[STATUS.name])}
    layout = with_reasons(layout, whole_plan, [(whole, computed)], partial(causes_at, plan))
    return layout, arrays | {INTERPOLATED.name: interpolated}


def _neither(before: np.ndarray, _: np.ndarray) -> np.ndarray:
    """No solver found what is interpolated."""
    return np.full_like(before, METHOD.fill_value)


def _between(layout: Layout, name: str) -> Between:
    """What a variable is between two computed points.

    The status is OK where that of both is. What has a few values only is not interpolated: it is that
    of both neighbours where they agree.
    """
    variable = layout.computed[name]
    if variable.dtype == STATUS.dtype and variable.fill_value == STATUS.fill_value:
        return np.maximum
    combined: dict[str, Between] = {
        METHOD.name: _neither,
        NOTE.name: np.bitwise_or,
        LEAK.name: np.maximum,
    }
    if name in combined:
        return combined[name]
    return agreeing if FLAG_VALUES in variable.attrs else mean


def _assembled(
    batches: list[list[tuple[np.ndarray, Arrays]]],
    levels: list[Level],
    name: str,
    between: Between,
    shape: tuple[int, ...],
) -> tuple[np.ndarray, float | None]:
    """A variable over the finest grid, and its largest surplus in cells that were left.

    None for what is not interpolated linearly.
    """
    ((_, first),) = batches[0]
    values = first[name].reshape(*shape, *first[name].shape[1:])
    surplus = 0.0
    for level, new in zip(levels, batches[1:], strict=False):
        values = finer(values, between, len(shape))
        for index, found in new:
            here = tuple(index.T)
            if between is mean:
                differences = np.abs(found[name] - values[here])[level.left[here]]
                surplus = max(
                    surplus, float(np.max(differences, where=np.isfinite(differences), initial=0.0))
                )
            values[here] = found[name]
    return values, surplus if between is mean else None


def _told(asked: Refine, levels: list[Level], interpolated: np.ndarray) -> dict[str, Any]:
    """What the result says of how it was refined."""
    return {
        "formula": asked.formula,
        "tolerance": asked.tolerance,
        SURPLUS: max(level.surplus for level in levels),
        "unresolved_cells": levels[-1].bending,
        "unresolved_surplus": levels[-1].bend,
        "cells_on_an_edge": levels[-1].edges,
        "computed_points": int(np.sum(interpolated == 0)),
    }
