"""Gathers with static index tables: sums over groups, and copies, as vectorised copies of a batch.

A scatter, which would do the same, goes entry by entry under `vmap` on a CPU.
"""

from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Inexact, Shaped

# Of every table: with 64 bit switched off, JAX cannot index by 64-bit numbers.
WHOLE = np.int32


@dataclass(frozen=True, eq=False)
class Groups:
    """Which entries of a vector belong to each of several groups: a padded table, for sums and maxima.

    Attributes:
        table: of each group the positions of its entries, (groups, most entries of one); filled up with
            the number of entries.
    """

    table: np.ndarray

    @classmethod
    def of(cls, group: np.ndarray, n_groups: int) -> "Groups":
        """From the group that each entry belongs to."""
        counts = np.bincount(group, minlength=n_groups)
        order = np.argsort(group, kind="stable")
        rank = np.arange(group.size) - np.repeat(np.cumsum(counts) - counts, counts)
        table = np.full((n_groups, max(int(counts.max(initial=0)), 1)), group.size, WHOLE)
        table[group[order], rank] = order
        return cls(table)

    @cached_property
    def _consecutive(self) -> bool:
        return np.array_equal(self.table.reshape(-1), np.arange(self.table.size))

    def _gather(self, values: Shaped[Array, "n *b"]) -> Shaped[Array, "g m *b"]:
        """The entries of each group, filled up with 0."""
        if self._consecutive and self.table.size == len(values):
            return values.reshape(*self.table.shape, *values.shape[1:])
        return padded(values)[self.table]

    def sum(self, values: Inexact[Array, "n *b"]) -> Inexact[Array, "g *b"]:
        """Sum over each group."""
        return jnp.sum(self._gather(values), axis=1)

    def sum_of_others(self, values: Inexact[Array, "n *b"]) -> Inexact[Array, "n *b"]:
        """For each entry the sum over the others of its group, which no subtraction finds."""
        own = self._gather(values)
        ahead, behind = (jax.lax.cumsum(own, axis=1, reverse=back) for back in (False, True))
        edge = jnp.zeros_like(own[:, :1])
        others = jnp.concatenate([edge, ahead[:, :-1]], axis=1)
        others = others + jnp.concatenate([behind[:, 1:], edge], axis=1)
        return others.reshape(-1, *values.shape[1:])[self._place[: len(values)]]

    @cached_property
    def _place(self) -> np.ndarray:
        """Where each entry stands in the table."""
        place = np.zeros(self.table.size + 1, WHOLE)
        place[self.table.reshape(-1)] = np.arange(self.table.size)
        return place

    def max(self, values: Inexact[Array, " n"]) -> Inexact[Array, " g"]:
        """Largest of each group, of values >= 0."""
        return jnp.max(self._gather(values), axis=1)


def padded(values: Shaped[Array, "n *b"]) -> Shaped[Array, "n_plus_1 *b"]:
    """One more entry, 0, for the places of a table that hold nothing."""
    return jnp.pad(values, ((0, 1), *((0, 0) for _ in values.shape[1:])))


def placed(values: Shaped[Array, "n *b"], table: np.ndarray) -> Shaped[Array, "r c *b"]:
    """padded(values)[table], as a plain piece of the values where the table counts on from a number.

    It may do so row after row or column after column.
    """
    rows, columns = table.shape
    first = int(table[0, 0]) if table.size else 0
    following = first + np.arange(table.size)
    if first + table.size <= len(values):
        piece = values[first : first + table.size]
        if np.array_equal(table, following.reshape(rows, columns)):
            return piece.reshape(rows, columns, *values.shape[1:])
        if np.array_equal(table.T, following.reshape(columns, rows)):
            return jnp.swapaxes(piece.reshape(columns, rows, *values.shape[1:]), 0, 1)
    if np.all(table == len(values)):
        return jnp.zeros((rows, columns, *values.shape[1:]), values.dtype)
    return padded(values)[table]


def repeated(values: Shaped[Array, "k *s"], index: np.ndarray) -> Shaped[Array, "n *s"]:
    """values[index], as a plain copy where each value stands equally often, one after the other."""
    times = index.size // max(len(values), 1)
    if np.array_equal(index, np.repeat(np.arange(len(values)), times)):
        return jnp.repeat(values, times, axis=0)
    return values[index]
