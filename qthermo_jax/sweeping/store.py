"""One output: the file, the parts beside it, and who may write them."""

import contextlib
import dataclasses
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from qthermo_jax.sweeping.errors import SpecError
from qthermo_jax.sweeping.files import join, owner_of, parts_of, write_copy, write_view
from qthermo_jax.sweeping.layout import Layout
from qthermo_jax.sweeping.parts import Arrays, Parts, device_of, read_part
from qthermo_jax.sweeping.plan import Plan
from qthermo_jax.sweeping.progress import Done
from qthermo_jax.sweeping.tiling import Box

# Up to this size a finished result is one file that holds its numbers; a larger one stays a view of its
# parts, since copying it would take as long as writing it did, and twice the room on the disk.
LARGEST_COPY = 1 << 30


class Store:
    """One output file and the folder of parts beside it.

    Args:
        path: of the final file.
        plan: whose result it holds.
        overwrite: compute anew whatever `path` holds; it is replaced when the new result is complete.
        extend: take over from `path` what it holds of the same model, parameters and solver.

    Attributes:
        finished: whether there is nothing to do.
        extends: whether `path` holds a result to take over from.

    Raises:
        SpecError: the folder cannot be written, or `path` holds something else.
    """

    def __init__(self, path: Path, plan: Plan, *, overwrite: bool = False, extend: bool = False) -> None:
        self.path = path
        short = plan.identity.replace(plan.digest, plan.digest[:12])
        self.parts = Parts(path.with_name(f"{path.name}.parts-{short}"), plan.identity)
        self._plan = plan
        self._replaces = overwrite
        self._may_extend = extend
        self._look()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SpecError(f"{path.parent}: cannot be made: {error.strerror}") from None
        if not os.access(path.parent, os.W_OK):
            raise SpecError(f"{path.parent}: cannot be written")

    def _look(self) -> None:
        """See what is there."""
        self.finished = self.extends = False
        if self.path.exists() and not self._replaces:
            self.finished, self.extends = self._found()

    def _found(self) -> tuple[bool, bool]:
        """Whether the file that is there is this sweep's and finished; whether it is to be extended."""
        try:
            owner = owner_of(self.path)
        except OSError:
            raise SpecError(
                f"{self.path}: exists and is not HDF5; give another --out, or --overwrite"
            ) from None
        if owner.digest == self._plan.digest:
            return owner.finished and all(part.exists() for part in parts_of(self.path)), False
        if owner.family != self._plan.family:
            raise SpecError(
                f"{self.path}: belongs to another spec or model version; "
                "give another --out, or --overwrite"
            )
        if not self._may_extend:
            raise SpecError(
                f"{self.path}: belongs to another spec of the same model and parameters; --extend "
                "computes what it lacks; or give another --out, or --overwrite"
            )
        if not owner.finished:
            raise SpecError(f"{self.path}: is not finished; run its own spec to the end, then --extend")
        return False, True

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else writes this output meanwhile; what somebody wrote before is seen.

        Raises:
            SpecError: somebody does, or `path` holds something else by now.
        """
        lock = FileLock(self.path.with_name(f".{self.path.name}.lock"))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise SpecError(f"{self.path}: another process is writing it") from None
        try:
            self._look()
            if self.finished and not parts_of(self.path):  # killed before it had removed them
                shutil.rmtree(self.parts.folder, ignore_errors=True)
            yield
        finally:
            lock.release()

    def begin(self, layout: Layout, boxes: list[Box]) -> tuple[list[Box], Done]:
        """Show the result as far as it is there; which tiles are missing, and what the others hold.

        An old result that is to be replaced stays until the new one is complete.
        """
        self.parts.folder.mkdir(exist_ok=True)
        self.parts.forget_unfinished()
        if layout.axes and not self._replaces:
            write_view(self.path, layout, self._files(boxes), finished=False)
        return self.parts.survey(boxes)

    def finish(self, layout: Layout, boxes: list[Box]) -> None:
        """Join the parts into the one file, or leave them where they are and say so.

        Raises:
            StoreError: a part was altered, or the disk is full.
        """
        device = device_of(self.parts.path(boxes[0]))
        layout = dataclasses.replace(layout, attrs={**layout.attrs, "device": device})
        if not layout.axes:
            (box,) = boxes
            write_copy(self.path, layout, [(box, read_part(self.parts.path(box)))])
            shutil.rmtree(self.parts.folder)
            return
        copied = self._plan.bytes_on_disk <= LARGEST_COPY
        write_view(self.path, layout, self._files(boxes), finished=not copied)
        if copied:
            join(self.path)

    def piece(self, number: int, plan: Plan) -> "Store":
        """Where a piece of an extension is kept until all are there."""
        return Store(self._pieces / f"{number}.h5", plan)

    @property
    def _pieces(self) -> Path:
        return self.path.with_name(f"{self.path.name}.pieces-{self._plan.digest[:12]}")

    def replace(self, layout: Layout, values: Iterable[tuple[Box, Arrays]]) -> None:
        """Put a result together that extends the one that is there.

        Raises:
            StoreError: the disk is full.
        """
        parts = parts_of(self.path)
        write_copy(self.path, layout, values)
        for folder in {part.parent for part in parts} | {self._pieces}:
            shutil.rmtree(folder, ignore_errors=True)

    def _files(self, boxes: Iterable[Box]) -> Iterator[tuple[Box, Path]]:
        return ((box, self.parts.path(box)) for box in boxes)
