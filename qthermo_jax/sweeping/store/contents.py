"""The names in a result, read with nothing but HDF5: a shell that completes them does not wait."""

from pathlib import Path

import h5netcdf

from qthermo_jax.results.schema import STATUS, says_what_came_out
from qthermo_jax.sweeping.store.tile_files import DAMAGED


def names_in(path: Path) -> list[str]:
    """Observables and their derivatives; empty where the file is none of a sweep."""
    try:
        with h5netcdf.File(path, "r") as file:
            status = file.variables[STATUS.name]
            grid = set(status.dimensions)
            coordinates = str(status.attrs.get("coordinates", "")).split()
            return [
                name
                for name, variable in file.variables.items()
                if name not in file.dimensions
                and grid <= set(variable.dimensions)
                and name not in coordinates
                and says_what_came_out(name, variable.attrs)
            ]
    except DAMAGED:
        return []
