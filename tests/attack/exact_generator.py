"""The generators in mpmath, between the eigenstates of H, from rates and elements of the jump operators.

Nothing here calls the package.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from attack.exact_levels import Complex, Levels, Real, Rows, dagger, mp, product
from attack.systems import DRUDE, FAMILY, FLAT, OHMIC

# A coupling's element at frequency 0, relative to its largest, that surely drives a divergent rate, and
# one that surely is round-off of the basis in which the coupling is written.
DRIVES, ROUNDOFF = 1e-8, 1e-15


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


def rate(kind: int, parameters: Sequence[Real], T: Real, omega: Real, spontaneous: bool = True) -> Real:
    """gamma(omega): emission into the bath for omega > 0."""
    if omega == 0:
        return at_zero(kind, parameters, T)
    n = Real(0) if T == 0 else 1 / mp.expm1(abs(omega) / T)
    return density(kind, parameters, abs(omega)) * (n + 1 if omega > 0 and spontaneous else n)


# --- the elements of jump operators


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
    """The elements of one bath, and whether one of them has a rate that diverges.

    Attributes:
        unmet: the norm of what meets a rate that diverges, 0 or round-off where it does not matter.
    """

    elements: list[Element]
    diverges: bool = False
    may_diverge: bool = False
    unmet: Real = field(default_factory=Real)


def driven(
    kind: int, parameters: Sequence[Real], T: Real, S: Rows, levels: Levels, spontaneous: bool = True
) -> Driven:
    """S between the eigenstates of the levels."""
    d = len(S)
    size = max(abs(entry) for row in S for entry in row)
    found = Driven([])
    for a in range(d):
        for c in range(d):
            if S[a][c] == 0:
                continue
            gamma = rate(kind, parameters, T, levels.omega[a][c], spontaneous)
            if mp.isinf(gamma):
                # Of strength 0 it may count as a bath that does nothing, or as one that diverges.
                relative = abs(S[a][c]) / size
                found.diverges |= bool(relative > max(DRIVES, levels.mixing) and parameters[0] > 0)
                found.may_diverge |= bool(relative > ROUNDOFF)
                found.unmet = mp.hypot(found.unmet, abs(S[a][c]))
                continue
            found.elements.append(Element(a, c, S[a][c], gamma, levels.group[a][c]))
    return found


def turned(bath: Driven, R: Rows) -> Driven:
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
    return Driven(elements, bath.diverges, bath.may_diverge, bath.unmet)


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
