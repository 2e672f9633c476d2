"""The tiles of a grid: boxes solved at a time, and the chunks that they consist of."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

Box = tuple[slice, ...]

# What a CPU solves at a time, a chunk, stays near its cache: so many points, and bytes (measured).
_CHUNK, _CHUNK_BYTES = 128, 1 << 25

# The sides of such a chunk are powers of two, so that grids of many sizes share one program. Along a
# long axis a side is at least so long; the whole chunk has at least as many points.
_SHORTEST = 16

# By how much of its length a longer side may pad an axis.
_PADDING = 1 / 8


def chunk_of(each: int) -> int:
    """How many points of so many bytes each a CPU solves at a time."""
    return max(1, min(_CHUNK, _CHUNK_BYTES // each))


@dataclass(frozen=True)
class Tiling:
    """How a grid is cut.

    Attributes:
        shape: points of the grid along each axis.
        tile: points of one tile, on all devices together.
        chunk: points that one device solves at a time; beyond the edge of a tile it repeats the last.
        devices: how many share a tile.
    """

    shape: tuple[int, ...]
    tile: tuple[int, ...]
    chunk: tuple[int, ...]
    devices: int

    @property
    def boxes(self) -> Iterator[Box]:
        """The tiles, each as the box of the grid that it covers, in a fixed order."""
        yield from self._at([range(0, n, step) for n, step in zip(self.shape, self.tile, strict=True)])

    def over(self, box: Box) -> Iterator[Box]:
        """The tiles that have points of a box."""
        starts = [
            range(side.start // step * step, min(side.stop, n), step)
            for side, step, n in zip(box, self.tile, self.shape, strict=True)
        ]
        yield from self._at(starts)

    def _at(self, starts: Sequence[range]) -> Iterator[Box]:
        for corner in product(*starts):
            yield tuple(
                slice(start, min(start + step, n))
                for start, step, n in zip(corner, self.tile, self.shape, strict=True)
            )

    @property
    def number(self) -> int:
        """Of tiles."""
        return math.prod(-(-n // step) for n, step in zip(self.shape, self.tile, strict=True))

    def chunks_along(self, box: Box) -> tuple[int, ...]:
        """How many chunks a box of the grid has along each axis."""
        sides = zip(box, self.chunk, strict=True)
        return tuple(-(-(side.stop - side.start) // step) for side, step in sides)

    def corners(self, box: Box) -> np.ndarray:
        """Where the chunks of a box start, (chunks, axes), in the order of the grid."""
        counts = self.chunks_along(box)
        index = np.indices(counts).reshape(len(counts), math.prod(counts)).T
        corners: np.ndarray = index * np.array(self.chunk, int) + [side.start for side in box]
        return corners

    def joined(self, box: Box, chunks: np.ndarray) -> np.ndarray:
        """The points of a box from those of its chunks, (chunks, *chunk, ...) -> (*box, ...)."""
        counts, own = self.chunks_along(box), chunks.shape[1 + len(box) :]
        order = [at for axis in range(len(box)) for at in (axis, len(box) + axis)]
        apart = chunks.reshape((*counts, *self.chunk, *own))
        apart = apart.transpose((*order, *range(2 * len(box), apart.ndim)))
        sides = (n * step for n, step in zip(counts, self.chunk, strict=True))
        there: list[Any] = [slice(0, side.stop - side.start) for side in box]
        whole: np.ndarray = apart.reshape((*sides, *own))[(*there, ...)]
        return whole


def make_tiling(
    shape: tuple[int, ...], order: Sequence[int], points: int, chunk: int | None, devices: int
) -> Tiling:
    """Cut a grid into tiles and chunks that are as long as can be along the first axes of `order`.

    Args:
        points: of a tile that one device may solve.
        chunk: points that a device solves at a time; None: its whole share of a tile.
    """
    tile = _box(shape, devices * max(1, points), order)
    if chunk is not None:
        return Tiling(shape, tile, _canonical(tile, min(chunk, max(1, points)), order), devices)
    tile, axis = _divisible(tile, devices)
    share = tuple(n // devices if at == axis else n for at, n in enumerate(tile))
    return Tiling(shape, tile, share, devices)


def _box(shape: tuple[int, ...], points: int, order: Sequence[int]) -> tuple[int, ...]:
    """The box that fills `points`, the axes that come first in `order` before the others."""
    box = list(shape)
    for axis in order:
        box[axis] = min(shape[axis], points)
        points = max(1, points // box[axis])
    return tuple(box)


def _canonical(tile: tuple[int, ...], points: int, order: Sequence[int]) -> tuple[int, ...]:
    """The chunk of at most `points` points, each side a power of two."""
    box, room = list(tile), 1 << (points.bit_length() - 1)
    least = min(room, _SHORTEST)
    for axis in order:
        box[axis] = _side(tile[axis], room)
        room //= box[axis]
    if order:
        box[order[0]] *= max(1, least // math.prod(box))
    return tuple(box)


def _side(n: int, longest: int) -> int:
    """The longest power of two that pads n points by little, else the one that pads them least.

    >>> [_side(n, 128) for n in (1, 3, 7, 9, 290, 300, 310, 1024)]
    [1, 4, 8, 16, 64, 64, 64, 128]
    """
    around = 1 << (n - 1).bit_length()  # the shortest one that holds all of them
    shortest = min(around, _SHORTEST, longest)
    sides = [min(around, longest)]
    while sides[-1] > shortest:
        sides.append(sides[-1] // 2)
    padded = [-(-n // side) * side for side in sides]
    little = (side for side, there in zip(sides, padded, strict=True) if there <= n * (1 + _PADDING))
    return next(little, sides[int(np.argmin(padded))])


def _divisible(tile: tuple[int, ...], devices: int) -> tuple[tuple[int, ...], int]:
    """A tile that devices can share evenly along one axis: the one that has to grow least."""

    def grown(axis: int) -> int:
        return -(-tile[axis] // devices) * devices

    if not tile:
        return tile, 0
    shared = min(range(len(tile)), key=lambda axis: grown(axis) / tile[axis])
    return tuple(grown(axis) if axis == shared else n for axis, n in enumerate(tile)), shared


def within(box: Box, outer: Box) -> Box:
    """A box as seen from the corner of another."""
    return tuple(
        slice(side.start - whole.start, side.stop - whole.start)
        for side, whole in zip(box, outer, strict=True)
    )


def covers(box: Box, other: Box) -> bool:
    """Whether a box starts where another does and holds all of it."""
    return all(
        side.start == its.start and side.stop >= its.stop for side, its in zip(box, other, strict=True)
    )


def overlap(box: Box, other: Box) -> Box | None:
    """What two boxes share; None if that is nothing."""
    common = tuple(
        slice(max(side.start, its.start), min(side.stop, its.stop))
        for side, its in zip(box, other, strict=True)
    )
    return common if all(side.start < side.stop for side in common) else None


def without(box: Box, hole: Box) -> Iterator[Box]:
    """The rest of a box around a hole in it, as boxes.

    >>> list(without((slice(0, 4), slice(0, 2)), (slice(1, 4), slice(0, 1))))
    [(slice(0, 1, None), slice(0, 2, None)), (slice(1, 4, None), slice(1, 2, None))]
    """
    for axis, (side, out) in enumerate(zip(box, hole, strict=True)):
        for start, stop in ((side.start, out.start), (out.stop, side.stop)):
            if start < stop:
                yield (*hole[:axis], slice(start, stop), *box[axis + 1 :])
