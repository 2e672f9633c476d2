"""Populations alone: a classical rate equation, d unknowns, every one of them to full relative accuracy.

Where no population drives a coherence, rho is diagonal in the eigenbasis and its diagonal obeys
dp_i/dt = sum_j (W_ij p_j - W_ji p_i). The elimination of Grassmann, Taksar and Heyman (Oper. Res. 33,
1107 (1985)) solves it without one subtraction: it keeps the digits of populations of any size, and so
does its derivative, which goes through the elimination itself.

States leave one after the other, each replaced by the paths that lead through it, and come back in the
reverse order. States that no transition connects leave together, as one matrix product; their choice
is static (`Pairs.halves`). For the chain that is half of the states and most of the work.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from qthermo_jax.generators import Transitions, jump_rates, leak
from qthermo_jax.steady.record import Method, Note, Solution
from qthermo_jax.steady.uncertainty import rate_uncertainty
from qthermo_jax.structure import Pairs, padded


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


def _over_itself(x: Float[Array, " m"]) -> Float[Array, " m"]:
    """1, with the derivatives of c/x at c = x; those of c/x as such square x, and overflow."""
    return 1.0 / (x / jax.lax.stop_gradient(x))


def _smallest(values: Float[Array, "m c"]) -> Float[Array, " m"]:
    """Of each row, the smallest that is above 0."""
    return jnp.min(jnp.where(values > 0, values, jnp.inf), axis=1, initial=jnp.inf)


def _remove(
    leaving: Float[Array, "c m"],
    arriving: Float[Array, "m c"],
    stay: Float[Array, "c c"],
    astray: Bool[Array, " c"],
    own: Bool[Array, " m"],
) -> tuple[Float[Array, "c c"], Bool[Array, " c"], _Left, Bool[Array, ""]]:
    """Let m unconnected states leave: W + share x arriving, and who goes astray through them.

    One that leads nowhere among those that stay is the last of a closed class; what arrives at it is
    astray as far as the others are concerned. The last flag: whether a path fell below the smallest
    number.
    """
    total = jnp.sum(leaving, axis=0)
    some = jnp.where(total > 0, total, 1.0)
    share = leaving / jax.lax.stop_gradient(some)[None, :] * _over_itself(some)[None, :]
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
    scale = jnp.min(scales)
    share = jnp.where(final, 1.0, jnp.where(scale == scales, 1.0, scale / scales))
    # inflow/total times the common scale; the derivative sees the scale as a constant.
    ratio = _over_itself(jnp.where(total == 0, 1.0, total))
    returned = jnp.where(total == 0, jnp.where(final, 1.0, 0.0), inflow * ratio * share)
    return weights * scale, returned, jnp.sum(final)


def _eliminate(
    stay: Float[Array, "n n"], astray: Bool[Array, " n"], lost: Bool[Array, ""]
) -> tuple[Float[Array, " n"], Int[Array, ""], Bool[Array, ""]]:
    """Weights of n states, how many closed classes they end, and whether a path was lost.

    W_ij is the rate j -> i; the diagonal does not count: who returns to himself never left.
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
    (_, astray, lost), left = jax.lax.scan(remove, (stay, astray, lost), removed)
    # The first state has nothing left to leave to: it ends a closed class unless it is astray.
    start = (jnp.where(states == 0, 1.0, 0.0).astype(stay.dtype), jnp.where(astray[0], 0, 1))
    (weights, classes), _ = jax.lax.scan(restore, start, (removed, left), reverse=True)
    return weights, classes, lost


def stationary(
    forth: Float[Array, " U"], back: Float[Array, " U"], pairs: Pairs
) -> tuple[Float[Array, " d"], Int[Array, ""], Bool[Array, ""]]:
    """Stationary distribution of the rates of j -> i and i -> j, (U,), of which the largest is about 1.

    Returns:
        populations, (d,); the number of closed classes, of which each has a stationary distribution of
        its own; whether a path fell below the smallest number.
    """
    core, rest = pairs.halves
    # Far up in the range of the format: paths are products of rates, and small.
    lift = 2.0 ** (0.8 * jnp.finfo(forth.dtype).maxexp)
    rates = padded(lift * jnp.concatenate([forth, back]))
    table = pairs.rate_table

    def block(to: np.ndarray, origin: np.ndarray) -> Float[Array, "a b"]:
        places = table[np.ix_(to, origin)]
        if np.min(places, initial=rates.size) == rates.size - 1:
            return jnp.zeros((to.size, origin.size), rates.dtype)
        return rates[places]

    stay, astray, left, lost = _remove(
        block(core, rest),
        block(rest, core),
        block(core, core),
        jnp.zeros(core.size, bool),
        jnp.zeros(rest.size, bool),
    )
    weights, classes, lost = _eliminate(stay, astray, lost)
    weights, others, found = _restore(weights, left)
    both = jnp.concatenate([weights, others])[np.argsort(np.concatenate([core, rest])).astype(np.int32)]
    return both / jnp.sum(both), classes + found, lost


def _may_be_conserved(moves: Transitions) -> Bool[Array, ""]:
    """Whether there are degenerate states whose coherence is not certain to decay.

    It decays if no bath acts on both, which could feed it from other coherences, and one acts on either.
    """
    pairs = moves.pairs
    acts = jnp.zeros((pairs.n_baths, pairs.dimension), moves.forth.dtype)
    jump = pairs.i != pairs.j
    bath, driven = pairs.bath[jump], moves.driven[jump].astype(acts.dtype)
    acts = acts.at[bath, pairs.i[jump]].max(driven).at[bath, pairs.j[jump]].max(driven)
    together = acts.T @ acts > 0
    decays = jnp.any(acts > 0, axis=0)
    uncertain = together | ~(decays[:, None] | decays[None, :])
    different = ~np.eye(pairs.dimension, dtype=bool)
    return jnp.any(moves.basis.degenerate & different & uncertain)


def _relative_error(moves: Transitions) -> Float[Array, ""]:
    """Bound of the relative error of every population, from the round-off of the rates.

    Off-diagonal rates known to a relative eps give populations known to 2 d eps (O'Cinneide, Numer.
    Math. 65, 109 (1993)).
    """
    pairs = moves.pairs
    size = jnp.abs(moves.amplitudes)
    relative = size / jnp.where(moves.driven, pairs.by_bath.max(size)[pairs.bath], 1.0)
    vectors = moves.basis.amplification / jnp.where(moves.driven, relative, 1.0)
    rate = jnp.where(moves.driven, rate_uncertainty(moves) + 2.0 * vectors, 0.0)
    return 2 * pairs.dimension * jnp.finfo(size.dtype).eps * jnp.max(rate, initial=0.0)


def _underflow(moves: Transitions, exits: Float[Array, " d"]) -> tuple[Bool[Array, ""], Bool[Array, ""]]:
    """Whether rates of baths above T = 0 are below the smallest number, and whether that matters.

    It does for a state that has hardly another way out, if it is not the only one of the kind.

    Args:
        exits: rate at which each state is left, of which the largest is about 1.
    """
    pairs, info = moves.pairs, jnp.finfo(moves.forth.dtype)
    warm = moves.driven & (moves.temperatures > 0)[pairs.bath]
    gone_forth = warm & (moves.forth < info.tiny) & (moves.back > 0)
    gone_back = warm & (moves.back < info.tiny) & (moves.forth > 0)
    slow = exits < info.tiny / info.eps
    stuck = (gone_forth & slow[pairs.j]) | (gone_back & slow[pairs.i])
    return jnp.any(gone_forth | gone_back), jnp.any(stuck) & jnp.any(slow & (exits > 0))


def solve_populations(moves: Transitions) -> Solution:
    """Diagonal rho from the rate equation; exact where no population drives a coherence."""
    pairs = moves.pairs
    first, second = pairs.states
    forth, back = (jnp.where(first != second, rates, 0.0) for rates in jump_rates(moves))
    scale = jax.lax.stop_gradient(jnp.max(jnp.maximum(forth, back), initial=0.0))
    scale = jnp.where(scale > 0, scale, 1.0)
    forth, back = forth / scale, back / scale
    p, classes, lost = stationary(forth, back, pairs)
    arriving = pairs.by_target.sum(jnp.concatenate([forth * p[second], back * p[first]]))
    exits = pairs.by_origin.sum(jnp.concatenate([forth, back]))
    gone, matters = _underflow(moves, exits)
    leakage, leaks = leak(moves, jnp.arange(pairs.dimension))
    conserved = jnp.where(_may_be_conserved(moves), Note.COHERENCES_NOT_EXAMINED, Note.NONE)
    return Solution(
        populations=p,
        coherences=None,
        residual=jnp.max(jnp.abs(arriving - exits * p)),
        error=_relative_error(moves),
        leak=leakage,
        unique=classes == 1,
        exact=~leaks,
        underflow=matters | lost | (gone & (classes != 1)),
        method=jnp.int8(Method.POPULATIONS),
        note=(conserved | jnp.where(gone, Note.UNDERFLOW, Note.NONE)).astype(jnp.int8),
    )
