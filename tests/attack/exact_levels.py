"""Levels and Bohr frequencies of a Hamiltonian in mpmath, grouped by the documented tolerance.

Its doubles are taken as exact numbers. Nothing here calls the package.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np

from attack.systems import TOLERANCE

mp = mpmath.mp
Real = mpmath.mpf
Complex = mpmath.mpc
Rows = list[list[Any]]

# A distance within this factor of the tolerance may count as equal or as different.
AMBIGUOUS = 30.0

# A tolerance that is given is known to this.
KNOWN = 1e-6

# Round-off of doubles.
EPS = 2.2e-16


@dataclass(frozen=True)
class Levels:
    """Eigenstates of a Hamiltonian, ascending, and what counts as equal.

    Attributes:
        own: energies about their mean.
        energies: those within round-off of each other are equal.
        vectors: as columns.
        members: the states of each level.
        equal: the states that are equal to round-off.
        omega: frequency of each pair (i, j), E_j - E_i, the mean of its group.
        group: label of its group.
        ambiguous: whether a distance is near the tolerance.
        mixing: how far round-off of H, an offset included, may rotate its eigenvectors.
    """

    own: list[Real]
    energies: list[Real]
    vectors: Rows
    members: list[list[int]]
    equal: list[list[int]]
    omega: Rows
    group: list[list[int]]
    ambiguous: bool
    mixing: float = 0.0


def as_rows(array: np.ndarray) -> Rows:
    """The doubles as they are."""
    return [[mpmath.mpc(complex(entry)) for entry in row] for row in array]


def product(A: Rows, B: Rows) -> Rows:
    return [
        [mp.fsum(x * y for x, y in zip(row, column, strict=True)) for column in zip(*B, strict=True)]
        for row in A
    ]


def dagger(A: Rows) -> Rows:
    return [[mp.conj(entry) for entry in column] for column in zip(*A, strict=True)]


def clusters(
    values: Sequence[Real], tolerance: Real, unclear: tuple[Real, Real]
) -> tuple[list[list[int]], bool]:
    """Indices of values that lie together, ascending, and whether a gap may count as either.

    Args:
        unclear: from and up to which gap that is so.
    """
    order = sorted(range(len(values)), key=lambda n: values[n])
    found, ambiguous = [[order[0]]], False
    for before, n in pairwise(order):
        gap = values[n] - values[before]
        ambiguous |= bool(unclear[0] < gap < unclear[1])
        if gap > tolerance:
            found.append([])
        found[-1].append(n)
    return found, ambiguous


def _mean(values: Sequence[Real]) -> Real:
    return mp.fsum(values) / len(values)


def _norm(H: Rows) -> Real:
    """The largest sum of a row."""
    return max(mp.fsum(abs(entry) for entry in row) for row in H)


def centred(H: Rows) -> Rows:
    """H without its mean energy."""
    d = len(H)
    mean = mp.fsum(H[i][i].real for i in range(d)) / d
    return [[H[i][j] - (mean if i == j else 0) for j in range(d)] for i in range(d)]


def eigen(H: Rows) -> tuple[list[Real], Rows]:
    """Eigenvalues, ascending, and eigenvectors as columns; of a diagonal H they are exact."""
    d = len(H)
    if all(H[i][j] == 0 for i in range(d) for j in range(d) if i != j):
        order = sorted(range(d), key=lambda i: H[i][i].real)
        one = [[Complex(1 if order[j] == i else 0) for j in range(d)] for i in range(d)]
        return [H[i][i].real for i in order], one
    E, V = mp.eighe(mp.matrix(H))
    return list(E), [[V[i, j] for j in range(d)] for i in range(d)]


def find_levels(H: Rows, secular_tol: Real | None) -> Levels:
    about = centred(H)
    d = len(H)
    own, vectors = eigen(about)
    roundoff = Real(TOLERANCE) * _norm(about)
    # Closer energies may be equal ones whose H was rounded.
    rounded = Real(AMBIGUOUS * EPS) * _norm(H)
    unclear = roundoff / AMBIGUOUS, max(roundoff * AMBIGUOUS, rounded)
    tolerance = roundoff if secular_tol is None else secular_tol
    equal, ambiguous = clusters(own, min(roundoff, tolerance), unclear)
    if secular_tol is not None:
        unclear = tolerance * (1 - Real(KNOWN)), tolerance * (1 + Real(KNOWN))
    energies = list(own)
    for members in equal:
        for i in members:
            energies[i] = _mean([own[j] for j in members])
    members, near = clusters(energies, tolerance, unclear)
    pairs = [(i, j) for i in range(d) for j in range(i, d)]
    omegas = [energies[j] - energies[i] for i, j in pairs]
    both = omegas + [-omega for omega in omegas]
    groups, close = clusters(both, tolerance, unclear)
    omega, group = [[Real(0)] * d for _ in range(d)], [[0] * d for _ in range(d)]
    means = [_mean([both[n] for n in own_members]) for own_members in groups]
    label = {n: number for number, own_members in enumerate(groups) for n in own_members}
    for n, (i, j) in enumerate(pairs):
        ahead, back = label[n], label[n + len(pairs)]
        value = Real(0) if ahead == back else means[ahead]
        omega[i][j], omega[j][i] = value, -value
        group[i][j], group[j][i] = ahead, back
    either = ambiguous or near or close
    gaps = [after - before for before, after in pairwise(sorted(energies)) if after > before]
    mixing = float(rounded / min(gaps)) if gaps else 0.0
    return Levels(own, energies, vectors, members, equal, omega, group, either, mixing)
