"""Finished tiles on disk, one file each: written whole with a checksum, then renamed into place.

A part that exists and is intact is right. That is the whole of resume, of crash safety and of many
writers at once: whoever computes a tile writes it, and nobody else needs to know.
"""

import contextlib
import hashlib
import io
import os
import platform
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from qthermo_jax.sweeping.errors import StoreError, first_line
from qthermo_jax.sweeping.layout import device_name
from qthermo_jax.sweeping.progress import Done, counted
from qthermo_jax.sweeping.tiling import Box

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Parts:
    """The parts of one sweep.

    Attributes:
        folder: that holds them.
        sweep: digest of what is computed; a part of another sweep is none of these.
    """

    folder: Path
    sweep: str

    def path(self, box: Box) -> Path:
        """Of a tile's part."""
        return self.folder / f"{'_'.join(f'{side.start:09d}' for side in box) or 'point'}.h5"

    def write(self, box: Box, arrays: Arrays) -> None:
        """Keep a finished tile.

        Raises:
            StoreError: it cannot be written.
        """
        image = io.BytesIO()
        with h5py.File(image, "w") as file:
            for name, values in arrays.items():
                file.create_dataset(name, data=values)
            file.attrs["device"] = device_name()
            file.attrs["sweep"] = self.sweep
            file.attrs["checksum"] = _checksum(self.sweep, arrays)
        write_whole(self.path(box), image)

    def survey(self, boxes: Iterable[Box]) -> tuple[list[Box], Done]:
        """The tiles that no intact part holds, and what the others hold."""
        missing: list[Box] = []
        statuses: Counter[int] = Counter()
        for box in boxes:
            try:
                statuses += counted(read_part(self.path(box), self.sweep)["status"])
            except StoreError:
                missing.append(box)
        return missing, Done(statuses.total(), statuses, earlier=True)

    def forget_unfinished(self) -> None:
        """Remove what a process left that was killed while it wrote."""
        for left in self.folder.glob(f".*{_UNFINISHED}"):
            left.unlink(missing_ok=True)


def read_part(path: Path, sweep: str | None = None) -> Arrays:
    """A finished tile, of a known sweep or of any.

    Raises:
        StoreError: there is none, or it is not what was written.
    """
    try:
        with h5py.File(path) as file:
            arrays = {name: np.asarray(dataset[()]) for name, dataset in file.items()}
            owner, told = file.attrs["sweep"], file.attrs["checksum"]
    except (OSError, KeyError) as error:
        raise StoreError(f"{path}: missing or cut short; delete it and run the sweep again") from error
    if told != _checksum(owner, arrays) or sweep not in (None, owner):
        raise StoreError(f"{path}: was altered; delete it and run the sweep again")
    return arrays


def device_of(path: Path) -> str:
    """What a part was computed on, which need not be the machine that assembles the result."""
    with h5py.File(path) as file:
        return str(file.attrs["device"])


def _checksum(sweep: str, arrays: Arrays) -> str:
    digest = hashlib.blake2b(sweep.encode(), digest_size=16)
    for name, values in sorted(arrays.items()):
        digest.update(f"{name} {values.dtype.str} {values.shape}".encode())
        digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()


def write_whole(path: Path, image: io.BytesIO) -> None:
    """Write a file that was put together in memory: HDF5 itself tells badly of a full disk.

    Raises:
        StoreError: the disk is full, or whatever else keeps it from being written.
    """
    with renamed_into_place(path) as temporary, temporary.open("wb") as target:
        target.write(image.getbuffer())
        target.flush()
        os.fsync(target.fileno())


_UNFINISHED = ".unfinished"


@contextlib.contextmanager
def renamed_into_place(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, renamed to it when all was written, removed when not.

    Raises:
        StoreError: the disk is full, or whatever else keeps a file from being written.
    """
    temporary = path.with_name(f".{path.name}.{platform.node()}.{os.getpid()}{_UNFINISHED}")
    try:
        yield temporary
        temporary.replace(path)
    except (OSError, RuntimeError) as error:
        raise StoreError(
            f"{path}: cannot be written: {_reason(error)}; what was finished is kept"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _reason(error: OSError | RuntimeError) -> str:
    """Why something could not be written; HDF5 has it somewhere in many lines."""
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    told = re.search("error message = '([^']*)'", str(error))
    return told[1] if told else first_line(error)
