"""One output: the file, the parts beside it, and who may write them."""

import contextlib
import dataclasses
import logging
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from qthermo_jax.sweeping.errors import SpecError, StoreError
from qthermo_jax.sweeping.plan.record import Plan
from qthermo_jax.sweeping.schedule.report import TileReport
from qthermo_jax.sweeping.schedule.tiling import Box
from qthermo_jax.sweeping.store.files import (
    REPLACES,
    Integrity,
    Source,
    alone,
    folders_beside,
    integrity_of,
    join,
    owner_of,
    remove_tile_files,
    sources_of,
    write_copy,
    write_view,
)
from qthermo_jax.sweeping.store.layout import Layout, bytes_on_disk
from qthermo_jax.sweeping.store.reuse import find_sources
from qthermo_jax.sweeping.store.tile_files import Arrays, TileFiles, forget_unfinished, read_tile_file

# Up to this size a finished result is one file that holds its numbers; a larger one stays a view of its
# parts, since copying it would take as long as writing it did, and twice the room on the disk.
LARGEST_COPY = 1 << 30

# Of the name of an output, in bytes: file systems take 255, and those of its parts are longer.
_LONGEST_NAME = 200

_log = logging.getLogger(__name__)


def check_file_name(path: Path) -> None:
    """Refuse a folder, and a name that leaves no room for those of the parts and the log beside it.

    Raises:
        SpecError: its name is too long, or a folder's.
    """
    if path.is_dir():
        raise SpecError(f"{path}: is a folder; --out takes the name of a file")
    length = len(os.fsencode(path.name))
    if length > _LONGEST_NAME:
        raise SpecError(
            f"{path.name[:40]}...: a file name of {length} bytes; takes at most {_LONGEST_NAME}, as "
            "parts and a log stand beside it under longer names"
        )


class Store:
    """One output file and the folder of parts beside it.

    Args:
        path: of the final file; where that is a symbolic link, what it points to is written.
        plan: whose result it holds.
        overwrite: compute everything anew, parts that are there too; whatever `path` holds is replaced
            when the new result is complete.
        extend: take over from `path` what it holds of the same model, parameters and solver.

    Attributes:
        anew: whether everything is computed anew, parts that are there too.
        finished: whether there is nothing to do.
        extends: whether `path` holds a result to take over from.
        unchecked: whether what is finished has no checksum, so that nobody can tell if it was altered.

    Raises:
        SpecError: the folder cannot be written, `path` holds something else, or it was altered.
    """

    def __init__(self, path: Path, plan: Plan, *, overwrite: bool = False, extend: bool = False) -> None:
        check_file_name(path)
        self.path = written_path(path)
        self._plan = plan
        self.anew = overwrite
        self._may_extend = extend
        self._checked: dict[tuple[Path, int, int, int], Integrity] = {}
        self._sources: list[Source] = []
        self._look()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SpecError(f"{self.path.parent}: cannot be made: {error.strerror}") from None
        if not os.access(self.path.parent, os.W_OK):
            raise SpecError(f"{self.path.parent}: cannot be written")

    def _look(self) -> None:
        """See what is there."""
        self.finished = self.extends = self.unchecked = False
        self._replaces = self.anew
        folders = self._folders()
        begun = [folder for folder in folders if (folder / REPLACES).exists()]
        self.tile_files = TileFiles((begun or folders or [self._folder(1)])[-1], self._plan.digest)
        if self.anew:
            return
        if begun:
            self._replaces = True
        elif self.path.exists():
            self.finished, self.extends = self._found()

    def _folder(self, number: int) -> Path:
        name = f"{self.path.name}.parts-{self._plan.digest[:12]}"
        return self.path.with_name(name if number == 1 else f"{name}-{number}")

    def _folders(self) -> list[Path]:
        """The folders with parts of this sweep, in the order in which they were made."""
        if not self.path.parent.is_dir():
            return []
        first = self._folder(1).name
        found = [folder for folder in folders_beside(self.path) if folder.name.startswith(first)]
        return sorted(found, key=lambda folder: (len(folder.name), folder.name))

    def _found(self) -> tuple[bool, bool]:
        """Whether the file that is there is this sweep's and finished; whether it is to be extended."""
        integrity = self._integrity(self.path)
        if integrity is Integrity.ALTERED:  # first: HDF5 may crash at what it reads
            raise self._altered()
        try:
            owner = owner_of(self.path)
        except StoreError:
            raise SpecError(
                f"{self.path}: exists and is not HDF5, or damaged; give another --out, or --overwrite"
            ) from None
        if owner.digest == self._plan.digest:
            self.unchecked = integrity is Integrity.UNKNOWN
            return owner.finished and self._tile_files_are_intact(), False
        if owner.compatibility_hash != self._plan.compatibility_hash:
            raise SpecError(
                f"{self.path}: belongs to another spec or model version; "
                "give another --out, or --overwrite"
            )
        if not self._may_extend:
            raise SpecError(
                f"{self.path}: belongs to another spec of the same model and parameters; --extend "
                "computes what it lacks; or give another --out, or --overwrite"
            )
        if not owner.finished or not self._tile_files_are_intact():
            raise SpecError(f"{self.path}: is not finished; run its own spec to the end, then --extend")
        return False, True

    def _altered(self) -> SpecError:
        kept = (
            f"delete it to go on from {self.tile_files.folder}, or "
            if self.tile_files.folder.is_dir()
            else ""
        )
        return SpecError(
            f"{self.path}: was altered since it was written (its checksum differs); "
            f"{kept}--overwrite computes it anew"
        )

    def _tile_files_are_intact(self) -> bool:
        tile_files = {source.tile_file for source in sources_of(self.path)}
        return all(
            tile_file.is_file() and self._integrity(tile_file) is Integrity.INTACT
            for tile_file in tile_files
        )

    def _integrity(self, path: Path) -> Integrity:
        """Of a file, read again only if it changed since: before and after the lock is taken."""
        now = path.stat()
        key = (path, now.st_ino, now.st_size, now.st_mtime_ns)
        if key not in self._checked:
            self._checked[key] = integrity_of(path)
        return self._checked[key]

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else writes this output meanwhile; what somebody wrote before is seen.

        Raises:
            SpecError: somebody does, or `path` holds something else by now.
        """
        with alone(self.path):
            forget_unfinished(self.path.parent, self.path.name)
            self._look()
            if self.finished and not self.unchecked:
                # Of a process that was killed before it had removed them.
                self._remove_leftovers({*self._folders(), self._blocks_folder})
            yield

    def begin(self, layout: Layout, boxes: list[Box]) -> tuple[list[Box], TileReport]:
        """Show the result as far as it is there; which tiles are missing, and what the others hold.

        An old result that is to be replaced stays until the new one is complete.

        Raises:
            StoreError: the disk is full, or whatever else keeps files from being written.
        """
        self.open_folder()
        self._sources, missing, done = find_sources(self.tile_files, self._plan.tiling, boxes)
        if layout.axes and not self._replaces:
            write_view(self.path, layout, self._sources, finished=False)
        self._compare_with_free(done.points)
        return missing, done

    def open_folder(self) -> None:
        """Make the folder of the parts if it is not there; a new one if everything is computed anew.

        Raises:
            StoreError: the disk is full, or whatever else keeps files from being written.
        """
        if self.anew:
            number = 1
            while self._folder(number).exists():
                number += 1
            self.tile_files = TileFiles(self._folder(number), self._plan.digest)
        self._say_leftovers()
        try:
            self.tile_files.folder.mkdir(exist_ok=True)
            if self.anew:
                (self.tile_files.folder / REPLACES).touch()
        except OSError as error:
            raise StoreError(f"{self.tile_files.folder}: cannot be made: {error.strerror}") from error
        forget_unfinished(self.tile_files.folder)

    def _say_leftovers(self) -> None:
        shown = self._shown()
        for folder in folders_beside(self.path):
            if folder not in (self.tile_files.folder, *shown):
                _log.warning(
                    "%s: left by another spec, model or --overwrite; removed when this run is finished",
                    folder,
                )

    def _compare_with_free(self, there: int) -> None:
        needed = room_for(self._plan, there)
        free = shutil.disk_usage(self.path.parent).free
        if needed > free:
            _log.warning(
                "%s: takes %.3g bytes more until it is finished, and the disk has %.3g free",
                self.path,
                needed,
                free,
            )

    def tiles(self) -> Iterator[tuple[Box, Arrays]]:
        """What the parts hold, box by box."""
        for source in self._sources:
            yield source.box, read_tile_file(source.tile_file).inside(source.box)

    def finish(self, layout: Layout, boxes: list[Box]) -> None:
        """Join the parts into the one file, or leave them where they are and say so.

        Raises:
            StoreError: a part was altered, or the disk is full.
        """
        device = read_tile_file(self._sources[0].tile_file).device
        layout = dataclasses.replace(layout, attrs={**layout.attrs, "device": device})
        if not layout.axes:
            (box,) = boxes
            write_copy(self.path, layout, [(box, self.tile_files.read(box).arrays)])
            remove_tile_files(self.tile_files.folder)
        else:
            copied = bytes_on_disk(self._plan) <= LARGEST_COPY
            write_view(self.path, layout, self._sources, finished=not copied)
            if copied:
                join(self.path)
            else:
                self.tile_files.keep_only(source.tile_file for source in self._sources)
        self._remove_leftovers(folders_beside(self.path))

    def extension_block(self, plan: Plan) -> "Store":
        """Where a block of an extension is kept until all are there; computed anew if it was altered."""
        path = self._blocks_folder / f"{plan.digest[:12]}.h5"
        if path.is_file() and integrity_of(path) is not Integrity.INTACT:
            path.unlink()
        return Store(path, plan)

    @property
    def _blocks_folder(self) -> Path:
        return self.path.with_name(f"{self.path.name}.pieces-{self._plan.digest[:12]}")

    def replace(self, layout: Layout, values: Iterable[tuple[Box, Arrays]]) -> None:
        """Write a result as a whole, over the one that is there, and remove its parts.

        Raises:
            StoreError: the disk is full.
        """
        write_copy(self.path, layout, values)
        self._remove_leftovers(folders_beside(self.path))

    def _shown(self) -> set[Path]:
        """The folders that the file, which may be a view, shows the parts of; none if it was altered."""
        if not self.path.is_file() or self._integrity(self.path) is Integrity.ALTERED:
            return set()
        with contextlib.suppress(StoreError):
            # As `folders_beside` names them, whatever of the path is relative or a link.
            return {
                self.path.with_name(source.tile_file.parent.name) for source in sources_of(self.path)
            }
        return set()

    def _remove_leftovers(self, folders: Iterable[Path]) -> None:
        """Remove folders beside a finished result, but those that it shows the parts of."""
        for folder in {*folders} - self._shown():
            remove_tile_files(folder)


def written_path(path: Path) -> Path:
    """Where an output is written: what a symbolic link points to, whether that exists or not.

    Raises:
        SpecError: the link points to itself.
    """
    if not path.is_symlink():
        return path
    try:
        target = path.resolve()
    except (OSError, RuntimeError):
        target = path
    if target.is_symlink():
        raise SpecError(f"{path}: is a symbolic link that leads nowhere else than to itself")
    return target


def room_for(plan: Plan, there: int = 0) -> int:
    """Bytes of disk that a run still takes at its largest: the parts, and the final copy beside them.

    Args:
        there: points whose parts are on the disk.
    """
    each = bytes_on_disk(plan)
    tile_files = each - each * there // max(1, plan.points)
    return tile_files + each * (each <= LARGEST_COPY)
