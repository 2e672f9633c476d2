"""A result in blocks of its grid: what reads all points of a large file holds one block in memory."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import numpy as np
import xarray as xr

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


def rows_of(array: xr.DataArray, sizes: Mapping[str, int]) -> np.ndarray:
    """Values of a variable with one row for each point of a grid and one column for each own entry.

    Args:
        sizes: of the axes of the grid; the variable is the same along those that it does not have.
    """
    missing = {dim: size for dim, size in sizes.items() if dim not in array.dims}
    own = [dim for dim in array.dims if dim not in sizes]
    whole = array.variable.set_dims({**missing, **dict(array.sizes)}).transpose(*sizes, *own)
    return np.asarray(whole.values.reshape(math.prod(sizes.values()), -1))


def entry_names(data: xr.Dataset, name: str, grid: Sequence[str]) -> list[str]:
    """What the entries of a variable at one point are called: `heat_currents[bath=1]`.

    Args:
        grid: the axes; a variable that has no other dimension has one entry, of its own name.
    """
    own = [str(dim) for dim in data[name].dims if dim not in grid]
    if not own:
        return [name]
    labels = [data[dim].values.tolist() if dim in data.coords else range(data.sizes[dim]) for dim in own]
    told = (zip(own, entry, strict=True) for entry in product(*labels))
    return [f"{name}[{', '.join(f'{dim}={at}' for dim, at in entry)}]" for entry in told]
