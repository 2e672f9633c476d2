"""Places in a box that are spread evenly, for searches to begin with."""

import numpy as np


def spread(number: int, n: int) -> np.ndarray:
    """Places in the unit cube of n dimensions, whatever their number, (places, n).

    Roberts' sequence, the additive recurrence of the generalised golden ratio; then the corners of the
    cube, unless these are more: what grows from one end to the other is largest there.

    >>> spread(3, 1)[:, 0].round(3).tolist()
    [0.5, 0.118, 0.736, 0.0, 1.0]
    """
    ratio = 2.0
    for _ in range(64):  # x^(n+1) = x + 1
        ratio = (1.0 + ratio) ** (1.0 / (n + 1.0))
    steps = ratio ** -np.arange(1.0, n + 1.0)
    inside = (0.5 + np.arange(number)[:, None] * steps) % 1.0
    if 2**n > number:
        return np.asarray(inside)
    corners = np.stack(np.meshgrid(*[[0.0, 1.0]] * n, indexing="ij"), axis=-1).reshape(-1, n)
    return np.concatenate([inside, corners])
