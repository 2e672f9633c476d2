"""One output: the file, the parts beside it, and who may write them."""

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from qthermo_jax.sweeping.errors import SpecError
from qthermo_jax.sweeping.files import digest_of, join, parts_of, write_copy, write_view
from qthermo_jax.sweeping.layout import Layout
from qthermo_jax.sweeping.parts import Parts, read_part
from qthermo_jax.sweeping.plan import Box, Plan
from qthermo_jax.sweeping.progress import Done
from qthermo_jax.version import __version__

# Up to this size a finished result is one file that holds its numbers; a larger one stays a view of its
# parts, since copying it would take as long as writing it did, and twice the room on the disk.
LARGEST_COPY = 1 << 30


class Store:
    """One output file and the folder of parts beside it.

    Args:
        path: of the final file.
        plan: whose result it holds.
        overwrite: compute anew whatever `path` holds; it is replaced when the new result is complete.

    Raises:
        SpecError: the folder cannot be written, or `path` holds something else.
    """

    def __init__(self, path: Path, plan: Plan, *, overwrite: bool = False) -> None:
        self.path = path
        tile = "x".join(map(str, plan.tile)) or "point"
        identity = f"{plan.digest}-{__version__}-{tile}"
        folder = path.with_name(f"{path.name}.parts-{plan.digest[:12]}-{__version__}-{tile}")
        self.parts = Parts(folder, identity)
        self._plan = plan
        self._overwrite = overwrite
        self.finished = not overwrite and path.exists() and self._is_ours()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SpecError(f"{path.parent}: cannot be made: {error.strerror}") from None
        if not os.access(path.parent, os.W_OK):
            raise SpecError(f"{path.parent}: cannot be written")

    def _is_ours(self) -> bool:
        """Whether the file is this sweep's and finished."""
        advice = "give another --out, or --overwrite"
        try:
            digest, finished = digest_of(self.path)
        except OSError:
            raise SpecError(f"{self.path}: exists and is not HDF5; {advice}") from None
        if digest != self._plan.digest:
            raise SpecError(f"{self.path}: belongs to another spec or model version; {advice}")
        return finished and all(part.exists() for part in parts_of(self.path))

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else writes this output meanwhile.

        Raises:
            SpecError: somebody does.
        """
        lock = FileLock(self.path.with_name(f".{self.path.name}.lock"))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise SpecError(f"{self.path}: another process is writing it") from None
        try:
            yield
        finally:
            lock.release()

    def begin(self, layout: Layout, boxes: list[Box]) -> tuple[list[Box], Done]:
        """Show the result as far as it is there; which tiles are missing, and what the others hold.

        An old result that is to be replaced stays until the new one is complete.
        """
        self.parts.folder.mkdir(exist_ok=True)
        self.parts.forget_unfinished()
        if layout.axes and not self._overwrite:
            write_view(self.path, layout, self._files(boxes), finished=False)
        return self.parts.survey(boxes)

    def finish(self, layout: Layout, boxes: list[Box]) -> None:
        """Join the parts into the one file, or leave them where they are and say so.

        Raises:
            StoreError: a part was altered, or the disk is full.
        """
        if not layout.axes:
            (box,) = boxes
            write_copy(self.path, layout, [(box, read_part(self.parts.path(box)))])
            shutil.rmtree(self.parts.folder)
            return
        copied = self._plan.bytes_on_disk <= LARGEST_COPY
        write_view(self.path, layout, self._files(boxes), finished=not copied)
        if copied:
            join(self.path)

    def _files(self, boxes: Iterable[Box]) -> Iterator[tuple[Box, Path]]:
        return ((box, self.parts.path(box)) for box in boxes)
