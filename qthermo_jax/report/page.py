"""The page: what the template shows, and the template filled in."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from jinja2 import Environment, PackageLoader, StrictUndefined

from qthermo_jax.labels import printable
from qthermo_jax.plotting import drawable
from qthermo_jax.plotting.labels import plain_label
from qthermo_jax.registry import EQUATIONS, Method
from qthermo_jax.report.again import commands, read_spec
from qthermo_jax.report.checks import LAWS, VALIDITY, Check, has
from qthermo_jax.report.pictures import MOST, pictures_of
from qthermo_jax.report.scan import Index, Outcome, Scan, Spread, scanned
from qthermo_jax.results.blocks import entry_names
from qthermo_jax.results.schema import INTERPOLATED, OF_MACHINES, STATUS, meanings_of
from qthermo_jax.solvers import Note
from qthermo_jax.steady import Status
from qthermo_jax.sweeping.spec.units import known_unit
from qthermo_jax.sweeping.store.reasons import ATTRIBUTE
from qthermo_jax.version import __version__

# Letters of a text from a file that are shown: of an attribute, of the spec.
_LONG, _WHOLE = 500, 100_000
_PHYSICS = ("generator", "secular_tol", "method", "precision", "optimise", "refine")
_ASKED = ("model", "parameters", *_PHYSICS, "energy_unit", "unit_conversions")
_VERSIONS = ("qthermo_jax_version", "jax_version", "jaxlib_version", "numpy_version", "python_version")
_MADE = ("created", "device", *_VERSIONS, "spec_sha256")


@dataclass(frozen=True)
class Verdict:
    """A check as the page shows it."""

    check: Check
    verdict: str
    kind: str
    value: str
    worst: str


@dataclass(frozen=True)
class Page:
    """What was made.

    Attributes:
        html: the page.
        hold, fail, missing: numbers of checks that hold, that do not, and that the file has no data for.
    """

    html: str
    hold: int
    fail: int
    missing: int


def made_page(data: xr.Dataset, file: Path, integrity: str) -> Page:
    """A result as one page of HTML that loads nothing and runs nothing.

    Args:
        data: as `open_result` reads it.
        file: which it was read from: it is hashed, and its name is shown.
        integrity: what is known of its checksum, in words.
    """
    kind, spec = read_spec(str(data.attrs.get("spec", "")))
    possible = {check: _why_not(check, data, spec) for check in (*LAWS, *VALIDITY)}
    found = scanned(data, [check for check, reason in possible.items() if not reason])

    def judged(checks: Iterable[Check]) -> list[Verdict]:
        return [_verdict(check, possible[check], found, data) for check in checks]

    laws, validity = judged(LAWS), judged(VALIDITY)
    names = drawable(data)
    html = _template().render(
        title=_text(data.attrs.get("title", file.name)),
        file=printable(file.name),
        summary=_summary(found, data),
        asked=_rows(data.attrs, _ASKED) + _root(spec) + _axes(data),
        spec=_text(data.attrs.get("spec", ""), _WHOLE, kept="\n\t"),
        statuses=_statuses(found, data),
        causes=[_text(line) for line in str(data["status"].attrs.get(ATTRIBUTE, "")).splitlines()],
        solved=_solved(found),
        spreads=[_spread(data, name, found.spreads[name]) for name in names],
        pictures=pictures_of(data),
        undrawn=", ".join(printable(name) for name in names[MOST:]),
        laws=laws,
        validity=validity,
        commands=printable(commands(kind, spec, file), "\n"),
        kind=kind,
        made=[*_rows(data.attrs, _MADE), *_of_file(file, integrity)],
        version=__version__,
    )
    verdicts = [one.kind for one in (*laws, *validity)]
    return Page(html, verdicts.count("holds"), verdicts.count("fails"), verdicts.count("missing"))


def _template() -> Any:
    """Everything that is put into it is escaped, and a name that it does not know is an error."""
    loader = PackageLoader("qthermo_jax.report", "")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("page.html.jinja")


def _text(value: Any, longest: int = _LONG, kept: str = "") -> str:
    """Something from the file as a text of bounded length whose letters can all be printed."""
    whole = str(value)
    cut = f" … ({len(whole)} characters)" if len(whole) > longest else ""
    return printable(whole[:longest], kept) + cut


def _rows(attrs: Mapping[Any, Any], keys: Iterable[str]) -> list[tuple[str, str]]:
    return [(key.replace("_", " "), _text(attrs[key])) for key in keys if key in attrs]


def _of_file(file: Path, integrity: str) -> list[tuple[str, str]]:
    with file.open("rb") as image:
        digest = hashlib.file_digest(image, "sha256").hexdigest()
    size = f"{file.stat().st_size} bytes"
    return [("file", f"{printable(file.name)}, {size}"), ("SHA-256", digest), ("checksum", integrity)]


def _axes(data: xr.Dataset) -> list[tuple[str, str]]:
    """Each axis with its parameters and the ends of each."""
    rows = []
    for dim in data[STATUS.name].dims:
        moving = [own for own in data.coords.values() if own.dims == (dim,) and own.size]
        told = [
            f"{plain_label(own)}: {own.name} = {_number(own, 0)} … {_number(own, -1)}" for own in moving
        ]
        rows.append((f"axis {_text(dim)}", _text("; ".join([f"{data.sizes[dim]} values", *told]))))
    return rows


def _root(spec: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a formula is at all points, if the spec asks for that."""
    root = spec.get("root")
    if not isinstance(root, Mapping):
        return []
    return [("root", _text(f"{root.get('formula', '')} = {root.get('value', 0.0)}"))]


def _number(values: xr.DataArray, at: int) -> str:
    """A value of a coordinate, with ten digits at most."""
    value = values.values[at]
    return str(float(f"{value:.10g}")) if np.issubdtype(values.dtype, np.floating) else str(value)


def _point(data: xr.Dataset, index: Index) -> str:
    """A point by the parameters that vary: `g = 0.1, T_L = 0.8`."""
    told = []
    for dim, at in zip(data[STATUS.name].dims, index, strict=True):
        moving = [own for own in data.coords.values() if own.dims == (dim,)]
        for own in moving:
            unit = known_unit(str(own.attrs.get("units", ""))) or ""
            told.append(f"{own.name} = {_number(own, at)} {unit}".rstrip())
        told += [] if moving else [f"{dim}: number {at}"]
    return _text(", ".join(told) or "the one point")


def _summary(found: Scan, data: xr.Dataset) -> str:
    points, good = data[STATUS.name].size, found.statuses.get(int(Status.OK), 0)
    if INTERPOLATED.name in data:
        between = int(data[INTERPOLATED.name].sum())
        computed = f"{points - between} of them computed and {between} interpolated between these"
        return f"{points} points, {computed}; {good} have a state or lie between points that have one."
    return f"{points} points; a state was found at {good} of them."


def _statuses(found: Scan, data: xr.Dataset) -> list[dict[str, Any]]:
    known = {int(own): own for own in Status}
    return [
        {
            "code": code,
            "name": known[code].name if code in known else "unknown",
            "meaning": known[code].meaning if code in known else "this version does not know it",
            "count": count,
            "first": _point(data, found.first[code]),
        }
        for code, count in sorted(found.statuses.items())
    ]


def _solved(found: Scan) -> list[tuple[str, str]]:
    names = {int(own): own.name.lower() for own in Method}
    methods = [f"{n} by {names.get(code, code)}" for code, n in sorted(found.methods.items()) if code]
    rows = [("solved", ", ".join(methods) or "none")]
    rows += [
        ("note", f"{n}: {Note(code).meaning}") for code, n in sorted(found.notes.items()) if code > 0
    ]
    return rows


def _spread(data: xr.Dataset, name: str, spread: Spread) -> dict[str, Any]:
    try:
        meanings = meanings_of(data[name].attrs)
    except (KeyError, ValueError):  # a file that says it badly
        meanings = {}
    entries = entry_names(data, name, [str(dim) for dim in data[STATUS.name].dims])

    def told(extreme: tuple[float, Index, int] | None) -> str:
        if extreme is None:
            return "no value"
        value, index, entry = extreme
        which = f" {_text(entries[entry])}" if len(entries) > 1 else ""
        words = _text(meanings[int(value)]) if value in meanings else f"{value:.6g}"
        return f"{words}{which} at {_point(data, index)}"

    return {
        "name": printable(name),
        "words": _text(plain_label(data[name])),
        "low": told(spread.low),
        "high": told(spread.high),
        "missing": spread.missing,
    }


def _why_not(check: Check, data: xr.Dataset, spec: Mapping[str, Any]) -> str:
    """What keeps a check from being made; "" if nothing does."""
    if check.steady and (spec.get("evolution") is not None or "time" in data[STATUS.name].dims):
        return "does not apply: a time evolution, no steady state"
    state, generator = data.attrs.get("state"), data.attrs.get("generator")
    if state is not None and check.machine != (state in OF_MACHINES) and (check.machine or check.steady):
        return f"does not apply: it is about {'machines' if check.machine else 'steady states'}"
    if check.steady and generator is not None and generator not in EQUATIONS:
        return f"does not apply to {_text(generator)}"
    if check.generator and generator != check.generator:
        return f"does not apply: it is about the {check.generator} equation"
    absent = [name for name, words in check.needs.items() if not has(data, name, words)]
    return f"not in the file: add {' and '.join(absent)} to its observables" if absent else ""


def _verdict(check: Check, reason: str, found: Scan, data: xr.Dataset) -> Verdict:
    if reason:
        return Verdict(check, reason, "missing" if reason.startswith("not in") else "none", "", "")
    outcome: Outcome = found.outcomes[check]
    if outcome.index is None:
        return Verdict(check, "no point to judge", "none", "", "")
    value, worst = f"{outcome.value:.6g}", _point(data, outcome.index)
    if not check.limit:
        return Verdict(check, f"largest of {outcome.points} points", "none", value, worst)
    if outcome.violated:
        said = f"does not hold at {outcome.violated} of {outcome.points} points"
        return Verdict(check, said, "fails", value, worst)
    return Verdict(check, f"holds at {outcome.points} points", "holds", value, worst)
