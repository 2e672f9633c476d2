"""Descents to a minimum within bounds and under conditions, where each interval is [0, 1].

Bounds are kept by u = sin^2(t), in which a minimum on a bound is one like any other; conditions by the
augmented Lagrangian of Powell, Hestenes and Rockafellar (Nocedal and Wright, Numerical Optimization, 2nd
ed., section 17.3).

A descent asks for a place and is told what is there: what solves a place stands outside of it, and one
compiled program of it serves whatever else asks.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optimistix as optx
from jaxtyping import Array, Bool, Float, Int

# As parts of the intervals: where a bound is reached; how well a condition is kept.
ON_BOUND, KEPT = 1e-6, 1e-6

# By how much what is made small may be below its least value, as a part of the objective's spread.
NOISE = 1e-10

# Of a descent, in its own coordinates and in parts of the objective's spread, of which the depth of a
# narrow valley may be a small part.
_TOLERANCE = 1e-9

# Steps of a descent for each parameter that is sought; rounds of the multipliers.
_STEPS, _ROUNDS = 12, 12

# What optimistix' solvers are given beside places. `init` and `terminate` do not call the function.
_NO_TAGS: frozenset[object] = frozenset()
_FORWARD = {"autodiff_mode": "fwd"}
_NO_FUNCTION: Any = None


class Spot(NamedTuple):
    """What is at a place: the cost, the margins of the conditions, and their slopes by the place.

    The cost is infinite, and the rest 0, where there is no state.
    """

    cost: Float[Array, "*s"]
    margins: Float[Array, "*s m"]
    cost_slope: Float[Array, "*s n"]
    margin_slopes: Float[Array, "*s n m"]


class Start(NamedTuple):
    """Where a descent starts, and how what is made small bends around there, by the angles."""

    place: Float[Array, "*s n"]
    bend: Float[Array, "*s"]


class End(NamedTuple):
    """Where a descent ended, what is there, and what conditions weigh."""

    place: Float[Array, "*s n"]
    cost: Float[Array, "*s"]
    margins: Float[Array, "*s m"]
    multipliers: Float[Array, "*s m"]
    weight: Float[Array, "*s"]


class Descent(NamedTuple):
    """A descent on its way.

    Attributes:
        end: of the last round, and what conditions weigh in this one.
        unit: of the coordinates: angles in a unit in which the cost bends by about 1 at the start, as
            BFGS expects it to.
        angle: the best place so far, in these.
        state: of optimistix' solver: it knows the place that comes next.
        steps: taken in this round.
        off: by how much the last round missed the conditions.
        round: its number.
        is_over: whether nothing more is asked for.
    """

    end: End
    unit: Float[Array, ""]
    angle: Float[Array, " n"]
    state: Any
    steps: Int[Array, ""]
    off: Float[Array, ""]
    round: Int[Array, ""]
    is_over: Bool[Array, ""]


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


_SOLVER: optx.AbstractMinimiser[Any, Any, Any] = eqx.tree_at(
    lambda own: own.search, optx.BFGS(rtol=_TOLERANCE, atol=_TOLERANCE), _LineSearch()
)


def angles_of(place: Float[Array, "*s n"]) -> Float[Array, "*s n"]:
    """The coordinates of a place in a descent."""
    return jnp.arcsin(jnp.sqrt(place))


def begin(start: Start, n_margins: int) -> Descent:
    """A descent from a place, with conditions in rounds, each with better multipliers."""
    unit = 1.0 / jnp.sqrt(jnp.maximum(start.bend, 1.0))
    nothing, infinite, zero = jnp.zeros(n_margins), jnp.array(jnp.inf), jnp.array(0)
    end = End(start.place, infinite, nothing, nothing, jnp.array(10.0))
    return _new_round(Descent(end, unit, start.place, None, zero, infinite, zero, jnp.array(False)))


def asked(descent: Descent) -> Float[Array, " n"]:
    """The place that a descent asks for."""
    return jnp.sin(descent.unit * descent.state.y_eval) ** 2


def told(descent: Descent, spot: Spot) -> Descent:
    """The descent that knows what is at the place that it asked for."""
    value, by_place = lagrangian(spot, descent.end)
    slope = by_place * descent.unit * jnp.sin(2.0 * descent.unit * descent.state.y_eval)

    def small(angle: Float[Array, " n"], _: None) -> tuple[Array, tuple[Array, Array]]:
        return _known(angle, value, slope), (spot.cost, spot.margins)

    angle, state, _ = _SOLVER.step(small, descent.angle, None, _FORWARD, descent.state, _NO_TAGS)
    steps = descent.steps + 1
    descent = descent._replace(angle=angle, state=state, steps=steps)
    ends, result = _SOLVER.terminate(_NO_FUNCTION, angle, None, _FORWARD, state, _NO_TAGS)
    ends = ends | (result != optx.RESULTS.successful) | (steps >= _STEPS * angle.size)
    over: Descent = jax.tree.map(
        lambda new, old: jnp.where(ends, new, old), _round_over(descent), descent
    )
    return over


def lagrangian(spot: Spot, end: End) -> tuple[Float[Array, ""], Float[Array, " n"]]:
    """The augmented Lagrangian with the multipliers of a descent, and its slope by the place."""
    pressed = jnp.maximum(end.multipliers - end.weight * spot.margins, 0.0)
    extra = jnp.sum(pressed**2 - end.multipliers**2) / (2.0 * end.weight)
    return spot.cost + extra, spot.cost_slope - spot.margin_slopes @ pressed


def missed(margins: Float[Array, " m"], end: End) -> Float[Array, ""]:
    """By how much conditions are broken, or pressed although they are not reached."""
    return jnp.max(jnp.abs(jnp.maximum(-margins, -end.multipliers / end.weight)), initial=0.0)


@jax.custom_jvp
def _known(angle: Float[Array, " n"], value: Float[Array, ""], slope: Float[Array, " n"]) -> Array:
    """A function of which the value and the slope are known at the place where it is asked for."""
    return value


@_known.defjvp
def _(given: tuple[Array, Array, Array], steps: tuple[Array, object, object]) -> tuple[Array, Array]:
    _, value, slope = given
    return value, jnp.sum(slope * steps[0])


def _new_round(descent: Descent) -> Descent:
    """From where the last one ended."""
    inside = jnp.clip(descent.end.place, ON_BOUND, 1.0 - ON_BOUND)
    angle = angles_of(inside) / descent.unit
    number = jax.ShapeDtypeStruct((), angle.dtype)
    both = (number, jax.ShapeDtypeStruct(descent.end.margins.shape, angle.dtype))
    state = _SOLVER.init(_NO_FUNCTION, angle, None, _FORWARD, number, both, _NO_TAGS)
    return descent._replace(angle=angle, state=state, steps=jnp.array(0))


def _round_over(descent: Descent) -> Descent:
    """The end of a round, and the start of the next one if there is one."""
    cost, margins = descent.state.aux
    place = jnp.sin(descent.unit * descent.angle) ** 2
    end = descent.end._replace(place=place, cost=cost, margins=margins)
    if not margins.size:
        return descent._replace(end=end, is_over=jnp.array(True))
    off = missed(margins, end)
    multipliers = jnp.maximum(end.multipliers - end.weight * margins, 0.0)
    weight = jnp.where(off > 0.25 * descent.off, 10.0 * end.weight, end.weight)
    number = descent.round + 1
    is_over = (number >= _ROUNDS) | (off <= 0.1 * KEPT)
    end = end._replace(multipliers=multipliers, weight=weight)
    return _new_round(descent._replace(end=end, off=off, round=number, is_over=is_over))
