"""The results in a few rows, into README.md: `python -m benchmarks summary`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.report import RESULTS

README = Path(__file__).parents[1] / "README.md"
_BEGIN = "<!-- benchmarks: made by python -m benchmarks summary -->\n"
_END = "<!-- end of benchmarks -->"

_PEERS = ("QuTiP, tensor and steadystate('direct')", "qthermo (PyPI)", "numpy, dense")

Row = dict[str, Any]


def with_summary(text: str, folder: Path) -> str:
    """A text with the table between its marks as the results in a folder have it."""
    before, _, rest = text.partition(_BEGIN)
    return before + _BEGIN + _summary(folder) + _END + rest.partition(_END)[2]


def _summary(folder: Path) -> str:
    where = _result(folder, "peers")["conditions"]
    found = "\n".join(
        f"| {what} | {numbers}{_elsewhere(folder, name, where)} | "
        f"[{name}]({folder.relative_to(README.parent)}/{name}.md) |"
        for name, what, numbers in _findings(folder)
    )
    measured = (
        f"Medians in 64 bit on {where['processor']} unless another is named, {where['cores']} cores, "
        f"{', '.join(where['devices'])}; JAX {where['versions']['jax']}, "
        f"QuTiP {where['versions']['qutip']}, qthermo {where['versions']['qthermo']}."
    )
    return f"| measured | found | in |\n|---|---|---|\n{found}\n\n{measured}\n"


def _elsewhere(folder: Path, name: str, where: dict[str, Any]) -> str:
    """The processor, where it is not the one that stands under the table."""
    processor = _result(folder, name)["conditions"]["processor"]
    return "" if processor == where["processor"] else f" ({processor})"


def _result(folder: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return found


def _row(folder: Path, name: str, **keys: object) -> Row:
    """The row that has these entries, of those the one with the most points."""
    rows: list[Row] = _result(folder, name)["rows"]
    fitting = [row for row in rows if all(row[key] == value for key, value in keys.items())]
    if not fitting:
        raise RuntimeError(f"{name}.json has no row with {keys}: python -m benchmarks {name}")
    return max(fitting, key=lambda row: row.get("points", 0))


def _median(cell: Any) -> float:
    return float(cell["median"] if isinstance(cell, dict) else cell)


def _in_words(template: str, *values: float) -> str:
    """Two digits of each, thousands apart."""

    def rounded(value: float) -> str:
        return f"{float(f'{value:.1e}'):,.0f}".replace(",", " ") if value >= 100 else f"{value:.2g}"

    return template.format(*map(rounded, values))


def _findings(folder: Path) -> Iterator[tuple[str, str, str]]:
    many_H, one_H = (
        _median(_row(folder, "peers", sites=10, by=f"qthermo_jax, populations, {how}")["a point, us"])
        for how in ("an H for each point", "one H")
    )
    numbers = _in_words("{} points/s with an H for each point, {} on one H", 1e6 / many_H, 1e6 / one_H)
    yield "peers", "site populations, 10 sites, one compiled call", numbers
    for peer in _PEERS:
        theirs = _median(_row(folder, "peers", sites=10, by=peer)["a point, us"])
        times = theirs / 1e3, theirs / many_H, theirs / one_H
        yield "peers", f"the same by {peer}", _in_words("{} ms a point: {} and {} times ours", *times)
    for sites in (4, 10, 30, 100):
        row = _row(folder, "sweeps", sites=sites, precision="float64", **{"virtual devices": None})
        rates = (_median(row[f"points/s, {how}"]) for how in ("with the file", "solving alone"))
        what = _in_words("sweep of {} points over T and g, {} sites", row["points"], sites)
        yield "sweeps", what, _in_words("{} points/s with the file, {} without", *rates)
    for own, peer, told in (
        ("driven qubit between two baths", "QuTiP, FMESolver, one temperature", "FMESolver"),
        ("Otto cycles of a qubit", "qthermo (PyPI), Cycle.limit_cycle", "qthermo's Cycle"),
    ):
        row, other = (_row(folder, "machines", map=own, by=by) for by in ("qthermo_jax", peer))
        numbers = _in_words("{} s", _median(row["s"]))
        theirs = _median(other["a point, us"]) / 1e3, _median(other["times ours"])
        numbers += f"; {told} " + _in_words("{} ms a point, {} times ours", *theirs)
        yield "machines", _in_words("map of {} points: ", row["points"]) + own, numbers
    ours, theirs = (
        _median(_row(folder, "derivatives", derivative=f"site populations by T_L and g, {how}")["ratio"])
        for how in ("forward", "QuTiP's central differences")
    )
    what = "values and two derivatives of all populations, over the values alone"
    yield "derivatives", what, _in_words("{} times; QuTiP's differences {} times", ours, theirs)
    fits = _result(folder, "growth")["remarks"]
    powers = [
        fits[f"{solver}: {what} ~ N^"]
        for solver in ("populations", "qutip")
        for what in ("time", "peak memory of a run")
    ]
    what = "time and memory of one point of N sites"
    yield "growth", what, _in_words("N^{} and N^{}; QuTiP N^{} and N^{}", *powers)
    share = _median(_row(folder, "limit", sites=10, method="populations")["share of the lower bound"])
    what = "share of what operations and memory allow, 10 sites on one H"
    yield "limit", what, _in_words("{} %", 100 * share)
    waits = [
        _median(_row(folder, "startup", what=what)["s"])
        for what in (
            "qthermo run figure2d.toml, cold",
            "the same, compiled before",
            "qj.sweep of Fig. 2(d), first",
            "the same again",
            "QuTiP, the 7 points of Fig. 2(d)",
        )
    ]
    run, figure = waits[:2], waits[2:]
    yield "startup", "`qthermo run` of one figure", _in_words("{} s; {} s when compiled before", *run)
    what = "`qj.sweep` of its seven points in a process"
    yield "startup", what, _in_words("{} s; {} s each further time; QuTiP {} s", *figure)


def write() -> None:
    """Into the README, from the results on a CPU."""
    text = README.read_text(encoding="utf-8")
    README.write_text(with_summary(text, RESULTS / "cpu"), encoding="utf-8")
