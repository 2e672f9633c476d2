"""The chunks of a tile in batches, one for each call of the program.

XLA shares out large operations between the cores of a CPU, not the many small ones of an elimination:
there, several calls run at a time, each in a thread of its own.
"""

import math
import os
from dataclasses import dataclass

import numpy as np

from qthermo_jax.sweeping.schedule.tiling import Box, Tiling

# Chunks that one device solves in a call: so many that the call itself costs nothing beside them.
_MOST_CHUNKS = 128

# Points below which a thread of their own gains nothing.
_WORTHWHILE = 1000


@dataclass(frozen=True)
class Batches:
    """How the chunks of tiles are shared out.

    Attributes:
        tiling: how the grid is cut.
        chunks: that one device solves in a call, at most.
        at_once: how many calls run at a time.
    """

    tiling: Tiling
    chunks: int
    at_once: int

    @property
    def size(self) -> int:
        """Chunks of one call on all devices together."""
        return self.chunks * self.tiling.devices

    def of(self, box: Box) -> list[np.ndarray]:
        """The corners of each batch's chunks, (chunks, axes); a batch may have less than `size`."""
        corners = self.tiling.corners(box)
        points = math.prod(side.stop - side.start for side in box)
        threads = min(self.at_once, points // _WORTHWHILE, len(corners))
        return np.array_split(corners, max(-(-len(corners) // self.size), threads))


def batches_of(tiling: Tiling, *, on_cpu: bool) -> Batches:
    """Several chunks in a call if a tile has several for a device, on a CPU one call for each core."""
    share = -(-math.prod(tiling.chunks_along(next(tiling.boxes))) // tiling.devices)
    at_once = _cores() if on_cpu and tiling.devices == 1 else 1
    return Batches(tiling, 1 if share == 1 else _MOST_CHUNKS, at_once)


def _cores() -> int:
    """Those that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1
