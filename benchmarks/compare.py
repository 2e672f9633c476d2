"""Two result files of one benchmark side by side: a CPU's and a GPU's, yesterday's and today's."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from benchmarks.report import Cell, Report

Row = Mapping[str, Any]


def _load(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{path}: cannot be read: {error}") from None
    if not {"conditions", "name", "keys", "rows"} <= found.keys():
        raise click.ClickException(f"{path}: not a result of these benchmarks")
    return found


def compare(first: Path, second: Path) -> tuple[Report, dict[str, Any]]:
    """Rows that both files have: each measured column with both medians and their ratio.

    Raises:
        ClickException: files that cannot be compared.
    """
    a, b = _load(first), _load(second)
    if a["name"] != b["name"]:
        raise click.ClickException(f"{a['name']} and {b['name']} are different benchmarks")
    keys = a["keys"]
    others = {tuple(row[key] for key in keys): row for row in b["rows"]}
    rows: list[dict[str, Cell]] = []
    for row in a["rows"]:
        twin = others.get(tuple(row[key] for key in keys))
        if twin is not None:
            rows.append({key: row[key] for key in keys} | _side_by_side(row, twin))
    if not rows:
        raise click.ClickException(f"{first} and {second} have no row in common")
    devices = {name: ", ".join(file["conditions"]["devices"]) for name, file in (("A", a), ("B", b))}
    return Report(f"{a['name']}-compared", a["title"], keys, rows, devices), a["conditions"]


def _side_by_side(row: Row, twin: Row) -> dict[str, Cell]:
    cells: dict[str, Cell] = {}
    for column, value in row.items():
        medians = [one["median"] if isinstance(one, dict) else None for one in (value, twin[column])]
        if None not in medians:
            mine, theirs = medians
            cells |= {f"{column}: A": mine, f"{column}: B": theirs, f"{column}: B/A": theirs / mine}
    return cells
