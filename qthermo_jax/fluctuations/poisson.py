"""Poisson's equation of a rate equation: how much more is collected from each state on, by elimination.

While it is in state s the system collects g_s in a unit of time, c on average. What it collects from s
on, beyond c t, is the potential phi_s, which solves

    sum_t W_ts (phi_t - phi_s) = c - g_s

up to a constant. It is minus the group inverse of the generator applied to g from the left (Lapolla,
Hartich & Godec, Phys. Rev. Research 2, 043084 (2020), call it the deviation matrix). The elimination of
Grassmann, Taksar and Heyman gives it without a subtraction of rates: a state that leaves hands what it
collects to those that lead to it. The state that stays to the end is the reference, phi = 0.
"""

from functools import cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from qthermo_jax.gathers import Groups
from qthermo_jax.solvers.gth import Blocks, blocks_of, lift_of, over_itself
from qthermo_jax.structure import Pairs


class Elimination(eqx.Module):
    """The rates of a rate equation of d states, eliminated: c states of the core, m of the rest.

    Attributes:
        pairs: between which states there are transitions (static).
        order: of the states of the core, the reference first, (c,).
        blocks: the rates between core and rest, the core in that order.
        unit: what a rate of 1 is in the elimination, ().
        shares: of a state that leaves, where it goes: rest -> core (c, m), and core -> core (c - 1, c).
        totals: the rates at which they leave, (m,) and (c - 1,).
        arriving: what leads to them, core -> rest (m, c), and core -> core (c - 1, c).
    """

    pairs: Pairs = eqx.field(static=True)
    order: Int[Array, " c"]
    blocks: Blocks
    unit: Float[Array, ""]
    shares: tuple[Float[Array, "c m"], Float[Array, "r c"]]
    totals: tuple[Float[Array, " m"], Float[Array, " r"]]
    arriving: tuple[Float[Array, "m c"], Float[Array, "r c"]]

    def potentials(self, collected: Float[Array, "M d"]) -> Float[Array, "M d"]:
        """phi for each of M functions of the state, which are 0 on average."""
        of_core, of_rest = self._apart(collected * self.unit)
        of_rest = _over(of_rest, self.totals[0][None])
        of_core = of_core + of_rest @ self.arriving[0]
        states = jnp.arange(self.order.size)

        def leave(left: Array, step: tuple[Array, Array, Array]) -> tuple[Array, Array]:
            last, total, arriving = step
            own = _over(jnp.sum(jnp.where(states == last, left, 0.0), axis=1), total)
            return left + own[:, None] * arriving[None], own

        def back(phi: Array, step: tuple[Array, Array, Array]) -> tuple[Array, None]:
            last, own, share = step
            value = own + jnp.sum(phi * share[None], axis=1)
            return jnp.where(states == last, value[:, None], phi), None

        phi = jnp.zeros_like(of_core)
        removed = states[:0:-1]
        if removed.size:  # `jax.disable_jit` knows no scan over nothing
            _, own = jax.lax.scan(leave, of_core, (removed, self.totals[1], self.arriving[1]))
            phi, _ = jax.lax.scan(back, phi, (removed, own, self.shares[1]), reverse=True)
        others = of_rest + phi @ self.shares[0]
        return self._together(phi, others)

    def gains(self, phi: Float[Array, "M d"]) -> Float[Array, "M d"]:
        """sum_t W_ts (phi_t - phi_s), what a state gains of phi in a unit of time."""
        return self._flow(phi, -1)

    def sums(self, phi: Float[Array, "M d"]) -> Float[Array, "M d"]:
        """sum_t W_ts (phi_t + phi_s), the size of what `gains` subtracts, of phi >= 0."""
        return self._flow(phi, 1)

    def _flow(self, phi: Float[Array, "M d"], sign: int) -> Float[Array, "M d"]:
        core, rest = self._apart(phi)
        leaving, arriving, inside = self.blocks.leaving, self.blocks.arriving, self.blocks.inside
        exits = jnp.sum(inside, axis=0) + jnp.sum(arriving, axis=0), jnp.sum(leaving, axis=0)
        of_core = core @ inside + rest @ arriving + sign * core * exits[0][None]
        of_rest = core @ leaving + sign * rest * exits[1][None]
        return self._together(of_core, of_rest) / self.unit

    def _apart(self, values: Float[Array, "M d"]) -> tuple[Float[Array, "M c"], Float[Array, "M m"]]:
        core, rest = self.pairs.independent_set_split
        return values[:, core][:, self.order], values[:, rest]

    def _together(self, core: Float[Array, "M c"], rest: Float[Array, "M m"]) -> Float[Array, "M d"]:
        """The inverse of `_apart`; to exchange two states is its own inverse."""
        order = np.argsort(np.concatenate(self.pairs.independent_set_split))
        return jnp.concatenate([core[:, self.order], rest], axis=1)[:, order]


def _over(values: Float[Array, "*s"], total: Float[Array, "*#s"]) -> Float[Array, "*s"]:
    """values/total, 0 where total is; its derivative is free of total^2, which may overflow."""
    some = jnp.where(total > 0, total, 1.0)
    return jnp.where(total > 0, values / jax.lax.stop_gradient(some) * over_itself(some), 0.0)


def eliminate(rates: Float[Array, " A"], pairs: Pairs, populations: Float[Array, " d"]) -> Elimination:
    """Eliminate all states but the most populated one of the core.

    Args:
        rates: of the jumps j -> i, then those of i -> j, as `Pairs.states` has them; 0 where i = j.
        populations: the stationary ones. From the most populated state the way back is shortest, and
            bounds grow with its length.
    """
    core = pairs.independent_set_split[0]
    largest = jnp.max(rates, initial=0.0)
    blocks = blocks_of(rates, largest, pairs)
    states = jnp.arange(core.size)
    reference = jnp.argmax(jax.lax.stop_gradient(populations)[core])
    order = jnp.where(states == 0, reference, jnp.where(states == reference, 0, states))
    blocks = Blocks(blocks.leaving[order], blocks.arriving[:, order], blocks.inside[order][:, order])
    total = jnp.sum(blocks.leaving, axis=0)
    share = _over(blocks.leaving, total[None])
    stay = blocks.inside + share @ blocks.arriving

    def remove(stay: Array, last: Array) -> tuple[Array, tuple[Array, Array, Array]]:
        earlier = states < last
        out = jnp.where(earlier, stay[:, last], 0.0)
        arriving = jnp.where(earlier, stay[last, :], 0.0)
        total = jnp.sum(out)
        share = _over(out, total)
        return stay + share[:, None] * arriving[None], (share, total, arriving)

    removed = states[:0:-1]
    empty = jnp.zeros((0, core.size), stay.dtype)
    steps = (empty, jnp.zeros(0, stay.dtype), empty)
    if removed.size:
        _, steps = jax.lax.scan(remove, stay, removed)
    unit = jax.lax.stop_gradient(jnp.where(largest > 0, largest, 1.0))
    return Elimination(
        pairs,
        order,
        blocks,
        lift_of(rates.dtype) / unit,
        (share, steps[0]),
        (total, steps[1]),
        (blocks.arriving, steps[2]),
    )


@cache
def by_origin(pairs: Pairs) -> Groups:
    """The jumps from each state: those j -> i of every transition, and then those i -> j."""
    return Groups.of(np.concatenate([pairs.j, pairs.i]), pairs.dimension)
