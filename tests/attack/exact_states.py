"""Steady states of drawn systems with as many digits as they take: mpmath, and nothing of the package.

The generator of all d^2 elements of rho is made of explicit jump operators, and elimination with full
pivoting finds its null space.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from attack.exact_generator import Driven, Generator, dissipator, driven, heat, seen_from, total, turned
from attack.exact_levels import Complex, Levels, Real, Rows, as_rows, dagger, find_levels, mp, product
from attack.systems import Draw


@dataclass(frozen=True)
class Numbers:
    """A system as exact numbers: H (d, d), couplings (K, d, d), T (K,), parameters (K, 3)."""

    H: Rows
    couplings: list[Rows]
    T: list[Real]
    parameters: list[tuple[Real, Real, Real]]
    secular_tol: Real | None = None
    local: Rows | None = None


@dataclass(frozen=True)
class Exact:
    """What is right.

    Attributes:
        dimension: of the null space of the generator.
        rho: the steady state in the given basis, None unless it is unique.
        levels: of H.
        populations: Tr[P rho] of each level.
        currents: heat currents.
        gross: the energy that all jumps carry in unit time, which a current of 0 is small against.
        diverges, may_diverge: whether a bath drives a divergent rate, surely or perhaps.
        unmet: of each bath, the norm of its elements that a divergent rate would meet.
        slowest: the smallest pivot that is not 0, relative to the largest.
        span: how many decades the rates that are not 0 span.
    """

    dimension: int
    rho: Rows | None
    levels: Levels
    populations: list[Real] = field(default_factory=list)
    currents: list[Real] = field(default_factory=list)
    gross: Real = field(default_factory=Real)
    diverges: bool = False
    may_diverge: bool = False
    unmet: list[Real] = field(default_factory=list)
    slowest: float = 1.0
    span: float = 0.0


def in_given_basis(exact: Exact) -> np.ndarray:
    """The steady state in doubles, (d, d)."""
    assert exact.rho is not None
    return np.array([[complex(entry) for entry in row] for row in exact.rho])


def numbers_of(draw: Draw) -> Numbers:
    return Numbers(
        as_rows(draw.H),
        [as_rows(bath.coupling) for bath in draw.baths],
        [Real(bath.T) for bath in draw.baths],
        [tuple(map(Real, bath.parameters)) for bath in draw.baths],
        None if draw.secular_tol is None else Real(draw.secular_tol),
        None if draw.local is None else as_rows(draw.local),
    )


def size_of(value: Complex) -> Real:
    return max(abs(value.real), abs(value.imag))


def components(L: Generator) -> list[list[tuple[int, int]]]:
    """Elements of rho that drive each other, directly or through others."""
    home = {element: element for element in L}

    def root(element: tuple[int, int]) -> tuple[int, int]:
        while home[element] != element:
            element = home[element]
        return element

    for fed, row in L.items():
        for feeding, value in row.items():
            if value != 0:
                home[root(fed)] = root(feeding)
    found: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for element in L:
        found.setdefault(root(element), []).append(element)
    return list(found.values())


def null_space(A: Rows, largest: Real) -> tuple[int, list[Complex], Real]:
    """Dimension of the null space, one vector of it, and the smallest pivot that is not 0.

    A pivot below 10^(40 - digits) of the largest element of the whole generator is 0.
    """
    n = len(A)
    A = [list(row) for row in A]
    columns, pivots = _eliminate(A, largest * Real(10) ** (40 - mp.dps))
    rank, smallest = len(pivots), min([largest, *pivots])
    if rank == n:
        return 0, [], smallest
    x = [Complex(0)] * n
    x[rank] = Complex(1)
    for k in range(rank - 1, -1, -1):
        x[k] = -mp.fsum(A[k][m] * x[m] for m in range(k + 1, rank + 1)) / A[k][k]
    vector = [Complex(0)] * n
    for position, column in enumerate(columns):
        vector[column] = x[position]
    return n - rank, vector, smallest


def _eliminate(A: Rows, least: Real) -> tuple[list[int], list[Real]]:
    """Bring A, in place, to triangular form; the order of its columns then, and its pivots' sizes."""
    n = len(A)
    columns, pivots = list(range(n)), []
    for k in range(n):
        places = ((i, j) for i in range(k, n) for j in range(k, n))
        i, j = max(places, key=lambda place: size_of(A[place[0]][place[1]]))
        if size_of(A[i][j]) <= least:
            break
        pivots.append(size_of(A[i][j]))
        A[k], A[i] = A[i], A[k]
        columns[k], columns[j] = columns[j], columns[k]
        for row in A:
            row[k], row[j] = row[j], row[k]
        for row in A[k + 1 :]:
            if row[k] != 0:
                _subtract(row, A[k], k)
    return columns, pivots


def _subtract(row: list[Complex], pivot: list[Complex], k: int) -> None:
    """Take as much of the pivot's row away as makes entry k of a row 0."""
    factor = row[k] / pivot[k]
    row[k] = Complex(0)
    for m in range(k + 1, len(row)):
        if pivot[m] != 0:
            row[m] -= factor * pivot[m]


def digits_of(draw: Draw) -> int:
    """Enough for rates that far apart, squares of round-off, and their products."""
    spread = float(
        np.ptp(np.linalg.eigvalsh(draw.H - np.trace(draw.H) / draw.dimension * np.eye(draw.dimension)))
    )
    cold = [spread / bath.T * 0.45 for bath in draw.baths if bath.T > 0]
    strengths = [bath.parameters[0] for bath in draw.baths if bath.parameters[0] > 0]
    decades = np.log10(max(strengths) / min(strengths)) if strengths else 0.0
    return int(150 + 2 * decades + 3 * min(max(cold, default=0.0), 360.0))


def steady(draw: Draw, digits: int | None = None) -> Exact:
    """The exact steady state of a draw."""
    with mp.workdps(digits or digits_of(draw)):
        return solve(draw, numbers_of(draw))


def baths_of(draw: Draw, numbers: Numbers, levels: Levels, own: Levels) -> list[Driven]:
    """What each bath drives, between the eigenstates of H.

    Args:
        own: the levels between which it acts: those of H, or of H without interactions.
    """
    found = [
        driven(bath.kind, parameters, T, seen_from(own.vectors, S), own, bath.spontaneous)
        for bath, parameters, T, S in zip(
            draw.baths, numbers.parameters, numbers.T, numbers.couplings, strict=True
        )
    ]
    if own is not levels:
        R = product(dagger(levels.vectors), own.vectors)
        found = [turned(bath, R) for bath in found]
    return found


def solve(draw: Draw, numbers: Numbers, levels: Levels | None = None) -> Exact:
    """The steady state of exact numbers, at the working precision.

    Args:
        levels: of H, by default those that the tolerance makes.
    """
    if levels is None:
        own_tolerance = numbers.secular_tol if draw.generator != "local" else None
        levels = find_levels(numbers.H, own_tolerance)
    own = levels
    if numbers.local is not None and draw.generator == "local":
        own = find_levels(numbers.local, None)
        levels = replace(levels, ambiguous=levels.ambiguous or own.ambiguous)
    baths = baths_of(draw, numbers, levels, own)
    diverges = any(bath.diverges for bath in baths)
    may_diverge = any(bath.may_diverge for bath in baths)
    if diverges:
        return Exact(0, None, levels, diverges=True, may_diverge=True)
    d = draw.dimension
    parts = [dissipator(bath, d, draw.generator != "redfield") for bath in baths]
    L = total(parts, levels.energies)
    entries = [size_of(value) for row in L.values() for value in row.values() if value != 0]
    largest = max(entries, default=Real(1))
    rho = [[Complex(0)] * d for _ in range(d)]
    dimension, slowest = 0, largest
    for elements in components(L):
        matrix = [[L[fed].get(feeding, Complex(0)) for feeding in elements] for fed in elements]
        nullity, vector, smallest = null_space(matrix, largest)
        dimension, slowest = dimension + nullity, min(slowest, smallest)
        for (a, b), value in zip(elements, vector, strict=False):
            rho[a][b] = value
    sizes = [x.rate * abs(x.value) ** 2 for bath in baths for x in bath.elements if x.rate > 0]
    span = float(mp.log10(max(sizes) / min(sizes))) if sizes else 0.0
    common = {
        "may_diverge": may_diverge,
        "unmet": [bath.unmet for bath in baths],
        "slowest": float(slowest / largest),
        "span": span,
    }
    if dimension != 1:
        return Exact(dimension, None, levels, **common)
    trace = mp.fsum(rho[a][a] for a in range(d))
    rho = [[entry / trace for entry in row] for row in rho]
    V = levels.vectors
    populations = [mp.fsum(rho[i][i].real for i in members) for members in levels.members]
    currents = [heat(part, rho, levels.energies) for part in parts]
    gross = mp.fsum(
        abs((levels.energies[x.c] - levels.energies[x.a]) * x.rate * rho[x.c][x.c].real)
        * abs(x.value) ** 2
        for bath in baths
        for x in bath.elements
    )
    given = product(V, product(rho, dagger(V)))
    return Exact(1, given, levels, populations, currents, gross, **common)
