"""A result as Parquet, the names and units of its columns in the schema."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import xarray as xr

from qthermo_jax.export.table import Table, plain


def write_parquet(data: xr.Dataset, path: Path) -> Table:
    """Write the table, a group of rows for each block.

    Attributes of the result and of each variable are the metadata of the schema and of its fields, in
    JSON where they are no text.

    Raises:
        OSError: it cannot be written.
    """
    table, writer = Table(data), None
    whole = _as_text(data.attrs)
    try:
        for block in table.blocks():
            arrays = {name: pa.array(values) for name, values in block.items()}
            if writer is None:
                fields = [
                    pa.field(column.name, arrays[column.name].type, metadata=_as_text(column.attrs))
                    for column in table.columns
                ]
                schema = pa.schema(fields, metadata=whole)
                writer = pq.ParquetWriter(path, schema)
            ordered = [arrays[column.name] for column in table.columns]
            writer.write_table(pa.Table.from_arrays(ordered, schema=schema))
    finally:
        if writer is not None:
            writer.close()
    return table


def _as_text(attrs: Mapping[str, Any]) -> dict[str, str]:
    found = {str(name): plain(value) for name, value in attrs.items()}
    return {name: own if isinstance(own, str) else json.dumps(own) for name, own in found.items()}
