"""A result as a table: one row a point, one column a number, the same for CSV and Parquet.

The parameters come first, then what came out, then what each point says about itself. An observable
with dimensions of its own has a column for each entry, `heat_currents[bath=1]`, so that a point stays
one row. Numbers that stand for words, the status among them, have a second column with the word,
`status.name`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from qthermo_jax.results.blocks import blocks_of, entry_names, points_of, rows_of
from qthermo_jax.results.schema import STATUS
from qthermo_jax.sweeping.errors import SpecError

Block = dict[str, np.ndarray]


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: at its head, no two alike.
        attrs: what the file says of its variable: name, symbol, unit.
    """

    name: str
    attrs: Mapping[str, Any]


class Table:
    """A result as a table, of which one block of rows is in memory at a time.

    Args:
        data: as `open_result` reads it.

    Attributes:
        columns: all of them, in order.
        rows: how many.

    Raises:
        SpecError: two columns would have one name.
    """

    def __init__(self, data: xr.Dataset) -> None:
        self._data = data
        self._grid = [str(dim) for dim in data[STATUS.name].dims]
        sizes = {dim: data.sizes[dim] for dim in self._grid}
        axes = [str(name) for name, own in data.coords.items() if set(own.dims) <= set(self._grid)]
        bare = [dim for dim in self._grid if not any(data[name].dims == (dim,) for name in axes)]
        self._numbered = bare  # axes without values are numbered from 0
        self._variables = [*axes, *(str(name) for name in data.data_vars)]
        self.columns = [Column(dim, {}) for dim in bare]
        for name in self._variables:
            self.columns += self._columns_of(name)
        names = [column.name for column in self.columns]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise SpecError(f"export: two columns would be called {twice!r}")
        self.rows = data[STATUS.name].size
        self._blocks = list(blocks_of(sizes, points_of(len(self.columns))))

    def blocks(self) -> Iterator[Block]:
        """The columns by name, some rows at a time."""
        for box in self._blocks:
            yield self._block(box)

    def _columns_of(self, name: str) -> Iterator[Column]:
        array = self._data[name]
        for column in entry_names(self._data, name, self._grid):
            yield Column(column, array.attrs)
            if _has_words(array):
                yield Column(f"{column}.name", {"long_name": f"name of {column}"})

    def _block(self, box: Mapping[str, slice]) -> Block:
        part = self._data.isel(box)
        shape = {dim: part.sizes[dim] for dim in self._grid}
        found: Block = {}
        for dim in self._numbered:
            numbers = xr.DataArray(np.arange(box[dim].start, box[dim].stop), dims=dim)
            found[dim] = rows_of(numbers, shape)[:, 0]
        for name in self._variables:
            array = part[name]
            values = rows_of(array, shape)
            for head, column in zip(entry_names(self._data, name, self._grid), values.T, strict=True):
                found[head] = column
                if _has_words(array):
                    found[f"{head}.name"] = words_of(array.attrs, column)
        return found


def _has_words(array: xr.DataArray) -> bool:
    return "flag_meanings" in array.attrs


def words_of(attrs: Mapping[str, Any], codes: np.ndarray) -> np.ndarray:
    """The names of codes, by the attributes that the CF conventions give a variable of codes.

    Args:
        attrs: `flag_meanings`, with `flag_values`, or `flag_masks` where several may hold at once.
        codes: (n,).

    Returns:
        a name for each; several are joined by "; ", and a code that has none stays a number.

    >>> attrs = {"flag_meanings": "ok not_unique", "flag_values": [0, 4]}
    >>> words_of(attrs, np.array([4, 0, 7])).tolist()
    ['not_unique', 'ok', '7']
    """
    names = str(attrs["flag_meanings"]).split()
    masks = "flag_masks" in attrs
    known = np.atleast_1d(attrs.get("flag_masks" if masks else "flag_values", [])).tolist()
    pairs = list(zip(known, names, strict=False))
    values, where = np.unique(codes, return_inverse=True)
    told = []
    for value in values.tolist():
        own = [name for code, name in pairs if (value & code if masks else value == code)]
        has_name = not (masks and not value) and value == value
        told.append("; ".join(own) or (str(value) if has_name else ""))
    return np.array(told, object)[where]


def plain(value: Any) -> Any:
    """An attribute as JSON holds it."""
    if isinstance(value, np.ndarray):
        return [plain(one) for one in value.tolist()]
    if isinstance(value, np.generic):
        return plain(value.item())
    return value if isinstance(value, str | int | float | bool | list) else str(value)
