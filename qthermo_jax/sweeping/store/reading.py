"""Results of sweeps as xarray has them: in memory, or read back from a file."""

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from xarray.indexes import PandasIndex

from qthermo_jax.results.schema import METHOD, STATUS
from qthermo_jax.sweeping.errors import SpecError, first_line
from qthermo_jax.sweeping.store.layout import Layout, Variable
from qthermo_jax.sweeping.store.tile_files import DAMAGED


def to_dataset(layout: Layout, arrays: dict[str, np.ndarray]) -> xr.Dataset:
    """The result in memory."""
    computed = {name: _variable(own, arrays[name]) for name, own in layout.computed.items()}
    coordinates = {
        name: _variable(own, np.asarray(own.values)) for name, own in layout.coordinates.items()
    }
    indexes = {}
    for name, own in [*coordinates.items()]:
        if own.dims == (name,):
            index = pd.Index(own.values, dtype=object if own.dtype == object else None)
            indexes[name] = PandasIndex(index, name, coord_dtype=own.dtype)
            coordinates |= indexes[name].create_variables({name: own})
    return xr.Dataset(computed, xr.Coordinates(coordinates, indexes), layout.attrs)


def _variable(variable: Variable, values: np.ndarray) -> xr.Variable:
    """As it is: to find out that this is numpy xarray would load all of dask where that is installed."""
    return xr.Variable(variable.dims, values, variable.attrs, fastpath=True)


def open_result(path: str | Path) -> xr.Dataset:
    """The result in a file, as `xarray.open_dataset` reads it: numbers are loaded when they are used.

    Args:
        path: what `qthermo run` or `sweep(..., out=)` wrote, finished or not.

    Returns:
        the dataset; closed with `.close()` or by `with`.

    Raises:
        SpecError: a `ValueError` with one line: no such file, or not a result of a sweep.
    """
    if not Path(path).is_file():
        raise SpecError(f"{path}: {'is a folder' if Path(path).is_dir() else 'no such file'}")
    try:
        data = xr.open_dataset(path, engine="h5netcdf")
    except DAMAGED as error:
        reason = "no HDF5" if "file signature not found" in str(error) else first_line(error)
        raise SpecError(f"{path}: not a result of a sweep: {reason}") from None
    if not {STATUS.name, METHOD.name} <= data.keys():
        data.close()
        raise SpecError(f"{path}: not a result of a sweep: it has no status and method")
    return data
