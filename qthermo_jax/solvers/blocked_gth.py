"""The stationary state of a large rate equation, most of the work in matrix products.

States leave in blocks, as columns do in a blocked LU: within a block one after the other, with only the
block's rows and columns kept up to date, and then the rates between all others in one product. Every
term is positive, as in `gth`.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from qthermo_jax.solvers.gth import Stationary, assembled, blocks_of, lift_of, positive
from qthermo_jax.structure import Pairs

# States of a block, at least; blocks at most, for each is compiled.
_STATES, _BLOCKS = 16, 16


class _Left(NamedTuple):
    """What is remembered of m states that left one after the other, of n that were there.

    Attributes:
        leaving: rates from each into those that stayed, (m, n).
        arriving: rates into each from those that stayed, (m, n).
        total: rate at which each left, (m,).
    """

    leaving: Float[Array, "m n"]
    arriving: Float[Array, "m n"]
    total: Float[Array, " m"]


def blocked_gth(rates: Float[Array, " A"], pairs: Pairs) -> tuple[Stationary, Bool[Array, ""]]:
    """The solution, and whether it is sound: one closed class, no path lost, no population of 0."""
    largest = jnp.max(rates)
    blocks = blocks_of(rates, largest, pairs)
    total = jnp.sum(blocks.leaving, axis=0)
    stay = blocks.inside + (blocks.leaving / total[None]) @ blocks.arriving
    left: list[_Left] = []
    size = max(_STATES, -(-len(stay) // _BLOCKS))
    while len(stay) > 1:
        stay, own = _remove(stay, min(size, len(stay) - 1))
        left.append(own)
    weights = jnp.ones(1, rates.dtype)
    for own in reversed(left):
        weights = _restore(weights, own)
    others = blocks.arriving @ weights / total
    found = assembled(blocks, weights, others, jnp.array(1), jnp.array(False), pairs)
    least = jnp.min(positive(rates)) / largest * lift_of(rates.dtype)
    out = jnp.min(jnp.stack([least, *(jnp.min(positive(own.leaving)) for own in left)]))
    into = jnp.min(jnp.stack([least, *(jnp.min(positive(own.arriving)) for own in left)]))
    most = jnp.max(jnp.concatenate([total, *(own.total for own in left)]))
    tiny = jnp.finfo(rates.dtype).tiny
    return found, jnp.all(found.populations >= tiny) & (out / most * into >= tiny)


def _remove(stay: Float[Array, "n n"], m: int) -> tuple[Float[Array, "k k"], _Left]:
    """The rates between the states that stay once the last m have left."""
    n = len(stay)
    k = n - m
    states = np.arange(n)

    def leave(
        panel: tuple[Array, Array], last: Array
    ) -> tuple[tuple[Array, Array], tuple[Array, Array, Array]]:
        columns, rows = panel
        earlier = states < k + last
        leaving = jnp.where(earlier, columns[:, last], 0.0)
        arriving = jnp.where(earlier, rows[last], 0.0)
        total = jnp.sum(leaving)
        share = leaving / total
        columns = columns + share[:, None] * arriving[None, k:]
        rows = rows + share[k:, None] * arriving[None]
        return (columns, rows), (leaving, arriving, total)

    left = _Left(*jax.lax.scan(leave, (stay[:, k:], stay[k:]), jnp.arange(m), reverse=True)[1])
    share = left.leaving[:, :k] / left.total[:, None]
    return stay[:k, :k] + share.T @ left.arriving[:, :k], left


def _restore(weights: Float[Array, " k"], left: _Left) -> Float[Array, " n"]:
    """The weights of those that stayed and of those that left; the largest is 1."""
    m, n = left.arriving.shape

    def come(weights: Array, of: tuple[Array, Array, Array]) -> tuple[Array, None]:
        state, arriving, total = of
        own = jnp.sum(arriving * weights) / total
        return jnp.where(np.arange(n) == state, own, weights), None

    start = jnp.pad(weights, (0, m))
    weights, _ = jax.lax.scan(come, start, (jnp.arange(n - m, n), left.arriving, left.total))
    return weights / jnp.max(weights)
