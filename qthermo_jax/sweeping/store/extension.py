"""A finished result that is asked for more points or more observables: only what it lacks is computed.

What it holds along every axis is a product of positions, and so is each piece of the rest: the points
that are new along the first axis, those that are new along the second and old along the first, and so
on. Each piece is a sweep of its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import xarray as xr

from qthermo_jax.results.schema import NOTE
from qthermo_jax.sweeping.plan.grid import Axis
from qthermo_jax.sweeping.plan.record import Plan
from qthermo_jax.sweeping.schedule.tiling import Box
from qthermo_jax.sweeping.spec.declared import Spec
from qthermo_jax.sweeping.store.tile_files import Arrays

Index = tuple[np.ndarray, ...]

# Points that are copied at a time.
_AT_A_TIME = 1 << 20


@dataclass(frozen=True)
class ExtensionBlock:
    """A part of the new grid and the spec that computes it.

    Attributes:
        index: positions along each axis.
        spec: of a sweep over these points alone.
        adds: the variables that are taken from it.
    """

    index: Index
    spec: Spec
    adds: tuple[str, ...]


@dataclass(frozen=True)
class Extension:
    """What an old result gives, and what remains.

    Attributes:
        old, known: the points that it gives, as positions in its grid and in the new one.
        given: the variables that it gives there.
        blocks: what remains.
    """

    old: Index
    known: Index
    given: tuple[str, ...]
    blocks: tuple[ExtensionBlock, ...]

    @property
    def points(self) -> int:
        """How many points need nothing more."""
        lacking = any(block.index is self.known for block in self.blocks)
        return 0 if lacking else int(np.prod([len(along) for along in self.known], dtype=int))


def find_extension(plan: Plan, data: xr.Dataset, variables: Sequence[str]) -> Extension:
    """Compare a plan with a finished result of the same model, parameters and solver.

    Args:
        variables: all that the plan computes.
    """
    matches = [_matched(axis, data) for axis in plan.axes]
    old, known = (tuple(match[side] for match in matches) for side in (0, 1))
    of_output = {name: _variables_of(plan, name) for name in plan.outputs}
    lacking = [name for name, own in of_output.items() if not set(own) <= set(data.variables)]
    added = {variable for name in lacking for variable in of_output[name]}
    if lacking:
        added.add(NOTE.name)  # what is new has its own to say
    given = tuple(name for name in variables if name in data.variables and name not in added)
    everything = tuple(np.arange(n) for n in plan.shape)
    blocks = []
    if lacking and all(map(len, known)):
        rest = tuple(name for name in variables if name not in given)
        blocks.append(ExtensionBlock(known, _block_spec(plan, known, lacking), rest))
    for axis, along in enumerate(known):
        new = np.setdiff1d(everything[axis], along)
        index = (*known[:axis], new, *everything[axis + 1 :])
        if all(map(len, index)):
            blocks.append(
                ExtensionBlock(index, _block_spec(plan, index, list(plan.outputs)), tuple(variables))
            )
    return Extension(old, known, given, tuple(blocks))


def _variables_of(plan: Plan, output: str) -> list[str]:
    """An observable and its derivatives."""
    return [output, *(derivative.of(output) for derivative in plan.derivatives)]


def _matched(axis: Axis, data: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Positions, in the old result and in the new grid, of the values that both have."""
    columns = [data[name].values.tolist() for name in axis.as_given]
    there = {values: position for position, values in enumerate(zip(*columns, strict=True))}
    wanted = zip(*(values.tolist() for values in axis.as_given.values()), strict=True)
    pairs = [(there[values], position) for position, values in enumerate(wanted) if values in there]
    old, new = np.array(pairs, int).reshape(-1, 2).T
    return old, new


def _block_spec(plan: Plan, index: Index, observables: list[str]) -> Spec:
    """The spec of a part of the grid."""
    axes: dict[str, Any] = {}
    for axis, along in zip(plan.axes, index, strict=True):
        columns = {name: values[along].tolist() for name, values in axis.as_given.items()}
        alone = list(columns) == [axis.name]
        axes[axis.name] = columns[axis.name] if alone else columns
    return plan.spec.model_copy(update={"axes": axes, "observables": observables, "labels": {}})


def placed(
    data: xr.Dataset, names: Sequence[str], axes: Sequence[str], at: Index, into: Index
) -> Iterator[tuple[Box, Arrays]]:
    """Values of a result as boxes of the new grid.

    Args:
        names: of its variables.
        at, into: positions of the points in its own grid and in the new one.
    """
    others = int(np.prod([len(along) for along in into[1:]], dtype=int))
    longest = [max(1, _AT_A_TIME // max(1, others)), *(len(along) for along in into[1:])]
    runs = [list(_runs(along, most)) for along, most in zip(into, longest, strict=False)]
    for combination in product(*runs):
        box = tuple(grid for grid, _ in combination)
        own = {dim: at[k][combination[k][1]] for k, dim in enumerate(axes)}
        yield box, {name: data[name].isel(own).values for name in names}


def _runs(along: np.ndarray, longest: int) -> Iterator[tuple[slice, slice]]:
    """Evenly spaced runs of ascending positions: each as a slice of the grid, and where it stands."""
    start = 0
    while start < len(along):
        stop = start + 1
        step = int(along[stop] - along[start]) if stop < len(along) else 1
        while stop < min(len(along), start + longest) and along[stop] - along[stop - 1] == step:
            stop += 1
        yield slice(int(along[start]), int(along[stop - 1]) + 1, step), slice(start, stop)
        start = stop
