"""What a running sweep tells about itself: to whoever watches, and to a log beside its output."""

import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

# Points that are counted at a time: their codes as whole numbers are eight times as large.
_AT_A_TIME = 1 << 20


@dataclass(frozen=True)
class Done:
    """A tile, or several, that need no more work.

    Attributes:
        points: how many.
        statuses: how many of them have which status.
        earlier: whether an earlier run solved them.
        failure: why the tile was given up; None if it was solved.
    """

    points: int
    statuses: Counter[int] = field(default_factory=Counter)
    earlier: bool = False
    failure: str | None = None


Watcher = Callable[[Done], None]


def nobody(done: Done) -> None:
    """Watches nothing."""


def counted(status: np.ndarray) -> Counter[int]:
    """How many points have which status, or any other code from -1 upwards."""
    flat = status.reshape(-1)
    found: Counter[int] = Counter()
    for start in range(0, flat.size, _AT_A_TIME):
        numbers = np.bincount(flat[start : start + _AT_A_TIME].astype(int) + 1)
        found.update({code - 1: int(n) for code, n in enumerate(numbers) if n})
    return found


@contextlib.contextmanager
def logged(output: Path) -> Iterator[logging.Logger]:
    """A log beside the output, to which every run adds, and whatever the package says meanwhile."""
    log = logging.getLogger("qthermo_jax")
    level = log.level
    handler = logging.FileHandler(output.with_name(f"{output.name}.log"), encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield log
    finally:
        log.setLevel(level)
        log.removeHandler(handler)
        handler.close()
