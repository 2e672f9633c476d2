"""Each benchmark runs at a tiny size and writes what it found; how fast it was is nobody's test."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.cli import main
from benchmarks.growth import exponent
from benchmarks.report import RESULTS
from benchmarks.summary import README, with_summary

COMMANDS = {
    "derivatives": ["--sites", "2", "--points", "4", "--chunk", "2"],
    "growth": ["--sites", "2,3", "--qutip-sites", "2"],
    "limit": ["--sites", "2", "--points", "20"],
    "peers": ["--sites", "2", "--points", "3"],
    "solvers": ["--sites", "2", "--points", "3"],
    "startup": [],
    "sweeps": ["--sites", "2", "--points", "6"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_a_benchmark_prints_its_table_and_writes_it(name: str, tmp_path: Path) -> None:
    out = tmp_path / "results"
    result = CliRunner().invoke(main, [name, *COMMANDS[name], "--repeats", "2", "--out", str(out)])
    assert result.exit_code == 0, result.output
    table = (out / f"{name}.md").read_text()
    assert result.output.strip() == table.strip()
    written = json.loads((out / f"{name}.json").read_text())
    assert table.count("\n| ") == len(written["rows"]) + 2
    assert written["conditions"]["versions"]["jax"]
    assert (out / f"{name}.png").stat().st_size > 1000


def test_the_exponent_is_that_of_the_largest_sizes() -> None:
    sizes = [1, 2, 10, 20, 50]
    times = [5.0, 5.0, 0.3 * 10**2.5, 0.3 * 20**2.5, 0.3 * 50**2.5]
    assert exponent(sizes, times) == pytest.approx(2.5)
    assert exponent([2], [1.0]) is None


def test_the_readme_claims_what_the_committed_results_say() -> None:
    text = README.read_text(encoding="utf-8")
    assert with_summary(text, RESULTS / "cpu") == text, "python -m benchmarks summary"


def test_results_are_compared_row_by_row(tmp_path: Path) -> None:
    rows = [
        {"solver": name, "sites": 2, "points/s": {"median": rate, "lower": 1.0, "upper": 9.0}, "MB": 3}
        for name, rate in (("fast", 8.0), ("slow", 2.0))
    ]
    where = {"devices": ["cpu"], "processor": "x", "cores": 2, "blas_threads": "1", "load": 0.0}
    result = {"name": "own", "title": "Own", "keys": ["solver", "sites"], "rows": rows}
    result["conditions"] = {**where, "versions": {}}
    (tmp_path / "a.json").write_text(json.dumps(result))
    rows[0]["points/s"] = {"median": 20.0, "lower": 1.0, "upper": 9.0}
    (tmp_path / "b.json").write_text(json.dumps({**result, "rows": rows[:1]}))
    paths = [str(tmp_path / name) for name in ("a.json", "b.json")]
    shown = CliRunner().invoke(main, ["compare", *paths])
    assert shown.exit_code == 0, shown.output
    assert "| fast | 2 | 8 | 20 | 2.5 |" in shown.output
    assert "slow" not in shown.output
    (tmp_path / "b.json").write_text(json.dumps({**result, "name": "other"}))
    assert "different benchmarks" in CliRunner().invoke(main, ["compare", *paths]).output
    (tmp_path / "b.json").write_text("{}")
    assert "not a result of these" in CliRunner().invoke(main, ["compare", *paths]).output
