"""What a system or a state says of itself: lines for a terminal, a table for a notebook.

Only numbers that are there are read: inside `jit` and `vmap`, where they are not, their places say so.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import IntEnum, IntFlag
from html import escape
from typing import Any

import jax
import numpy as np


@dataclass(frozen=True)
class Summary:
    """A headline, and rows of a name and what there is to say.

    >>> print(Summary("Thing of dimension 2", [("size", "large")]))
    Thing of dimension 2
      size  large
    """

    headline: str
    rows: Iterable[tuple[str, str]]

    def __str__(self) -> str:
        rows = list(self.rows)
        width = max((len(name) for name, _ in rows), default=0)
        return "\n".join([self.headline, *(f"  {name:<{width}}  {text}" for name, text in rows)])

    def as_html(self) -> str:
        """The same as an HTML table."""
        left = 'style="text-align: left"'
        body = "".join(
            f"<tr><th {left}>{escape(name)}</th><td {left}>{escape(text)}</td></tr>"
            for name, text in self.rows
        )
        return f"<div><strong>{escape(self.headline)}</strong><table>{body}</table></div>"


def known(array: Any) -> np.ndarray | None:
    """The numbers of an array, None where it has none that this process can read."""
    if isinstance(array, jax.core.Tracer):
        return None
    if isinstance(array, jax.Array):
        return np.asarray(array) if array.is_fully_addressable and not array.is_deleted() else None
    return array if isinstance(array, np.ndarray) else None


def span(array: Any) -> str:
    """The smallest and the largest number of an array.

    >>> span(np.array([0.4, 0.8])), span(np.array([0.5, 0.5]))
    ('0.4 to 0.8', '0.5')
    """
    numbers = known(array)
    if numbers is None:
        return "traced" if isinstance(array, jax.core.Tracer) else "not here"
    numbers = numbers.ravel()
    finite = numbers[np.isfinite(numbers)]
    if not finite.size:
        return "none" if not numbers.size else "not finite"
    ends = f"{finite.min():.4g}", f"{finite.max():.4g}"
    found = ends[0] if ends[0] == ends[1] else " to ".join(ends)
    return found if finite.size == numbers.size else f"{found}, or not finite"


def counted(array: Any, codes: type[IntEnum | IntFlag], attribute: str) -> str:
    """What codes mean; for a batch, how many points have which."""
    numbers = known(array)
    if numbers is None:
        return span(array)
    values, counts = np.unique(numbers, return_counts=True)
    texts = [str(getattr(codes(int(value)), attribute)) for value in values]
    if not numbers.ndim:
        return texts[0]
    return "; ".join(f"{n} x {text}" for n, text in zip(counts, texts, strict=True))


def parameters(module: Any) -> str:
    """A dataclass as its name and the span of each of its fields.

    >>> from qthermo_jax.baths import Ohmic
    >>> parameters(Ohmic(np.array([0.1, 0.2])))
    'Ohmic(eta = 0.1 to 0.2)'
    """
    own = ", ".join(f"{field.name} = {span(getattr(module, field.name))}" for field in fields(module))
    return f"{type(module).__name__}({own})"


def batch_of(*arrays: tuple[Any, int]) -> str:
    """What a headline says of leading axes, given arrays and how many axes each has by itself."""
    shapes = [array.shape[: array.ndim - own] for array, own in arrays]
    shape = max(shapes, key=len)
    return f", a batch of {' x '.join(map(str, shape))}" if shape else ""
