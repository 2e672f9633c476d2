"""The stationary states of many rate equations at a time, and the derivatives of one.

States leave one after the other; each time that some have left, a smaller matrix is made. Points where
anything may go wrong are solved again as a single point is, with more checks.
"""

from collections.abc import Callable, Sequence
from functools import partial, reduce
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from qthermo_jax.precision import precise
from qthermo_jax.solvers.blocked_gth import blocked_gth
from qthermo_jax.solvers.gth import (
    Stationary,
    assembled,
    blocks_of,
    lift_of,
    positive,
    stationary_of_one,
)
from qthermo_jax.solvers.points_last import points_last, with_some_solved
from qthermo_jax.structure import Pairs

Product = Callable[[Array, Array], Array]

# Fewer points are solved as they come. More than a few states leave in blocks: what is compiled grows
# with the number of steps.
MANY_POINTS, SOME_POINTS, FEW_STATES = 64, 8, 32

# Points that are solved again at a time, at least.
_TOGETHER = 16

# Where XLA is to compute an array once, and not again wherever it is used.
once: Callable[[Array], Array] = jax.lax.optimization_barrier


def product(left: Float[Array, "c m *b"], right: Float[Array, "m e *b"]) -> Float[Array, "c e *b"]:
    """The product of matrices, one term after the other."""

    def add(total: Array, pair: tuple[Array, Array]) -> tuple[Array, None]:
        column, row = pair
        return total + column[:, None] * row[None], None

    if len(right) == 1:
        return left * right
    start = jnp.zeros((left.shape[0], *right.shape[1:]), left.dtype)
    if not len(right):  # `jax.disable_jit` knows no scan over nothing
        return start
    return jax.lax.scan(add, start, (jnp.swapaxes(left, 0, 1), right))[0]


def summed_product(
    left: Float[Array, "c m *b"], right: Float[Array, "m e *b"]
) -> Float[Array, "c e *b"]:
    """The product of matrices, each element as the sum that it is."""
    return jnp.sum(left[:, :, None] * right[None], axis=1)


class Way(NamedTuple):
    """How the elimination is written for one kind of processor.

    Attributes:
        product: of the matrices of each point.
        together: states that leave before the rates between all others are brought up to date.
    """

    product: Product
    together: int


# A CPU keeps the matrices of its points in its cache. A GPU reads each of them from memory and writes it
# there, and every step of a loop starts kernels.
ON_CPU, ON_GPU = Way(product, 1), Way(summed_product, 3)


def over_states(
    extreme: Callable[[Array, Array], Array], rates: Float[Array, "c *b"]
) -> Float[Array, "*b"]:
    """Largest or smallest, by halves: a reduction as such takes one number at a time."""
    while len(rates) > 1:
        half = (len(rates) + 1) // 2
        rates = extreme(rates[:half], rates[-half:])
    return rates[0]


def smallest(rates: Float[Array, "c *b"]) -> Float[Array, "*b"]:
    """The smallest that is above 0."""
    return over_states(jnp.minimum, positive(rates))


class _Step(NamedTuple):
    """What is remembered of a state that left, for the n that were still there.

    Attributes:
        leaving: rates from it, (n,).
        arriving: rates into it, (n,).
        total: rate at which it left.
    """

    leaving: Float[Array, "n b"]
    arriving: Float[Array, "n b"]
    total: Float[Array, " b"]


def _remove(stay: Float[Array, "n n b"], number: int) -> tuple[Float[Array, "k k b"], list[_Step]]:
    """The rates between the states that stay once the last ones have left, one after the other."""
    n, k = len(stay), len(stay) - number
    columns, rows = {m: stay[:, m] for m in range(k, n)}, {m: stay[m] for m in range(k, n)}
    paths, steps = [], []
    for last in range(n - 1, k - 1, -1):
        leaving, arriving = columns[last][:last], rows[last][:last]
        total = jnp.sum(leaving, axis=0)
        share = once(leaving / total[None])
        for later in range(k, last):
            columns[later] = columns[later][:last] + share * arriving[later][None]
            rows[later] = rows[later][:last] + share[later][None] * arriving
        paths.append(share[:k, None] * arriving[None, :k])
        steps.append(_Step(leaving, arriving, total))
    return once(sum(paths, stay[:k, :k])), steps


def _restore(weights: Float[Array, "k b"], steps: Sequence[_Step]) -> Float[Array, "n b"]:
    """The weights of the states that stayed and of those that left together, the last one first."""
    returned: list[Array] = []
    for step in reversed(steps):
        inflow = jnp.sum(step.arriving[: len(weights)] * weights, axis=0)
        for number, own in enumerate(returned, len(weights)):
            inflow = inflow + step.arriving[number] * own
        returned.append(inflow / step.total)
    return once(jnp.concatenate([weights, jnp.stack(returned)]))


def _batched_gth(
    rates: Float[Array, "A b"], pairs: Pairs, way: Way
) -> tuple[Stationary, Bool[Array, " b"]]:
    """The solutions, and which are sound: one closed class, no path lost, no population of 0."""
    tiny = jnp.finfo(rates.dtype).tiny
    largest = over_states(jnp.maximum, rates)
    blocks = blocks_of(rates, largest, pairs)
    total = jnp.sum(blocks.leaving, axis=0)
    stay = once(blocks.inside + way.product(once(blocks.leaving / total[None]), blocks.arriving))
    groups = []
    while len(stay) > 1:
        stay, steps = _remove(stay, min(way.together, len(stay) - 1))
        groups.append(steps)
    weights = jnp.ones_like(stay[0])
    for steps in reversed(groups):
        weights = _restore(weights, steps)
    others = jnp.sum(blocks.arriving * weights[None], axis=1) / total
    one, no = jnp.ones(largest.shape, int), jnp.zeros(largest.shape, bool)
    found = assembled(blocks, weights, others, one, no, pairs)

    least = smallest(rates) / largest * lift_of(rates.dtype)
    every = [step for steps in groups for step in steps]
    out = reduce(jnp.minimum, (smallest(step.leaving) for step in every), least)
    into = reduce(jnp.minimum, (smallest(step.arriving) for step in every), least)
    most = reduce(jnp.maximum, (step.total for step in every), jnp.max(total, axis=0))
    path = out / most * into
    return found, (over_states(jnp.minimum, found.populations) >= tiny) & (path >= tiny)


def _one_by_one(rates: Float[Array, "A b"], pairs: Pairs) -> Stationary:
    alone = partial(stationary_of_one, pairs=pairs)
    found: Stationary = jax.vmap(alone, in_axes=-1, out_axes=-1)(rates)
    return found


@precise
def solve_many(arrays: Sequence[Float[Array, "U b"]], pairs: Pairs, way: Way) -> list[Array]:
    """What `Stationary` is made of, from the rates of j -> i and those of i -> j."""
    rates = jnp.concatenate(arrays)
    states = pairs.independent_set_split[0].size
    if not len(rates) or rates.shape[1] < (MANY_POINTS if states <= FEW_STATES else SOME_POINTS):
        return jax.tree.leaves(_one_by_one(rates, pairs))
    if states <= FEW_STATES:
        found, sound = _batched_gth(once(rates), pairs, way)
    else:
        alone = partial(blocked_gth, pairs=pairs)
        found, sound = jax.vmap(alone, in_axes=-1, out_axes=-1)(rates)

    def with_care(rates: Float[Array, "A b"]) -> Stationary:
        return with_some_solved(partial(_one_by_one, pairs=pairs), rates, ~sound, found, _TOGETHER)

    solution = jax.lax.cond(jnp.all(sound), lambda _: found, with_care, rates)
    return jax.tree.leaves(solution)


_solutions = points_last("stationary", partial(solve_many, way=ON_CPU), partial(solve_many, way=ON_GPU))


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def stationary(rates: Float[Array, " A"], pairs: Pairs) -> Stationary:
    """The stationary state of the rates of j -> i, then those of i -> j, as `Pairs.states` has them."""
    return Stationary(*_solutions(jnp.split(rates, 2), pairs))


@stationary.defjvp
@precise
def _(pairs: Pairs, rates: tuple[Array], steps: tuple[Array]) -> tuple[Stationary, Stationary]:
    alone = partial(stationary_of_one, pairs=pairs)
    solution: tuple[Stationary, Stationary] = jax.jvp(alone, rates, steps)
    return solution
