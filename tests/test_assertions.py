"""Every test expects something: it asserts, or calls a helper that says so in its name."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent


def expects(call: ast.AST) -> bool:
    """An assertion: a statement, `pytest.raises`, `np.testing.assert_...` or a helper `assert_...`."""
    if isinstance(call, ast.Assert):
        return True
    if not isinstance(call, ast.Call):
        return False
    name = ast.unparse(call.func).rpartition(".")[2]
    return name.startswith("assert_") or name in {"raises", "warns"}


def without_expectation(source: str) -> list[str]:
    """The names of the test functions that assert nothing."""
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    tests = [function for function in functions if function.name.startswith("test_")]
    return [test.name for test in tests if not any(map(expects, ast.walk(test)))]


@pytest.mark.parametrize("path", sorted(TESTS.rglob("test_*.py")), ids=lambda path: path.stem)
def test_every_test_expects_something(path: Path) -> None:
    assert without_expectation(path.read_text(encoding="utf-8")) == []


def test_a_test_that_expects_nothing_is_found() -> None:
    source = "def test_a(): run()\ndef test_b(): assert_equal(1, 1)\ndef test_c():\n    assert run()"
    assert without_expectation(source) == ["test_a"]
