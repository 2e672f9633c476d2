"""The registry of solvers and master equations: it alone, and they, know what belongs to which name."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import qthermo_jax
from qthermo_jax.registry import EQUATIONS, SOLVERS, method_of, methods
from qthermo_jax.solvers import SOLVERS as MADE

PACKAGE = Path(qthermo_jax.__file__).parent
NAMES = {*EQUATIONS, *(method.name.lower() for method in SOLVERS)}


def compared(tree: ast.AST) -> Iterator[str]:
    """The texts that something is compared with."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            for side in (node.left, *node.comparators):
                yield from (
                    part.value
                    for part in ast.walk(side)
                    if isinstance(part, ast.Constant) and isinstance(part.value, str)
                )


def test_no_module_compares_the_name_of_a_solver_or_an_equation() -> None:
    found = {
        str(file.relative_to(PACKAGE)): names
        for file in PACKAGE.rglob("*.py")
        if file.name != "registry.py"
        and file.parent.name not in ("solvers", "master_equations")
        and (names := NAMES & {*compared(ast.parse(file.read_text()))})
    }
    assert found == {}


@pytest.mark.parametrize("solver", MADE, ids=lambda solver: solver.name)
def test_a_solver_is_as_its_entry_says(solver: qthermo_jax.solvers.Solver) -> None:
    entry = SOLVERS[method_of(solver.name)]
    assert (solver.any_equation, solver.evolves) == (entry.any_equation, entry.evolves)
    assert solver.name in methods()
    assert (solver.name in methods(evolving=True)) == solver.evolves
