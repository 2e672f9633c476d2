"""The best parameters at a point: a search within bounds and under conditions, and evidence for it.

The search runs in coordinates in which each interval is [0, 1]. It looks at places that are spread
evenly (Roberts' sequence, the additive recurrence of the generalised golden ratio), descends from the
best of them with optimistix' BFGS, and looks around the best end. The descents and the looks ask one
loop for values and slopes at a place, so that these are compiled once: they are most of the program.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Int8

from qthermo_jax.steady import GOES_ON, Status
from qthermo_jax.sweeping.compute.descents import (
    KEPT,
    Descent,
    End,
    Spot,
    Start,
    angles_of,
    asked,
    begin,
    told,
)
from qthermo_jax.sweeping.compute.optimality import Optimum, better, examined, places_around
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

# Two descents agree if their costs differ by no more.
_AGREES = 1e-5

# The margins of a condition count as so many times the middling one at most.
_LARGE = 10.0

# Places that are nearer to one another than so many times their mean distance share a valley as a rule.
_NEIGHBOURS = 1.5

# How far from a bound a descent starts: on it the slope by the angle vanishes.
_INSIDE = 1e-3

# How often the best end is looked at, with steps of Newton's between.
_LOOKS = 3


class Aim(NamedTuple):
    """What a point is judged by.

    Attributes:
        objective: the formula; NaN where there is no state.
        margins: of the conditions, not below 0 where they hold, (m,).
        status: of the state.
    """

    objective: Float[Array, "*s"]
    margins: Float[Array, "*s m"]
    status: Int8[Array, "*s"]


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


class _Asking(NamedTuple):
    """Who asks what is at a place: the descents one after the other, or a look around an end.

    Attributes:
        descent: that asks.
        ends: of those that are over, (S,).
        around: places of the look.
        spots: what is there.
        turn: number of the descent, or of the place.
    """

    descent: Descent
    ends: End
    around: Float[Array, "L n"]
    spots: Spot
    turn: Int[Array, ""]


class _Progress(NamedTuple):
    """How far a search has come.

    Attributes:
        looks: number of looks at an end so far; -1 while the descents ask.
        asking: what is asked for next.
        chosen: the best end of a descent.
        best: what the looks found.
    """

    looks: Int[Array, ""]
    asking: _Asking
    chosen: End
    best: Optimum


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
        """The cost and the margins."""
        aim = aim_at(place)
        known = _is_known(aim)
        cost = jnp.where(known, -search.sign * aim.objective / scales.objective, jnp.inf)
        return cost, jnp.where(known, aim.margins / scales.margins, 0.0)

    def spot_at(place: Float[Array, " n"]) -> Spot:
        found, push = jax.linearize(scaled, place)
        return Spot(*found, *jax.vmap(push)(jnp.eye(place.size)))

    ends, best = _sought(spot_at, _starts(search, seen, scales), len(search.constraints))
    sound = _is_sound(ends)
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


def _sought(
    spot_at: Callable[[Float[Array, " n"]], Spot], starts: Start, n_margins: int
) -> tuple[End, Optimum]:
    """The ends of the descents, (S,), and what the best of them is."""
    first = begin(_one_of(starts, 0), n_margins)
    number = len(starts.bend)

    def answered(asking: _Asking, descends: Bool[Array, ""]) -> _Asking:
        """All answers to the descents, or to a look."""
        last = jnp.where(descends, number, len(asking.around))
        found: _Asking = jax.lax.while_loop(
            lambda now: now.turn < last, partial(answer, descends=descends), asking
        )
        return found._replace(turn=jnp.array(0))

    def answer(asking: _Asking, descends: Bool[Array, ""]) -> _Asking:
        turn, before = asking.turn, asking.descent
        spot = spot_at(jnp.where(descends, asked(before), asking.around[turn]))
        after = told(before, spot)
        is_over = descends & after.is_over
        ends = _put(after.end, asking.ends, turn, is_over)
        spots = _put(spot, asking.spots, turn, ~descends)
        turn = jnp.where(is_over | ~descends, turn + 1, turn)
        next_one = begin(_one_of(starts, jnp.minimum(turn, number - 1)), n_margins)
        descent = _either(is_over, next_one, _either(descends, after, before))
        return _Asking(descent, ends, asking.around, spots, turn)

    def after_descents(progress: _Progress) -> _Progress:
        ends = progress.asking.ends
        best = jnp.argmin(jnp.where(_is_sound(ends), ends.cost, jnp.inf))
        chosen: End = _one_of(ends, best)
        return progress._replace(chosen=chosen, asking=around(progress.asking, chosen.place))

    def after_a_look(progress: _Progress) -> _Progress:
        asking = progress.asking
        place, here = examined(asking.around[0], asking.spots, progress.chosen)
        best = better(here, progress.best)
        return progress._replace(best=best, asking=around(asking, place))

    def around(asking: _Asking, place: Float[Array, " n"]) -> _Asking:
        return asking._replace(around=places_around(place))

    def step(progress: _Progress) -> _Progress:
        descends = progress.looks < 0
        progress = progress._replace(asking=answered(progress.asking, descends))
        after: _Progress = jax.lax.cond(descends, after_descents, after_a_look, progress)
        return after._replace(looks=progress.looks + 1)

    def goes_on(progress: _Progress) -> Bool[Array, ""]:
        return (progress.looks < _LOOKS) & ~progress.best.is_done

    places = places_around(first.end.place)
    n, zero, no = places.shape[1], jnp.array(0.0), jnp.array(False)
    spot = Spot(zero, jnp.zeros(n_margins), jnp.zeros(n), jnp.zeros((n, n_margins)))
    asking = _Asking(first, _copies(first.end, number), places, _copies(spot, len(places)), jnp.array(0))
    unknown = Optimum(places[0], zero, no, jnp.array(0), zero, zero, zero, no)
    nothing = _Progress(jnp.array(-1), asking, first.end, unknown)
    found: _Progress = jax.lax.while_loop(goes_on, step, nothing)
    return found.asking.ends, found.best


def _either(first: Bool[Array, ""], one: Any, other: Any) -> Any:
    return jax.tree.map(partial(jnp.where, first), one, other)


def _one_of(all_of_them: Any, at: Int[Array, ""] | int) -> Any:
    return jax.tree.map(lambda own: own[at], all_of_them)


def _copies(one: Any, number: int) -> Any:
    return jax.tree.map(lambda own: jnp.stack([own] * number), one)


def _put(one: Any, among: Any, at: Int[Array, ""], when: Bool[Array, ""]) -> Any:
    """All, with one of them replaced if at all."""

    def put(own: Array, every: Array) -> Array:
        here = (jnp.arange(len(every)) == at) & when
        return jnp.where(here.reshape(-1, *(1 for _ in own.shape)), own[None], every)

    return jax.tree.map(put, one, among)


def _is_sound(ends: End) -> Bool[Array, " S"]:
    """Whether there is a state that meets the conditions."""
    return (ends.cost < jnp.inf) & jnp.all(ends.margins >= -KEPT, axis=-1)


def _is_known(aim: Aim) -> Bool[Array, "*s"]:
    margins = jnp.all(jnp.isfinite(aim.margins), axis=-1)
    return (aim.status == Status.OK) & jnp.isfinite(aim.objective) & margins


def _scales_of(search: Search, seen: Aim) -> _Scales:
    """How much the objective differs among the better places that were seen, and how large margins are.

    The worse half may hold poles. Beside one a margin may be so large that a part of it is no measure of
    whether a condition is kept: it counts as `_LARGE` times the middling one at most.
    """
    known = _is_known(seen)
    cost = jnp.sort(jnp.where(known, -search.sign * seen.objective, jnp.inf))
    number = jnp.sum(known)
    middle, last = cost[(number - 1) // 2], cost[jnp.maximum(number - 1, 0)]
    size = jnp.abs(cost[0])
    # A difference that is round-off is no scale.
    real = [middle - cost[0] > 1e-9 * size, last - cost[0] > 1e-9 * size]
    extent = jnp.select(real, [middle - cost[0], last - cost[0]], size)
    sizes = jnp.abs(seen.margins)
    largest = jnp.max(jnp.where(known[:, None], sizes, 0.0), axis=0)
    middling = jnp.nanmedian(jnp.where(known[:, None], sizes, jnp.nan), axis=0)
    margins = jnp.where(middling > 0, jnp.minimum(largest, _LARGE * middling), largest)
    return _Scales(
        jnp.where((extent > 0) & (number > 0), extent, 1.0), jnp.where(margins > 0, margins, 1.0)
    )


def _starts(search: Search, seen: Aim, scales: _Scales) -> Start:
    """The places to start from: the best one, the best of those that are not near it, and so on.

    Those that are better than all near them come first.
    """
    places = jnp.asarray(spread(search.samples, len(search.over)))
    angles = angles_of(places)
    short = jnp.sum(jnp.maximum(-seen.margins / scales.margins[None], 0.0), axis=-1)
    cost = -search.sign * seen.objective / scales.objective + 10.0 * short
    known = _is_known(seen)
    cost = jnp.where(known, cost, jnp.max(cost, where=known, initial=0.0))
    apart = jnp.linalg.norm(places[:, None] - places[None], axis=2) > (
        _NEIGHBOURS * len(places) ** (-1.0 / len(search.over))
    )
    lowest = jnp.all(apart | (cost[:, None] <= cost[None]), axis=1)

    def next_best(left: Bool[Array, " k"], _: None) -> tuple[Bool[Array, " k"], Start]:
        first = left & lowest
        best = jnp.argmin(jnp.where(jnp.where(jnp.any(first), first, left), cost, jnp.inf))
        distance = jnp.sum((angles - angles[best][None]) ** 2, axis=1)
        # Of a parabola with its vertex here, through each place near it; the nearest count most.
        near = known & ~apart[best] & (distance > 0)
        squared = jnp.where(near, distance, 1.0)
        weight = jnp.where(near, squared**-2, 0.0)
        bends = 2.0 * (cost - cost[best]) / squared
        bend = jnp.sum(weight * bends) / jnp.maximum(jnp.sum(weight), 1e-30)
        return left & apart[best], Start(jnp.clip(places[best], _INSIDE, 1.0 - _INSIDE), bend)

    return jax.lax.scan(next_best, known, None, length=search.starts)[1]
