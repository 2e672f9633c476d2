"""One pass over all points of a result, a block of the grid in memory at a time."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from qthermo_jax.plotting import drawable, status_of
from qthermo_jax.report.checks import Check, Digits, Values, has
from qthermo_jax.results.blocks import blocks_of, points_of, rows_of
from qthermo_jax.results.schema import INTERPOLATED, METHOD, NOTE, STATUS
from qthermo_jax.steady import Status

Index = tuple[int, ...]
_At = Callable[[int], Index]


@dataclass
class Outcome:
    """What a check found.

    Attributes:
        points: at how many it was made.
        violated: at how many its limit is exceeded.
        badness: of the worst point, its amount over the limit, and the amount.
        value, index: what is told of that point, and which it is; None where there is none.
    """

    points: int = 0
    violated: int = 0
    badness: tuple[float, float] = (-np.inf, -np.inf)
    value: float = np.nan
    index: Index | None = None


@dataclass
class Spread:
    """The smallest and the largest value of a variable, and what is missing.

    Attributes:
        low, high: value, point and entry at it; None where no value is finite.
        missing: values that are not finite although the state was found.
    """

    low: tuple[float, Index, int] | None = None
    high: tuple[float, Index, int] | None = None
    missing: int = 0


@dataclass
class Scan:
    """All of it.

    Attributes:
        statuses, methods, notes: how many points have which code.
        first: the first point of each status.
        outcomes: of the checks that can be made.
        spreads: by variable.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    methods: Counter[int] = field(default_factory=Counter)
    notes: Counter[int] = field(default_factory=Counter)
    first: dict[int, Index] = field(default_factory=dict)
    outcomes: dict[Check, Outcome] = field(default_factory=dict)
    spreads: dict[str, Spread] = field(default_factory=dict)


def scanned(data: xr.Dataset, checks: Iterable[Check]) -> Scan:
    """Read every point once.

    Args:
        checks: those whose observables the result has.
    """
    grid = {str(dim): data.sizes[dim] for dim in data[STATUS.name].dims}
    found = Scan(outcomes={check: Outcome() for check in checks})
    found.spreads = {name: Spread() for name in drawable(data)}
    numbers = sum(array.size for array in data.data_vars.values())
    for box in blocks_of(grid, points_of(numbers // max(1, data[STATUS.name].size))):
        part = data.isel(box).load()
        _add(found, part, grid, box)
    return found


def _add(found: Scan, part: xr.Dataset, grid: Mapping[str, int], box: Mapping[str, slice]) -> None:
    sizes = {dim: part.sizes[dim] for dim in grid}
    start = [box[dim].start for dim in grid]

    def at(row: int) -> Index:
        inside = np.unravel_index(row, tuple(sizes.values())) if sizes else ()
        return tuple(first + int(own) for first, own in zip(start, inside, strict=True))

    status = rows_of(part[STATUS.name], sizes)[:, 0]
    for name, counter in ((STATUS.name, found.statuses), (METHOD.name, found.methods)):
        counter.update(_counted(part, name, sizes))
    if NOTE.name in part:
        found.notes.update(_counted(part, NOTE.name, sizes))
    for code in np.unique(status).tolist():
        found.first.setdefault(code, at(int(np.argmax(status == code))))
    computed = status == Status.OK
    if INTERPOLATED.name in part:  # between computed points laws that are not linear need not hold
        computed &= rows_of(part[INTERPOLATED.name], sizes)[:, 0] == 0
    good = np.flatnonzero(computed)
    for check, outcome in found.outcomes.items():
        values, digits = _values(part, check, sizes, good)
        judged = check.judge(values, digits)
        known = np.flatnonzero(~np.isnan(judged.excess))
        outcome.points += known.size
        outcome.violated += int((judged.excess > 1).sum())
        if not known.size:
            continue
        # Where many keep the limit, the one that is nearest to it.
        worst = known[np.lexsort((judged.amount[known], judged.excess[known]))[-1]]
        badness = float(judged.excess[worst]), float(judged.amount[worst])
        if badness > outcome.badness:
            outcome.badness, outcome.value = badness, float(judged.value[worst])
            outcome.index = at(int(good[worst]))
    for name, spread in found.spreads.items():
        there = rows_of(status_of(part, name), sizes)[:, 0] == Status.OK
        _extend(spread, rows_of(part[name], sizes), there, at)


def _counted(part: xr.Dataset, name: str, sizes: Mapping[str, int]) -> Counter[int]:
    codes, counts = np.unique(rows_of(part[name], sizes), return_counts=True)
    return Counter(dict(zip(codes.tolist(), counts.tolist(), strict=True)))


def _values(
    part: xr.Dataset, check: Check, sizes: Mapping[str, int], rows: np.ndarray
) -> tuple[Values, Digits]:
    """What a check takes, at the points that have a state."""
    values, stored = {}, 0.0
    for name in (*check.needs, *(own for own, words in check.uses.items() if has(part, own, words))):
        array = part[name]
        own = [part.sizes[dim] for dim in array.dims if dim not in sizes]
        stored = max(stored, float(np.finfo(array.dtype).eps))
        values[name] = rows_of(array, sizes)[rows].reshape(len(rows), *own).astype(float)
    single = part.attrs.get("precision") == "float32"
    return values, Digits(stored, float(np.finfo(np.float32 if single else float).eps))


def _extend(spread: Spread, values: np.ndarray, there: np.ndarray, at: _At) -> None:
    """Take the values of some points into what is known of a variable, where they have a status 0."""
    finite = np.isfinite(values) & there[:, None]
    spread.missing += int((~finite & there[:, None]).sum())
    if not finite.any():
        return
    for least in (True, False):
        kept = np.where(finite, values, np.inf if least else -np.inf)
        place = int(kept.argmin() if least else kept.argmax())
        row, entry = divmod(place, values.shape[1])
        new = (float(values[row, entry]), at(row), entry)
        old = spread.low if least else spread.high
        if old is None or (new[0] < old[0] if least else new[0] > old[0]):
            if least:
                spread.low = new
            else:
                spread.high = new
