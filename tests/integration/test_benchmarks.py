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
    "machines": ["--side", "3", "--cycles", "3"],
    "optima": ["--sites", "4", "--side", "3"],
    "peers": ["--sites", "2", "--points", "3"],
    "programs": ["--only", "plane"],
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
