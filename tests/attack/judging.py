"""Whether what the package says of a point is true."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import mpmath
import numpy as np

from attack.exact_states import Exact, in_given_basis, steady
from attack.rounding import perturbed
from attack.solving import METHODS, Found, solved
from attack.systems import Draw, draw
from qthermo_jax.registry import Method
from qthermo_jax.solvers import Note
from qthermo_jax.steady import Status

# Verdicts, from good to bad.
RIGHT = "right"
VAGUE = "right, within a bound above 1e-6"
NOTED = "several states, and a note says so"
FLAGGED = "flagged truly"
SLOW = "flagged: unique, but below round-off of the fastest rate"
NEEDLESS = "flagged though it could be right"
ROUNDED = "a population below round-off of its input"
COLD = "right, but a heat current that is no small difference is not given"
UNCOVERED = "bound too small"
HEAT = "a heat current outside its bound"
WRONG = "WRONG under OK"
VERDICTS = (RIGHT, VAGUE, NOTED, FLAGGED, SLOW, NEEDLESS, ROUNDED, COLD, UNCOVERED, HEAT, WRONG)
FAILURES = (UNCOVERED, HEAT, WRONG)

# A bound above this says little.
LITTLE = 1e-6

# Where round-off of the input moves an element of the state by more than this, or a heat current by
# more than this part of it, doubles cannot tell it.
LOST = 1e-7

# A decay slower than this part of the largest element of the generator is lost in it.
TOO_SLOW = 1e-11

# An error beyond its bound is wrong above this, below it the bound is too small.
SERIOUS = 1e-8

# Rates further apart than this many decades may underflow.
UNDERFLOW = 280.0


@dataclass(frozen=True)
class Verdict:
    """What became of one point under one method.

    Attributes:
        error, true_error: the bound, and what it bounds: of elements of rho, or of populations relative
            to each.
        heat_error: largest relative error of a heat current.
    """

    seed: int
    family: str
    method: str
    verdict: str
    status: str
    error: float = np.nan
    true_error: float = np.nan
    heat_error: float = np.nan

    def __str__(self) -> str:
        numbers = f"error {self.error:.1e}, true {self.true_error:.1e}, heat {self.heat_error:.1e}"
        return f"seed {self.seed} {self.family} {self.method}: {self.verdict}; {self.status}, {numbers}"


def level_sums(found: dict[str, np.ndarray], exact: Exact) -> list[mpmath.mpf]:
    """Populations of the levels: eigenstates in order of energy, whatever their sectors."""
    p = found["populations"][np.argsort(found["energies"], kind="stable")]
    return [mpmath.fsum(mpmath.mpf(float(p[i])) for i in members) for members in exact.levels.members]


def _element_error(found: dict[str, np.ndarray], exact: Exact) -> float:
    """The largest error of an element of rho."""
    return float(np.abs(found["rho"] - in_given_basis(exact)).max())


def _relative_error(values: Sequence[mpmath.mpf], exact: Exact) -> float:
    """The largest error of a level's population, relative to it."""
    with mpmath.workdps(40):
        pairs = zip(values, exact.populations, strict=True)
        return max(float(abs(value / true - 1)) if true > 1e-290 else 0.0 for value, true in pairs)


def _moved(draw: Draw) -> list[Exact]:
    """What two samples of round-off of the input make of a draw."""
    return [steady(perturbed(draw, seed=seed)) for seed in range(2)]


def _is_rounded(draw: Draw, exact: Exact, error: float) -> bool:
    """Whether round-off of the input changes a level's population by as much, relative to it."""
    return any(
        own.rho is None
        or len(own.populations) != len(exact.populations)
        or _relative_error(own.populations, exact) > error / 10
        for own in _moved(draw)
    )


@dataclass(frozen=True)
class Heat:
    """How well heat currents are known.

    Attributes:
        error: the largest relative error of one that is given.
        covered: whether each that is given is right within its bound.
        missing: how many are not given although they are not small differences of large flows, and
            round-off of the input moves them little.
    """

    error: float
    covered: bool
    missing: int


def _heat(draw: Draw, found: dict[str, np.ndarray], exact: Exact) -> Heat:
    error, covered = 0.0, True
    missing: list[int] = []
    # Between baths of one temperature only the rounding of equal frequencies makes currents.
    equal = len({bath.T for bath in draw.baths}) == 1
    least = max([exact.gross, *map(abs, exact.currents)]) * (1e-9 if equal else 1e-40)
    for k, true in enumerate(exact.currents):
        given, bound = found["currents"][k], found["bounds"][k]
        if np.isnan(given):
            if abs(true) > exact.gross / 100 and abs(true) > 1e-280:
                missing.append(k)
            continue
        off = abs(mpmath.mpf(float(given)) - true)
        covered &= bool(off <= mpmath.mpf(float(bound)) + least + 1e-300)
        if abs(true) > least:
            error = max(error, float(off / abs(true)))
    if missing:
        moved = _moved(draw)
        missing = [k for k in missing if not _current_is_lost(k, exact, moved)]
    return Heat(error, covered, len(missing))


def _current_is_lost(k: int, exact: Exact, moved: Sequence[Exact]) -> bool:
    true = exact.currents[k]
    return any(own.rho is None or abs(own.currents[k] - true) > LOST * abs(true) for own in moved)


def _is_lost(draw: Draw, exact: Exact) -> bool:
    """Whether round-off of the input makes another state of it."""
    if exact.rho is None:
        return True
    return any(
        own.rho is None or np.abs(in_given_basis(own) - in_given_basis(exact)).max() > LOST
        for own in _moved(draw)
    )


def _flag_is_true(draw: Draw, exact: Exact, status: Status, method: str) -> bool:
    if status == Status.DIVERGENT_RATE:
        return exact.may_diverge
    if exact.diverges:
        return False
    several = any(len(members) > 1 for members in exact.levels.members)
    if status == Status.METHOD_NOT_EXACT:
        coherent = several or draw.generator == "partial_secular"
        return method in ("populations", "secular_block") and coherent
    if status == Status.UNDERFLOW:
        return exact.span > UNDERFLOW
    if exact.dimension > 1:
        return status == Status.NOT_UNIQUE
    if status == Status.NOT_POSITIVE:
        rho = in_given_basis(exact)
        return bool(np.linalg.eigvalsh((rho + rho.conj().T) / 2)[0] < 1e-9)
    return _is_lost(draw, exact)


def judge(draw: Draw, exact: Exact, method: str, found: dict[str, np.ndarray]) -> Verdict:
    """The verdict on what one method says of a draw."""
    own = (draw.seed, draw.family, method)
    if "raised" in found:
        return Verdict(*own, WRONG, f"raised ValueError: {found['raised']}")
    status = Status(int(found["status"]))
    if status != Status.OK:
        true = _flag_is_true(draw, exact, status, method)
        slow = exact.dimension == 1 and exact.slowest < TOO_SLOW and status != Status.DIVERGENT_RATE
        verdict = FLAGGED if true else (SLOW if slow else NEEDLESS)
        return Verdict(*own, verdict, status.name)
    error = float(found["error"])
    if exact.diverges:
        return Verdict(*own, WRONG, f"OK, but {Status.DIVERGENT_RATE.name}", error)
    if exact.dimension != 1:
        noted = bool(Note.COHERENCES_NOT_EXAMINED & int(found["note"]))
        said = f"OK, but {exact.dimension} states"
        return Verdict(*own, NOTED if noted else WRONG, said, error)
    true_error = absolute = _element_error(found, exact)
    if found["method"] == Method.POPULATIONS:
        true_error = max(absolute, _relative_error(level_sums(found, exact), exact))
    heat = _heat(draw, found, exact)
    if true_error <= error:
        verdict = RIGHT if error <= LITTLE else VAGUE
        verdict = (COLD if heat.missing else verdict) if heat.covered else HEAT
    elif absolute <= error and _is_rounded(draw, exact, true_error):
        verdict = ROUNDED
    else:
        verdict = UNCOVERED if true_error < SERIOUS else WRONG
    return Verdict(*own, verdict, status.name, error, true_error, heat.error)


def judged(draws: Sequence[Draw], methods: Sequence[str] = METHODS) -> list[Verdict]:
    """Verdicts on draws, without those where a gap is so near the tolerance that either is right."""
    exacts = [steady(draw) for draw in draws]
    clear = [
        (draw, exact) for draw, exact in zip(draws, exacts, strict=True) if not exact.levels.ambiguous
    ]
    results: list[Found] = solved([draw for draw, _ in clear], methods=methods)
    return [
        judge(draw, exact, method, found)
        for (draw, exact), by_method in zip(clear, results, strict=True)
        for method, found in by_method.items()
    ]


def attack(seeds: Iterable[int], methods: Sequence[str] = METHODS) -> list[Verdict]:
    """Verdicts on the systems of these seeds."""
    return judged([draw(seed) for seed in seeds], methods)


def failures(verdicts: Iterable[Verdict]) -> list[Verdict]:
    return [verdict for verdict in verdicts if verdict.verdict in FAILURES]


SHORT = (
    "right",
    "vague",
    "noted",
    "flagged",
    "slow",
    "needless",
    "rounded",
    "no heat",
    "uncovered",
    "HEAT",
    "WRONG",
)


def summary(verdicts: Sequence[Verdict]) -> str:
    """How many of each verdict by family, by method and by status of what is flagged; the failures."""
    lines = [f"{short:10s} {verdict}" for short, verdict in zip(SHORT, VERDICTS, strict=True)]
    flagged = [v for v in verdicts if v.verdict in (FLAGGED, SLOW, NEEDLESS)]
    for title, own, key in (
        ("family", verdicts, lambda v: v.family),
        ("method", verdicts, lambda v: v.method),
        ("status", flagged, lambda v: v.status),
    ):
        counts = Counter((key(v), v.verdict) for v in own)
        lines.append(f"{title:26s}" + "".join(f"{short:>10s}" for short in SHORT))
        lines += [
            f"{name:26s}" + "".join(f"{counts[name, verdict]:10d}" for verdict in VERDICTS)
            for name in sorted({key(v) for v in own})
        ]
    worst = sorted(failures(verdicts), key=lambda v: -np.nan_to_num(v.true_error, nan=np.inf))
    return "\n".join([*lines, *map(str, worst)])


def assert_no_failure(verdicts: Sequence[Verdict]) -> None:
    assert not failures(verdicts), summary(verdicts)
