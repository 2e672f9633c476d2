"""Net fluxes of a rate equation's stationary state, without subtracting what flows back.

The net flux from i to j is p_i a_ij - p_j a_ji, with a_ij the rate of i -> j. Near equilibrium and in
the cold the two terms agree in more digits than a number has. So everything is seen from a reference
distribution pi: p_i = q_i pi_i, the flow of a link is c_ij = pi_i a_ij, and the net flow that it has in
the reference, N_ij = c_ij - c_ji, is given to its last digit. With pi the Gibbs state at the temperature
of one bath, the links of that bath have N = 0.

States leave one after the other, as in the elimination of Grassmann, Taksar and Heyman. With C_m the sum
of c_mj over the states j that stay, the links i - j replace the state m by

    c_ij + c_im c_mj / C_m        N_ij + (c_im N_mj + N_im c_jm) / C_m.

They return in the reverse order. The flux F_ij of a link is then divided among its parts, the direct
link and the paths through the state that returns. With c, N of the part and c', N' of all others
together, where c_ij + c'_ij <= c_ji + c'_ji, the part carries

    f_ij = (c_ji F_ij + q_i (N_ij c'_ij - c_ij N'_ij)) / (c_ji + c'_ji),

and the flux from i into the state m is the sum over j of those through it: what goes from i to m and
back to i never enters. What still is subtracted are fluxes that compete. The same sums with every term
positive, `gross`, tell how large these are: round-off is a small multiple of it.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Shaped

from qthermo_jax.gathers import placed
from qthermo_jax.precision import precise
from qthermo_jax.solvers.batched_gth import product, smallest
from qthermo_jax.solvers.gth import lift_of, over_itself
from qthermo_jax.solvers.points_last import points_last, with_some_solved
from qthermo_jax.structure import Pairs

# What remembers every step grows as the cube of the number of states that leave one by one.
LARGEST_CORE = 64


# Points that are solved at a time, at least.
_TOGETHER = 64


class Links(eqx.Module):
    """The links i - j between n states i and m states j.

    Attributes:
        flow: c_ij, (n, m).
        net: N_ij = c_ij - c_ji.
        gross: the sizes of the terms that N_ij is a sum of.
    """

    flow: Float[Array, "n m *b"]
    net: Float[Array, "n m *b"]
    gross: Float[Array, "n m *b"]

    def __add__(self, other: "Links") -> "Links":
        found: Links = jax.tree.map(jnp.add, self, other)
        return found


class Jumps(NamedTuple):
    """The transitions i - j of every bath, (P,) each, as `Pairs` numbers them.

    Attributes:
        down, up: c_ji and c_ij.
        net: N_ij = c_ij - c_ji.
        gross: the size of what N_ij is known from.
    """

    down: Float[Array, "P *b"]
    up: Float[Array, "P *b"]
    net: Float[Array, "P *b"]
    gross: Float[Array, "P *b"]


class NetFluxes(eqx.Module):
    """The net fluxes of a stationary state.

    Attributes:
        weights: q_i = p_i/pi_i, (d,), not normalised.
        net: the flux i -> j of each transition, (P,), at these weights.
        gross: the sizes of the terms that it is a sum of.
        sound: whether every state leads to another one and nothing fell below the smallest number.
    """

    weights: Float[Array, "d *b"]
    net: Float[Array, "P *b"]
    gross: Float[Array, "P *b"]
    sound: Bool[Array, "*b"]


class _Step(eqx.Module):
    """What is remembered of m states that left together, for c that stayed.

    Attributes:
        share: c_im/C_m, (c, m).
        out: the links m - i, (m, c).
        inside: the links among those that stayed, before.
    """

    share: Float[Array, "c m *b"]
    out: Links
    inside: Links


class Flux(NamedTuple):
    """Net fluxes i -> j, and the sizes of the terms that they are sums of."""

    net: Float[Array, "*s"]
    gross: Float[Array, "*s"]


class BothWays(NamedTuple):
    """Some links or transitions i - j: c_ij, c_ji, N_ij and the sizes of its terms."""

    there: Float[Array, "*s"]
    back: Float[Array, "*s"]
    net: Float[Array, "*s"]
    gross: Float[Array, "*s"]


def _turned(values: Float[Array, "n m *b"]) -> Float[Array, "m n *b"]:
    return jnp.swapaxes(values, 0, 1)


def _paths(share: Float[Array, "c m *b"], out: Links) -> Links:
    """The links that paths through m states make, together."""
    net, gross = product(share, out.net), product(share, out.gross)
    return Links(product(share, out.flow), net - _turned(net), gross + _turned(gross))


def part_of(
    flux: Flux,
    q_i: Float[Array, "*i"],
    q_j: Float[Array, "*j"],
    part: BothWays,
    others: BothWays,
) -> Flux:
    """The flux i -> j of one part of a link, from that of all parts together.

    Args:
        flux: of all parts.
        q_i, q_j: the weights of the states.
        part, others: that part, and all others together: the sum of both would hide the smaller one.
    """
    ahead = part.there + others.there <= part.back + others.back

    def ordered(first: Array, second: Array) -> tuple[Array, Array]:
        return jnp.where(ahead, first, second), jnp.where(ahead, second, first)

    small, large = ordered(part.there, part.back)
    rest_small, rest_large = ordered(others.there, others.back)
    unit = jnp.where(large + rest_large > 0, large + rest_large, 1.0)
    inverse = 1.0 / jax.lax.stop_gradient(unit) * over_itself(unit)
    share, weight = large * inverse, jnp.where(ahead, q_i, q_j)
    driven = part.net * inverse * rest_small - others.net * inverse * small
    sizes = part.gross * inverse * rest_small + others.gross * inverse * small
    return Flux(share * flux.net + weight * driven, share * flux.gross + weight * sizes)


def _both_ways(links: Links) -> BothWays:
    return BothWays(links.flow, _turned(links.flow), links.net, links.gross)


def _remove(leaving: Float[Array, "c m *b"], out: Links, inside: Links) -> tuple[Links, _Step]:
    """The links among the states that stay once m states have left that no link connects."""
    total = jnp.sum(out.flow, axis=1)
    some = jnp.where(total > 0, total, 1.0)
    share = leaving / jax.lax.stop_gradient(some)[None] * over_itself(some)[None]
    return inside + _paths(share, out), _Step(share, out, inside)


def _restore(
    weights: Float[Array, " c *b"], flux: Flux, step: _Step
) -> tuple[Float[Array, "m *b"], Flux, Flux]:
    """The weights of m states that return, the fluxes among the others, and those i -> m, (m, c)."""
    share_of = partial(part_of, flux, weights[:, None], weights[None])
    direct = share_of(_both_ways(step.inside), _both_ways(_paths(step.share, step.out)))

    returned = jnp.sum(_turned(step.share) * weights[None], axis=1)
    if len(returned) == 1:
        alone = share_of(_both_ways(_paths(step.share, step.out)), _both_ways(step.inside))
        return returned, direct, Flux(*(jnp.sum(one, axis=1)[None] for one in alone))

    def path(one: tuple[Array, Links]) -> Links:
        share, out = one
        return _paths(share[:, None], jax.tree.map(lambda own: own[None], out))

    def add(sum_of_some: Links, one: tuple[Array, Links]) -> tuple[Links, Links]:
        return sum_of_some + path(one), sum_of_some

    def through(later: Links, of: tuple[tuple[Array, Links], Links]) -> tuple[Links, Flux]:
        own = path(of[0])
        found = share_of(_both_ways(own), _both_ways(of[1] + later))
        return later + own, Flux(*(jnp.sum(one, axis=1) for one in found))

    nothing: Links = jax.tree.map(jnp.zeros_like, step.inside)
    each = (_turned(step.share), step.out)
    _, earlier = jax.lax.scan(add, step.inside, each)
    _, into = jax.lax.scan(through, nothing, (each, earlier), reverse=True)
    return returned, direct, into


def _is_sound(step: _Step) -> Bool[Array, "*b"]:
    share, flow = jax.lax.stop_gradient((step.share, step.out.flow))
    tiny = jnp.finfo(share.dtype).tiny
    leads = jnp.all(jnp.sum(flow, axis=1) > 0, axis=0)
    columns = smallest(share.reshape(-1, *share.shape[2:])), smallest(flow.reshape(-1, *flow.shape[2:]))
    return leads & (columns[0] * columns[1] >= tiny)


def _one_by_one(core: Links) -> tuple[Float[Array, "c *b"], Flux, Bool[Array, "*b"]]:
    """Weights, fluxes and whether they are sound; of the matrices, states that left are masked."""
    n, shape = len(core.flow), core.flow.shape[2:]
    states = jnp.arange(n)

    def along(where: Bool[Array, "*s"], values: Array) -> Array:
        return jnp.where(where.reshape(*where.shape, *(1 for _ in shape)), values, 0.0)

    def remove(
        carry: tuple[Links, Bool[Array, "*b"]], last: Array
    ) -> tuple[tuple[Links, Bool[Array, "*b"]], _Step]:
        core, sound = carry
        earlier = states < last
        out: Links = jax.tree.map(lambda own: along(earlier, own[last])[None], core)
        core, step = _remove(along(earlier, core.flow[:, last])[:, None], out, core)
        return (core, sound & _is_sound(step)), step

    def restore(carry: tuple[Array, Flux], of: tuple[Array, _Step]) -> tuple[tuple[Array, Flux], None]:
        (weights, flux), (last, step) = carry, of
        own, direct, into = _restore(weights, flux, step)
        earlier, here = states < last, states == last
        column = earlier[:, None] & here[None]

        def bordered(square: Array, border: Array, sign: float) -> Array:
            found = along(earlier[:, None] & earlier[None], square) + along(column, border[0][:, None])
            return found + sign * along(column.T, border[0][None])

        flux = Flux(bordered(direct.net, into.net, -1.0), bordered(direct.gross, into.gross, 1.0))
        return (weights + along(here, own[0][None]), flux), None

    removed = states[:0:-1]
    start = along(states == 0, jnp.ones((n, *shape), core.flow.dtype))
    nothing = jnp.zeros_like(core.flow)
    if not removed.size:  # `jax.disable_jit` knows no scan over nothing
        return start, Flux(nothing, nothing), jnp.ones(shape, bool)
    (_, sound), steps = jax.lax.scan(remove, (core, jnp.ones(shape, bool)), removed)
    found, _ = jax.lax.scan(restore, (start, Flux(nothing, nothing)), (removed, steps), reverse=True)
    return *found, sound


def _places(pairs: Pairs) -> tuple[np.ndarray, np.ndarray]:
    """Where each flux stands among those in the core and those from it into the rest.

    Returns:
        for each transition the position, and 1, or -1 where the flux there is the opposite one, or 0
        for a transition from a state to itself.
    """
    core, rest = pairs.independent_set_split
    place = np.zeros((pairs.dimension, pairs.dimension), int)
    sign = np.zeros_like(place)
    place[np.ix_(core, core)] = np.arange(core.size**2).reshape(core.size, core.size)
    into = core.size**2 + np.arange(rest.size * core.size).reshape(rest.size, core.size)
    place[np.ix_(rest, core)], place[np.ix_(core, rest)] = into, into.T
    sign[np.ix_(core, core)] = sign[np.ix_(core, rest)] = 1
    sign[np.ix_(rest, core)] = -1
    np.fill_diagonal(sign, 0)
    return place[pairs.i, pairs.j].astype(np.int32), sign[pairs.i, pairs.j]


def _solved(jumps: Jumps, pairs: Pairs) -> NetFluxes:
    """From the transitions of one point, or of many in the last dimension."""
    core, rest = pairs.independent_set_split
    moves = (pairs.i != pairs.j).reshape(-1, *(1 for _ in jumps.up.shape[1:]))
    largest = jax.lax.stop_gradient(jnp.max(jnp.maximum(jumps.down, jumps.up), axis=0, initial=0.0))
    unit = lift_of(jumps.up.dtype) / jnp.where(largest > 0, largest, 1.0)
    lifted = [jnp.where(moves, own * unit[None], 0.0) for own in jumps]
    down, up, net, gross = map(pairs.by_states.sum, lifted)

    def among(origin: np.ndarray, target: np.ndarray) -> Links:
        table = pairs.rate_table.T[np.ix_(origin, target)]
        both = ((down, up), (-net, net), (gross, gross))
        return Links(*(placed(jnp.concatenate(own), table) for own in both))

    reduced, step = _remove(among(core, rest).flow, among(rest, core), among(core, core))
    weights, flux, sound = _one_by_one(reduced)
    others, direct, into = _restore(weights, flux, step)
    q = jnp.concatenate([weights, others])[np.argsort(np.concatenate([core, rest])).astype(np.int32)]

    place, sign = _places(pairs)
    signs = jnp.asarray(sign, q.dtype).reshape(-1, *(1 for _ in largest.shape))

    def of_jumps(square: Array, border: Array) -> Array:
        flat = [own.reshape(-1, *own.shape[2:]) for own in (square, border)]
        return jnp.concatenate(flat)[place]

    whole = Flux(
        signs * of_jumps(direct.net, into.net), jnp.abs(signs) * of_jumps(direct.gross, into.gross)
    )
    down, up, net, gross = lifted
    part = BothWays(up, down, net, gross)
    rest_of = BothWays(*map(pairs.by_states.sum_of_others, part))
    flux = part_of(whole, q[pairs.i], q[pairs.j], part, rest_of)
    tiny = jnp.finfo(q.dtype).tiny
    fits = jnp.all(jnp.isfinite(q) & (q >= tiny), axis=0)
    sound = sound & _is_sound(step) & fits
    return NetFluxes(q, flux.net / unit[None], flux.gross / unit[None], sound)


@precise
def _solve(arrays: Sequence[Shaped[Array, "_ b"]], pairs: Pairs) -> list[Array]:
    asked, jumps = arrays[0][0], Jumps(*arrays[1:])
    solve = partial(_solved, pairs=pairs)
    nothing = jnp.zeros_like(jumps.net)
    weights = jnp.zeros((pairs.dimension, *asked.shape), nothing.dtype)
    unsound = NetFluxes(weights, nothing, nothing, jnp.zeros(asked.shape, bool))
    return jax.tree.leaves(with_some_solved(solve, jumps, asked, unsound, _TOGETHER))


_solutions = points_last("net_fluxes", _solve)


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def net_fluxes(asked: Bool[Array, ""], jumps: Jumps, pairs: Pairs) -> NetFluxes:
    """The net fluxes of the stationary state of a rate equation.

    Args:
        asked: whether it is needed at all; what comes is not sound otherwise.
        jumps: the transitions.
        pairs: with at most `LARGEST_CORE` states in the core of its `independent_set_split`.
    """
    return NetFluxes(*_solutions([asked[None], *jumps], pairs))


@net_fluxes.defjvp
@precise
def _(
    pairs: Pairs, given: tuple[Array, Jumps], steps: tuple[object, Jumps]
) -> tuple[NetFluxes, NetFluxes]:
    solution: tuple[NetFluxes, NetFluxes] = jax.jvp(partial(_solved, pairs=pairs), given[1:], steps[1:])
    return solution
