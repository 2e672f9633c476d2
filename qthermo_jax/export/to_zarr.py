"""A result as a Zarr store: its variables, dimensions and attributes as they are."""

from pathlib import Path

import xarray as xr

from qthermo_jax.results.blocks import blocks_of, points_of
from qthermo_jax.results.schema import STATUS

# The format that readers in all languages know; the newer one has no fixed rules for texts yet.
FORMAT = 2


def write_zarr(data: xr.Dataset, path: Path) -> None:
    """Write the store, a chunk of it for each block of the grid.

    Raises:
        OSError: it cannot be written.
    """
    grid = [str(dim) for dim in data[STATUS.name].dims]
    numbers = sum(array.size for array in data.data_vars.values()) // max(1, data[STATUS.name].size)
    first = next(blocks_of({dim: data.sizes[dim] for dim in grid}, points_of(numbers)), {})
    chunks = {dim: side.stop - side.start for dim, side in first.items()}
    data.drop_encoding().chunk(chunks).to_zarr(path, mode="w", zarr_format=FORMAT, consolidated=True)


def is_store(path: Path) -> bool:
    """Whether a folder is a Zarr store of either format."""
    return any((path / name).is_file() for name in (".zgroup", ".zarray", "zarr.json"))
