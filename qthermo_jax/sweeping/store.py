"""The result on disk: finished tiles as parts, and the one HDF5 file made of them.

A part is written whole and then renamed into place, so a part that exists is right; that is all of
resume. The final file is written and renamed the same way.
"""

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import h5netcdf
import h5py
import numpy as np

from qthermo_jax.sweeping.errors import SpecError
from qthermo_jax.sweeping.layout import Layout, Variable
from qthermo_jax.sweeping.plan import Box, Plan
from qthermo_jax.version import __version__


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
        self.parts = path.with_name(f"{path.name}.parts-{plan.digest[:12]}-{__version__}-{tile}")
        self._digest = plan.digest
        self.finished = not overwrite and path.exists() and self._is_ours()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SpecError(f"{path.parent}: cannot be made: {error.strerror}") from None
        if not os.access(path.parent, os.W_OK):
            raise SpecError(f"{path.parent}: cannot be written")

    def _is_ours(self) -> bool:
        advice = "give another --out, or --overwrite"
        try:
            with h5py.File(self.path) as file:
                digest = file.attrs.get("spec_sha256")
        except OSError:
            raise SpecError(f"{self.path}: exists and is not HDF5; {advice}") from None
        if digest != self._digest:
            raise SpecError(f"{self.path}: belongs to another spec or model version; {advice}")
        return True

    def missing(self, boxes: Iterable[Box]) -> list[Box]:
        """The tiles that no part holds yet."""
        return [box for box in boxes if not self._part(box).exists()]

    def _part(self, box: Box) -> Path:
        corner = "_".join(f"{side.start:09d}" for side in box) or "0"
        return self.parts / f"{corner}.h5"

    def write_part(self, box: Box, arrays: dict[str, Any]) -> None:
        """Keep a finished tile."""
        self.parts.mkdir(exist_ok=True)
        with _renamed_into_place(self._part(box)) as temporary, h5py.File(temporary, "w") as file:
            for name, values in arrays.items():
                file.create_dataset(name, data=values)

    def assemble(self, layout: Layout, boxes: Iterable[Box]) -> None:
        """Join the parts into the final file and remove them."""
        with _renamed_into_place(self.path) as temporary, h5netcdf.File(temporary, "w") as file:
            file.dimensions = layout.sizes
            file.attrs.update(layout.attrs)
            for name, variable in layout.coordinates.items():
                _create(file, name, variable)[...] = variable.values
            targets = {name: _create(file, name, var) for name, var in layout.computed.items()}
            for target in targets.values():
                beside = [layout.auxiliary[dim] for dim in target.dimensions if dim in layout.auxiliary]
                if beside:
                    target.attrs["coordinates"] = " ".join(beside)
            for box in boxes:
                with h5py.File(self._part(box)) as part:
                    for name, target in targets.items():
                        target[box or ...] = part[name][()]
        shutil.rmtree(self.parts)


def _create(file: h5netcdf.File, name: str, variable: Variable) -> h5netcdf.Variable:
    dtype = h5py.string_dtype() if variable.dtype == np.dtype(object) else variable.dtype
    created = file.create_variable(name, variable.dims, dtype)
    created.attrs.update(variable.attrs)
    return created


@contextlib.contextmanager
def _renamed_into_place(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, renamed to it when all was written, removed when not."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
