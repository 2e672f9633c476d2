"""Whether the end of a descent is an optimum, and of which kind."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from qthermo_jax.sweeping.compute.descents import (
    KEPT,
    NOISE,
    ON_BOUND,
    Descent,
    Scaled,
    lagrangian,
    missed,
)

# As parts of the intervals: the step of second derivatives; the largest distance from an optimum that
# counts as one, and the one at which nothing more is sought; how flat one may be.
_STEP, _FOUND, _DONE, _FLAT = 1e-4, 1e-5, 1e-9, 1e-6

# The longest step of Newton's that is taken without a search along it.
_NEAR = 1e-2

# How often the end of a descent is looked at, with Newton's steps between.
_LOOKS = 3


class End(NamedTuple):
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


def examined(scaled: Scaled, end: Descent) -> End:
    """The end of a descent after a last step of Newton's, and how good it is.

    Second derivatives are differences of slopes. The same places tell whether what is made small really
    is larger on all sides, whatever the slopes say.
    """
    n = end.place.size
    sides = _STEP * jnp.concatenate([jnp.eye(n), -jnp.eye(n)])

    def looked_at(place: Float[Array, " n"]) -> Any:
        value, linear, (cost, margins) = jax.linearize(
            lambda own: lagrangian(scaled, end, own), place, has_aux=True
        )
        return value, jax.vmap(linear)(jnp.eye(n)), cost, margins

    def look(place: Float[Array, " n"]) -> tuple[Float[Array, " n"], End]:
        """Where Newton's step leads, and what is here."""
        middle = jnp.clip(place, _STEP, 1.0 - _STEP)
        around = jnp.concatenate([place[None], middle[None] + sides])
        values, slopes, costs, margins = jax.lax.map(looked_at, around)
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
        here = End(
            place,
            costs[0],
            is_sound=(costs[0] < jnp.inf) & jnp.all(margins[0] >= -KEPT),
            kind=jnp.select([flat, bounded & pressed, pressed, bounded], [4, 3, 2, 1], 0),
            slope=jnp.max(jnp.abs(jnp.where(free, slopes[0], 0.0))),
            curvature=jnp.where(jnp.any(free), sizes[0], jnp.nan),
            distance=distance,
            converged=lowest & (distance <= _FOUND) & (missed(margins[0], end) <= KEPT),
        )
        snapped = jnp.where(low, 0.0, jnp.where(high, 1.0, place))
        return jnp.clip(snapped - jnp.where(distance <= _NEAR, step, 0.0), 0.0, 1.0), here

    def better(new: End, old: End) -> End:
        is_better = _misses(new) <= _misses(old)
        chosen: End = jax.tree.map(lambda own, other: jnp.where(is_better, own, other), new, old)
        return chosen

    def goes_on(progress: tuple[Array, Array, End]) -> Bool[Array, ""]:
        number, _, best = progress
        return (number < _LOOKS) & (_misses(best) > _DONE)

    def once(progress: tuple[Array, Array, End]) -> tuple[Array, Array, End]:
        number, place, best = progress
        place, here = look(place)
        return number + 1, place, better(here, best)

    # Look, step, and look again, as one loop: the program of a place is compiled once.
    zero, no = jnp.zeros(()), jnp.array(False)
    nothing = End(end.place, zero, no, jnp.array(0), zero, zero, zero, no)
    found: End = jax.lax.while_loop(goes_on, once, (jnp.array(0), end.place, nothing))[2]
    return found


def _misses(end: End) -> Float[Array, ""]:
    """By how much the end of a descent is no optimum."""
    missed = jnp.where(end.converged, end.distance, 1.0 + end.distance)
    return jnp.where(end.is_sound, missed, jnp.inf)
