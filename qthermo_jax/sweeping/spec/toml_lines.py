"""In which line of a TOML file a key stands: `tomllib` does not say."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from qthermo_jax.sweeping.errors import Issue, Steps


def lines_of_keys(text: str) -> dict[Steps, int]:
    r"""The line, from 1, in which each table and each key begins.

    The text is parsed statement by statement: a statement is as many lines as it takes to be TOML.

    >>> lines_of_keys('title = "x"\n[axes]\ng = [\n1.0]\nT = { num = 3 }')[("axes", "T", "num")]
    5
    """
    found: dict[Steps, int] = {}
    header, statement, begin = "", "", 1
    for number, line in enumerate(text.split("\n"), 1):  # TOML takes U+2028 for a letter
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


def with_lines(issues: Iterable[Issue], text: str, source: str) -> list[Issue]:
    """Issues of a TOML file with its name and their lines: that of the key, or of what it is in.

    Args:
        issues: without a file.
        text, source: what the file says, and its name.

    Returns:
        them in the order of their lines.
    """
    issues = list(issues)
    if not issues:  # finding the lines of a long table takes long
        return []
    lines = lines_of_keys(text)
    found = [replace(issue, line=line_of(issue.steps, lines), source=source) for issue in issues]
    return sorted(found, key=lambda issue: issue.line or 0)


def line_of(steps: Steps, lines: Mapping[Steps, int]) -> int | None:
    """The line of a place in the spec, or of what it is in."""
    return next((lines[steps[:n]] for n in range(len(steps), 0, -1) if steps[:n] in lines), None)


def _paths(data: dict[str, Any], above: Steps = ()) -> Iterator[Steps]:
    for key, value in data.items():
        yield (*above, key)
        if isinstance(value, dict):
            yield from _paths(value, (*above, key))
