"""Descents to a minimum within bounds and under conditions, where each interval is [0, 1].

Bounds are kept by u = sin^2(t), in which a minimum on a bound is one like any other; conditions by the
augmented Lagrangian of Powell, Hestenes and Rockafellar (Nocedal and Wright, Numerical Optimization, 2nd
ed., section 17.3).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optimistix as optx
from jaxtyping import Array, Bool, Float

# As parts of the intervals: where a bound is reached; how well a condition is kept.
ON_BOUND, KEPT = 1e-6, 1e-6

# By how much what is made small may be below its least value, as a part of the objective's spread.
NOISE = 1e-10

# Of a descent, in its own coordinates and in parts of the objective's spread, of which the depth of a
# narrow valley may be a small part.
_TOLERANCE = 1e-9

# Steps of a descent for each parameter that is sought; rounds of the multipliers.
_STEPS, _ROUNDS = 12, 12

# What is made small, and the margins of the conditions, at a place.
Scaled = Callable[[Float[Array, " n"]], tuple[Float[Array, ""], Float[Array, " m"]]]


class _LineSearch(optx.BacktrackingArmijo[Any]):
    """Optimistix' own, which takes a step too that changes what is made small by no more than round-off.

    At an optimum no step makes it smaller, and one that is refused would be halved until no steps are
    left. With one point on a bound all points of a batch would wait for that.
    """

    def step(
        self, first_step: Any, y: Any, y_eval: Any, f_info: Any, f_eval_info: Any, state: Any
    ) -> Any:
        size, taken, result, state = super().step(first_step, y, y_eval, f_info, f_eval_info, state)
        level = jnp.abs(f_eval_info.as_min() - f_info.as_min()) <= NOISE
        return jnp.where(level, self.step_init, size), taken | level, result, state


class Start(NamedTuple):
    """Where a descent starts, and how what is made small bends around there, by the angles."""

    place: Float[Array, " n"]
    bend: Float[Array, ""]


class Descent(NamedTuple):
    """Where a descent ended, what is there, and what conditions weigh."""

    place: Float[Array, " n"]
    cost: Float[Array, ""]
    margins: Float[Array, " m"]
    multipliers: Float[Array, " m"]
    weight: Float[Array, ""]


def angles_of(place: Float[Array, "*s n"]) -> Float[Array, "*s n"]:
    """The coordinates of a place in a descent."""
    return jnp.arcsin(jnp.sqrt(place))


def lagrangian(
    scaled: Scaled, end: Descent, place: Float[Array, " n"]
) -> tuple[Float[Array, ""], tuple[Float[Array, ""], Float[Array, " m"]]]:
    """The augmented Lagrangian with the multipliers of a descent; and the cost and the margins in it."""
    cost, margins = scaled(place)
    pressed = jnp.maximum(end.multipliers - end.weight * margins, 0.0)
    extra = jnp.sum(pressed**2 - end.multipliers**2) / (2.0 * end.weight)
    return cost + extra, (cost, margins)


def descended(scaled: Scaled, start: Start, n_margins: int) -> Descent:
    """Down from a place; with conditions in rounds, each with better multipliers.

    The coordinates of the descent are angles in a unit in which the cost bends by about 1 at the start,
    as BFGS expects it to.
    """
    unit = 1.0 / jnp.sqrt(jnp.maximum(start.bend, 1.0))
    solver: optx.AbstractMinimiser[Any, Any, Any] = eqx.tree_at(
        lambda own: own.search, optx.BFGS(rtol=_TOLERANCE, atol=_TOLERANCE), _LineSearch()
    )

    def down(end: Descent) -> Descent:
        def small(angle: Float[Array, " n"], own: Descent) -> Any:
            return lagrangian(scaled, own, jnp.sin(unit * angle) ** 2)

        found: optx.Solution[Any, Any] = optx.minimise(
            small,
            solver,
            angles_of(jnp.clip(end.place, ON_BOUND, 1.0 - ON_BOUND)) / unit,
            end,
            options={"autodiff_mode": "fwd"},
            has_aux=True,
            max_steps=_STEPS * end.place.size,
            throw=False,
        )
        cost, margins = found.aux
        return end._replace(place=jnp.sin(unit * found.value) ** 2, cost=cost, margins=margins)

    nothing = jnp.zeros(n_margins)
    first = Descent(start.place, jnp.array(jnp.inf), nothing, nothing, jnp.array(10.0))
    if not n_margins:
        return down(first)

    def goes_on(progress: tuple[Descent, Array, Array]) -> Bool[Array, ""]:
        _, off, round_ = progress
        return (round_ < _ROUNDS) & (off > 0.1 * KEPT)

    def once(progress: tuple[Descent, Array, Array]) -> tuple[Descent, Array, Array]:
        before, off, round_ = progress
        end = down(before)
        left = missed(end.margins, end)
        multipliers = jnp.maximum(end.multipliers - end.weight * end.margins, 0.0)
        weight = jnp.where(left > 0.25 * off, 10.0 * end.weight, end.weight)
        return end._replace(multipliers=multipliers, weight=weight), left, round_ + 1

    end, _, _ = jax.lax.while_loop(goes_on, once, (first, jnp.array(jnp.inf), jnp.array(0)))
    return end


def missed(margins: Float[Array, " m"], end: Descent) -> Float[Array, ""]:
    """By how much conditions are broken, or pressed although they are not reached."""
    return jnp.max(jnp.abs(jnp.maximum(-margins, -end.multipliers / end.weight)), initial=0.0)
