"""The result as one HDF5 file: its own copy of the numbers, or a view of the parts that hold them.

Both open alike, in xarray as well. In a view a part that is missing shows as NaN, with the status
`PENDING`: so an unfinished result can be looked at while the sweep runs.
"""

import io
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import Enum
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import h5netcdf
import h5py
import numpy as np
from filelock import FileLock, Timeout

from qthermo_jax.results.schema import STATUS
from qthermo_jax.sweeping.errors import SpecError, StoreError
from qthermo_jax.sweeping.schedule.tiling import Box, covers, within
from qthermo_jax.sweeping.store.checksums import append_checksum, data_of, is_intact
from qthermo_jax.sweeping.store.layout import Layout, Variable
from qthermo_jax.sweeping.store.tile_files import (
    DAMAGED,
    Arrays,
    forget_unfinished,
    read_tile_file,
    renamed_into_place,
    to_disk,
    write_whole,
)

_Create = Callable[[h5py.File, str, Variable], h5py.Dataset]


# The attribute of a file that was written with a checksum: one that lost it is known as altered.
_HAS_CHECKSUM = "has_checksum"


class Integrity(Enum):
    """Whether a file is what was written."""

    INTACT = "intact"
    ALTERED = "the file was altered since it was written"
    UNKNOWN = "none: the file was written by an older version or another program"
    UNREADABLE = "not HDF5, or damaged"


def integrity_of(path: Path) -> Integrity:
    """Compare a file, but not the parts that it may show, with its checksum: every byte is read.

    Raises:
        OSError: it cannot be read.
    """
    intact = is_intact(path)
    if intact is not None:
        return Integrity.INTACT if intact else Integrity.ALTERED
    try:
        with _opened(path) as file:
            return Integrity.ALTERED if _HAS_CHECKSUM in file.attrs else Integrity.UNKNOWN
    except StoreError:
        return Integrity.UNREADABLE


class Source(NamedTuple):
    """What a view shows of a part.

    Attributes:
        tile_file: its file.
        box: of the grid, which the view takes from it.
        whole: the box of the grid that the part covers. A view keeps where it starts, not where it ends:
            read from a file it ends where what is shown does.
    """

    tile_file: Path
    box: Box
    whole: Box


def write_view(path: Path, layout: Layout, sources: Iterable[Source], *, finished: bool) -> None:
    """A file whose numbers stand in the parts, present or to come."""
    shown = [
        (str(source.tile_file.relative_to(path.parent)), source.box, source.whole) for source in sources
    ]

    def create(file: h5py.File, name: str, variable: Variable) -> h5py.Dataset:
        shape = layout.shape(variable)
        whole = h5py.VirtualLayout(shape, variable.dtype)
        for tile_file, box, covered in shown:
            size = tuple(side.stop - side.start for side in covered) + shape[len(box) :]
            source = h5py.VirtualSource(_escaped(tile_file), _escaped(name), size, variable.dtype)
            whole[box] = source[within(box, covered)]
        return file.create_virtual_dataset(name, whole, fillvalue=variable.fill_value)

    image = io.BytesIO()
    _write(image, layout, create, finished=finished)
    write_whole(path, image)


def _escaped(name: str) -> str:
    """As HDF5 takes the names of what a view shows, in which a % begins a format."""
    return name.replace("%", "%%")


def write_copy(path: Path, layout: Layout, contents: Iterable[tuple[Box, Arrays]]) -> None:
    """A file that holds its numbers itself; when this returns it is on the disk."""

    def create(file: h5py.File, name: str, variable: Variable) -> h5py.Dataset:
        return file.create_dataset(name, layout.shape(variable), variable.dtype)

    with renamed_into_place(path) as temporary:
        _write(temporary, layout, create, finished=True)
        with h5py.File(temporary, "r+") as file:
            for box, arrays in contents:
                for name, values in arrays.items():
                    file[name][box or ...] = values
        append_checksum(temporary)
    to_disk(path.parent)


def merge(path: Path) -> None:
    """Turn a finished view into a file that holds its numbers itself, and remove the parts.

    Raises:
        SpecError: there is nothing to merge, the sweep is not finished, or somebody is writing it.
        StoreError: the view or a part was altered, or the disk is full.
    """
    with alone(path.resolve()):
        if integrity_of(path) is Integrity.ALTERED:  # first: what it shows of which parts may be wrong
            raise StoreError(f"{path}: was altered since it was written; --overwrite computes it anew")
        owner = owner_of(path)
        if not owner.finished:
            raise SpecError(f"{path}: is not finished; run the sweep again, it goes on where it stopped")
        if sources_of(path):
            join(path)
            return
        left = [
            folder
            for folder in folders_beside(path.resolve())
            if holds_tile_files_of(folder, owner) and not (folder / REPLACES).exists()
        ]
        if not left:
            raise SpecError(f"{path}: holds its numbers itself already")
        for folder in left:  # of a process that was killed while it removed them
            remove_tile_files(folder)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Nobody else writes this output meanwhile.

    Raises:
        SpecError: somebody does.
    """
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise SpecError(f"{path}: another process is writing it") from None
    try:
        yield
    finally:
        lock.release()


def sources_of(path: Path) -> list[Source]:
    """What a view shows of which parts; nothing if it is no view.

    Raises:
        StoreError: it is not HDF5, or damaged.
    """
    folder = path.resolve().parent
    with _opened(path) as file:
        status = file.get(STATUS.name)
        shown = status.virtual_sources() if status is not None and status.is_virtual else []
        return [
            _source(folder / own.file_name.replace("%%", "%"), own.vspace, own.src_space)
            for own in shown
        ]


def integrity_with_tile_files(path: Path) -> Integrity:
    """Of a result: of its file and, where that is a view, of the parts that are there.

    Raises:
        OSError: it cannot be read.
    """
    integrity = integrity_of(path)
    if integrity is not Integrity.INTACT:
        return integrity
    tile_files = {source.tile_file for source in sources_of(path) if source.tile_file.is_file()}
    intact = all(is_intact(tile_file) for tile_file in tile_files)
    return Integrity.INTACT if intact else Integrity.ALTERED


def _source(tile_file: Path, there: h5py.h5s.SpaceID, inside: h5py.h5s.SpaceID) -> Source:
    """From what HDF5 keeps: which points of the grid are which points of the part."""
    box = tuple(slice(start, last + 1) for start, last in zip(*there.get_select_bounds(), strict=True))
    first = inside.get_select_bounds()[0]
    whole = (slice(side.start - own, side.stop) for side, own in zip(box, first, strict=True))
    return Source(tile_file, box, tuple(whole))


def join(path: Path) -> None:
    """Replace a view by a finished copy of its parts, and remove these once it is on the disk.

    Raises:
        StoreError: a part was altered, or the disk is full.
    """
    sources = sources_of(path)
    path = path.resolve()
    forget_unfinished(path.parent, path.name)
    with renamed_into_place(path) as temporary:
        image = path.read_bytes()
        temporary.write_bytes(data_of(image) or image)
        with h5py.File(temporary, "r+") as file:
            file.attrs["finished"] = np.int8(True)
            views = [name for name, dataset in file.items() if dataset.is_virtual]
            needed = sum(file[name].nbytes for name in views)
            free = shutil.disk_usage(path.parent).free
            if free < needed:
                raise StoreError(f"{path}: one file takes {needed} bytes and the disk has {free} left")
            for name in views:
                _made_real(file, name)
            for tile_file, own in groupby(sources, key=lambda source: source.tile_file):
                read = read_tile_file(tile_file)
                if read.sweep != file.attrs["spec_sha256"]:
                    raise StoreError(
                        f"{tile_file}: is the part of another sweep; delete it and run it again"
                    )
                for source in own:
                    if not covers(read.box, source.whole):
                        raise StoreError(
                            f"{tile_file}: is another tile's; delete it and run the sweep again"
                        )
                    for name, values in read.inside(source.box).items():
                        file[name][source.box] = values
        append_checksum(temporary)
    to_disk(path.parent)
    for folder in {source.tile_file.parent for source in sources}:
        remove_tile_files(folder)


# In the folder of the parts of a result that replaces another one as soon as it is complete.
REPLACES = "replaces-the-result"

_FOLDER = re.compile(r"\.(parts|pieces)-[0-9a-f]{12}(-.*)?$")


def folders_beside(path: Path) -> list[Path]:
    """The folders of parts, of any sweep, that were computed for an output."""
    name = path.name
    return sorted(
        folder
        for folder in path.parent.iterdir()
        if folder.name.startswith(name) and _FOLDER.fullmatch(folder.name[len(name) :])
    )


def holds_tile_files_of(folder: Path, owner: "Owner") -> bool:
    """Whether a folder has, by its name, the parts of a sweep."""
    return f".parts-{(owner.digest or '')[:12]}" in folder.name


def remove_tile_files(folder: Path) -> None:
    """Remove a folder of parts, and nothing that is none."""
    if _FOLDER.search(folder.name):
        (folder / REPLACES).unlink(missing_ok=True)  # first: what is left of it is not gone on with
        shutil.rmtree(folder, ignore_errors=True)


def _made_real(file: h5py.File, name: str) -> None:
    """Replace a view by an empty dataset like it."""
    view = file[name]
    shape, dtype, attrs = view.shape, view.dtype, dict(view.attrs)
    scales = [dim[0].name for dim in view.dims]
    for dim, scale in zip(view.dims, scales, strict=True):
        dim.detach_scale(file[scale])
    del file[name]
    real = file.create_dataset(name, shape, dtype)
    real.attrs.update({key: value for key, value in attrs.items() if key != "DIMENSION_LIST"})
    for dim, scale in zip(real.dims, scales, strict=True):
        dim.attach_scale(file[scale])


def _write(target: Path | io.BytesIO, layout: Layout, create: _Create, *, finished: bool) -> None:
    with h5netcdf.File(target, "w") as file:
        file.dimensions = layout.sizes
        file.attrs.update(layout.attrs)
        file.attrs["finished"] = np.int8(finished)
        file.attrs[_HAS_CHECKSUM] = np.int8(True)
        for name, variable in layout.coordinates.items():
            dtype = h5py.string_dtype() if variable.dtype == np.dtype(object) else variable.dtype
            created = file.create_variable(name, variable.dims, dtype)
            created.attrs.update(variable.attrs)
            created[...] = variable.values
    with h5py.File(target, "r+") as file:
        for name, variable in layout.computed.items():
            dataset = create(file, name, variable)
            dataset.attrs.update(variable.attrs)
            beside = [layout.auxiliary[dim] for dim in variable.dims if dim in layout.auxiliary]
            if beside:
                dataset.attrs["coordinates"] = " ".join(beside)
            for axis, dim in enumerate(variable.dims):
                dataset.dims[axis].attach_scale(file[dim])


class Owner(NamedTuple):
    """Which sweep a file belongs to, which can extend it, and whether it is finished."""

    digest: str | None
    compatibility_hash: str | None
    finished: bool


def owner_of(path: Path) -> Owner:
    """Whose file it is.

    Raises:
        StoreError: it is not HDF5, or damaged.
    """
    with _opened(path) as file:
        told = file.attrs
        return Owner(
            told.get("spec_sha256"), told.get("family_sha256"), bool(told.get("finished", False))
        )


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    try:
        with h5py.File(path) as file:
            yield file
    except DAMAGED:
        raise StoreError(f"{path}: {Integrity.UNREADABLE.value}") from None
