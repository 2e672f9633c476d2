"""Each benchmark runs at a tiny size and writes what it found; how fast it was is nobody's test."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.cli import main
from benchmarks.growth import exponent

COMMANDS = {
    "derivatives": ["--sites", "2", "--points", "4", "--chunk", "2"],
    "growth": ["--sites", "2,3", "--qutip-sites", "2"],
    "solvers": ["--sites", "2", "--points", "3"],
    "sweeps": ["--sites", "2", "--points", "6"],
}


@pytest.mark.parametrize(
    "name",
    [
        "solvers",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("derivatives", "growth", "sweeps")),
    ],
)
def test_a_benchmark_prints_its_table_and_writes_it(name: str, tmp_path: Path) -> None:
    out = tmp_path / "results"
    result = CliRunner().invoke(main, [name, *COMMANDS[name], "--repeats", "2", "--out", str(out)])
    assert result.exit_code == 0, result.output
    table = (out / f"{name}.md").read_text()
    assert result.output.strip() == table.strip()
    written = json.loads((out / f"{name}.json").read_text())
    assert table.count("\n| ") == len(written["rows"]) + 2
    assert written["conditions"]["versions"]["jax"]


def test_the_exponent_is_that_of_the_largest_sizes() -> None:
    sizes = [1, 2, 10, 20, 50]
    times = [5.0, 5.0, 0.3 * 10**2.5, 0.3 * 20**2.5, 0.3 * 50**2.5]
    assert exponent(sizes, times) == pytest.approx(2.5)
    assert exponent([2], [1.0]) is None
