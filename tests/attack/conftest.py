"""What the attacks on stored sweeps share."""

from collections.abc import Iterator

import pytest

from attack.sweeps import Solver


@pytest.fixture(scope="module")
def solver() -> Iterator[Solver]:
    """In place of the engine's own while the tests of a module run."""
    solver = Solver()
    with solver.at_work():
        yield solver
