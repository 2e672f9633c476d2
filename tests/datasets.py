"""Results of sweeps: a small one made by hand, and what a file holds."""

from pathlib import Path

import numpy as np
import xarray as xr


def two_baths() -> xr.Dataset:
    """A result over g and T: heat_currents = 10 g + T times (1, -1); position = 100 g.

    The point g = 0.2, T = 3 has status 4 and no values.
    """
    g, T = np.array([0.1, 0.2, 0.4]), np.array([1.0, 2.0, 3.0])
    status = np.zeros((3, 3), "int8")
    status[1, 2] = 4
    currents = (10 * g[:, None] + T)[:, :, None] * np.array([1.0, -1.0])
    currents[1, 2] = np.nan
    position = np.where(status == 0, 100 * g[:, None] + 0 * T, np.nan)
    return xr.Dataset(
        {
            "heat_currents": (
                ("g", "T", "bath"),
                currents,
                {"long_name": "heat current", "units": "h^2"},
            ),
            "position": (("g", "T"), position, {"long_name": "position"}),
            "status": (("g", "T"), status),
            "method": (("g", "T"), status),
        },
        {"g": ("g", g, {"units": "h"}), "T": T, "bath": [1, 2]},
        {"title": "Two <baths>"},
    )


def values_of(file: Path) -> xr.Dataset:
    """Everything in a result, in memory: the file is closed."""
    with xr.open_dataset(file, engine="h5netcdf") as data:
        return data.load()


def tile_files_of(out: Path) -> list[Path]:
    """The parts beside an output."""
    return sorted(out.parent.glob(f"{out.name}.parts-*/*.h5"))
