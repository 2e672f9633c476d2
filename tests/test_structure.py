"""Index tables of the transitions against plain numpy: pairs of states, splits, rate tables."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import qthermo_jax as qj
from qthermo_jax.structure import BankPattern, Pairs, pairs_of, products_of

# --- pairs of states

CHAIN = 4


def chain_pairs(sites: int = CHAIN) -> Pairs:
    return jax.eval_shape(partial(qj.models.chain, sites=sites)).pairs


@pytest.mark.parametrize("sites", [1, 2, 4, 10])
def test_each_bath_of_a_chain_connects_its_site_to_every_mode(sites: int) -> None:
    pairs = chain_pairs(sites)
    expected = {(k, k, sites + m) for k in range(sites) for m in range(sites)}
    found = list(zip(pairs.bath.tolist(), pairs.i.tolist(), pairs.j.tolist(), strict=True))
    assert len(found) == sites**2
    assert set(found) == expected


@pytest.mark.parametrize("sites", [1, 2, 4, 10])
def test_the_halves_of_a_chain_are_its_ground_states_and_its_modes(sites: int) -> None:
    core, rest = chain_pairs(sites).independent_set_split
    np.testing.assert_array_equal(core, np.arange(sites))
    np.testing.assert_array_equal(rest, np.arange(sites, 2 * sites))


@pytest.mark.parametrize(("K", "d"), [(1, 2), (3, 4)])
def test_a_dense_bank_may_connect_any_two_states(K: int, d: int) -> None:
    pairs = pairs_of((tuple(range(d)),), (BankPattern(K),))
    assert pairs.i.size == pairs.j.size == pairs.bath.size == K * d * (d + 1) // 2
    expected = {(k, i, j) for k in range(K) for i in range(d) for j in range(i, d)}
    assert set(zip(pairs.bath.tolist(), pairs.i.tolist(), pairs.j.tolist(), strict=True)) == expected
    assert pairs.states[0].size == d * (d + 1) // 2


def random_sectors(rng: np.random.Generator, d: int) -> tuple[tuple[int, ...], ...]:
    parts = np.split(rng.permutation(d), np.sort(rng.choice(np.arange(1, d), 2, replace=False)))
    return tuple(tuple(part.tolist()) for part in parts)


def random_pattern(rng: np.random.Generator, d: int, K: int, m: int) -> BankPattern:
    rows, columns = rng.integers(0, d, size=(2, K, m)).tolist()
    return BankPattern(K, tuple(map(tuple, rows)), tuple(map(tuple, columns)))


@pytest.mark.parametrize("seed", range(20))
def test_the_pairs_are_the_elements_that_random_blocks_can_fill(seed: int) -> None:
    """Rotated by unitaries that fill each sector, a coupling's elements are where the tables say."""
    rng = np.random.default_rng(seed)
    d, K = 6, 3
    sectors, bank = random_sectors(rng, d), random_pattern(rng, d, K, 2)
    V = np.zeros((d, d))
    column = 0
    for sector in sectors:
        size = len(sector)
        V[np.ix_(sector, range(column, column + size))] = rng.uniform(0.5, 1.0, size=(size, size))
        column += size
    expected = set()
    for k, (rows, columns) in enumerate(zip(bank.rows or (), bank.columns or (), strict=True)):
        S = np.zeros((d, d))
        S[list(rows), list(columns)] = S[list(columns), list(rows)] = 1.0
        filled = np.triu(V.T @ S @ V) > 0
        expected |= {(k, int(i), int(j)) for i, j in np.argwhere(filled)}
    pairs = pairs_of(sectors, (bank,))
    found = list(zip(pairs.bath.tolist(), pairs.i.tolist(), pairs.j.tolist(), strict=True))
    assert len(set(found)) == len(found)
    assert set(found) == expected


def mixed_pairs() -> Pairs:
    """A bank with a pattern before one without: two banks number their baths on."""
    sparse = BankPattern(2, ((0,), (1,)), ((2,), (2,)))
    return pairs_of(((0,), (1,), (2, 3)), (sparse, BankPattern(1)))


def test_banks_number_their_baths_in_order() -> None:
    pairs = mixed_pairs()
    assert pairs.n_baths == 3
    assert np.bincount(pairs.bath).tolist() == [2, 2, 10]
    counts = pairs.by_bath.sum(jnp.ones(pairs.bath.size))
    np.testing.assert_array_equal(counts, [2, 2, 10])


def test_distinct_pairs_of_states_are_listed_once_and_found_again() -> None:
    pairs = mixed_pairs()
    first, second = pairs.states
    assert len(set(zip(first.tolist(), second.tolist(), strict=True))) == first.size == 10
    np.testing.assert_array_equal(first[pairs.number], pairs.i)
    np.testing.assert_array_equal(second[pairs.number], pairs.j)
    of_states = pairs.by_states.sum(jnp.ones(pairs.bath.size))
    shared = {(0, 2), (0, 3), (1, 2), (1, 3)}
    expected = [
        2.0 if pair in shared else 1.0 for pair in zip(first.tolist(), second.tolist(), strict=True)
    ]
    np.testing.assert_array_equal(of_states, expected)


def test_the_rate_table_holds_the_jumps_both_ways_and_nothing_else() -> None:
    """(to, from): first the jumps j -> i, then those i -> j; i < j, and no state jumps to itself."""
    for pairs in (chain_pairs(3), mixed_pairs()):
        first, second = pairs.states
        down, up = 100.0 + np.arange(first.size), 200.0 + np.arange(first.size)
        rates = np.concatenate([down, up, [0.0]])[pairs.rate_table]
        expected = np.zeros((pairs.dimension,) * 2)
        for i, j, forth, back in zip(first, second, down, up, strict=True):
            if i != j:
                expected[i, j], expected[j, i] = forth, back
        np.testing.assert_array_equal(rates, expected)


@pytest.mark.parametrize("seed", range(20))
def test_no_bath_connects_two_states_of_the_rest(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pairs = pairs_of(random_sectors(rng, 7), (random_pattern(rng, 7, 4, 1),))
    core, rest = pairs.independent_set_split
    np.testing.assert_array_equal(np.sort(np.concatenate([core, rest])), np.arange(7))
    assert core.size > 0
    inside = np.isin(pairs.i, rest) & np.isin(pairs.j, rest) & (pairs.i != pairs.j)
    assert not inside.any()


def test_states_that_nothing_connects_keep_one_in_the_core() -> None:
    dephasing = BankPattern(1, ((0,),), ((0,),))
    core, rest = pairs_of(((0,), (1,), (2,)), (dephasing,)).independent_set_split
    assert (core.tolist(), rest.tolist()) == ([0], [1, 2])


def test_arrivals_are_every_directed_transition_with_dephasing_once() -> None:
    pairs = mixed_pairs()
    position, reverse, origin, target = pairs.directed_transitions
    directed = set(zip(pairs.bath[position].tolist(), origin.tolist(), target.tolist(), strict=True))
    sparse = {(k, *way) for k in (0, 1) for e in (2, 3) for way in ((k, e), (e, k))}
    full = {(2, i, j) for i in range(4) for j in range(4)}
    assert len(position) == len(directed)
    assert directed == sparse | full
    np.testing.assert_array_equal(origin, np.where(reverse, pairs.i[position], pairs.j[position]))


def test_products_are_all_pairs_of_transitions_between_elements_inside_levels() -> None:
    pairs, levels = mixed_pairs(), ((0, 1), (3,), (2,))
    products = products_of(pairs, levels)
    elements = [(0, 0), (0, 1), (1, 0), (1, 1), (3, 3), (2, 2)]
    assert [tuple(np.argwhere(products.row == n)[0]) for n in range(6)] == elements
    assert np.count_nonzero(products.row == 6) == 10
    position, _, origin, target = pairs.directed_transitions
    ways = list(zip(pairs.bath[position].tolist(), origin.tolist(), target.tolist(), strict=True))
    expected = {
        (elements.index((a, b)), elements.index((c, e)), bath, (c, a), (e, b))
        for bath, c, a in ways
        for other, e, b in ways
        if bath == other and (a, b) in elements and (c, e) in elements
    }
    found = set()
    for x, y in np.argwhere(products.table < len(products.by_entry.table)).tolist():
        for product in products.by_entry.table[products.table[x, y]].tolist():
            if product < products.first.size:
                bath, *first = ways[products.first[product]]
                _, *second = ways[products.second[product]]
                found.add((x, y, bath, tuple(first), tuple(second)))
    assert found == expected
    assert len(expected) == products.first.size
