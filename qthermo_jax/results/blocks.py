"""A result in blocks of its grid: what reads all points of a large file holds one block in memory."""

import math
from collections.abc import Iterator, Mapping

# Numbers that a block holds, some 32 MB in 64 bit.
NUMBERS = 1 << 22


def blocks_of(sizes: Mapping[str, int], most: int) -> Iterator[dict[str, slice]]:
    """Boxes that cover a grid in the order of its points, the last axis fastest.

    Args:
        sizes: number of values of each axis, the first one slowest; none for a single point.
        most: points that a block has at most, at least 1.

    >>> list(blocks_of({"g": 2, "T": 5}, 3))[1]
    {'g': slice(0, 1, None), 'T': slice(3, 5, None)}
    """
    if 0 in sizes.values():
        return
    dims, shape = list(sizes), list(sizes.values())
    cut, step = 0, shape[0] if shape else 1
    for axis in reversed(range(len(shape))):
        behind = math.prod(shape[axis + 1 :])
        if behind > most:
            break
        cut, step = axis, min(shape[axis], max(1, most // behind))
    outer, inner = dims[:cut], {dim: slice(0, sizes[dim]) for dim in dims[cut + 1 :]}
    for prefix in range(math.prod(shape[:cut])):
        here = dict(zip(outer, _index(prefix, shape[:cut]), strict=True))
        fixed = {dim: slice(at, at + 1) for dim, at in here.items()}
        if not dims:
            yield {}
            continue
        for start in range(0, shape[cut], step):
            along = {dims[cut]: slice(start, min(start + step, shape[cut]))}
            yield fixed | along | inner


def _index(number: int, shape: list[int]) -> list[int]:
    """Where in a grid its point of this number is, the last axis fastest."""
    index = []
    for size in reversed(shape):
        number, at = divmod(number, size)
        index.append(at)
    return index[::-1]


def points_of(numbers_per_point: int) -> int:
    """Points of a block in which each has so many numbers."""
    return max(1, NUMBERS // max(1, numbers_per_point))
