"""Steady states with as many digits as it takes: mpmath, from the exact values of the doubles.

Nothing here calls the package. Two of them: the paper's chain from its closed-form modes, and any small
system from level projectors of a high-precision eigendecomposition. Both solve their linear system by
LU, with so many digits that its cancellations do not matter.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import mpmath
import numpy as np

from oracles import exact_rate

mp = mpmath.mp
Real = mpmath.mpf

# e^{-omega/T} of the coldest chain is 1e-313, and products of two of them stand in the elimination.
CHAIN_DIGITS = 900
DIGITS = 80

# Below this, doubles lose digits.
SMALLEST = 1e-300

# Energies of exact degeneracy, once rounded to doubles, are 1e-16 apart; different ones 1e-6 or more.
SAME_LEVEL = 1e-12

# A jump operator below this is the round-off of a zero, seen from a rotated basis.
NOTHING = 1e-10

ExactRate = Callable[[Real], Real]


@dataclass(frozen=True)
class Flows:
    """A steady state's populations and what it carries.

    `gross` is the sum of |omega| times both rates of every transition of a bath: the size of what
    cancels in its current.
    """

    populations: list[Real]
    currents: list[Real]
    gross: list[Real]

    @property
    def uncancelled(self) -> list[int]:
        """Baths of which the current is more than 1 % of the flows that make it, if not negligible."""
        both = zip(self.currents, self.gross, strict=True)
        return [k for k, (J, gross) in enumerate(both) if abs(J) > max(gross / 100, SMALLEST)]


def relative_errors(values: np.ndarray, exact: Sequence[Real], above: float) -> np.ndarray:
    """|value/exact - 1| where |exact| is above the threshold, else 0."""
    with mp.workdps(40):
        return np.array(
            [
                float(abs(Real(float(value)) / true - 1)) if abs(true) > above else 0.0
                for value, true in zip(values, exact, strict=True)
            ]
        )


# --- the chain


@cache
def chain(sites: int, g: float, T_L: float, T_R: float, digits: int = CHAIN_DIGITS) -> Flows:
    """The chain at h = rate = 1, flat baths; populations of |g_1>, ..., |g_N>, then of the modes.

    Modes psi_m(k) = sqrt(2/(N+1)) sin(m k pi/(N+1)), E_m = 1 + 2 g cos(m pi/(N+1)), ascending for g > 0.
    """
    with mp.workdps(digits):
        angle = mp.pi / (sites + 1)
        T = [Real(T_L) + (Real(T_R) - Real(T_L)) * k / (sites - 1) for k in range(sites)]
        modes = range(sites, 0, -1)
        E = [1 + 2 * Real(g) * mp.cos(m * angle) for m in modes]
        down, up = mp.matrix(sites), mp.matrix(sites)
        for k in range(sites):
            for n, m in enumerate(modes):
                overlap = 2 * mp.sin(m * (k + 1) * angle) ** 2 / (sites + 1)
                down[k, n] = overlap * exact_rate(Real(1), E[n], T[k])
                up[k, n] = overlap * exact_rate(Real(1), -E[n], T[k])
        W = mp.matrix(2 * sites)
        W[:sites, sites:], W[sites:, :sites] = down, up.T
        p = stationary(W)
        flows = [
            [(E[n] * down[k, n] * p[sites + n], E[n] * up[k, n] * p[k]) for n in range(sites)]
            for k in range(sites)
        ]
        return Flows(
            p,
            [mp.fsum(lost - gained for lost, gained in own) for own in flows],
            [mp.fsum(abs(lost) + abs(gained) for lost, gained in own) for own in flows],
        )


def stationary(W: mpmath.matrix) -> list[Real]:
    """Stationary distribution of the rates W_ij of j -> i, with the diagonal to be filled in.

    What is zero comes out of LU as 10^-digits or so.
    """
    n = W.rows
    for j in range(n):
        W[j, j] = -mp.fsum(W[i, j] for i in range(n) if i != j)
    right = mp.matrix(n, 1)
    right[0] = 1
    for j in range(n):
        W[0, j] = 1
    p = list(mp.lu_solve(W, right))
    return [value if abs(value) > Real(10) ** (-mp.dps // 2) else Real(0) for value in p]


# --- any small system


@dataclass(frozen=True)
class Exact:
    """Steady state in the basis in which H was given, its currents, and the levels of H.

    Attributes:
        rho: (d, d).
        levels: energy and projector of each, ascending.
        currents: -Tr[L_k(rho) H].
    """

    rho: mpmath.matrix
    levels: list[tuple[Real, mpmath.matrix]]
    currents: list[Real]

    @property
    def populations(self) -> list[Real]:
        """Tr[P rho] of each level."""
        with mp.workdps(DIGITS):
            return [trace(P * self.rho).real for _, P in self.levels]


def exact_matrix(array: np.ndarray) -> mpmath.matrix:
    """The doubles as they are."""
    return mp.matrix([[mpmath.mpc(complex(entry)) for entry in row] for row in array])


def trace(A: mpmath.matrix) -> mpmath.mpc:
    return mp.fsum(A[i, i] for i in range(A.rows))


def _clusters(values: Sequence[Real]) -> list[list[int]]:
    """Indices of values that lie together."""
    order = sorted(range(len(values)), key=lambda n: values[n])
    found = [[order[0]]]
    for before, n in pairwise(order):
        if values[n] - values[before] > SAME_LEVEL:
            found.append([])
        found[-1].append(n)
    return found


def _mean(values: Sequence[Real]) -> Real:
    return mp.fsum(values) / len(values)


def levels_of(H: np.ndarray) -> list[tuple[Real, mpmath.matrix]]:
    E, V = mp.eighe(exact_matrix(H))
    return [
        (
            _mean([E[n] for n in members]),
            sum((V[:, n] * V[:, n].H for n in members), mp.zeros(len(H))),
        )
        for members in _clusters(list(E))
    ]


def jumps_between(
    levels: list[tuple[Real, mpmath.matrix]], S: mpmath.matrix
) -> list[tuple[Real, mpmath.matrix]]:
    """(omega, A(omega)), A(omega) = sum P_E S P_E' over E' - E = omega; those that vanish left out."""
    pairs = [(low, high) for low in levels for high in levels]
    omegas = [high[0] - low[0] for low, high in pairs]
    found = []
    for members in _clusters(omegas):
        omega = _mean([omegas[n] for n in members])
        A = sum((pairs[n][0][1] * S * pairs[n][1][1] for n in members), mp.zeros(S.rows))
        if mp.norm(A, 1) > NOTHING:
            found.append((Real(0) if abs(omega) < SAME_LEVEL else omega, A))
    return found


def dissipator(jumps: list[tuple[Real, mpmath.matrix]], d: int) -> mpmath.matrix:
    """sum_n gamma_n D[A_n] on column-stacked matrices."""
    L, loss = mp.zeros(d * d), mp.zeros(d)
    for gamma, A in jumps:
        loss += gamma * (A.H * A)
        elements = [(a, i, A[a, i]) for a in range(d) for i in range(d)]
        for b, j, right in elements:
            weight = gamma * mp.conj(right)
            for a, i, left in elements:
                L[b * d + a, j * d + i] += left * weight
    for a in range(d):
        for b in range(d):
            for i in range(d):
                L[b * d + a, b * d + i] -= loss[a, i] / 2
                L[b * d + a, i * d + a] -= loss[i, b] / 2
    return L


def steady(
    H: np.ndarray, couplings: Sequence[np.ndarray], rates: Sequence[ExactRate], digits: int = DIGITS
) -> Exact:
    """The steady state of the global master equation, if it is unique.

    -i [H, .] is that of the levels: states of one level do not turn against each other.
    """
    d = len(H)
    with mp.workdps(digits):
        levels = levels_of(H)
        baths = []
        for S, rate in zip(couplings, rates, strict=True):
            jumps = jumps_between(levels, exact_matrix(S))
            baths.append(dissipator([(rate(omega), A) for omega, A in jumps], d))
        clustered = sum((E * P for E, P in levels), mp.zeros(d))
        L = sum(baths, mp.zeros(d * d))
        for a in range(d):
            for b in range(d):
                for i in range(d):
                    L[b * d + a, b * d + i] -= 1j * clustered[a, i]
                    L[b * d + a, i * d + a] += 1j * clustered[i, b]
        # The populations' equations add up to 0, in every basis: one of them may go.
        right = mp.matrix(d * d, 1)
        right[0] = 1
        for n in range(d * d):
            L[0, n] = 1 if n % (d + 1) == 0 else 0
        stacked = mp.lu_solve(L, right)
        rho = mp.matrix(d)
        for n in range(d * d):
            rho[n % d, n // d] = stacked[n]
        currents = []
        for bath in baths:
            change = bath * stacked
            flow = mp.matrix(d)
            for n in range(d * d):
                flow[n % d, n // d] = change[n]
            currents.append(-trace(flow * clustered).real)
        return Exact(rho, levels, currents)
