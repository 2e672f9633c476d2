"""Many rate equations at a time: each solution as mpmath has it, whatever stands beside it."""

from functools import partial

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

import exact
from qthermo_jax.models import chain
from qthermo_jax.solvers.batched_gth import FEW_STATES, ON_CPU, ON_GPU, solve_many, stationary
from qthermo_jax.solvers.gth import Stationary
from qthermo_jax.structure import BankPattern, Pairs, pairs_of

pytestmark = pytest.mark.accuracy

MANY = 80


def all_pairs(d: int) -> Pairs:
    return pairs_of((tuple(range(d)),), (BankPattern(1),))


def jumps(pairs: Pairs) -> np.ndarray:
    """Which of the rates are jumps between different states."""
    first, second = pairs.states
    return np.tile(first != second, 2)


def random_rates(pairs: Pairs, smallest: float, seed: int = 0) -> np.ndarray:
    """(MANY, A), evenly spread in their logarithm from `smallest` to 1."""
    rng = np.random.default_rng(seed)
    return np.where(jumps(pairs), smallest ** rng.random((MANY, 2 * pairs.states[0].size)), 0.0)


def together(rates: np.ndarray, pairs: Pairs) -> Stationary:
    return jax.jit(jax.vmap(lambda own: stationary(own, pairs)))(jnp.asarray(rates))


def by_mpmath(rates: np.ndarray, pairs: Pairs) -> list[mpmath.mpf]:
    with mpmath.workdps(1000):
        return exact.stationary(mpmath.matrix(np.append(rates, 0.0)[pairs.rate_table].tolist()))


@pytest.mark.parametrize("smallest", [1e-2, 1e-30, 1e-150])
@pytest.mark.parametrize("pairs", [all_pairs(5), chain(sites=4).pairs, all_pairs(FEW_STATES + 9)])
def test_every_population_has_its_digits(pairs: Pairs, smallest: float) -> None:
    """Of many states too, which leave in blocks."""
    rates = random_rates(pairs, smallest)
    found = together(rates, pairs)
    for n in (0, MANY // 2, MANY - 1):
        expected = by_mpmath(rates[n], pairs)
        errors = exact.relative_errors(np.asarray(found.populations[n]), expected, above=1e-290)
        assert np.max(errors) < 1e-13
    np.testing.assert_array_equal(found.classes, 1)
    assert not np.any(found.lost)
    assert np.max(found.imbalance) < 1e-15


def both_ways(rates: np.ndarray, pairs: Pairs) -> tuple[Stationary, Stationary]:
    """What a CPU and what a GPU is given to find, found by this machine's CPU."""
    halves = jnp.split(jnp.asarray(rates.T), 2)
    ways = (jax.jit(partial(solve_many, pairs=pairs, way=way)) for way in (ON_CPU, ON_GPU))
    ours, theirs = (Stationary(*solve(halves)) for solve in ways)
    return ours, theirs


@pytest.mark.parametrize("pairs", [all_pairs(2), all_pairs(12), chain(sites=4).pairs])
def test_what_a_gpu_is_given_finds_the_same(pairs: Pairs) -> None:
    ours, theirs = both_ways(random_rates(pairs, 1e-30), pairs)
    for part in ("populations", "exits"):
        np.testing.assert_allclose(getattr(theirs, part), getattr(ours, part), rtol=1e-13)
    np.testing.assert_array_equal(theirs.classes, 1)
    assert not np.any(theirs.lost)
    assert np.max(theirs.imbalance) < 1e-15


def test_programs_for_a_gpu_multiply_matrices_without_a_loop() -> None:
    """The loops that remain are those of points that are solved again."""
    pairs = chain(sites=4).pairs
    solve = jax.jit(jax.vmap(lambda own: stationary(own, pairs)))
    traced = solve.trace(jnp.asarray(random_rates(pairs, 1e-2)))
    ours, theirs = (
        traced.lower(lowering_platforms=(platform,)).as_text().count("stablehlo.while")
        for platform in ("cpu", "cuda")
    )
    assert theirs == ours - 1


def awkward(pairs: Pairs) -> dict[int, np.ndarray]:
    """Rates with which not every state is populated, or two states have their own, or paths get lost."""
    rates = random_rates(pairs, 1e-2, seed=1)[:4]
    table = pairs.rate_table
    rates[0, table[1:, 0]] = 0.0  # the ground state is not left
    rates[1, table[2:, :2].ravel()] = rates[1, table[:2, 2:].ravel()] = 0.0  # two parts
    rates[2, table[:-1, -1]] *= 1e-320  # hardly left
    rates[3] = 0.0  # no transition at all
    return {n: rates[n % 4] * jumps(pairs) for n in range(MANY) if n % 7 < 2}


def test_what_a_gpu_is_given_takes_the_same_care() -> None:
    pairs = all_pairs(12)
    rates = random_rates(pairs, 1e-150)
    for n, own in awkward(pairs).items():
        rates[n] = own
    ours, theirs = both_ways(rates, pairs)
    assert set(np.asarray(ours.classes)) == {1, 2, 12}
    for part in ("populations", "classes", "lost"):
        np.testing.assert_allclose(getattr(theirs, part), getattr(ours, part), rtol=1e-13)


@pytest.mark.parametrize("states", [5, FEW_STATES + 9])
def test_points_with_more_than_one_answer_or_none_leave_the_others_alone(states: int) -> None:
    """More of them than are solved again at a time."""
    pairs = all_pairs(states)
    plain = random_rates(pairs, 1e-3)
    mixed = plain.copy()
    for n, rates in awkward(pairs).items():
        mixed[n] = rates
    before, found = together(plain, pairs), together(mixed, pairs)
    others = [n for n in range(MANY) if n not in awkward(pairs)]
    np.testing.assert_array_equal(found.populations[others,], before.populations[others,])
    np.testing.assert_array_equal(found.classes[others,], 1)
    np.testing.assert_array_equal(found.populations[0], np.eye(states)[0])
    assert found.classes[1] == 2
    assert found.classes[7] == states
    for n, rates in awkward(pairs).items():
        alone = stationary(jnp.asarray(rates), pairs)
        for part in ("classes", "lost"):
            assert getattr(found, part)[n] == getattr(alone, part), (n, part)


def test_without_a_transition_each_state_is_a_class_of_its_own() -> None:
    pairs = pairs_of(((0,), (1,), (2,)), (BankPattern(1, ((),), ((),)),))
    assert together(np.zeros((MANY, 0)), pairs).classes.tolist() == [3] * MANY


@pytest.mark.long
def test_mapped_twice_it_is_the_same() -> None:
    pairs = all_pairs(4)
    rates = random_rates(pairs, 1e-3)
    flat = together(rates, pairs)
    twice = jax.vmap(jax.vmap(lambda own: stationary(own, pairs)))(jnp.asarray(rates.reshape(8, 10, -1)))
    for one, other in zip(jax.tree.leaves(flat), jax.tree.leaves(twice), strict=True):
        np.testing.assert_allclose(one, other.reshape(one.shape), rtol=1e-14, atol=1e-15)


@pytest.mark.long
def test_both_ways_of_differentiating_agree_with_differences() -> None:
    pairs = all_pairs(3)
    rates = random_rates(pairs, 1e-1)
    index = int(np.flatnonzero(jumps(pairs))[0])

    def last(own: jax.Array) -> jax.Array:
        return stationary(own, pairs).populations[-1]

    step = 1e-6 * np.eye(rates.shape[1])[index]
    more, less = (together(rates + sign * step, pairs).populations[:, -1] for sign in (1, -1))
    few = jnp.asarray(rates[:5])
    backward = jax.jit(jax.vmap(jax.grad(last)))(few)[:, index]
    _, forward = jax.jit(jax.vmap(lambda own: jax.jvp(last, (own,), (jnp.asarray(step),))))(few)
    np.testing.assert_allclose(backward, (more - less)[:5] / 2e-6, rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(forward * 1e6, backward, rtol=1e-12)
