"""Whether the end of a descent is an optimum, and of which kind."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from qthermo_jax.sweeping.compute.descents import KEPT, NOISE, ON_BOUND, End, Spot, lagrangian, missed

# As parts of the intervals: the step of second derivatives; the largest distance from an optimum that
# counts as one, and the one at which nothing more is sought; how flat one may be.
_STEP, _FOUND, _DONE, _FLAT = 1e-4, 1e-5, 1e-9, 1e-6

# The longest step of Newton's that is taken without a search along it.
_NEAR = 1e-2


class Optimum(NamedTuple):
    """Where a descent ended and how good that is, in the scaled coordinates.

    Attributes:
        place: of the end.
        cost: there.
        is_sound: whether there is a state that meets the conditions.
        kind: position in `PLACES`.
        slope: largest that is left in a direction that is free.
        curvature: least in such a direction; NaN where the bounds leave none.
        distance: from where the slope vanishes, as far as that tells.
        converged: whether it is an optimum.
    """

    place: Float[Array, " n"]
    cost: Float[Array, ""]
    is_sound: Bool[Array, ""]
    kind: Array
    slope: Float[Array, ""]
    curvature: Float[Array, ""]
    distance: Float[Array, ""]
    converged: Bool[Array, ""]

    @property
    def is_done(self) -> Bool[Array, ""]:
        """Whether looking again would find nothing better."""
        return self.misses <= _DONE

    @property
    def misses(self) -> Float[Array, ""]:
        """By how much the end of a descent is no optimum."""
        missed = jnp.where(self.converged, self.distance, 1.0 + self.distance)
        return jnp.where(self.is_sound, missed, jnp.inf)


def places_around(place: Float[Array, " n"]) -> Float[Array, "2*n+1 n"]:
    """The place and those at which `examined` has to know what is there."""
    sides = _STEP * jnp.concatenate([jnp.eye(place.size), -jnp.eye(place.size)])
    return jnp.concatenate([place[None], jnp.clip(place, _STEP, 1.0 - _STEP)[None] + sides])


def examined(place: Float[Array, " n"], spots: Spot, end: End) -> tuple[Float[Array, " n"], Optimum]:
    """How good a place is, and the one to which a step of Newton's leads from there.

    Second derivatives are differences of slopes. The same places tell whether what is made small really
    is larger on all sides, whatever the slopes say.

    Args:
        spots: what is at `places_around` it.
        end: of the descent that ended near it.
    """
    n = place.size
    values, slopes = jax.vmap(lagrangian, in_axes=(0, None))(spots, end)
    cost, margins = spots.cost[0], spots.margins[0]
    low = (place < ON_BOUND) & (slopes[0] >= 0)
    high = (place > 1.0 - ON_BOUND) & (slopes[0] <= 0)
    free = ~(low | high)
    bends = (slopes[1 : n + 1] - slopes[n + 1 :]) / (2.0 * _STEP)
    stiff = jnp.diag(jnp.where(free, 0.0, 1.0 + jnp.max(jnp.abs(bends))))  # where a bound holds
    both = free[:, None] & free[None, :]
    sizes, directions = jnp.linalg.eigh(jnp.where(both, (bends + bends.T) / 2.0, stiff))
    along = directions.T @ jnp.where(free, slopes[0], 0.0)
    step = directions @ (along / jnp.maximum(jnp.abs(sizes), _FLAT))
    distance = jnp.max(jnp.abs(step))
    pressed, bounded = jnp.any(end.multipliers > KEPT), ~jnp.all(free)
    flat = jnp.any(free) & (sizes[0] <= _FLAT)
    lowest = jnp.all(values >= values[0] - NOISE) & (sizes[0] >= -_FLAT)
    here = Optimum(
        place,
        cost,
        is_sound=(cost < jnp.inf) & jnp.all(margins >= -KEPT),
        kind=jnp.select([flat, bounded & pressed, pressed, bounded], [4, 3, 2, 1], 0),
        slope=jnp.max(jnp.abs(jnp.where(free, slopes[0], 0.0))),
        curvature=jnp.where(jnp.any(free), sizes[0], jnp.nan),
        distance=distance,
        converged=lowest & (distance <= _FOUND) & (missed(margins, end) <= KEPT),
    )
    snapped = jnp.where(low, 0.0, jnp.where(high, 1.0, place))
    return jnp.clip(snapped - jnp.where(distance <= _NEAR, step, 0.0), 0.0, 1.0), here


def better(new: Optimum, old: Optimum) -> Optimum:
    """The one that is nearer to an optimum."""
    is_better = new.misses <= old.misses
    chosen: Optimum = jax.tree.map(lambda own, other: jnp.where(is_better, own, other), new, old)
    return chosen
