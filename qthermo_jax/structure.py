"""What is static about the baths' transitions: which eigenstates each bath can connect, as index tables.

Plain numpy, made once for each structure. An eigenstate keeps the sector that it was diagonalised in,
so that a coupling between two sectors connects their eigenstates and no others; a bath on one site of
a chain of N sites has N transitions then, not all pairs of 2N states.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import NamedTuple

import numpy as np

from qthermo_jax.gathers import WHOLE, Groups

Index = tuple[int, ...]

# Pairs for each directed transition: more are found faster by sorting (measured).
_MANY_PAIRS = 60


class BankPattern(NamedTuple):
    """Where the couplings of one bank of K baths are not zero.

    Attributes:
        size: K.
        rows, columns: of each bath's elements, equally many for all; None if any element may be there.
    """

    size: int
    rows: tuple[Index, ...] | None = None
    columns: tuple[Index, ...] | None = None


class Elements(NamedTuple):
    """How amplitudes are made from a bank's elements: a sum over V*_ri v V_cj, tables (P, m)."""

    row: np.ndarray
    column: np.ndarray
    value: np.ndarray
    conjugate: np.ndarray


class BankPairs(NamedTuple):
    """Transitions i <= j of one bank: of which of its baths, between which eigenstates, made of what.

    `elements` is None for a bank without a pattern.
    """

    bath: np.ndarray
    i: np.ndarray
    j: np.ndarray
    elements: Elements | None


@dataclass(frozen=True, eq=False)
class Pairs:
    """Every transition i <= j of every bath, P of them, bank after bank; i = j is a bath's dephasing.

    Attributes:
        dimension: d.
        sizes: K of each bank.
        banks: its transitions.
    """

    dimension: int
    sizes: Index
    banks: tuple[BankPairs, ...]

    @property
    def n_baths(self) -> int:
        """K, of all banks."""
        return sum(self.sizes)

    @cached_property
    def bath(self) -> np.ndarray:
        """The bath of each transition, (P,)."""
        first = np.cumsum([0, *self.sizes])
        shifted = [n + bank.bath for n, bank in zip(first[:-1], self.banks, strict=True)]
        return np.concatenate(shifted).astype(WHOLE)

    @cached_property
    def i(self) -> np.ndarray:
        """The first eigenstate of each transition, (P,)."""
        return np.concatenate([bank.i for bank in self.banks]).astype(WHOLE)

    @cached_property
    def j(self) -> np.ndarray:
        """The second eigenstate of each transition, (P,)."""
        return np.concatenate([bank.j for bank in self.banks]).astype(WHOLE)

    @cached_property
    def by_bath(self) -> Groups:
        """The transitions of each bath."""
        return Groups.of(self.bath, self.n_baths)

    @cached_property
    def by_ends(self) -> Groups:
        """The transitions from each state by each bath, (K d), of those j -> i and then those i -> j."""
        ends = np.concatenate([self.j, self.i])
        return Groups.of(np.tile(self.bath, 2) * self.dimension + ends, self.n_baths * self.dimension)

    @cached_property
    def _distinct(self) -> tuple[np.ndarray, np.ndarray]:
        flat, number = np.unique(self.i.astype(np.int64) * self.dimension + self.j, return_inverse=True)
        return flat, number.astype(WHOLE)

    @property
    def may_close_a_cycle(self) -> bool:
        """Whether the links that baths can make, whatever their rates, may close a cycle."""
        return int(np.sum(self.i != self.j)) >= self.dimension

    @property
    def number(self) -> np.ndarray:
        """Which of the distinct pairs of states each transition connects, (P,)."""
        return self._distinct[1]

    @cached_property
    def states(self) -> tuple[np.ndarray, np.ndarray]:
        """The distinct pairs i <= j, each once whatever the number of baths that drive it."""
        first, second = np.divmod(self._distinct[0], self.dimension)
        return first.astype(WHOLE), second.astype(WHOLE)

    @cached_property
    def by_states(self) -> Groups:
        """The transitions of each distinct pair."""
        return Groups.of(self.number, self._distinct[0].size)

    @cached_property
    def matrix_table(self) -> np.ndarray:
        """(K, d, d): where the element (k, i, j) stands among (those of j -> i, those of i -> j, 0)."""
        position = np.arange(self.i.size)
        table = np.full((self.n_baths, self.dimension, self.dimension), 2 * self.i.size, WHOLE)
        table[self.bath, self.j, self.i] = self.i.size + position
        table[self.bath, self.i, self.j] = position
        return table

    @cached_property
    def frequency_table(self) -> np.ndarray:
        """(d, d): where omega_ij stands among (those of i <= j, their negatives); -1 without a bath."""
        first, second = self.states
        table = np.full((self.dimension, self.dimension), -1, WHOLE)
        table[second, first] = first.size + np.arange(first.size)
        table[first, second] = np.arange(first.size)
        return table

    @cached_property
    def rate_table(self) -> np.ndarray:
        """(d, d): where the rate of the jump j -> i stands among (those j -> i, those i -> j, 0)."""
        first, second = self.states
        n = first.size
        table = np.full((self.dimension, self.dimension), 2 * n, WHOLE)
        jump = np.flatnonzero(first != second)
        table[first[jump], second[jump]] = jump
        table[second[jump], first[jump]] = n + jump
        return table

    @cached_property
    def independent_set_split(self) -> tuple[np.ndarray, np.ndarray]:
        """Two groups of eigenstates (core, rest) such that no bath connects two states of the rest.

        The rest is taken greedily, states with few transitions first. The chain's rest are its N
        modes: its baths connect them to the N ground states only.
        """
        first, second = self.states
        jump = first != second
        linked = np.zeros((self.dimension, self.dimension), bool)
        linked[first[jump], second[jump]] = linked[second[jump], first[jump]] = True
        blocked = np.zeros(self.dimension, bool)
        rest = np.zeros(self.dimension, bool)
        # Among equals the last ones, which tend to be high in energy.
        for state in np.lexsort((-np.arange(self.dimension), linked.sum(axis=1))):
            if not blocked[state]:
                rest[state] = True
                blocked |= linked[state]
        if rest.all():  # no transitions at all
            rest[0] = False
        return np.flatnonzero(~rest).astype(WHOLE), np.flatnonzero(rest).astype(WHOLE)

    @cached_property
    def directed_transitions(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Directed transitions from state c to state a: (position, reversed, c, a), dephasing once."""
        position = np.arange(self.i.size, dtype=WHOLE)
        back = position[self.i != self.j]
        return (
            np.concatenate([position, back]),
            np.concatenate([np.zeros(position.size, bool), np.ones(back.size, bool)]),
            np.concatenate([self.j, self.i[back]]),
            np.concatenate([self.i, self.j[back]]),
        )

    @cached_property
    def competing(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Those that one bath drives from one state, where they are several; None if they are too many.

        Returns:
            a row of directed transitions for each bath and state, filled up with their number,
            (rows, most); and which two of a row lead to different states, each two once,
            (rows, most, most).
        """
        position, _, origin, target = self.directed_transitions
        way = self.bath[position].astype(np.int64) * self.dimension + origin
        length = np.bincount(way)
        table = Groups.of(way, length.size).table[length > 1]
        most = table.shape[1]
        if table.size * most > _MANY_PAIRS * position.size:
            return None
        arrives = np.append(target, -1)[table]
        once = np.triu(np.ones((most, most), bool), 1)
        return table, once & (arrives[:, :, None] != arrives[:, None, :])


def each_two(length: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of runs that stand one after another: each member with each of the same run, as two indices."""
    start = np.cumsum(length) - length
    partners = np.repeat(length, length)
    first = np.repeat(np.arange(partners.size), partners)
    within = np.arange(partners.sum()) - np.repeat(np.cumsum(partners) - partners, partners)
    return first, np.repeat(np.repeat(start, length), partners) + within


class Products(NamedTuple):
    """Which two directed transitions c -> a and d -> b of one bath feed rho_ab from rho_cd.

    Of those elements whose two states share a level; n of them, as `row` numbers them.

    Attributes:
        first, second: c -> a and d -> b, numbered as `Pairs.directed_transitions` has them.
        by_entry: the products of each (ab, cd) that has any.
        table: (n, n), where the entry of (ab, cd) stands among these; one more where it is 0.
        row: (d, d), the number of ab; n where a and b are in different levels.
    """

    first: np.ndarray
    second: np.ndarray
    by_entry: Groups
    table: np.ndarray
    row: np.ndarray


@cache
def products_of(pairs: Pairs, levels: tuple[Index, ...]) -> Products:
    """Index tables of a generator that keeps the elements inside `levels`, a partition of the states.

    The elements are numbered level after level, a before b.
    """
    d = pairs.dimension
    elements = [(a, b) for level in levels for a in level for b in level]
    n = len(elements)
    row = np.full((d, d), n, WHOLE)
    row[tuple(np.array(elements).T)] = np.arange(n)
    level_of = np.empty(d, int)
    for number, level in enumerate(levels):
        level_of[list(level)] = number
    position, _, origin, target = pairs.directed_transitions
    ways = (level_of[target], level_of[origin], pairs.bath[position])
    order = np.lexsort(ways)
    ahead = np.any([np.diff(way[order]) != 0 for way in ways], axis=0)
    starts = np.concatenate([[0], 1 + np.flatnonzero(ahead)])
    first, second = (order[member] for member in each_two(np.diff(np.append(starts, order.size))))
    fed, feeding = row[target[first], target[second]], row[origin[first], origin[second]]
    entries, entry = np.unique(fed.astype(np.int64) * n + feeding, return_inverse=True)
    table = np.full(n * n, entries.size, WHOLE)
    table[entries] = np.arange(entries.size)
    return Products(
        first.astype(WHOLE),
        second.astype(WHOLE),
        Groups.of(entry, entries.size),
        table.reshape(n, n),
        row,
    )


@cache
def pairs_of(sectors: tuple[Index, ...], banks: tuple[BankPattern, ...]) -> Pairs:
    """Index tables of the transitions.

    Args:
        sectors: of the system; eigenstates are numbered sector after sector.
        banks: the patterns of its banks of baths.
    """
    sizes = [len(sector) for sector in sectors]
    dimension = sum(sizes)
    home = np.empty(dimension, int)
    for number, sector in enumerate(sectors):
        home[list(sector)] = number
    first = np.cumsum([0, *sizes])
    states = [np.arange(first[n], first[n + 1]) for n in range(len(sectors))]
    found = tuple(
        _everything(bank.size, dimension)
        if bank.rows is None or bank.columns is None
        else _reached(bank.rows, bank.columns, home, states)
        for bank in banks
    )
    return Pairs(dimension, tuple(bank.size for bank in banks), found)


def _everything(size: int, dimension: int) -> BankPairs:
    """Any pair of states for each of `size` baths."""
    i, j = (index.astype(WHOLE) for index in np.triu_indices(dimension))
    bath = np.repeat(np.arange(size, dtype=WHOLE), i.size)
    return BankPairs(bath, np.tile(i, size), np.tile(j, size), None)


def _reached(
    rows: Sequence[Index], columns: Sequence[Index], home: np.ndarray, states: list[np.ndarray]
) -> BankPairs:
    """The transitions that a bank's elements lead to."""
    ks: list[np.ndarray] = []
    i: list[np.ndarray] = []
    j: list[np.ndarray] = []
    parts: list[tuple[int, list[tuple[int, int, int, bool]]]] = []
    n_values = sum(map(len, rows))
    position = 0
    for k, (own_rows, own_columns) in enumerate(zip(rows, columns, strict=True)):
        between: dict[tuple[int, int], list[tuple[int, int, int, bool]]] = {}
        for r, c in zip(own_rows, own_columns, strict=True):
            ways = [(r, c, position, False)] + ([(c, r, position, True)] if r != c else [])
            for way in ways:
                if home[way[0]] <= home[way[1]]:
                    between.setdefault((int(home[way[0]]), int(home[way[1]])), []).append(way)
            position += 1
        for (low, high), ways in between.items():
            pair_i, pair_j = np.meshgrid(states[low], states[high], indexing="ij")
            keep = pair_i <= pair_j
            i.append(pair_i[keep])
            j.append(pair_j[keep])
            ks.append(np.full(i[-1].size, k))
            parts.append((i[-1].size, ways))
    width = max((len(ways) for _, ways in parts), default=1)

    def table(pick: int, fill: int) -> np.ndarray:
        filled = [
            np.tile([way[pick] for way in ways] + [fill] * (width - len(ways)), (n, 1))
            for n, ways in parts
        ]
        return np.concatenate([np.zeros((0, width), WHOLE), *filled]).astype(WHOLE)

    made_of = Elements(table(0, 0), table(1, 0), table(2, n_values), table(3, 0).astype(bool))
    bath, first, second = (
        np.concatenate([np.zeros(0, WHOLE), *parts]).astype(WHOLE) for parts in (ks, i, j)
    )
    return BankPairs(bath, first, second, made_of)
