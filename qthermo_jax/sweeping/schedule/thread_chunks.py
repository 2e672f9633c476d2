"""The cores of a CPU side by side: a tile in chunks, each solved by a thread of its own.

XLA shares out large operations between cores, not the many small ones of an elimination.
"""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from qthermo_jax.sweeping.schedule.tiling import Box, Tiling

# Points below which a thread of their own gains nothing.
_WORTHWHILE = 1000


@dataclass(frozen=True)
class ThreadChunks:
    """How a tile is cut into thread chunks.

    Attributes:
        number: number of chunks.
        axis: along which they stand side by side.
        shape: points of one chunk along each axis; the last one may have fewer.
    """

    number: int
    axis: int
    shape: tuple[int, ...]

    def chunks(self, box: Box) -> Iterator[Box]:
        """The chunks of a tile; beyond the edge of the grid there are none."""
        if not box:
            yield box
            return
        whole, step = box[self.axis], self.shape[self.axis]
        for start in range(whole.start, whole.stop, step):
            side = slice(start, min(start + step, whole.stop))
            yield (*box[: self.axis], side, *box[self.axis + 1 :])

    def joined(self, box: Box, chunks: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
        """The tile's arrays."""
        crop = tuple(slice(0, side.stop - side.start) for side in box)
        whole = {
            name: np.concatenate([chunk[name] for chunk in chunks], axis=self.axis) if box else values
            for name, values in chunks[0].items()
        }
        return {name: np.array(values[crop]) for name, values in whole.items()}


def thread_chunks_of(tiling: Tiling, *, on_cpu: bool) -> ThreadChunks:
    """One chunk a core, on a CPU that is one device, as long as each has something to do."""
    number = 1
    if tiling.devices == 1 and on_cpu:
        number = max(1, min(_cores(), math.prod(tiling.tile) // _WORTHWHILE))
    axis = int(np.argmax(tiling.tile)) if tiling.tile else 0
    shape = tuple(-(-n // number) if at == axis else n for at, n in enumerate(tiling.tile))
    return ThreadChunks(number, axis, shape)


def _cores() -> int:
    """Those that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1
