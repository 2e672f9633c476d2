"""The best parameters at a point: a search within bounds and under conditions, and evidence for it.

The search runs in coordinates in which each interval is [0, 1]. It looks at places that are spread
evenly (Roberts' sequence, the additive recurrence of the generalised golden ratio), starts from the best
of them and descends with optimistix' BFGS. Bounds are kept by u = sin^2(t), in which an optimum on a
bound is a minimum like any other; conditions by the augmented Lagrangian of Powell, Hestenes and
Rockafellar (Nocedal and Wright, Numerical Optimization, 2nd ed., section 17.3).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optimistix as optx
from jaxtyping import Array, Bool, Float, Int8

from qthermo_jax.steady import GOES_ON, Status
from qthermo_jax.sweeping.plan.search import (
    AGREEING,
    CURVATURE,
    DISTANCE,
    GRADIENT,
    OBJECTIVE,
    OPTIMUM,
    Search,
    ends_of,
)
from qthermo_jax.sweeping.plan.spread import spread

Numbers = dict[str, Array]

# As parts of the intervals: where a bound is reached; the step of second derivatives; the largest
# distance from an optimum that counts as one; how flat one may be; how well a condition is kept.
_ON_BOUND, _STEP, _FOUND, _FLAT, _KEPT = 1e-6, 1e-4, 1e-5, 1e-6, 1e-6

# Two descents agree if their costs differ by no more.
_AGREES = 1e-5

# Places that are nearer to one another than so many times their mean distance share a valley as a rule.
_NEIGHBOURS = 1.5

# How far from a bound a descent starts: on it the slope by the angle vanishes.
_INSIDE = 1e-3

# The longest step of Newton's that is taken without a search along it.
_NEAR = 1e-2

# By how much what is made small may be below its least value, as a part of the objective's spread.
_NOISE = 1e-10

# Steps of a descent for each parameter that is sought.
_STEPS = 12

# At which distance nothing more is sought.
_DONE = 1e-9

# Rounds of the multipliers; how often the end of a descent is looked at, with Newton's steps between.
_ROUNDS, _LOOKS = 12, 3


class _LineSearch(optx.BacktrackingArmijo[Any]):
    """Optimistix' own, which takes a step too that changes what is made small by no more than round-off.

    At an optimum no step makes it smaller, and one that is refused would be halved until no steps are
    left. With one point on a bound all points of a batch would wait for that.
    """

    def step(
        self, first_step: Any, y: Any, y_eval: Any, f_info: Any, f_eval_info: Any, state: Any
    ) -> Any:
        size, taken, result, state = super().step(first_step, y, y_eval, f_info, f_eval_info, state)
        level = jnp.abs(f_eval_info.as_min() - f_info.as_min()) <= _NOISE
        return jnp.where(level, self.step_init, size), taken | level, result, state


class Aim(NamedTuple):
    """What a point is judged by.

    Attributes:
        objective: the formula; NaN where there is no state.
        margins: of the conditions, not below 0 where they hold, (m,).
        status: of the state.
    """

    objective: Float[Array, ""]
    margins: Float[Array, " m"]
    status: Int8[Array, ""]


class Found(NamedTuple):
    """An optimum.

    Attributes:
        parameters: those that were sought.
        evidence: what a file says of it, by name.
        status: of the search; that of a state where a solver was not exact.
    """

    parameters: Numbers
    evidence: Numbers
    status: Int8[Array, ""]


class _Scales(NamedTuple):
    """By what the objective and the margins of conditions are divided."""

    objective: Float[Array, ""]
    margins: Float[Array, " m"]


class _Start(NamedTuple):
    """Where a descent starts, and how what is made small bends around there, by the angles."""

    place: Float[Array, " n"]
    bend: Float[Array, ""]


class _Descent(NamedTuple):
    """Where a descent ended, what is there, and what conditions weigh."""

    place: Float[Array, " n"]
    cost: Float[Array, ""]
    margins: Float[Array, " m"]
    multipliers: Float[Array, " m"]
    weight: Float[Array, ""]


def split(search: Search, numbers: Numbers) -> tuple[Numbers, dict[str, tuple[Array, Array]]]:
    """The numbers of a point without those that are sought, and the bounds of these."""
    names = {name: ends_of(name) for name in search.over}
    bounds = {name: (numbers[start], numbers[stop]) for name, (start, stop) in names.items()}
    taken = {*search.over, *(end for ends in names.values() for end in ends)}
    return {name: value for name, value in numbers.items() if name not in taken}, bounds


def optimum(
    search: Search, judged: Callable[[Numbers], Aim], bounds: dict[str, tuple[Array, Array]]
) -> Found:
    """The best parameters.

    Args:
        judged: the point at given parameters.
        bounds: of each parameter.
    """

    def parameters_at(place: Float[Array, " n"]) -> Numbers:
        found = {}
        for own, (name, (start, stop)) in zip(place, bounds.items(), strict=True):
            if search.over[name].spacing == "log":
                found[name] = start * (stop / start) ** own
            else:
                found[name] = start + (stop - start) * own
        return found

    def aim_at(place: Float[Array, " n"]) -> Aim:
        return judged(parameters_at(place))

    seen = jax.lax.map(aim_at, jnp.asarray(spread(search.samples, len(bounds))))
    scales = _scales_of(search, seen)

    def scaled(place: Float[Array, " n"]) -> tuple[Float[Array, ""], Float[Array, " m"]]:
        """What is made small, and the margins."""
        aim = aim_at(place)
        known = _is_known(aim)
        cost = jnp.where(known, -search.sign * aim.objective / scales.objective, jnp.inf)
        return cost, jnp.where(known, aim.margins / scales.margins, 0.0)

    n_margins = seen.margins.shape[-1]
    ends = jax.lax.map(lambda start: _descended(scaled, start, n_margins), _starts(search, seen, scales))
    sound = (ends.cost < jnp.inf) & jnp.all(ends.margins >= -_KEPT, axis=-1)
    chosen = jnp.argmin(jnp.where(sound, ends.cost, jnp.inf))
    best = _examined(scaled, jax.tree.map(lambda own: own[chosen], ends))
    # A state that a solver cannot give exactly, wherever it is, may be the best one.
    unfinished = jnp.isin(seen.status, jnp.array(GOES_ON, jnp.int8))
    status = jnp.select(
        [
            jnp.any(unfinished),
            jnp.all(seen.status != Status.OK),
            ~jnp.any(sound),
            ~(best.is_sound & best.converged),
        ],
        [
            seen.status[jnp.argmax(unfinished)],
            seen.status[0],
            jnp.int8(Status.NOT_FEASIBLE),
            jnp.int8(Status.NOT_CONVERGED),
        ],
        jnp.int8(Status.OK),
    )
    evidence = {
        OBJECTIVE: -search.sign * scales.objective * best.cost,
        OPTIMUM: best.kind.astype(float),
        GRADIENT: scales.objective * best.slope,
        CURVATURE: -search.sign * scales.objective * best.curvature,
        DISTANCE: best.distance,
        AGREEING: jnp.sum(sound & (jnp.abs(ends.cost - best.cost) <= _AGREES), dtype=float),
    }
    return Found(parameters_at(best.place), evidence, status)


def _is_known(aim: Aim) -> Bool[Array, "*s"]:
    margins = jnp.all(jnp.isfinite(aim.margins), axis=-1)
    return (aim.status == Status.OK) & jnp.isfinite(aim.objective) & margins


def _scales_of(search: Search, seen: Aim) -> _Scales:
    """How much the objective differs among the better places that were seen, and how large margins are.

    The worse half may hold poles.
    """
    known = _is_known(seen)
    cost = jnp.sort(jnp.where(known, -search.sign * seen.objective, jnp.inf))
    number = jnp.sum(known)
    middle, last = cost[(number - 1) // 2], cost[jnp.maximum(number - 1, 0)]
    size = jnp.abs(cost[0])
    # A difference that is round-off is no scale.
    real = [middle - cost[0] > 1e-9 * size, last - cost[0] > 1e-9 * size]
    spread = jnp.select(real, [middle - cost[0], last - cost[0]], size)
    margins = jnp.max(jnp.where(known[:, None], jnp.abs(seen.margins), 0.0), axis=0)
    return _Scales(
        jnp.where((spread > 0) & (number > 0), spread, 1.0), jnp.where(margins > 0, margins, 1.0)
    )


def _angles(place: Float[Array, "*s n"]) -> Float[Array, "*s n"]:
    """Those that a place has in a descent."""
    return jnp.arcsin(jnp.sqrt(place))


def _starts(search: Search, seen: Aim, scales: _Scales) -> _Start:
    """The places to start from: the best one, the best of those that are not near it, and so on.

    Those that are better than all near them come first.
    """
    places = jnp.asarray(spread(search.samples, len(search.over)))
    angles = _angles(places)
    short = jnp.sum(jnp.maximum(-seen.margins / scales.margins[None], 0.0), axis=-1)
    cost = -search.sign * seen.objective / scales.objective + 10.0 * short
    known = _is_known(seen)
    cost = jnp.where(known, cost, jnp.max(cost, where=known, initial=0.0))
    apart = jnp.linalg.norm(places[:, None] - places[None], axis=2) > (
        _NEIGHBOURS * len(places) ** (-1.0 / len(search.over))
    )
    lowest = jnp.all(apart | (cost[:, None] <= cost[None]), axis=1)
    rank = jnp.where(lowest, cost, 1.0 + jnp.max(cost) - jnp.min(cost) + cost)

    def next_best(left: Bool[Array, " k"], _: None) -> tuple[Bool[Array, " k"], _Start]:
        best = jnp.argmin(jnp.where(left, rank, jnp.inf))
        distance = jnp.sum((angles - angles[best][None]) ** 2, axis=1)
        # Of a parabola with its vertex here, through each place near it; the nearest count most.
        near = known & ~apart[best] & (distance > 0)
        weight = jnp.where(near, 1.0 / jnp.maximum(distance, 1e-30) ** 2, 0.0)
        bends = 2.0 * (cost - cost[best]) / jnp.maximum(distance, 1e-30)
        bend = jnp.sum(weight * bends) / jnp.maximum(jnp.sum(weight), 1e-30)
        return left & apart[best], _Start(jnp.clip(places[best], _INSIDE, 1.0 - _INSIDE), bend)

    return jax.lax.scan(next_best, known, None, length=search.starts)[1]


_Scaled = Callable[[Float[Array, " n"]], tuple[Float[Array, ""], Float[Array, " m"]]]


def _lagrangian(
    scaled: _Scaled, end: _Descent, place: Float[Array, " n"]
) -> tuple[Float[Array, ""], tuple[Float[Array, ""], Float[Array, " m"]]]:
    """The augmented one, with the multipliers and the weight of a descent; and what it is made of."""
    cost, margins = scaled(place)
    pressed = jnp.maximum(end.multipliers - end.weight * margins, 0.0)
    extra = jnp.sum(pressed**2 - end.multipliers**2) / (2.0 * end.weight)
    return cost + extra, (cost, margins)


def _descended(scaled: _Scaled, start: _Start, n_margins: int) -> _Descent:
    """Down from a place; with conditions in rounds, each with better multipliers.

    The coordinates of the descent are angles in a unit in which the cost bends by about 1 at the start,
    as BFGS expects it to.
    """
    unit = 1.0 / jnp.sqrt(jnp.maximum(start.bend, 1.0))
    # Newton's steps end what has no conditions.
    tolerance = 1e-9 if n_margins else 1e-4
    solver: optx.AbstractMinimiser[Any, Any, Any] = eqx.tree_at(
        lambda own: own.search, optx.BFGS(rtol=tolerance, atol=tolerance), _LineSearch()
    )

    def down(end: _Descent) -> _Descent:
        def lagrangian(angle: Float[Array, " n"], own: _Descent) -> Any:
            return _lagrangian(scaled, own, jnp.sin(unit * angle) ** 2)

        found: optx.Solution[Any, Any] = optx.minimise(
            lagrangian,
            solver,
            _angles(jnp.clip(end.place, _ON_BOUND, 1.0 - _ON_BOUND)) / unit,
            end,
            options={"autodiff_mode": "fwd"},
            has_aux=True,
            max_steps=_STEPS * end.place.size,
            throw=False,
        )
        cost, margins = found.aux
        return end._replace(place=jnp.sin(unit * found.value) ** 2, cost=cost, margins=margins)

    nothing = jnp.zeros(n_margins)
    first = _Descent(start.place, jnp.array(jnp.inf), nothing, nothing, jnp.array(10.0))
    if not n_margins:
        return down(first)

    def goes_on(progress: tuple[_Descent, Array, Array]) -> Bool[Array, ""]:
        _, missed, round_ = progress
        return (round_ < _ROUNDS) & (missed > 0.1 * _KEPT)

    def once(progress: tuple[_Descent, Array, Array]) -> tuple[_Descent, Array, Array]:
        before, missed, round_ = progress
        end = down(before)
        left = _missed(end.margins, end)
        multipliers = jnp.maximum(end.multipliers - end.weight * end.margins, 0.0)
        weight = jnp.where(left > 0.25 * missed, 10.0 * end.weight, end.weight)
        return end._replace(multipliers=multipliers, weight=weight), left, round_ + 1

    end, _, _ = jax.lax.while_loop(goes_on, once, (first, jnp.array(jnp.inf), jnp.array(0)))
    return end


def _missed(margins: Float[Array, " m"], end: _Descent) -> Float[Array, ""]:
    """By how much conditions are broken, or pressed although they are not reached."""
    return jnp.max(jnp.abs(jnp.maximum(-margins, -end.multipliers / end.weight)), initial=0.0)


class _End(NamedTuple):
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


def _examined(scaled: _Scaled, end: _Descent) -> _End:
    """The end of a descent after a last step of Newton's, and how good it is.

    Second derivatives are differences of slopes. The same places tell whether what is made small really
    is larger on all sides, whatever the slopes say.
    """
    n = end.place.size
    sides = _STEP * jnp.concatenate([jnp.eye(n), -jnp.eye(n)])

    def looked_at(place: Float[Array, " n"]) -> Any:
        value, linear, (cost, margins) = jax.linearize(
            lambda own: _lagrangian(scaled, end, own), place, has_aux=True
        )
        return value, jax.vmap(linear)(jnp.eye(n)), cost, margins

    def look(place: Float[Array, " n"]) -> tuple[Float[Array, " n"], _End]:
        """Where Newton's step leads, and what is here."""
        middle = jnp.clip(place, _STEP, 1.0 - _STEP)
        around = jnp.concatenate([place[None], middle[None] + sides])
        values, slopes, costs, margins = jax.lax.map(looked_at, around)
        low = (place < _ON_BOUND) & (slopes[0] >= 0)
        high = (place > 1.0 - _ON_BOUND) & (slopes[0] <= 0)
        free = ~(low | high)
        bends = (slopes[1 : n + 1] - slopes[n + 1 :]) / (2.0 * _STEP)
        stiff = jnp.diag(jnp.where(free, 0.0, 1.0 + jnp.max(jnp.abs(bends))))  # where a bound holds
        both = free[:, None] & free[None, :]
        sizes, directions = jnp.linalg.eigh(jnp.where(both, (bends + bends.T) / 2.0, stiff))
        along = directions.T @ jnp.where(free, slopes[0], 0.0)
        step = directions @ (along / jnp.maximum(jnp.abs(sizes), _FLAT))
        distance = jnp.max(jnp.abs(step))
        pressed, bounded = jnp.any(end.multipliers > _KEPT), ~jnp.all(free)
        flat = jnp.any(free) & (sizes[0] <= _FLAT)
        lowest = jnp.all(values >= values[0] - _NOISE) & (sizes[0] >= -_FLAT)
        here = _End(
            place,
            costs[0],
            is_sound=(costs[0] < jnp.inf) & jnp.all(margins[0] >= -_KEPT),
            kind=jnp.select([flat, bounded & pressed, pressed, bounded], [4, 3, 2, 1], 0),
            slope=jnp.max(jnp.abs(jnp.where(free, slopes[0], 0.0))),
            curvature=jnp.where(jnp.any(free), sizes[0], jnp.nan),
            distance=distance,
            converged=lowest & (distance <= _FOUND) & (_missed(margins[0], end) <= _KEPT),
        )
        snapped = jnp.where(low, 0.0, jnp.where(high, 1.0, place))
        return jnp.clip(snapped - jnp.where(distance <= _NEAR, step, 0.0), 0.0, 1.0), here

    def better(new: _End, old: _End) -> _End:
        is_better = _misses(new) <= _misses(old)
        chosen: _End = jax.tree.map(lambda own, other: jnp.where(is_better, own, other), new, old)
        return chosen

    def goes_on(progress: tuple[Array, Array, _End]) -> Bool[Array, ""]:
        number, _, best = progress
        return (number < _LOOKS) & (_misses(best) > _DONE)

    def once(progress: tuple[Array, Array, _End]) -> tuple[Array, Array, _End]:
        number, place, best = progress
        place, here = look(place)
        return number + 1, place, better(here, best)

    # Look, step, and look again, as one loop: the program of a place is compiled once.
    shapes = jax.eval_shape(lambda: look(end.place)[1])
    nothing: _End = jax.tree.map(lambda own: jnp.zeros(own.shape, own.dtype), shapes)
    found: _End = jax.lax.while_loop(goes_on, once, (jnp.array(0), end.place, nothing))[2]
    return found


def _misses(end: _End) -> Float[Array, ""]:
    """By how much the end of a descent is no optimum."""
    missed = jnp.where(end.converged, end.distance, 1.0 + end.distance)
    return jnp.where(end.is_sound, missed, jnp.inf)
