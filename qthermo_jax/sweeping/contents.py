"""The names in a result, read with nothing but HDF5: a shell that completes them does not wait."""

from pathlib import Path

import h5netcdf

# What each point says about itself.
_ABOUT_THE_SOLVE = ("status", "method", "note", "leak")


def names_in(path: Path) -> list[str]:
    """Observables and their derivatives; empty where the file is none of a sweep."""
    try:
        with h5netcdf.File(path, "r") as file:
            grid = set(file.variables["status"].dimensions)
            coordinates = str(file.variables["status"].attrs.get("coordinates", "")).split()
            return [
                name
                for name, variable in file.variables.items()
                if name not in file.dimensions
                and grid <= set(variable.dimensions)
                and name not in {*_ABOUT_THE_SOLVE, *coordinates}
                and not name.startswith("status_d_")
            ]
    except (OSError, KeyError):
        return []
