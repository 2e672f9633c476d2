"""Cells of a grid that are divided where a function bends, and what is interpolated between them.

The function is known on a grid. A cell is divided by computing the middles of its edges and its own.
What a value differs there from the multilinear interpolation of the coarser grid is its hierarchical
surplus (Yserentant, Numer. Math. 49, 379 (1986); Bungartz and Griebel, Acta Numerica 13, 147 (2004)).
Where it is above a tolerance the parts of the cell are divided as well. So is a cell beside it, at its
level: what bends may leave the cell through a side.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

# What stands between two neighbours, from theirs.
Between = Callable[[np.ndarray, np.ndarray], np.ndarray]

# The function at points, (n,), from their indices in the grid of a level, (n, axes).
Function = Callable[[int, np.ndarray], np.ndarray]


def mean(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Linear interpolation; NaN beside a NaN."""
    return np.asarray(before + (after - before) / 2)


def agreeing(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The same value where both neighbours have it, NaN where they differ."""
    return np.where(before == after, before, np.asarray(np.nan, before.dtype))


def finer(values: np.ndarray, between: Between, axes: int) -> np.ndarray:
    """Values on a grid of which each interval is halved.

    Args:
        values: (n, ..., own dimensions).
        axes: number of dimensions of the grid, the first ones.

    Returns:
        (2 n - 1, ..., own dimensions).

    >>> finer(np.array([0.0, 1.0, 4.0]), mean, 1).tolist()
    [0.0, 0.5, 1.0, 2.5, 4.0]
    """
    for axis in range(axes):
        old = np.moveaxis(values, axis, 0)
        new = np.empty((2 * len(old) - 1, *old.shape[1:]), old.dtype)
        new[::2] = old
        new[1::2] = between(old[:-1], old[1:])
        values = np.moveaxis(new, 0, axis)
    return values


@dataclass(frozen=True)
class Level:
    """What was looked at in one halving of a grid.

    Attributes:
        left: which points of the halved grid belong to cells between whose points others are
            interpolated in finer grids. None do after the last halving.
        surplus: the largest in such cells.
        bending: after the last halving, the number of cells with a surplus above the tolerance; 0 else.
        bend: the largest surplus of these.
        edges: after the last halving, the number of cells in which some points have a value and others
            none; 0 else.
    """

    left: np.ndarray
    surplus: float
    bending: int
    bend: float
    edges: int


def refined(
    function: Function,
    shape: tuple[int, ...],
    tolerance: float,
    levels: int,
    between: Between = mean,
) -> Iterator[Level]:
    """Divide cells where the function bends.

    Args:
        function: NaN where it has no value. It is asked for the whole grid at first, at level 0.
        shape: of that grid.
        tolerance: the largest surplus of a cell that is left.
        levels: how often each interval is halved at most, at least once.
        between: what is expected between two points with values; NaN where anything is, and the surplus
            then is 1.

    Yields:
        one halving of the grid after the other, the last one when nothing bends any more.
    """
    axes = len(shape)
    start = np.indices(shape).reshape(axes, -1).T
    values = np.asarray(function(0, start), float).reshape(shape)
    known = np.ones(shape, bool)
    divided = np.ones(tuple(n - 1 for n in shape), bool)
    for level in range(1, levels + 1):
        expected, values = finer(values, between, axes), finer(values, mean, axes)
        foreseen = np.isfinite(values)
        known = finer(known, lambda before, _: np.zeros_like(before), axes)
        while True:
            missing = _points_of(divided) & ~known
            values[missing] = function(level, np.argwhere(missing))
            known |= missing
            surplus, edge = _judged(values, expected, foreseen, divided)
            bends = divided & (edge | (surplus > tolerance))
            around = _with_neighbours(bends) & ~divided
            if not around.any():
                break
            divided |= around
        goes_on = bends.any() and level < levels
        left = divided & ~bends & goes_on
        unresolved = bends & ~edge & (not goes_on)
        yield Level(
            _points_of(left),
            _largest(surplus, left),
            int(unresolved.sum()),
            _largest(surplus, unresolved),
            0 if goes_on else int(edge.sum()),
        )
        if not goes_on:
            return
        divided = bends
        for axis in range(axes):
            divided = divided.repeat(2, axis=axis)


def _with_neighbours(cells: np.ndarray) -> np.ndarray:
    """Cells and those that touch them, at a corner too."""
    for axis in range(cells.ndim):
        along = np.moveaxis(cells, axis, 0)
        grown = along.copy()
        grown[1:] |= along[:-1]
        grown[:-1] |= along[1:]
        cells = np.moveaxis(grown, 0, axis)
    return cells


def _largest(surplus: np.ndarray, cells: np.ndarray) -> float:
    return float(np.max(surplus, where=cells, initial=0.0))


def _corners(cells: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """Where the points of cells that are divided stand in the halved grid, one of each at a time."""
    for offsets in product(range(3), repeat=len(cells)):
        yield tuple(slice(at, at + 2 * n - 1, 2) for at, n in zip(offsets, cells, strict=True))


def _points_of(cells: np.ndarray) -> np.ndarray:
    """Which points of the halved grid belong to some of the cells."""
    points = np.zeros(tuple(2 * n + 1 for n in cells.shape), bool)
    for own in _corners(cells.shape):
        points[own] |= cells
    return points


def _judged(
    values: np.ndarray, expected: np.ndarray, foreseen: np.ndarray, divided: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The largest surplus of each divided cell, and whether it has points with a value and without.

    Args:
        foreseen: where the points of the coarser grid beside a point have values.
    """
    there = np.isfinite(values)
    differences = np.zeros_like(values)
    np.subtract(values, expected, out=differences, where=there & foreseen)
    differences = np.where(np.isnan(differences), 1.0, differences)
    largest = np.zeros(divided.shape)
    some, every, unforeseen = (np.zeros(divided.shape, bool) for _ in range(3))
    every[...] = True
    for own in _corners(divided.shape):
        largest = np.maximum(largest, np.abs(differences[own]))
        some |= there[own]
        every &= there[own]
        unforeseen |= there[own] != foreseen[own]
    return np.where(divided, largest, 0.0), divided & ((some & ~every) | unforeseen)
