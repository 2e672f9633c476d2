"""Lines on which a formula has a value: predicted by contours of a grid, corrected by Newton's steps.

The contour of a grid shows every line that its cells can tell, folds and closed ones included. All
its points are then moved onto the line together, along the formula's exact gradient, and more are put
between them, predicted from their tangents, until the line is as smooth as it is wanted.
"""

from dataclasses import dataclass

import contourpy
import numpy as np

from qthermo_jax.sweeping.execute.pointwise import Pointwise
from qthermo_jax.sweeping.plan.record import Plan
from qthermo_jax.sweeping.spec.fields import Range
from qthermo_jax.sweeping.spec.root import Root

# Newton's steps at most; the last one, as a part of the axes, of a point that has arrived.
_STEPS, _ARRIVED = 8, 1e-8

# How often points are put in between; the turn from one point to the next above which they are.
_ROUNDS, _TURN = 6, np.cos(np.deg2rad(10.0))

# Neighbours that are nearer than this part of the wanted distance need none between them.
_NEAREST = 0.05

Places = np.ndarray  # (n, axes), each axis from 0 to 1


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
    lines, lost = _corrected(plane, _predicted(plane))
    for _ in range(_ROUNDS if len(plane.names) > 1 else 0):
        if not any(len(_gaps(plane, line)) for line in lines):
            break
        lines, missed = _refined(plane, lines)
        lost += missed
    return lines, lost


def _predicted(plane: Plane) -> list[Places]:
    """The contours of the grid; on one axis, where the sign changes."""
    z = plane.on_the_grid()
    if len(plane.names) == 1:
        (x,) = (plane.grid(name) for name in plane.names)
        known = np.isfinite(z)
        x, z = x[known], z[known]
        (changes,) = np.nonzero(np.signbit(z[:-1]) != np.signbit(z[1:]))
        weight = z[changes] / (z[changes] - z[changes + 1])
        return [np.array([[at]]) for at in x[changes] + weight * (x[changes + 1] - x[changes])]
    x, y = (plane.grid(name) for name in plane.names)
    contours = contourpy.contour_generator(y, x, np.ma.masked_invalid(z), corner_mask=True)
    return [_thinned(np.asarray(line)[:, ::-1], plane.root.step) for line in contours.lines(0.0)]


def _thinned(line: Places, step: float) -> Places:
    """Without points that are much nearer to the one before than is wanted; both ends stay."""
    kept = [line[0]]
    for point in line[1:-1]:
        if np.linalg.norm(point - kept[-1]) > 0.2 * step:
            kept.append(point)
    return np.array([*kept, line[-1]])


def _corrected(plane: Plane, lines: list[Places]) -> tuple[list[Places], int]:
    """All points moved onto their lines; a line that loses points between others becomes two."""
    if not lines:
        return [], 0
    places, arrived = _moved(plane, np.concatenate(lines))
    found = []
    ends = np.cumsum([len(line) for line in lines])[:-1]
    for line, kept in zip(np.split(places, ends), np.split(arrived, ends), strict=True):
        runs = np.split(np.arange(len(line)), np.nonzero(np.diff(kept.astype(int)))[0] + 1)
        found += [line[run] for run in runs if len(run) and kept[run[0]]]
    return found, int(np.sum(~arrived))


def _moved(plane: Plane, places: Places) -> tuple[Places, np.ndarray]:
    """Points moved along the gradient until the formula has its value, and whether they arrived."""
    places = places.copy()
    free = (places > 0.0) & (places < 1.0)  # what lies on an edge of the plane stays on it
    free[~free.any(axis=1)] = True
    size = np.full(len(places), np.inf)
    longest = max(1.0 / max(2, axis.size - 1) for axis in plane.plan.axes)
    for _ in range(_STEPS):
        moving = np.flatnonzero(size > _ARRIVED)
        if not moving.size:
            break
        value, slope = plane.at(places[moving])
        slope = np.where(free[moving], slope, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            step = -value[:, None] * slope / np.sum(slope**2, axis=1, keepdims=True)
        length = np.linalg.norm(step, axis=1)
        size[moving] = np.where(np.isfinite(length), length, np.inf)
        step *= np.minimum(1.0, longest / np.maximum(length, 1e-300))[:, None]
        places[moving] = np.clip(places[moving] + np.nan_to_num(step), 0.0, 1.0)
    return places, size <= _ARRIVED


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


def _refined(plane: Plane, lines: list[Places]) -> tuple[list[Places], int]:
    """With a point in each gap, predicted from both neighbours and the tangents there."""
    gaps = [_gaps(plane, line) for line in lines]
    predicted = [_between(line, own) for line, own in zip(lines, gaps, strict=True)]
    places, arrived = _moved(plane, np.concatenate(predicted))
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
