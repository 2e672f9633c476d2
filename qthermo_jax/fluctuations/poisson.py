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
from qthermo_jax.solvers.batched_gth import product
from qthermo_jax.solvers.gth import Blocks, blocks_of, lift_of, over_itself
from qthermo_jax.structure import Pairs


class Elimination(eqx.Module):
    """The rates of a rate equation of d states, eliminated: c states of the core, m of the rest.

    Of one point, or of many in the last dimension.

    Attributes:
        pairs: between which states there are transitions (static).
        reference: position of the reference among the core, where it changes places with the first.
        blocks: the rates between core and rest, the core in that order.
        unit: what a rate of 1 is in the elimination, ().
        shares: of a state that leaves, where it goes: rest -> core (c, m), and core -> core (c - 1, c).
        totals: the rates at which they leave, (m,) and (c - 1,).
        arriving: what leads to them, core -> rest (m, c), and core -> core (c - 1, c).
    """

    pairs: Pairs = eqx.field(static=True)
    reference: Int[Array, "*b"]
    blocks: Blocks
    unit: Float[Array, "*b"]
    shares: tuple[Float[Array, "c m *b"], Float[Array, "r c *b"]]
    totals: tuple[Float[Array, "m *b"], Float[Array, "r *b"]]
    arriving: tuple[Float[Array, "m c *b"], Float[Array, "r c *b"]]

    def potentials(self, collected: Float[Array, "d M *b"]) -> Float[Array, "d M *b"]:
        """phi for each of M functions of the state, which are 0 on average."""
        of_core, of_rest = self._apart(collected * self.unit[None, None])
        of_rest = _over(of_rest, self.totals[0][:, None])
        of_core = of_core + product(_turned(self.arriving[0]), of_rest)

        def leave(left: Array, step: tuple[Array, Array, Array]) -> tuple[Array, Array]:
            last, total, arriving = step
            own = _over(_at(left, last), total[None])
            return left + arriving[:, None] * own[None], own

        def hand_on(phi: Array, step: tuple[Array, Array]) -> tuple[Array, None]:
            state, shares = step
            return phi + shares[:, None] * _at(phi, state)[None], None

        states = jnp.arange(len(of_core))
        removed = states[:0:-1]
        phi = jnp.zeros_like(of_core)
        if removed.size:  # `jax.disable_jit` knows no scan over nothing
            _, own = jax.lax.scan(leave, of_core, (removed, self.totals[1], self.arriving[1]))
            # A state's phi is its own and its share of those before it, which are known by then.
            phi = jnp.concatenate([phi[:1], own[::-1]])
            share = jnp.concatenate([jnp.zeros_like(self.shares[1][:1]), self.shares[1][::-1]])
            phi, _ = jax.lax.scan(hand_on, phi, (states[1:], _turned(share)[1:]))
        others = of_rest + product(_turned(self.shares[0]), phi)
        return self._together(phi, others)

    def gains(self, phi: Float[Array, "d M *b"]) -> Float[Array, "d M *b"]:
        """sum_t W_ts (phi_t - phi_s), what a state gains of phi in a unit of time."""
        return self._flow(phi, -1)

    def sums(self, phi: Float[Array, "d M *b"]) -> Float[Array, "d M *b"]:
        """sum_t W_ts (phi_t + phi_s), the size of what `gains` subtracts, of phi >= 0."""
        return self._flow(phi, 1)

    def _flow(self, phi: Float[Array, "d M *b"], sign: int) -> Float[Array, "d M *b"]:
        core, rest = self._apart(phi)
        leaving, arriving, inside = self.blocks.leaving, self.blocks.arriving, self.blocks.inside
        exits = jnp.sum(inside, axis=0) + jnp.sum(arriving, axis=0), jnp.sum(leaving, axis=0)
        of_core = product(_turned(inside), core) + product(_turned(arriving), rest)
        of_core = of_core + sign * core * exits[0][:, None]
        of_rest = product(_turned(leaving), core) + sign * rest * exits[1][:, None]
        return self._together(of_core, of_rest) / self.unit[None, None]

    def _apart(
        self, values: Float[Array, "d M *b"]
    ) -> tuple[Float[Array, "c M *b"], Float[Array, "m M *b"]]:
        core, rest = self.pairs.independent_set_split
        return _exchanged(values[core], self.reference), values[rest]

    def _together(
        self, core: Float[Array, "c M *b"], rest: Float[Array, "m M *b"]
    ) -> Float[Array, "d M *b"]:
        """The inverse of `_apart`; to exchange two states is its own inverse."""
        order = np.argsort(np.concatenate(self.pairs.independent_set_split)).astype(np.int32)
        return jnp.concatenate([_exchanged(core, self.reference), rest])[order]


def _turned(values: Float[Array, "n m *b"]) -> Float[Array, "m n *b"]:
    return jnp.swapaxes(values, 0, 1)


def _at(values: Float[Array, "n *s"], position: Int[Array, ""]) -> Float[Array, "*s"]:
    found: Float[Array, "*s"] = jax.lax.dynamic_index_in_dim(values, position, keepdims=False)
    return found


def _exchanged(values: Float[Array, "c *s"], reference: Int[Array, "*b"]) -> Float[Array, "c *s"]:
    """The first entry and that of the reference in each other's place, at each point."""
    between = (1,) * (values.ndim - 1 - reference.ndim)
    states = np.arange(len(values)).reshape(-1, *between, *(1 for _ in reference.shape))
    here = states == reference.reshape(1, *between, *reference.shape)
    picked = jnp.sum(jnp.where(here, values, 0.0), axis=0, keepdims=True)
    return jnp.where(states == 0, picked, jnp.where(here, values[:1], values))


def _over(values: Float[Array, "*s"], total: Float[Array, "*#s"]) -> Float[Array, "*s"]:
    """values/total, 0 where total is; its derivative is free of total^2, which may overflow."""
    some = jnp.where(total > 0, total, 1.0)
    return jnp.where(total > 0, values / jax.lax.stop_gradient(some) * over_itself(some), 0.0)


def eliminate(
    rates: Float[Array, "A *b"], pairs: Pairs, populations: Float[Array, "d *b"]
) -> Elimination:
    """Eliminate all states but the most populated one of the core.

    Args:
        rates: of the jumps j -> i, then those of i -> j, as `Pairs.states` has them; 0 where i = j.
        populations: the stationary ones. From the most populated state the way back is shortest, and
            bounds grow with its length.
    """
    core = pairs.independent_set_split[0]
    largest = jnp.max(rates, axis=0, initial=0.0)
    blocks = blocks_of(rates, largest, pairs)
    states = np.arange(core.size).reshape(-1, *(1 for _ in largest.shape))
    reference = jnp.argmax(jax.lax.stop_gradient(populations)[core], axis=0)
    inside = _turned(_exchanged(_turned(_exchanged(blocks.inside, reference)), reference))
    arriving = _turned(_exchanged(_turned(blocks.arriving), reference))
    blocks = Blocks(_exchanged(blocks.leaving, reference), arriving, inside)
    total = jnp.sum(blocks.leaving, axis=0)
    share = _over(blocks.leaving, total[None])
    stay = blocks.inside + product(share, blocks.arriving)

    def remove(stay: Array, last: Array) -> tuple[Array, tuple[Array, Array, Array]]:
        earlier = states < last
        out = jnp.where(earlier, _at(_turned(stay), last), 0.0)
        arriving = jnp.where(earlier, _at(stay, last), 0.0)
        total = jnp.sum(out, axis=0)
        share = _over(out, total[None])
        return stay + share[:, None] * arriving[None], (share, total, arriving)

    removed = jnp.arange(core.size)[:0:-1]
    steps = (stay[1:], stay[1:, 0], stay[1:])
    if removed.size:
        _, steps = jax.lax.scan(remove, stay, removed)
    unit = jax.lax.stop_gradient(jnp.where(largest > 0, largest, 1.0))
    return Elimination(
        pairs,
        reference,
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
