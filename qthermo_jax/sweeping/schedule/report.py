"""What became of tiles: how many points, with which status."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

# Points that are counted at a time: their codes as whole numbers are eight times as large.
_AT_A_TIME = 1 << 20


@dataclass(frozen=True)
class TileReport:
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


def counted(status: np.ndarray) -> Counter[int]:
    """How many points have which status, or any other code from -1 upwards."""
    flat = status.reshape(-1)
    found: Counter[int] = Counter()
    for start in range(0, flat.size, _AT_A_TIME):
        numbers = np.bincount(flat[start : start + _AT_A_TIME].astype(int) + 1)
        found.update({code - 1: int(n) for code, n in enumerate(numbers) if n})
    return found
