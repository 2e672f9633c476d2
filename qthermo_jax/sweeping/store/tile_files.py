"""Finished tiles on disk, one file each: written whole with a checksum, then renamed into place.

A part that exists and is intact is right. That is the whole of resume, of crash safety and of many
writers at once: whoever computes a tile writes it, and nobody else needs to know.
"""

import contextlib
import glob
import io
import os
import platform
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from qthermo_jax.sweeping.errors import StoreError, first_line
from qthermo_jax.sweeping.schedule.report import TileReport, counted
from qthermo_jax.sweeping.schedule.tiling import Box, within
from qthermo_jax.sweeping.store.checksums import checksum_of, data_of

# What h5py raises over damaged files, in 10^4 of which a bit each was flipped.
DAMAGED = (OSError, RuntimeError, KeyError, ValueError, TypeError)

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class TileFile:
    """A finished tile as its file tells it.

    Attributes:
        arrays: the variables by name.
        box: of the grid, which they cover.
        sweep: digest of what was computed.
        device: that it was computed on, which need not be of the machine that assembles the result.
    """

    arrays: Arrays
    box: Box
    sweep: str
    device: str

    def inside(self, box: Box) -> Arrays:
        """The values in a box of the grid that the part covers, or covers and more."""
        own = within(box, self.box)
        return {name: values[own or ...] for name, values in self.arrays.items()}


@dataclass(frozen=True)
class TileFiles:
    """The parts of one sweep.

    Attributes:
        folder: that holds them.
        sweep: digest of what is computed; a part of another sweep is none of these.
    """

    folder: Path
    sweep: str

    def path(self, box: Box) -> Path:
        """Of a tile's part."""
        sides = (f"{side.start:09d}-{side.stop:09d}" for side in box)
        return self.folder / f"{'_'.join(sides) or 'point'}.h5"

    def write(self, box: Box, arrays: Arrays, device: str) -> None:
        """Keep a finished tile.

        Args:
            device: that it was computed on.

        Raises:
            StoreError: it cannot be written.
        """
        image = io.BytesIO()
        with h5py.File(image, "w") as file:
            for name, values in arrays.items():
                file.create_dataset(name, data=values)
            file.attrs["device"] = device
            file.attrs["sweep"] = self.sweep
            file.attrs["box"] = np.array([(side.start, side.stop) for side in box], int).reshape(-1, 2)
        path = self.path(box)
        if path.is_dir() and not path.is_symlink():  # nothing that a sweep has put there
            shutil.rmtree(path, ignore_errors=True)
        write_whole(path, image)

    def read(self, box: Box) -> TileFile:
        """A finished tile.

        Raises:
            StoreError: there is none, or its file is not what was written.
        """
        return self._own(read_tile_file(self.path(box)), self.path(box))

    def survey(self, boxes: Iterable[Box]) -> tuple[list[Box], TileReport]:
        """The tiles that no intact part holds, and what the others hold."""
        missing: list[Box] = []
        statuses: Counter[int] = Counter()
        for box in boxes:
            try:
                statuses += counted(self.read(box).arrays["status"])
            except StoreError:
                missing.append(box)
        return missing, TileReport(statuses.total(), statuses, earlier=True)

    def others(self, boxes: Iterable[Box]) -> Iterator[tuple[Path, TileFile]]:
        """The intact parts besides those of some tiles: a run that cut the grid otherwise left them."""
        known = {self.path(box) for box in boxes}
        for path in sorted(self.folder.glob("[!.]*.h5")):
            if path not in known:
                with contextlib.suppress(StoreError):
                    yield path, self._own(read_tile_file(path), path)

    def _own(self, tile_file: TileFile, path: Path) -> TileFile:
        if (tile_file.sweep, self.path(tile_file.box)) != (self.sweep, path):
            raise StoreError(f"{path}: is the part of another tile or sweep; {_REPAIR}")
        return tile_file

    def keep_only(self, paths: Iterable[Path]) -> None:
        """Remove every other file of the folder."""
        kept = set(paths)
        for path in self.folder.iterdir():
            if path not in kept and not path.is_dir():
                path.unlink(missing_ok=True)


_REPAIR = "delete it and run the sweep again"


def read_tile_file(path: Path) -> TileFile:
    """A finished tile of any sweep.

    Raises:
        StoreError: there is none, or its file is not what was written.
    """
    try:
        image = path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {_reason(error)}; {_REPAIR}") from error
    data = data_of(image)
    if data is None:
        raise StoreError(f"{path}: was cut short or altered; {_REPAIR}")
    try:
        with h5py.File(io.BytesIO(data)) as file:
            # First: a view has none of these, and HDF5 crashes over a view that is read from memory.
            sweep, device = str(file.attrs["sweep"]), str(file.attrs["device"])
            box = tuple(slice(start, stop) for start, stop in file.attrs["box"].tolist())
            arrays = {name: np.asarray(dataset[()]) for name, dataset in file.items()}
            return TileFile(arrays, box, sweep, device)
    except DAMAGED as error:  # another program's file, with a checksum like ours
        raise StoreError(f"{path}: is no part of a sweep; {_REPAIR}") from error


def write_whole(path: Path, image: io.BytesIO) -> None:
    """Write a file, with its checksum, from memory: HDF5 itself tells badly of a full disk.

    Raises:
        StoreError: the disk is full, or whatever else keeps it from being written.
    """
    with (
        renamed_into_place(path) as temporary,
        temporary.open("wb") as target,
        image.getbuffer() as data,
    ):
        target.write(data)
        target.write(checksum_of(data))


_UNFINISHED = ".unfinished-"


def forget_unfinished(folder: Path, name: str = "*") -> None:
    """Remove what a process that was killed left of a file, or of any file, while it wrote."""
    for left in folder.glob(f".{name if name == '*' else glob.escape(name)}{_UNFINISHED}*"):
        left.unlink(missing_ok=True)


@contextlib.contextmanager
def renamed_into_place(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, renamed to it when all is on the disk, removed when not.

    Raises:
        StoreError: the disk is full, or whatever else keeps a file from being written.
    """
    temporary = path.with_name(f".{path.name}{_UNFINISHED}{platform.node()[:32]}-{os.getpid()}")
    try:
        yield temporary
        to_disk(temporary)
        temporary.replace(path)
    except (OSError, RuntimeError) as error:
        raise StoreError(
            f"{path}: cannot be written: {_reason(error)}; what was finished is kept"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def to_disk(path: Path) -> None:
    """Wait until a file, or which files a folder has, is on the disk and survives a power failure.

    Raises:
        OSError: the disk is full.
    """
    if path.is_dir() and os.name == "nt":  # where folders cannot be opened
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _reason(error: OSError | RuntimeError) -> str:
    """Why something could not be written; HDF5 has it somewhere in many lines."""
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    told = re.search("error message = '([^']*)'", str(error))
    return told[1] if told else first_line(error)
