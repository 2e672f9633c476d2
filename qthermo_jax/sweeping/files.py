"""The result as one HDF5 file: its own copy of the numbers, or a view of the parts that hold them.

Both open alike, in xarray as well. In a view a part that is missing shows as NaN, with the status
`PENDING`: so an unfinished result can be looked at while the sweep runs.
"""

import io
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import h5netcdf
import h5py
import numpy as np

from qthermo_jax.sweeping.errors import SpecError, StoreError
from qthermo_jax.sweeping.layout import Layout, Variable
from qthermo_jax.sweeping.parts import Arrays, read_part, renamed_into_place, write_whole
from qthermo_jax.sweeping.tiling import Box

_Create = Callable[[h5py.File, str, Variable], h5py.Dataset]


def write_view(path: Path, layout: Layout, parts: Iterable[tuple[Box, Path]], *, finished: bool) -> None:
    """A file whose numbers stand in the parts, present or to come."""
    boxes = [(box, str(part.relative_to(path.parent))) for box, part in parts]

    def create(file: h5py.File, name: str, variable: Variable) -> h5py.Dataset:
        shape = layout.shape(variable)
        whole = h5py.VirtualLayout(shape, variable.dtype)
        for box, part in boxes:
            covered = tuple(side.stop - side.start for side in box) + shape[len(box) :]
            whole[box] = h5py.VirtualSource(part, name, covered, variable.dtype)
        return file.create_virtual_dataset(name, whole, fillvalue=variable.nothing)

    image = io.BytesIO()
    _write(image, layout, create, finished=finished)
    write_whole(path, image)


def write_copy(path: Path, layout: Layout, pieces: Iterable[tuple[Box, Arrays]]) -> None:
    """A file that holds its numbers itself."""

    def create(file: h5py.File, name: str, variable: Variable) -> h5py.Dataset:
        return file.create_dataset(name, layout.shape(variable), variable.dtype)

    with renamed_into_place(path) as temporary:
        _write(temporary, layout, create, finished=True)
        with h5py.File(temporary, "r+") as file:
            for box, arrays in pieces:
                for name, values in arrays.items():
                    file[name][box or ...] = values


def merge(path: Path) -> None:
    """Turn a finished view into a file that holds its numbers itself, and remove the parts.

    Raises:
        SpecError: there is nothing to merge, or the sweep is not finished.
        StoreError: a part was altered, or the disk is full.
    """
    if not owner_of(path).finished:
        raise SpecError(f"{path}: is not finished; run the sweep again, it goes on where it stopped")
    if not parts_of(path):
        raise SpecError(f"{path}: holds its numbers itself already")
    join(path)


def parts_of(path: Path) -> dict[Path, Box]:
    """The parts that a view shows, and what of the grid each covers; none if it is no view."""
    with h5py.File(path) as file:
        status = file["status"]
        sources = status.virtual_sources() if status.is_virtual else []
        return {path.parent / source.file_name: _box(source.vspace) for source in sources}


def join(path: Path) -> None:
    """Replace a view by a finished copy of its parts, and remove these.

    Raises:
        StoreError: a part was altered, or the disk is full.
    """
    parts = parts_of(path)
    with renamed_into_place(path) as temporary:
        shutil.copyfile(path, temporary)
        with h5py.File(temporary, "r+") as file:
            file.attrs["finished"] = np.int8(True)
            views = [name for name, dataset in file.items() if dataset.is_virtual]
            needed = sum(file[name].nbytes for name in views)
            free = shutil.disk_usage(path.parent).free
            if free < needed:
                raise StoreError(f"{path}: one file takes {needed} bytes and the disk has {free} left")
            for name in views:
                _made_real(file, name)
            for part, box in parts.items():
                for name, values in read_part(part).items():
                    file[name][box] = values
    for folder in {part.parent for part in parts}:
        shutil.rmtree(folder)


def _box(space: h5py.h5s.SpaceID) -> Box:
    """The part of the grid that a part covers."""
    first, last = space.get_select_bounds()
    return tuple(slice(start, stop + 1) for start, stop in zip(first, last, strict=True))


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
    family: str | None
    finished: bool


def owner_of(path: Path) -> Owner:
    """Whose file it is.

    Raises:
        OSError: it is not HDF5.
    """
    with h5py.File(path) as file:
        told = file.attrs
        return Owner(
            told.get("spec_sha256"), told.get("family_sha256"), bool(told.get("finished", False))
        )
