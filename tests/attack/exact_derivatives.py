"""Exact derivatives of drawn systems' steady states along a direction in all their numbers.

Central differences of `exact_states` with a step of 1e-25 and so many digits that nothing of it is lost.
What counts as equal at the point stays equal beside it, unless the direction splits a degenerate level:
then the state beside the point is that of levels that are apart, and if it is another one, there is no
derivative.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from attack.couplings import log_uniform
from attack.exact_levels import (
    Complex,
    Levels,
    Real,
    Rows,
    as_rows,
    centred,
    dagger,
    eigen,
    find_levels,
    mp,
    product,
)
from attack.exact_states import Exact, Numbers, digits_of, in_given_basis, numbers_of, solve
from attack.systems import Draw
from matrices import hermitian, random_matrix

STEP = 25

# A splitting relative to dH below which round-off of a rotated basis makes it, and above which it is
# meant. In between a draw is not judged.
ROUNDOFF, MEANT = 1e-14, 1e-11

# A jump of the state by more than this is one.
JUMP = 1e-9

# An element that a divergent rate meets grows if it does so this fast, relative to its coupling.
GROWS = 1e-8

# So many times what round-off of the input could make of it is surely no round-off.
UNSURE = 100.0


@dataclass(frozen=True)
class Direction:
    """How fast every number of a draw changes.

    Attributes:
        name: what kind of change of H it is.
        H, couplings, T, parameters: as `Numbers` has them.
    """

    name: str
    H: np.ndarray
    couplings: np.ndarray
    T: np.ndarray
    parameters: np.ndarray


@dataclass(frozen=True)
class Slopes:
    """The derivative at a point.

    Attributes:
        exists: False where the state jumps; None where that hangs on round-off.
        base: the state at the point.
        rho, currents: derivatives.
        splits: whether a degenerate level splits along the direction.
    """

    exists: bool | None
    splits: bool
    base: Exact
    rho: np.ndarray | None = None
    currents: np.ndarray | None = None


# --- directions


def draw_direction(draw: Draw, kind: str | None = None) -> Direction:
    """A direction for a draw, from its seed."""
    rng = np.random.default_rng([draw.seed, 1])
    d, n = draw.dimension, len(draw.baths)
    spread = float(np.abs(draw.H - np.trace(draw.H) / d * np.eye(d)).max())
    diagonal = draw.sectors is not None
    kinds = ["none", "levels", "any", "levels"] if diagonal else list(KINDS)
    name = kind or str(rng.choice(kinds))
    dH = (spread or 1.0) * _change_of_H(rng, draw, name, diagonal)
    size = np.abs(np.stack([bath.coupling for bath in draw.baths])).max(axis=(1, 2))
    dS = np.zeros((n, d, d), complex)
    if rng.random() < 0.5:
        for k in range(n):
            dS[k] = _like(draw, size[k] * hermitian(random_matrix(rng, d, True)), draw.baths[k].coupling)
    T = np.array([bath.T for bath in draw.baths])
    dT = T * rng.normal(size=n) * (rng.random() < 0.6)
    parameters = np.array([bath.parameters for bath in draw.baths])
    change = parameters * rng.normal(size=(n, 3)) * (rng.random() < 0.6)
    change[:, 1] *= np.array([bath.kind != 2 for bath in draw.baths])  # the exponent s stays
    return Direction(name, dH, dS, dT, change)


KINDS = ("none", "levels", "any", "between", "weak split", "levels")


def _like(draw: Draw, change: np.ndarray, coupling: np.ndarray) -> np.ndarray:
    """Sparse couplings change where they have elements."""
    return change if draw.storage == "dense" else np.where(coupling != 0, change, 0.0)


def _change_of_H(rng: np.random.Generator, draw: Draw, name: str, diagonal: bool) -> np.ndarray:
    d = draw.dimension
    if name == "none":
        return np.zeros((d, d), complex)
    E, V = np.linalg.eigh(draw.H - np.trace(draw.H) / d * np.eye(d))
    if np.count_nonzero(draw.H - np.diag(np.diag(draw.H))) == 0:
        order = np.argsort(np.diag(draw.H).real, kind="stable")
        E, V = np.diag(draw.H).real[order], np.eye(d)[:, order]
    same = np.abs(E[:, None] - E[None, :]) < 1e-9 * max(float(np.ptp(E)), 1e-300)
    any_change = hermitian(random_matrix(rng, d, bool(np.iscomplexobj(draw.H)))).astype(complex)
    moved = np.diag(rng.normal(size=d)[np.argmax(same, axis=1)]).astype(complex)
    if name == "any":
        moved = np.diag(np.diag(any_change)) if diagonal else any_change
    if name == "between":
        moved = np.where(same, 0.0, any_change)
    if name == "weak split":
        moved = moved + log_uniform(rng, -9, -5.3) * np.where(same, any_change, 0.0)
    return hermitian(V @ moved @ V.conj().T)


# --- the exact derivative


def _displaced(draw: Draw, direction: Direction, numbers: Numbers, x: Real) -> Numbers:
    def moved(A: Rows, change: np.ndarray) -> Rows:
        return [
            [entry + x * step for entry, step in zip(row, steps, strict=True)]
            for row, steps in zip(A, as_rows(change), strict=True)
        ]

    return replace(
        numbers,
        H=moved(numbers.H, direction.H),
        couplings=[moved(S, dS) for S, dS in zip(numbers.couplings, direction.couplings, strict=True)],
        T=[T + x * Real(float(dT)) for T, dT in zip(numbers.T, direction.T, strict=True)],
        parameters=[
            tuple(p + x * Real(float(dp)) for p, dp in zip(own, change, strict=True))
            for own, change in zip(numbers.parameters, direction.parameters, strict=True)
        ],
    )


def beside(H: Rows, base: Levels, partial: bool) -> Levels:
    """Levels of a Hamiltonian beside that of `base`: what was equal there is equal here.

    Args:
        partial: whether a group's rate follows its mean frequency; else each frequency moves by itself.
    """
    own, vectors = eigen(centred(H))
    d = len(own)
    energies = list(own)
    if not partial:
        for members in base.equal:
            mean = mp.fsum(own[i] for i in members) / len(members)
            for i in members:
                energies[i] = mean
    pairs = [(i, j) for i in range(d) for j in range(d)]
    omega = [[Real(0)] * d for _ in range(d)]
    for i, j in pairs:
        if partial:
            same = [(a, b) for a, b in pairs if base.group[a][b] == base.group[i][j]]
            omega[i][j] = mp.fsum(energies[b] - energies[a] for a, b in same) / len(same)
        else:
            moved = energies[j] - energies[i] - (base.energies[j] - base.energies[i])
            omega[i][j] = base.omega[i][j] + moved
    return Levels(own, energies, vectors, base.members, base.equal, omega, base.group, False)


def _splitting(base: Levels, dH: Rows) -> Real:
    """By how much a level splits, to first and second order, relative to dH."""
    moved = product(dagger(base.vectors), product(dH, base.vectors))
    E, d = base.energies, len(base.energies)
    size = max(abs(entry) for row in moved for entry in row)
    spread = max(E) - min(E)
    largest = Real(0)
    for members in base.equal:
        if len(members) == 1 or size == 0:
            continue
        others = [q for q in range(d) if q not in members]
        first = [[moved[a][b] / size for b in members] for a in members]
        second = [
            [
                spread * mp.fsum(moved[a][q] * moved[q][b] / (E[a] - E[q]) for q in others) / size**2
                for b in members
            ]
            for a in members
        ]
        for matrix_ in (first, second):
            n = len(members)
            apart = [abs(matrix_[a][a] - matrix_[0][0]) for a in range(n)]
            mixed = [abs(matrix_[a][b]) for a in range(n) for b in range(n) if a != b]
            largest = max(largest, *apart, *mixed)
    return largest


def _unsure_speed(base: Levels, direction: Direction) -> float:
    """How fast an element may grow although only round-off of the input turns the eigenvectors.

    Round-off turns the eigenvectors by eps |H| over the smallest distance of levels. Seen from them dH
    is off by this part of itself, and divided by the distance again it turns them along the direction.
    """
    energies = sorted({base.energies[members[0]] for members in base.equal})
    if len(energies) < 2:
        return 0.0
    closest = min(after - before for before, after in pairwise(energies))
    size = (energies[-1] - energies[0]) * Real(float(np.abs(direction.H).max()))
    return float(UNSURE * np.finfo(float).eps * size / closest**2)


def slopes(draw: Draw, direction: Direction) -> Slopes:
    """The exact derivative of a draw's steady state along a direction."""
    with mp.workdps(digits_of(draw) + 60):
        return _slopes(draw, direction)


def _slopes(draw: Draw, direction: Direction) -> Slopes:
    numbers = numbers_of(draw)
    partial = draw.generator == "partial_secular"
    here = solve(draw, numbers)
    if here.rho is None:
        return Slopes(None, False, here)
    base = here.levels
    splitting = Real(0) if partial else _splitting(base, as_rows(direction.H))
    if ROUNDOFF < splitting < MEANT:
        return Slopes(None, True, here)
    splits = bool(splitting >= MEANT)
    if not partial:
        # Levels that round-off of the input takes apart are one here.
        levelled = [
            [base.energies[i] * base.vectors[a][i] for i in range(len(base.energies))]
            for a in range(len(base.energies))
        ]
        numbers = replace(numbers, H=product(levelled, dagger(base.vectors)))
    h = Real(10) ** -STEP
    sides = []
    for x in (h, -h):
        moved = _displaced(draw, direction, numbers, x)
        if splits:
            norm = max(base.energies) - min(base.energies)
            levels = find_levels(moved.H, norm * Real(10) ** (-3 * STEP))
        else:
            levels = beside(moved.H, base, partial)
        sides.append(solve(draw, moved, levels))
    ahead, behind = sides
    if ahead.rho is None or behind.rho is None:
        # Without a change of any element it is round-off that a divergent rate meets.
        moves = direction.H.any() or direction.couplings.any()
        return Slopes(False if moves else None, splits, here)
    speeds = [
        (float(abs(after - now) / h), float(np.abs(bath.coupling).max() + np.abs(dS).max()))
        for after, now, bath, dS in zip(
            ahead.unmet, here.unmet, draw.baths, direction.couplings, strict=True
        )
    ]
    grown = max(speed / size if size > 0 else 0.0 for speed, size in speeds)
    if grown > GROWS:
        return Slopes(False if grown > _unsure_speed(base, direction) else None, splits, here)
    if np.abs(in_given_basis(ahead) - in_given_basis(here)).max() > JUMP:
        return Slopes(False, splits, here)

    def difference(after: Complex, before: Complex) -> complex:
        return complex((after - before) / (2 * h))

    rho = [
        [difference(x, y) for x, y in zip(row, other, strict=True)]
        for row, other in zip(ahead.rho, behind.rho, strict=True)
    ]
    currents = [difference(x, y).real for x, y in zip(ahead.currents, behind.currents, strict=True)]
    return Slopes(True, splits, here, np.array(rho), np.array(currents))
