"""A result as CSV, and beside it what its columns mean."""

import json
from pathlib import Path
from typing import Any

import xarray as xr

from qthermo_jax.export.table import Column, Table, plain

# What the name of the description adds to that of the table, by which readers find it: W3C, "Model for
# Tabular Data and Metadata on the Web" (2015), Sec. 5.3.
DESCRIPTION = "-metadata.json"

# The dimension of the rows, by a name that no column has.
_ROW = " row"


def write_csv(data: xr.Dataset, path: Path, description: Path, url: str) -> Table:
    """Write the table and its description, block by block.

    Numbers have the digits that give the same number again; what has no value is `NaN`.

    Args:
        url: what the table will be called, as seen from its description.

    Raises:
        OSError: one of them cannot be written.
    """
    table = Table(data)
    with path.open("w", encoding="utf-8", newline="") as file:
        head = True
        for block in table.blocks():
            rows = xr.Dataset({name: (_ROW, values) for name, values in block.items()})
            rows.to_dataframe().to_csv(file, index=False, header=head, na_rep="NaN", lineterminator="\n")
            head = False
    told = _described(data, table, url)
    description.write_text(json.dumps(told, indent=2, ensure_ascii=False), encoding="utf-8")
    return table


def _described(data: xr.Dataset, table: Table, url: str) -> dict[str, Any]:
    """The table's attributes and those of each column, as the W3C's vocabulary for tables has them."""
    return {
        "@context": "http://www.w3.org/ns/csvw",
        "url": url,
        "dc:title": str(data.attrs.get("title", "")),
        "notes": [{str(name): plain(value) for name, value in data.attrs.items()}],
        "tableSchema": {"columns": [_column(column) for column in table.columns]},
    }


def _column(column: Column) -> dict[str, Any]:
    own = {str(name): plain(value) for name, value in column.attrs.items()}
    told = {"titles": column.name, "dc:description": own.pop("long_name", ""), "notes": [own]}
    return told | ({"schema:unitText": str(own["units"])} if "units" in own else {})
