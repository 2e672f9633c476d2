"""Steady states of drawn systems with as many digits as they take: mpmath, and nothing of the package.

H is diagonalised as it stands, its doubles taken as exact numbers. Bohr frequencies are grouped by the
documented tolerance, the generator of all d^2 elements is made of the jump operators' elements, and
elimination with full pivoting finds its null space.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np

from attack.systems import DRUDE, FAMILY, FLAT, OHMIC, TOLERANCE, Bath, Draw

mp = mpmath.mp
Real = mpmath.mpf
Complex = mpmath.mpc
Rows = list[list[Any]]

# A distance within this factor of the tolerance may count as equal or as different.
AMBIGUOUS = 30.0

# A tolerance that is given is known to this.
KNOWN = 1e-6

# Of doubles.
EPS = 2.2e-16

# A coupling's element at frequency 0, relative to its largest, that surely drives a divergent rate, and
# one that surely is round-off of the basis in which the coupling is written.
DRIVES, ROUNDOFF = 1e-8, 1e-15


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
    """

    own: list[Real]
    energies: list[Real]
    vectors: Rows
    members: list[list[int]]
    equal: list[list[int]]
    omega: Rows
    group: list[list[int]]
    ambiguous: bool


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
        slowest: the smallest pivot that is not 0, relative to the largest.
        span: how many decades the rates that are not 0 span.
    """

    dimension: int
    rho: Rows | None
    levels: Levels
    populations: list[Real] = field(default_factory=list)
    currents: list[Real] = field(default_factory=list)
    gross: Real = Real(0)
    diverges: bool = False
    may_diverge: bool = False
    slowest: float = 1.0
    span: float = 0.0


def as_rows(array: np.ndarray) -> Rows:
    """The doubles as they are."""
    return [[mpmath.mpc(complex(entry)) for entry in row] for row in array]


def numbers_of(draw: Draw) -> Numbers:
    return Numbers(
        as_rows(draw.H),
        [as_rows(bath.coupling) for bath in draw.baths],
        [Real(bath.T) for bath in draw.baths],
        [tuple(map(Real, bath.parameters)) for bath in draw.baths],
        None if draw.secular_tol is None else Real(draw.secular_tol),
        None if draw.local is None else as_rows(draw.local),
    )


# --- rates


def density(kind: int, parameters: Sequence[Real], omega: Real) -> Real:
    """J(omega) for omega > 0."""
    a, b, c = parameters
    if kind == FLAT:
        return a
    if kind == OHMIC:
        return a * omega
    if kind == FAMILY:
        return a * c * (omega / c) ** b * mp.exp(-omega / c)
    if kind == DRUDE:
        return 2 * a * b * omega / (omega**2 + b**2)
    return a**2 * b * omega / ((c**2 - omega**2) ** 2 + (b * omega) ** 2)


def at_zero(kind: int, parameters: Sequence[Real], T: Real) -> Real:
    """lim J(omega) T/omega for omega -> 0."""
    a, b, c = parameters
    if kind == FLAT or (kind == FAMILY and b < 1):
        return mp.inf
    if kind == OHMIC or (kind == FAMILY and b == 1):
        return a * T
    if kind == FAMILY:
        return Real(0)
    return 2 * a / b * T if kind == DRUDE else a**2 * b / c**4 * T


def rate(kind: int, parameters: Sequence[Real], T: Real, omega: Real) -> Real:
    """gamma(omega): emission into the bath for omega > 0."""
    if omega == 0:
        return at_zero(kind, parameters, T)
    n = Real(0) if T == 0 else 1 / mp.expm1(abs(omega) / T)
    return density(kind, parameters, abs(omega)) * (n + 1 if omega > 0 else n)


# --- levels


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
    return Levels(own, energies, vectors, members, equal, omega, group, either)


# --- the generator, between the eigenstates of H


def product(A: Rows, B: Rows) -> Rows:
    return [
        [mp.fsum(x * y for x, y in zip(row, column, strict=True)) for column in zip(*B, strict=True)]
        for row in A
    ]


def dagger(A: Rows) -> Rows:
    return [[mp.conj(entry) for entry in column] for column in zip(*A, strict=True)]


def seen_from(V: Rows, S: Rows) -> Rows:
    """V^dag S V, without what is round-off of the digits."""
    rotated = product(dagger(V), product(S, V))
    size = max((abs(entry) for row in S for entry in row), default=Real(0))
    least = size * Real(10) ** (20 - mp.dps)
    return [[entry if abs(entry) > least else Complex(0) for entry in row] for row in rotated]


@dataclass(frozen=True)
class Element:
    """An element A_ac of a jump operator c -> a, its rate, and the group that it acts together with."""

    a: int
    c: int
    value: Complex
    rate: Real
    group: int


@dataclass
class Driven:
    """The elements of one bath, and whether one of them has a rate that diverges."""

    elements: list[Element]
    diverges: bool = False
    may_diverge: bool = False


def driven(kind: int, parameters: Sequence[Real], T: Real, S: Rows, levels: Levels) -> Driven:
    """S between the eigenstates of the levels."""
    d = len(S)
    size = max(abs(entry) for row in S for entry in row)
    found = Driven([])
    for a in range(d):
        for c in range(d):
            if S[a][c] == 0:
                continue
            gamma = rate(kind, parameters, T, levels.omega[a][c])
            if mp.isinf(gamma):
                # Of strength 0 it may count as a bath that does nothing, or as one that diverges.
                relative = abs(S[a][c]) / size
                found.diverges |= bool(relative > DRIVES and parameters[0] > 0)
                found.may_diverge |= bool(relative > ROUNDOFF)
                continue
            found.elements.append(Element(a, c, S[a][c], gamma, levels.group[a][c]))
    return found


def _turned(bath: Driven, R: Rows) -> Driven:
    """Each group's operator seen from another basis."""
    d = len(R)
    elements = []
    for group in {element.group for element in bath.elements}:
        own = [element for element in bath.elements if element.group == group]
        A = [[Complex(0)] * d for _ in range(d)]
        for element in own:
            A[element.a][element.c] += element.value
        A = seen_from(dagger(R), A)
        gamma = own[0].rate
        elements += [
            Element(a, c, A[a][c], gamma, group) for a in range(d) for c in range(d) if A[a][c] != 0
        ]
    return Driven(elements, bath.diverges, bath.may_diverge)


Generator = dict[tuple[int, int], dict[tuple[int, int], Complex]]


def dissipator(bath: Driven, d: int, secular: bool) -> Generator:
    """d rho_ab/dt = sum_cd L[ab][cd] rho_cd of one bath; Redfield's if not secular."""
    L: Generator = {(a, b): {} for a in range(d) for b in range(d)}
    decay = [[Complex(0)] * d for _ in range(d)]
    for x in bath.elements:
        for y in bath.elements:
            if secular and x.group != y.group:
                continue
            row = L[x.a, y.a]
            fed = (x.rate + y.rate) / 2 * x.value * mp.conj(y.value)
            row[x.c, y.c] = row.get((x.c, y.c), 0) + fed
            if x.a == y.a:  # S^dag_{y.c, a} gamma(a, x.c) S_{a, x.c}
                decay[y.c][x.c] += mp.conj(y.value) * x.rate * x.value / 2
    for a in range(d):
        for b in range(d):
            row = L[a, b]
            for c in range(d):
                row[c, b] = row.get((c, b), 0) - decay[a][c]
                row[a, c] = row.get((a, c), 0) - mp.conj(decay[b][c])
    return L


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

    Elimination with full pivoting; a pivot below 10^(40 - digits) of the largest element of the whole
    generator is 0.
    """
    n = len(A)
    A = [list(row) for row in A]
    columns = list(range(n))
    least = largest * Real(10) ** (40 - mp.dps)
    smallest = largest
    rank = n
    for k in range(n):
        size, i, j = max(
            ((_size(A[i][j]), i, j) for i in range(k, n) for j in range(k, n)), key=lambda t: t[0]
        )
        if size <= least:
            rank = k
            break
        smallest = min(smallest, size)
        A[k], A[i] = A[i], A[k]
        if j != k:
            columns[k], columns[j] = columns[j], columns[k]
            for row in A:
                row[k], row[j] = row[j], row[k]
        pivot = A[k]
        for i in range(k + 1, n):
            if A[i][k] != 0:
                factor = A[i][k] / pivot[k]
                own = A[i]
                for m in range(k + 1, n):
                    if pivot[m] != 0:
                        own[m] -= factor * pivot[m]
                own[k] = Complex(0)
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


def _size(value: Complex) -> Real:
    return max(abs(value.real), abs(value.imag))


# --- the steady state


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


def baths_of(draw: Draw, numbers: Numbers, levels: Levels) -> list[Driven]:
    """What each bath drives, between the eigenstates of H."""
    local = numbers.local is not None and draw.generator == "local"
    own = find_levels(numbers.local, None) if local else levels
    kinds = [bath.kind for bath in draw.baths]
    found = [
        driven(kind, parameters, T, seen_from(own.vectors, S), own)
        for kind, parameters, T, S in zip(
            kinds, numbers.parameters, numbers.T, numbers.couplings, strict=True
        )
    ]
    if local:
        R = product(dagger(levels.vectors), own.vectors)
        found = [_turned(bath, R) for bath in found]
    return found


def solve(draw: Draw, numbers: Numbers, levels: Levels | None = None) -> Exact:
    """The steady state of exact numbers, at the working precision.

    Args:
        levels: of H, by default those that the tolerance makes.
    """
    if levels is None:
        own_tolerance = numbers.secular_tol if draw.generator != "local" else None
        levels = find_levels(numbers.H, own_tolerance)
    baths = baths_of(draw, numbers, levels)
    diverges = any(bath.diverges for bath in baths)
    may_diverge = any(bath.may_diverge for bath in baths)
    if diverges:
        return Exact(0, None, levels, diverges=True, may_diverge=True)
    d = draw.dimension
    parts = [dissipator(bath, d, draw.generator != "redfield") for bath in baths]
    L = total(parts, levels.energies)
    entries = [_size(value) for row in L.values() for value in row.values() if value != 0]
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


def total(parts: Sequence[Generator], energies: Sequence[Real]) -> Generator:
    """The sum of the baths' parts and -i [H, .]."""
    d = len(energies)
    L: Generator = {}
    for a in range(d):
        for b in range(d):
            row: dict[tuple[int, int], Complex] = {}
            for part in parts:
                for feeding, value in part[a, b].items():
                    row[feeding] = row.get(feeding, 0) + value
            if energies[a] != energies[b]:
                row[a, b] = row.get((a, b), 0) - Complex(0, 1) * (energies[a] - energies[b])
            L[a, b] = row
    return L


def heat(part: Generator, rho: Rows, energies: Sequence[Real]) -> Real:
    """-Tr[L_k(rho) H]."""
    return -mp.fsum(
        energies[a] * (value * rho[c][d]).real
        for a in range(len(energies))
        for (c, d), value in part[a, a].items()
    )


def perturbed(draw: Draw, eps: float = EPS, seed: int = 0) -> Draw:
    """The same system with its numbers off by round-off: what doubles can tell of it.

    Where H is diagonal, its eigenvectors are exact, and zeros of the couplings stay zeros.
    """
    rng = np.random.default_rng(seed)
    d = draw.dimension
    exact_basis = all(
        np.count_nonzero(H - np.diag(np.diag(H))) == 0 for H in (draw.H, draw.local) if H is not None
    )

    def moved(A: np.ndarray, size: float) -> np.ndarray:
        noise = rng.normal(size=(2, d, d))
        noise = noise[0] + 1j * noise[1]
        noise = (noise + noise.conj().T) / 2
        return A + eps * (noise * np.abs(A) if exact_basis else size * noise)

    def bath_moved(bath: Bath) -> Bath:
        factor = 1 + eps * rng.normal(size=4)
        S = moved(bath.coupling, float(np.abs(bath.coupling).max()))
        parameters = tuple(float(p * f) for p, f in zip(bath.parameters, factor, strict=False))
        if bath.kind == FAMILY and bath.parameters[1] in (1.0, 2.0, 3.0):
            parameters = (parameters[0], bath.parameters[1], parameters[2])
        return Bath(S, float(bath.T * factor[3]), bath.kind, parameters)

    spread = float(np.abs(draw.H - np.trace(draw.H) / d * np.eye(d)).max())
    H = draw.H if exact_basis else moved(draw.H, spread)
    local = draw.local if exact_basis or draw.local is None else moved(draw.local, spread)
    return replace(draw, H=H, local=local, baths=tuple(bath_moved(bath) for bath in draw.baths))
