"""Lines on which a formula has a value: found between the points of a grid, and filled in.

The contour of a grid shows every line that its cells can tell, folds and closed ones included. It
crosses edges of cells between whose ends the formula changes its sign. On all of these edges together
its place is found by Newton's steps, and by bisection where they leave what encloses it. Further points
are then predicted from the tangents, and moved onto the line along the formula's exact gradient, until
it is as smooth as it is wanted.
"""

from dataclasses import dataclass
from typing import NamedTuple

import contourpy
import numpy as np

from qthermo_jax.sweeping.execute.pointwise import Pointwise
from qthermo_jax.sweeping.plan.record import Plan
from qthermo_jax.sweeping.spec.fields import Range
from qthermo_jax.sweeping.spec.root import Root

# Newton's steps at most; the last one, as a part of the axes, of a point that has arrived.
_STEPS, _ARRIVED = 8, 1e-8

# Steps inside an edge, most of which are Newton's; how small a part of it bisection alone leaves.
_ENCLOSED, _HALVED = 80, 1e-15

# What is left of the formula where it counts as 0, in units of its values at the points of the grid; at
# a jump and beside a pole more is left. What is left by round-off, in units of the value that is sought.
_ZERO, _ROUND_OFF = 1e-6, 1e-12

# How often points are put in between; the turn from one point to the next above which they are.
_ROUNDS, _TURN = 6, np.cos(np.deg2rad(10.0))

# Neighbours that are nearer than this part of the wanted distance need none between them.
_NEAREST = 0.05

Places = np.ndarray  # (n, axes), each axis from 0 to 1


class Edges(NamedTuple):
    """Edges of cells of the grid, between whose ends the formula changes its sign.

    Attributes:
        first, second: their ends.
        values: the formula there, (n, 2).
    """

    first: Places
    second: Places
    values: np.ndarray


@dataclass(frozen=True)
class Plane:
    """The axes that lines are sought in, each from 0 to 1, and the formula there.

    Parameters are in the units of the spec.

    Attributes:
        plan: of the grid.
        root: what is sought.
        pointwise: the formula at any place.
    """

    plan: Plan
    root: Root
    pointwise: Pointwise

    @property
    def names(self) -> tuple[str, ...]:
        """Those of the axes."""
        return tuple(axis.name for axis in self.plan.axes)

    def values(self, places: Places) -> dict[str, np.ndarray]:
        """The parameters at places."""
        found = {}
        for name, at in zip(self.names, places.T, strict=True):
            start, stop = self._ends(name)
            value = start + (stop - start) * at
            found[name] = np.exp(value) if self._is_log(name) else value
        return found

    def grid(self, name: str) -> np.ndarray:
        """The places of an axis' values, sorted."""
        values, (start, stop) = self._sorted(name), self._ends(name)
        return ((np.log(values) if self._is_log(name) else values) - start) / (stop - start)

    def on_the_grid(self) -> np.ndarray:
        """The formula less its value at all points of the sorted grid; NaN where there is no state."""
        axes = {name: self._sorted(name).tolist() for name in self.names}
        return self.pointwise.on_grid(axes) - self.root.value

    def is_zero(self, places: Places, sizes: np.ndarray | float) -> np.ndarray:
        """Whether the formula is 0 at places, beside so large values at other ones."""
        left, _ = self.at(places)
        return np.asarray(np.abs(left) <= _ZERO * sizes + _ROUND_OFF * abs(self.root.value))

    def at(self, places: Places) -> tuple[np.ndarray, np.ndarray]:
        """The formula less its value, (n,), and its slope along each axis, (n, axes)."""
        values = self.values(places)
        found, slopes = self.pointwise.at(values, {})
        stretch = np.stack([self._stretch(own, values) for own in self.names], axis=-1)
        return found[:, 0] - self.root.value, slopes[:, 0] * stretch

    def _stretch(self, name: str, values: dict[str, np.ndarray]) -> np.ndarray:
        """How much a parameter grows from one end of its axis to the other, by the slope here."""
        start, stop = self._ends(name)
        return (stop - start) * (values[name] if self._is_log(name) else np.ones_like(values[name]))

    def _sorted(self, name: str) -> np.ndarray:
        return np.unique(next(axis for axis in self.plan.axes if axis.name == name).as_given[name])

    def _is_log(self, name: str) -> bool:
        given = self.plan.spec.axes[name]
        return isinstance(given, Range) and given.spacing == "log"

    def _ends(self, name: str) -> tuple[float, float]:
        ends = self._sorted(name)[[0, -1]]
        start, stop = np.log(ends) if self._is_log(name) else ends
        return float(start), float(stop)


def lines_in(plane: Plane) -> tuple[list[Places], int]:
    """The lines, and how many of their points were lost: where the formula has no slope, or a jump."""
    z = plane.on_the_grid()
    size = float(np.max(np.abs(z[np.isfinite(z)]), initial=0.0))
    lines, lost = _enclosed(plane, _crossed(plane, z), size)
    for _ in range(_ROUNDS if len(plane.names) > 1 else 0):
        if not any(len(_gaps(plane, line)) for line in lines):
            break
        lines, missed = _refined(plane, lines, size)
        lost += missed
    return lines, lost


def _crossed(plane: Plane, z: np.ndarray) -> list[Edges]:
    """The edges that each contour of the grid crosses; on one axis, each change of the sign.

    Args:
        z: the formula on the grid.
    """
    if len(plane.names) == 1:
        (x,) = (plane.grid(name) for name in plane.names)
        known = np.isfinite(z)
        x, z = x[known], z[known]
        pairs = [(at, at) for at in np.flatnonzero(z == 0)]
        pairs += [(at, at + 1) for at in np.flatnonzero(np.sign(z[:-1]) * np.sign(z[1:]) < 0)]
        ends = [np.array(own) for own in sorted(pairs)]
        return [Edges(x[own[:1], None], x[own[1:], None], z[own][None]) for own in ends]
    x, y = (plane.grid(name) for name in plane.names)
    contours = contourpy.contour_generator(y, x, np.ma.masked_invalid(z), corner_mask=True)
    lines = [_thinned(np.asarray(line)[:, ::-1], plane.root.step) for line in contours.lines(0.0)]
    return [_edges_at(line, x, y, z) for line in lines]


def _edges_at(line: Places, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> Edges:
    """The edges of the grid that the points of a contour lie on.

    Beside what has no state an edge may be a diagonal of a cell.
    """
    ends = []
    for axis, at in zip((x, y), line.T, strict=True):
        upper = np.clip(np.searchsorted(axis, at), 1, len(axis) - 1)
        near = np.where(at - axis[upper - 1] < axis[upper] - at, upper - 1, upper)
        on = np.abs(axis[near] - at) <= _HALVED * 10
        ends.append((np.where(on, near, upper - 1), np.where(on, near, upper)))
    (left, right), (low, high) = ends
    with np.errstate(divide="ignore", invalid="ignore"):
        u, v = (line.T - [x[left], y[low]]) / [x[right] - x[left], y[high] - y[low]]
        rising = ~(np.abs(u - v) > np.abs(u + v - 1.0))
    start, stop = np.where(rising, low, high), np.where(rising, high, low)
    values = np.stack([z[left, start], z[right, stop]], axis=1)
    return Edges(np.stack([x[left], y[start]], 1), np.stack([x[right], y[stop]], 1), values)


def _thinned(line: Places, step: float) -> Places:
    """Without points that are much nearer to the one before than is wanted; both ends stay."""
    kept = [line[0]]
    for point in line[1:-1]:
        if np.linalg.norm(point - kept[-1]) > 0.2 * step:
            kept.append(point)
    return np.array([*kept, line[-1]])


def _enclosed(plane: Plane, lines: list[Edges], size: float) -> tuple[list[Places], int]:
    """The lines through their edges; one that loses points between others becomes two."""
    if not lines:
        return [], 0
    places, arrived = _zeros_on(plane, Edges(*map(np.concatenate, zip(*lines, strict=True))), size)
    found = []
    ends = np.cumsum([len(line.first) for line in lines])[:-1]
    for line, kept in zip(np.split(places, ends), np.split(arrived, ends), strict=True):
        runs = np.split(np.arange(len(line)), np.nonzero(np.diff(kept.astype(int)))[0] + 1)
        found += [line[run] for run in runs if len(run) and kept[run[0]]]
    return found, int(np.sum(~arrived))


def _zeros_on(plane: Plane, edges: Edges, size: float) -> tuple[Places, np.ndarray]:
    """The place on each edge where the formula is 0, and whether there is one: no jump, and no pole.

    Args:
        size: of the formula, where an edge is a single point at which it is 0.
    """
    across = edges.second - edges.first
    length = np.linalg.norm(across, axis=1)
    start, stop = edges.values.T
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.nan_to_num(np.clip(start / (start - stop), 0.0, 1.0))
    low, high = np.zeros_like(share), np.ones_like(share)
    last, moving = np.full_like(share, np.inf), np.ones(len(share), bool)
    for _ in range(_ENCLOSED):
        own = np.flatnonzero(moving)
        if not own.size:
            break
        at = share[own]
        value, slope = plane.at(edges.first[own] + at[:, None] * across[own])
        before = np.sign(value) == np.sign(start[own])
        low[own], high[own] = np.where(before, at, low[own]), np.where(before, high[own], at)
        with np.errstate(divide="ignore", invalid="ignore"):
            step = np.where(value == 0, 0.0, -value / np.sum(slope * across[own], axis=1))
            small = (np.abs(step) * length[own] <= _ARRIVED) | (length[own] == 0)
        inside = (at + step > low[own]) & (at + step < high[own]) & (np.abs(step) < 0.5 * last[own])
        newton = small | inside
        middle = (low[own] + high[own]) / 2
        share[own] = np.where(newton, np.clip(at + np.nan_to_num(step), low[own], high[own]), middle)
        last[own] = np.where(newton, np.abs(step), high[own] - low[own])
        moving[own] = np.isfinite(value) & ~small & (high[own] - low[own] > _HALVED)
    places = edges.first + share[:, None] * across
    ends = np.where(length > 0, np.max(np.abs(edges.values), axis=1), size)
    return places, plane.is_zero(places, ends)


def _moved(plane: Plane, places: Places, reach: np.ndarray, size: float) -> tuple[Places, np.ndarray]:
    """Points moved along the gradient until the formula is 0, and whether they arrived.

    Args:
        reach: how far each may be moved, (n,).
        size: of the formula; what is left of it where it counts as 0 is compared with this.
    """
    start, places = places, places.copy()
    free = (places > 0.0) & (places < 1.0)  # what lies on an edge of the plane stays on it
    free[~free.any(axis=1)] = True
    last = np.full(len(places), np.inf)
    for _ in range(_STEPS):
        moving = np.flatnonzero(last > _ARRIVED)
        if not moving.size:
            break
        value, slope = plane.at(places[moving])
        slope = np.where(free[moving], slope, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            step = -value[:, None] * slope / np.sum(slope**2, axis=1, keepdims=True)
        length = np.linalg.norm(step, axis=1)
        last[moving] = np.where(np.isfinite(length), length, np.inf)
        step *= np.minimum(1.0, reach[moving] / np.maximum(length, 1e-300))[:, None]
        places[moving] = np.clip(places[moving] + np.nan_to_num(step), 0.0, 1.0)
    near = np.linalg.norm(places - start, axis=1) <= reach
    return places, (last <= _ARRIVED) & near & plane.is_zero(places, size)


def _gaps(plane: Plane, line: Places) -> np.ndarray:
    """After which points of a line another one is wanted."""
    steps = np.diff(line, axis=0)
    lengths = np.linalg.norm(steps, axis=1)
    wide = lengths > plane.root.step
    if len(steps) > 1:
        units = steps / np.maximum(lengths, 1e-300)[:, None]
        turns = np.sum(units[:-1] * units[1:], axis=1) < _TURN
        near = lengths > _NEAREST * plane.root.step
        wide[:-1] |= turns & near[:-1]
        wide[1:] |= turns & near[1:]
    return np.flatnonzero(wide)


def _refined(plane: Plane, lines: list[Places], size: float) -> tuple[list[Places], int]:
    """With a point in each gap, predicted from both neighbours and the tangents there."""
    gaps = [_gaps(plane, line) for line in lines]
    predicted = [_between(line, own) for line, own in zip(lines, gaps, strict=True)]
    wide = [
        np.linalg.norm(line[own + 1] - line[own], axis=1) for line, own in zip(lines, gaps, strict=True)
    ]
    places, arrived = _moved(plane, np.concatenate(predicted), np.concatenate(wide), size)
    ends = np.cumsum([len(own) for own in gaps])[:-1]
    parts = zip(lines, gaps, np.split(places, ends), np.split(arrived, ends), strict=True)
    found = [np.insert(line, own[kept] + 1, new[kept], axis=0) for line, own, new, kept in parts]
    return found, int(np.sum(~arrived))


def _between(line: Places, gaps: np.ndarray) -> Places:
    """The middles of gaps, on the cubic whose tangents are those of the neighbouring chords."""
    tangents = np.gradient(line, axis=0) if len(line) > 2 else np.zeros_like(line)
    before, after = line[gaps], line[gaps + 1]
    middle = (before + after) / 2.0 + (tangents[gaps] - tangents[gaps + 1]) / 8.0
    return np.asarray(np.clip(middle, 0.0, 1.0))


def parts_behind(line: Places) -> np.ndarray:
    """How much of a line lies behind each of its points, below 1."""
    lengths: np.ndarray = np.concatenate(
        [[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))]
    )
    return np.asarray(lengths / max(lengths[-1], 1e-300) * (1.0 - 1e-9))
