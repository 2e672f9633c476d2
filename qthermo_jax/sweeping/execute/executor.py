"""What solves the tiles of a sweep: this process, or the workers of a cluster."""

from collections.abc import Callable, Iterable, Iterator
from typing import ClassVar, Protocol, runtime_checkable

from qthermo_jax.sweeping.execute.job import Sweep
from qthermo_jax.sweeping.schedule.report import TileReport
from qthermo_jax.sweeping.schedule.tiling import Box
from qthermo_jax.sweeping.store.tile_files import TileFiles


@runtime_checkable
class Executor(Protocol):
    """Solves tiles and keeps each as a file.

    Attributes:
        devices: how many devices share a tile, which the plan has to know; None for all of this process.
        writes_elsewhere: whether other processes write the tiles, so that a sweep needs an output file.
    """

    devices: ClassVar[int | None]
    writes_elsewhere: ClassVar[bool]

    def solve(
        self, job: Sweep, tile_files: TileFiles, boxes: Iterable[Box], stop: Callable[[], bool]
    ) -> Iterator[TileReport]:
        """Solve tiles; yields a report of each once it is safe on the disk, or given up.

        Args:
            tile_files: where they are kept.
            boxes: the tiles.
            stop: asked before each tile; once it says so, the tiles in flight are the last ones.
        """
        ...
