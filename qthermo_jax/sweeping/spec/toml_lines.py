"""In which line of a TOML file a key stands: `tomllib` does not say."""

import tomllib
from collections.abc import Iterator
from typing import Any

Path = tuple[str, ...]


def lines_of_keys(text: str) -> dict[Path, int]:
    r"""The line, from 1, in which each table and each key begins.

    The text is parsed statement by statement: a statement is as many lines as it takes to be TOML.

    >>> lines_of_keys('title = "x"\n[axes]\ng = [\n1.0]\nT = { num = 3 }')[("axes", "T", "num")]
    5
    """
    found: dict[Path, int] = {}
    header, statement, begin = "", "", 1
    for number, line in enumerate(text.splitlines(), 1):
        if not statement:
            begin = number
        statement += line + "\n"
        is_header = statement.lstrip().startswith("[")
        try:
            parsed = tomllib.loads(statement if is_header else header + statement)
        except tomllib.TOMLDecodeError:
            continue
        if is_header:
            header = statement
        for path in _paths(parsed):
            found.setdefault(path, begin)
        statement = ""
    return found


def line_of(key: str, lines: dict[Path, int]) -> int | None:
    """The line of a key as an error names it, `axes.g.num` or `observables[1]`, or of what it is in."""
    parts = tuple(part for part in key.replace("[", ".").replace("]", "").split(".") if part)
    return next((lines[parts[:n]] for n in range(len(parts), 0, -1) if parts[:n] in lines), None)


def _paths(data: dict[str, Any], above: Path = ()) -> Iterator[Path]:
    for key, value in data.items():
        yield (*above, key)
        if isinstance(value, dict):
            yield from _paths(value, (*above, key))
