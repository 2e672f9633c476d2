"""The stationary states of many rate equations at a time, and the derivatives of one.

Each elimination step returns a matrix that is one state smaller. Points where anything may go wrong are
solved again as a single point is, with more checks.
"""

from collections.abc import Callable, Sequence
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from qthermo_jax.precision import precise
from qthermo_jax.solvers.blocked_gth import blocked_gth
from qthermo_jax.solvers.gth import Stationary, assembled, blocks_of, lift_of, stationary_of_one
from qthermo_jax.solvers.points_last import points_last, with_some_solved
from qthermo_jax.structure import Pairs

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
    return over_states(jnp.minimum, jnp.where(rates > 0, rates, jnp.inf))


def _batched_gth(rates: Float[Array, "A b"], pairs: Pairs) -> tuple[Stationary, Bool[Array, " b"]]:
    """The solutions, and which are sound: one closed class, no path lost, no population of 0."""
    tiny = jnp.finfo(rates.dtype).tiny
    largest = over_states(jnp.maximum, rates)
    blocks = blocks_of(rates, largest, pairs)
    total = jnp.sum(blocks.leaving, axis=0)
    stay = once(blocks.inside + product(once(blocks.leaving / total[None]), blocks.arriving))
    out = into = smallest(rates) / largest * lift_of(rates.dtype)
    most = jnp.max(total, axis=0)
    steps = []
    for last in range(len(stay) - 1, 0, -1):
        leaving, arriving = stay[:last, last], stay[last, :last]
        every = jnp.sum(leaving, axis=0)
        out, into = jnp.minimum(out, smallest(leaving)), jnp.minimum(into, smallest(arriving))
        most = jnp.maximum(most, every)
        stay = once(stay[:last, :last] + once(leaving / every[None])[:, None] * arriving[None])
        steps.append((every, arriving))
    weights = jnp.ones_like(stay[0])
    for every, arriving in reversed(steps):
        inflow = jnp.sum(arriving * weights, axis=0, keepdims=True)
        weights = once(jnp.concatenate([weights, inflow / every[None]]))
    others = jnp.sum(blocks.arriving * weights[None], axis=1) / total
    one, no = jnp.ones(most.shape, int), jnp.zeros(most.shape, bool)
    found = assembled(blocks, weights, others, one, no, pairs)
    path = out / most * into
    return found, (over_states(jnp.minimum, found.populations) >= tiny) & (path >= tiny)


def _one_by_one(rates: Float[Array, "A b"], pairs: Pairs) -> Stationary:
    alone = partial(stationary_of_one, pairs=pairs)
    found: Stationary = jax.vmap(alone, in_axes=-1, out_axes=-1)(rates)
    return found


@precise
def _solve(arrays: Sequence[Float[Array, "A b"]], pairs: Pairs) -> list[Array]:
    (rates,) = arrays
    states = pairs.independent_set_split[0].size
    if not len(rates) or rates.shape[1] < (MANY_POINTS if states <= FEW_STATES else SOME_POINTS):
        return jax.tree.leaves(_one_by_one(rates, pairs))
    if states <= FEW_STATES:
        found, sound = _batched_gth(once(rates), pairs)
    else:
        alone = partial(blocked_gth, pairs=pairs)
        found, sound = jax.vmap(alone, in_axes=-1, out_axes=-1)(rates)

    def with_care(rates: Float[Array, "A b"]) -> Stationary:
        return with_some_solved(partial(_one_by_one, pairs=pairs), rates, ~sound, found, _TOGETHER)

    solution = jax.lax.cond(jnp.all(sound), lambda _: found, with_care, rates)
    return jax.tree.leaves(solution)


_solutions = points_last("stationary", _solve)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def stationary(rates: Float[Array, " A"], pairs: Pairs) -> Stationary:
    """The stationary state of the rates of j -> i, then those of i -> j, as `Pairs.states` has them."""
    return Stationary(*_solutions([rates], pairs))


@stationary.defjvp
@precise
def _(pairs: Pairs, rates: tuple[Array], steps: tuple[Array]) -> tuple[Stationary, Stationary]:
    alone = partial(stationary_of_one, pairs=pairs)
    solution: tuple[Stationary, Stationary] = jax.jvp(alone, rates, steps)
    return solution
