"""Populations alone: a classical rate equation, d unknowns, every one of them to full relative accuracy.

Where no population drives a coherence, rho is diagonal in the eigenbasis and its diagonal obeys
dp_i/dt = sum_j (W_ij p_j - W_ji p_i). The elimination of Grassmann, Taksar and Heyman (Oper. Res. 33,
1107 (1985)) solves it without one subtraction: it keeps the digits of populations of any size, and so
does its derivative, which goes through the elimination itself.

States leave one after the other, each replaced by the paths that lead through it, and come back in the
reverse order. States that no transition connects leave together, as one matrix product; their choice
is static (`Pairs.halves`). For the chain that is half of the states and most of the work.
"""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from qthermo_jax.generators import Transitions, jump_rates, leak
from qthermo_jax.steady.record import Method, Note, Solution
from qthermo_jax.structure import Pairs, padded

# Up to this many states the elimination is written out, with arrays that shrink; it compiles in
# proportion. Above, it is a loop over arrays of one size.
_WRITTEN_OUT = 4


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


class _Extent(eqx.Module):
    """How small rates get: the smallest, and whether a product of two is below the smallest number."""

    lost: Bool[Array, ""]
    smallest: Float[Array, ""]


def _smallest(values: Float[Array, "*s"]) -> Float[Array, ""]:
    """The smallest that is above 0."""
    values = jax.lax.stop_gradient(values)
    return jnp.min(jnp.where(values > 0, values, jnp.inf), initial=jnp.inf)


def _observed(extent: _Extent, share: Float[Array, "*s"], arriving: Float[Array, "*t"]) -> _Extent:
    least, other = _smallest(share), _smallest(arriving)
    tiny = jnp.finfo(share.dtype).tiny
    return _Extent(
        extent.lost | (least * other < tiny),
        jnp.minimum(extent.smallest, jnp.minimum(least, other)),
    )


def _remove(
    leaving: Float[Array, "c m"], arriving: Float[Array, "m c"], stay: Float[Array, "c c"],
    astray: Bool[Array, " c"], own: Bool[Array, " m"], extent: _Extent,
) -> tuple[Float[Array, "c c"], Bool[Array, " c"], _Left, _Extent]:  # fmt: skip
    """Let m unconnected states leave: W + share x arriving, and who goes astray through them.

    One that leads nowhere among those that stay is the last of a closed class; what arrives at it is
    astray as far as the others are concerned.
    """
    total = jnp.sum(leaving, axis=0)
    share = leaving / jnp.where(total > 0, total, 1.0)[None, :]
    through = own | (total == 0)
    reached = jnp.any((arriving > 0) & through[:, None], axis=0)
    extent = _observed(extent, share, arriving)
    return stay + share @ arriving, astray | reached, _Left(total, arriving, own), extent


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
    ratio = jax.lax.stop_gradient(total) / jnp.where(total == 0, 1.0, total)
    returned = jnp.where(total == 0, jnp.where(final, 1.0, 0.0), inflow * ratio * share)
    return weights * scale, returned, jnp.sum(final)


def _eliminate(
    stay: Float[Array, "n n"], astray: Bool[Array, " n"], extent: _Extent
) -> tuple[Float[Array, " n"], Int[Array, ""], _Extent]:
    """Weights of n states, how many closed classes they end, and how small rates became.

    W_ij is the rate j -> i, its diagonal is 0.
    """
    n = stay.shape[0]
    if n <= _WRITTEN_OUT:
        return _written_out(stay, astray, extent)
    states = jnp.arange(n)

    def remove(
        carry: tuple[Array, Array, _Extent], last: Array
    ) -> tuple[tuple[Array, Array, _Extent], _Left]:
        stay, astray, extent = carry
        earlier = states < last
        leaving = jnp.where(earlier, stay[:, last], 0.0)[:, None]
        arriving = jnp.where(earlier, stay[last, :], 0.0)[None, :]
        stay, astray, left, extent = _remove(leaving, arriving, stay, astray, astray[last][None], extent)
        return (stay, astray, extent), left

    def restore(
        carry: tuple[Array, Array], step: tuple[Array, _Left]
    ) -> tuple[tuple[Array, Array], None]:
        (weights, classes), (last, left) = carry, step
        weights, own, found = _restore(weights, left)
        weights = jnp.where(states == last, own[0], weights)
        return (weights / jax.lax.stop_gradient(jnp.max(weights)), classes + found), None

    removed = states[:0:-1]
    (_, astray, extent), left = jax.lax.scan(remove, (stay, astray, extent), removed)
    start = (jnp.where(states == 0, 1.0, 0.0).astype(stay.dtype), _first_class(astray))
    (weights, classes), _ = jax.lax.scan(restore, start, (removed, left), reverse=True)
    return weights, classes, extent


def _first_class(astray: Bool[Array, " n"]) -> Int[Array, ""]:
    """The first state, which nothing is left to leave to, ends a closed class unless it is astray."""
    return jnp.where(astray[0], 0, 1)


def _written_out(
    stay: Float[Array, "n n"], astray: Bool[Array, " n"], extent: _Extent
) -> tuple[Float[Array, " n"], Int[Array, ""], _Extent]:
    """`_eliminate` without a loop."""
    history: list[_Left] = []
    for last in reversed(range(1, stay.shape[0])):
        leaving, arriving = stay[:last, last:], stay[last:, :last]
        own, stay, astray = astray[last:], stay[:last, :last], astray[:last]
        stay, astray, left, extent = _remove(leaving, arriving, stay, astray, own, extent)
        history.append(left)
    weights, classes = jnp.ones(1, stay.dtype), _first_class(astray)
    for left in reversed(history):
        weights, own_weight, found = _restore(weights, left)
        weights = jnp.concatenate([weights, own_weight])
        weights, classes = weights / jax.lax.stop_gradient(jnp.max(weights)), classes + found
    return weights, classes, extent


def stationary(
    forth: Float[Array, " U"], back: Float[Array, " U"], pairs: Pairs
) -> tuple[Float[Array, " d"], Int[Array, ""], _Extent]:
    """Stationary distribution of the rates of j -> i and i -> j, (U,), of the largest about 1.

    Returns:
        populations, (d,); the number of closed classes, of which each has a stationary distribution of
        its own; and how small the rates became.
    """
    core, rest = pairs.halves
    rates = padded(jnp.concatenate([forth, back]))
    table = pairs.rate_table

    def block(to: np.ndarray, origin: np.ndarray) -> Float[Array, "a b"]:
        places: Sequence[np.ndarray] = table[np.ix_(to, origin)]
        if np.min(places, initial=rates.size) == rates.size - 1:
            return jnp.zeros((to.size, origin.size), rates.dtype)
        return rates[places]

    nothing_yet = _Extent(jnp.array(False), jnp.array(jnp.inf, rates.dtype))
    stay, astray, left, extent = _remove(
        block(core, rest),
        block(rest, core),
        # A state that returns to itself through the rest never left.
        block(core, core),
        jnp.zeros(core.size, bool),
        jnp.zeros(rest.size, bool),
        nothing_yet,
    )
    weights, classes, extent = _eliminate(stay, astray, extent)
    weights, others, found = _restore(weights, left)
    both = jnp.concatenate([weights, others])[np.argsort(np.concatenate([core, rest])).astype(np.int32)]
    return both / jnp.sum(both), classes + found, extent


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
    Math. 65, 109 (1993)). A rate is as good as its e^{-omega/T} and its |S_ij|^2.
    """
    pairs = moves.pairs
    eps = jnp.finfo(moves.forth.dtype).eps
    size = jnp.abs(moves.amplitudes)
    relative = size / jnp.where(moves.driven, pairs.by_bath.max(size)[pairs.bath], 1.0)
    counts = moves.driven & (moves.forth > 0) & (moves.back > 0)
    exponent = jnp.abs(jnp.log(jnp.where(counts, moves.forth / moves.back, 1.0)))
    E = moves.basis.energies
    spread = jnp.max(E) - jnp.min(E)
    spread = jnp.where(spread > 0, spread, 1.0)
    of_frequency = jnp.max(jnp.abs(E)) / jnp.where(moves.omega == 0, spread, jnp.abs(moves.omega))
    thermal = exponent * (1.0 + of_frequency[pairs.number])
    vectors = 2.0 * moves.basis.amplification / jnp.where(counts, relative, 1.0)
    rate = jnp.where(counts, 8.0 + thermal + vectors, 0.0)
    return 2 * pairs.dimension * eps * jnp.max(rate, initial=0.0)


def _lost(moves: Transitions) -> Bool[Array, ""]:
    """Whether a rate of a bath above T = 0 is below the smallest number."""
    rates = jnp.minimum(moves.forth, moves.back) < jnp.finfo(moves.forth.dtype).tiny
    alive = moves.driven & (jnp.maximum(moves.forth, moves.back) > 0)
    return jnp.any(rates & alive & (moves.temperatures > 0)[moves.pairs.bath])


def solve_populations(moves: Transitions) -> Solution:
    """Diagonal rho from the rate equation; exact where no population drives a coherence."""
    forth, back = jump_rates(moves)
    pairs = moves.pairs
    scale = jax.lax.stop_gradient(jnp.max(jnp.maximum(forth, back), initial=0.0))
    scale = jnp.where(scale > 0, scale, 1.0)
    forth, back = forth / scale, back / scale
    p, classes, extent = stationary(forth, back, pairs)
    first, second = pairs.states
    jump = first != second
    net = jnp.where(jump, forth * p[second] - back * p[first], 0.0)
    change = jnp.zeros_like(p).at[first].add(net).at[second].add(-net)
    tiny, eps = jnp.finfo(p.dtype).tiny, jnp.finfo(p.dtype).eps
    leakage, leaks = leak(moves, jnp.arange(pairs.dimension))
    conserved = jnp.where(_may_be_conserved(moves), Note.COHERENCES_NOT_EXAMINED, Note.NONE)
    lost = extent.lost | _lost(moves)
    noted = jnp.where(lost, Note.UNDERFLOW, Note.NONE)
    return Solution(
        populations=p,
        coherences=None,
        residual=jnp.max(jnp.abs(change)),
        error=_relative_error(moves),
        leak=leakage,
        unique=classes == 1,
        exact=~leaks,
        underflow=lost & ((classes != 1) | (extent.smallest < tiny / eps)),
        method=jnp.int8(Method.POPULATIONS),
        note=(conserved | noted).astype(jnp.int8),
    )
