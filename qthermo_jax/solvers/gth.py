"""The stationary state of a rate equation, without a subtraction.

The elimination of Grassmann, Taksar and Heyman (Oper. Res. 33, 1107 (1985)) keeps the digits of
populations of any size, and so does its derivative, which goes through the elimination itself.

States leave one after the other, each replaced by the paths that lead through it, and come back in the
reverse order. States that no transition connects leave together, as one matrix product; their choice
is static (`Pairs.independent_set_split`). For the chain that is half of the states and most of the
work.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from qthermo_jax.gathers import placed
from qthermo_jax.structure import Pairs


class Stationary(eqx.Module):
    """The solution of a rate equation of d states; of many, side by side in the last dimension.

    Attributes:
        populations: (d,); their sum is 1.
        exits: rate at which each state is left, (d,), over the largest rate.
        imbalance: largest difference between what arrives at a state and what leaves it, likewise.
        classes: number of closed classes, of which each has a stationary distribution of its own.
        lost: whether a path fell below the smallest number.
    """

    populations: Float[Array, "d *b"]
    exits: Float[Array, "d *b"]
    imbalance: Float[Array, "*b"]
    classes: Int[Array, "*b"]
    lost: Bool[Array, "*b"]


class Blocks(eqx.Module):
    """The rates between the two groups of states that `Pairs` splits: c of the core, m of the rest.

    The largest is `lift_of` them, far up in the range of the format: paths are products of
    rates, and small.

    Attributes:
        leaving: rest -> core, (c, m).
        arriving: core -> rest, (m, c).
        inside: core -> core, (c, c).
    """

    leaving: Float[Array, "c m *b"]
    arriving: Float[Array, "m c *b"]
    inside: Float[Array, "c c *b"]


def lift_of(dtype: jnp.dtype) -> float:
    """What the largest rate is in `Blocks`."""
    return float(2.0 ** (0.8 * jnp.finfo(dtype).maxexp))


def blocks_of(rates: Float[Array, "A *b"], largest: Float[Array, "*b"], pairs: Pairs) -> Blocks:
    """The rates of j -> i, then those of i -> j, as matrices W_ij of the rates j -> i."""
    core, rest = pairs.independent_set_split
    unit = jax.lax.stop_gradient(jnp.where(largest > 0, largest, 1.0))
    relative = rates / unit[None] * lift_of(rates.dtype)

    def block(to: np.ndarray, origin: np.ndarray) -> Float[Array, "m c *b"]:
        return placed(relative, pairs.rate_table[np.ix_(to, origin)])

    return Blocks(block(core, rest), block(rest, core), block(core, core))


def assembled(
    blocks: Blocks,
    core: Float[Array, "c *b"],
    rest: Float[Array, "m *b"],
    classes: Int[Array, "*b"],
    lost: Bool[Array, "*b"],
    pairs: Pairs,
) -> Stationary:
    """The solution from the weights of the two groups of states."""
    total = jnp.sum(core, axis=0) + jnp.sum(rest, axis=0)
    p, q = core / total[None], rest / total[None]
    arrived = (_flow(blocks.inside, p) + _flow(blocks.leaving, q), _flow(blocks.arriving, p))
    exits = (
        jnp.sum(blocks.inside, axis=0) + jnp.sum(blocks.arriving, axis=0),
        jnp.sum(blocks.leaving, axis=0),
    )
    unbalanced = [
        jnp.max(jnp.abs(into - out * own), axis=0, initial=0.0)
        for into, out, own in zip(arrived, exits, (p, q), strict=True)
    ]
    order = np.argsort(np.concatenate(pairs.independent_set_split)).astype(np.int32)
    lift = lift_of(p.dtype)
    return Stationary(
        populations=jnp.concatenate([p, q])[order],
        exits=jnp.concatenate(exits)[order] / lift,
        imbalance=jnp.maximum(*unbalanced) / lift,
        classes=classes,
        lost=lost,
    )


def _flow(rates: Float[Array, "m c *b"], weights: Float[Array, "c *b"]) -> Float[Array, "m *b"]:
    return jnp.sum(rates * weights[None], axis=1)


class _Left(eqx.Module):
    """What is remembered of m states that left together, for c states that stay.

    Attributes:
        leaving: rate into those that stay, (m,).
        arriving: rates from those that stay, (m, c).
        astray: whether a state of another closed class is reached from it, (m,).
    """

    leaving: Float[Array, " m"]
    arriving: Float[Array, "m c"]
    astray: Bool[Array, " m"]


def over_itself(x: Float[Array, "*s"]) -> Float[Array, "*s"]:
    """1, with the derivatives of c/x at c = x; those of c/x as such square x, and overflow."""
    return 1.0 / (x / jax.lax.stop_gradient(x))


def positive(values: Float[Array, "*s"]) -> Float[Array, "*s"]:
    """What is above 0; infinity in the place of the rest, which no minimum takes."""
    return jnp.where(values > 0, values, jnp.inf)


def _smallest(values: Float[Array, "m c"]) -> Float[Array, " m"]:
    """Of each row, the smallest that is above 0."""
    return jnp.min(positive(values), axis=1, initial=jnp.inf)


def _remove(
    leaving: Float[Array, "c m"],
    arriving: Float[Array, "m c"],
    stay: Float[Array, "c c"],
    astray: Bool[Array, " c"],
    own: Bool[Array, " m"],
) -> tuple[Float[Array, "c c"], Bool[Array, " c"], _Left, Bool[Array, ""]]:
    """Eliminate m states that no transition connects: W + share x arriving.

    A state that leads to none of those that stay is the last of a closed class. Probability that reaches
    this closed class never returns, so the states that lead to it get no weight in another class: they
    are astray.

    Returns:
        the rates between the states that stay, which of these are astray, what `_restore` needs, and
        whether a path fell below the smallest number.
    """
    total = jnp.sum(leaving, axis=0)
    some = jnp.where(total > 0, total, 1.0)
    share = leaving / jax.lax.stop_gradient(some)[None, :] * over_itself(some)[None, :]
    through = own | (total == 0)
    reached = jnp.any((arriving > 0) & through[:, None], axis=0)
    tiny = jnp.finfo(share.dtype).tiny
    path = _smallest(jax.lax.stop_gradient(share).T) * _smallest(jax.lax.stop_gradient(arriving))
    lost = jnp.any(path < tiny) | jnp.any((leaving > 0) & (share < tiny))
    return stay + share @ arriving, astray | reached, _Left(total, arriving, own), lost


def _restore(
    weights: Float[Array, " c"], left: _Left
) -> tuple[Float[Array, " c"], Float[Array, " m"], Int[Array, ""]]:
    """Weights of those that stayed, rescaled, and of those that left; how many closed classes end here.

    weight : weights = inflow : total, brought to a largest of 1 without a division by 0: the last of a
    closed class takes all, a state that went astray has nothing.
    """
    inflow = left.arriving @ weights
    total = left.leaving
    larger = jax.lax.stop_gradient(jnp.maximum(total, inflow))
    larger = jnp.where(larger > 0, larger, 1.0)
    inflow, total = inflow / larger, total / larger
    final = (total == 0) & ~left.astray
    scales = jax.lax.stop_gradient(jnp.where(final, 0.0, jnp.where(total == 0, 1.0, total)))
    scale = jnp.min(scales, initial=1.0)  # they are 1 at most, and none where nothing left
    share = jnp.where(final, 1.0, jnp.where(scale == scales, 1.0, scale / scales))
    # inflow/total times the common scale; the derivative sees the scale as a constant.
    ratio = over_itself(jnp.where(total == 0, 1.0, total))
    returned = jnp.where(total == 0, jnp.where(final, 1.0, 0.0), inflow * ratio * share)
    return weights * scale, returned, jnp.sum(final)


def _eliminate(
    stay: Float[Array, "n n"], astray: Bool[Array, " n"], lost: Bool[Array, ""]
) -> tuple[Float[Array, " n"], Int[Array, ""], Bool[Array, ""]]:
    """Weights of n states, how many closed classes they end, and whether a path was lost.

    W_ij is the rate j -> i. The diagonal is never read: a jump i -> i changes nothing.
    """
    states = jnp.arange(stay.shape[0])

    def remove(
        carry: tuple[Array, Array, Array], last: Array
    ) -> tuple[tuple[Array, Array, Array], _Left]:
        stay, astray, lost = carry
        earlier = states < last
        leaving = jnp.where(earlier, stay[:, last], 0.0)[:, None]
        arriving = jnp.where(earlier, stay[last, :], 0.0)[None, :]
        stay, astray, left, missed = _remove(leaving, arriving, stay, astray, astray[last][None])
        return (stay, astray, lost | missed), left

    def restore(
        carry: tuple[Array, Array], step: tuple[Array, _Left]
    ) -> tuple[tuple[Array, Array], None]:
        (weights, classes), (last, left) = carry, step
        weights, own, found = _restore(weights, left)
        weights = jnp.where(states == last, own[0], weights)
        return (weights / jax.lax.stop_gradient(jnp.max(weights)), classes + found), None

    removed = states[:0:-1]
    if removed.size:  # `jax.disable_jit` knows no scan over nothing
        (_, astray, lost), left = jax.lax.scan(remove, (stay, astray, lost), removed)
    # The first state has nothing left to leave to: it ends a closed class unless it is astray.
    start = (jnp.where(states == 0, 1.0, 0.0).astype(stay.dtype), jnp.where(astray[0], 0, 1))
    if not removed.size:
        return *start, lost
    (weights, classes), _ = jax.lax.scan(restore, start, (removed, left), reverse=True)
    return weights, classes, lost


def stationary_of_one(rates: Float[Array, " A"], pairs: Pairs) -> Stationary:
    """The stationary state of the rates of j -> i, then those of i -> j."""
    core, rest = pairs.independent_set_split
    blocks = blocks_of(rates, jnp.max(rates, initial=0.0), pairs)
    stay, astray, left, lost = _remove(
        blocks.leaving,
        blocks.arriving,
        blocks.inside,
        jnp.zeros(core.size, bool),
        jnp.zeros(rest.size, bool),
    )
    weights, classes, lost = _eliminate(stay, astray, lost)
    weights, others, found = _restore(weights, left)
    return assembled(blocks, weights, others, classes + found, lost, pairs)
