"""The tiles of a grid: boxes solved at a time, the devices' shards of them, and chunks of those."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

Box = tuple[slice, ...]

# What a CPU solves at a time, a chunk, stays near its cache: so many points, and bytes (measured).
_CHUNK, _CHUNK_BYTES = 128, 1 << 25


def chunk_of(each: int) -> int:
    """How many points of so many bytes each a CPU solves at a time."""
    return max(1, min(_CHUNK, _CHUNK_BYTES // each))


@dataclass(frozen=True)
class Tiling:
    """How a grid is cut.

    Attributes:
        shape: points of the grid along each axis.
        tile: points of one tile, on all devices together.
        chunk: points that one device solves at a time.
        devices: how many share a tile.
        sharded_axis: the axis along which they do.
    """

    shape: tuple[int, ...]
    tile: tuple[int, ...]
    chunk: tuple[int, ...]
    devices: int
    sharded_axis: int

    @property
    def shard(self) -> tuple[int, ...]:
        """Points of one device's shard of a tile along each axis."""
        return _shard(self.tile, self.devices, self.sharded_axis)

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


def make_tiling(
    shape: tuple[int, ...], order: Sequence[int], points: int, chunk: int | None, devices: int
) -> Tiling:
    """Cut a grid into tiles and chunks that are as long as can be along the first axes of `order`.

    Args:
        points: that a device's shard of a tile may have.
        chunk: points that a device solves at a time; None: its whole shard.
    """
    whole = _box(shape, devices * max(1, points), order)
    tile, sharded_axis = _divisible(whole, devices)
    shard = _shard(tile, devices, sharded_axis)
    return Tiling(
        shape, tile, shard if chunk is None else _box(shard, chunk, order), devices, sharded_axis
    )


def _box(shape: tuple[int, ...], points: int, order: Sequence[int]) -> tuple[int, ...]:
    """The box that fills `points`, the axes that come first in `order` before the others."""
    box = list(shape)
    for axis in order:
        box[axis] = min(shape[axis], points)
        points = max(1, points // box[axis])
    return tuple(box)


def _divisible(tile: tuple[int, ...], devices: int) -> tuple[tuple[int, ...], int]:
    """A tile that devices can share evenly along one axis: the one that has to grow least."""

    def grown(axis: int) -> int:
        return -(-tile[axis] // devices) * devices

    if not tile:
        return tile, 0
    sharded_axis = min(range(len(tile)), key=lambda axis: grown(axis) / tile[axis])
    return tuple(grown(axis) if axis == sharded_axis else n for axis, n in enumerate(tile)), sharded_axis


def _shard(tile: tuple[int, ...], devices: int, sharded_axis: int) -> tuple[int, ...]:
    return tuple(n // devices if axis == sharded_axis else n for axis, n in enumerate(tile))


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
