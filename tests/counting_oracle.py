"""Full counting statistics of rate equations with as many digits as it takes.

Nothing here calls the package but to build a system: currents and noise by the group inverse, and the
largest eigenvalue of the tilted rate matrix.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import jax.numpy as jnp
import mpmath
import numpy as np

import qthermo_jax as qj
from exact import dissipator, exact_matrix, jumps_between, levels_of, stationary
from oracles import exact_rate

mp = mpmath.mp
DIGITS = 120


@dataclass(frozen=True)
class Network:
    """Levels that baths connect: energies (d,), couplings (K, d, d) without diagonal, T (K,), J (K,)."""

    energies: np.ndarray
    couplings: np.ndarray
    T: np.ndarray
    J: np.ndarray

    @property
    def system(self) -> qj.OpenSystem:
        baths = [
            # An array of JAX: the zeros of one of numpy are structure, and would be compiled each anew.
            qj.Bath(jnp.asarray(S), float(T), qj.Flat(float(J)))
            for S, T, J in zip(self.couplings, self.T, self.J, strict=True)
        ]
        return qj.OpenSystem(np.diag(self.energies), baths)

    def rates(self, k: int, T: mpmath.mpf | None = None) -> mpmath.matrix:
        """Those of bath k, from column to row."""
        d = len(self.energies)
        E = [mpmath.mpf(float(energy)) for energy in self.energies]
        T = mpmath.mpf(float(self.T[k])) if T is None else T
        W = mp.matrix(d)
        for i in range(d):
            for j in range(d):
                if i != j and self.couplings[k, i, j] != 0:
                    strength = mpmath.mpf(float(self.couplings[k, i, j])) ** 2
                    W[i, j] = strength * exact_rate(mpmath.mpf(float(self.J[k])), E[j] - E[i], T)
        return W

    def given(self, i: int, j: int) -> mpmath.mpf:
        """Energy of the jump j -> i."""
        return mpmath.mpf(float(self.energies[j])) - mpmath.mpf(float(self.energies[i]))

    def noise(self, T: Sequence[mpmath.mpf] | None = None) -> tuple[list[mpmath.mpf], mpmath.matrix]:
        """J_k and S_kl: S = 1 W'' p - 1 W'_k R W'_l p - 1 W'_l R W'_k p, R the group inverse."""
        d, K = len(self.energies), len(self.T)
        each = [self.rates(k, None if T is None else T[k]) for k in range(K)]
        W = mp.matrix(d)
        for own in each:
            W += own
        p = mp.matrix(stationary(W))  # fills in the diagonal
        bordered = W.copy()
        for j in range(d):
            bordered[0, j] = 1
        powers = [[mp.matrix(d) for _ in range(3)] for _ in range(K)]
        for k, own in enumerate(each):
            for n in range(3):
                for i in range(d):
                    for j in range(d):
                        powers[k][n][i, j] = own[i, j] * self.given(i, j) ** n
        first = [powers[k][1] * p for k in range(K)]
        J = [mp.fsum(first[k]) for k in range(K)]
        moved = []
        for k in range(K):
            right = first[k] - J[k] * p
            right[0] = 0
            moved.append(mp.lu_solve(bordered, right))
        S = mp.matrix(K)
        for k in range(K):
            for n in range(K):
                S[k, n] = -mp.fsum(powers[k][1] * moved[n]) - mp.fsum(powers[n][1] * moved[k])
            S[k, k] += mp.fsum(powers[k][2] * p)
        return J, S

    def largest_eigenvalue(self, chi: Sequence[mpmath.mpf]) -> mpmath.mpf:
        """lambda(chi), by Newton's method from the double's value."""
        d, K = len(self.energies), len(self.T)
        tilted = mp.matrix(d)
        for k in range(K):
            own = self.rates(k)
            for i in range(d):
                for j in range(d):
                    tilted[i, j] += own[i, j] * mp.exp(chi[k] * self.given(i, j))
                    tilted[j, j] -= own[i, j]
        values = mp.eig(tilted, left=False, right=False)
        return max(values, key=lambda value: value.real).real


def random_network(
    seed: int, d: int, K: int, *, cold: float = 1.0, near: float | None = None
) -> Network:
    """Random levels, each two of them connected by a bath with probability 0.6, all of them by a ring.

    Args:
        cold: what the temperatures are divided by.
        near: relative differences of the temperatures; None for any.
    """
    rng = np.random.default_rng(seed)
    energies = np.sort(rng.uniform(0.0, 3.0, d))
    couplings = np.zeros((K, d, d))
    for k in range(K):
        there = np.triu(rng.random((d, d)) < 0.6, 1)
        values = np.where(there, rng.lognormal(0.0, 1.0, (d, d)), 0.0)
        couplings[k] = values + values.T
    for i in range(d):
        k, j = rng.integers(K), (i + 1) % d
        couplings[k, i, j] = couplings[k, j, i] = rng.lognormal()
    T = rng.uniform(0.5, 2.0, K) if near is None else 1.0 + near * rng.normal(size=K)
    return Network(energies, couplings, T / cold, rng.lognormal(size=K))


@dataclass(frozen=True)
class Lindblad:
    """Jump operators of K baths, each with its energy, and a generator on column-stacked matrices.

    Attributes:
        jumps: of each bath: the energy that the bath gets, and the jumps' part of the generator.
        L: the generator.
    """

    jumps: list[list[tuple[mpmath.mpf, mpmath.matrix]]]
    L: mpmath.matrix

    @classmethod
    def of(
        cls,
        H: np.ndarray,
        couplings: Sequence[np.ndarray],
        T: Sequence[float],
        J: Sequence[float],
        local: np.ndarray | None = None,
    ) -> "Lindblad":
        """The global equation of flat baths, or the local one by H_0, as `exact` has them."""
        d = len(H)
        levels = levels_of(H if local is None else local)
        jumps, L = [], mp.zeros(d * d)
        for S, own_T, own_J in zip(couplings, T, J, strict=True):
            rate, temperature = (mpmath.mpf(float(own)) for own in (own_J, own_T))
            found = [
                (omega, exact_rate(rate, omega, temperature) if omega else mpmath.mpf(0), A)
                for omega, A in jumps_between(levels, exact_matrix(S))
            ]
            L += dissipator([(gamma, A) for _, gamma, A in found], d)
            jumps.append([(omega, gamma * _both_sides(A)) for omega, gamma, A in found])
        energy = exact_matrix(H)
        if local is None:
            energy = sum((E * P for E, P in levels), mp.zeros(d))
        for a, b, i in np.ndindex(d, d, d):
            L[b * d + a, b * d + i] -= 1j * energy[a, i]
            L[b * d + a, i * d + a] += 1j * energy[i, b]
        return cls(jumps, L)

    @property
    def trace(self) -> mpmath.matrix:
        """Tr rho as a row."""
        n = self.L.rows
        d = round(n**0.5)
        return mp.matrix([[1 if at % (d + 1) == 0 else 0 for at in range(n)]])

    def counted(self, k: int, power: int) -> mpmath.matrix:
        """The jumps of bath k, each times a power of its energy."""
        return sum((omega**power * jump for omega, jump in self.jumps[k]), mp.zeros(self.L.rows))

    def solve(self, right: mpmath.matrix, trace: int) -> mpmath.matrix:
        """x with L x = right and Tr x = trace."""
        bordered, right = self.L.copy(), right.copy()
        bordered[0, :], right[0] = self.trace, trace
        return mp.lu_solve(bordered, right)

    def noise(self) -> mpmath.matrix:
        """S_kl, by the group inverse of L."""
        K, n = len(self.jumps), self.L.rows
        rho = self.solve(mp.zeros(n, 1), 1)
        first = [self.counted(k, 1) for k in range(K)]
        fed = [own * rho for own in first]
        J = [(self.trace * own)[0] for own in fed]
        moved = [self.solve(fed[k] - J[k] * rho, 0) for k in range(K)]
        S = mp.matrix(K)
        for k in range(K):
            for m in range(K):
                S[k, m] = -(self.trace * (first[k] * moved[m] + first[m] * moved[k]))[0].real
            S[k, k] += (self.trace * (self.counted(k, 2) * rho))[0].real
        return S

    def finite_time(
        self, rho: mpmath.matrix, time: mpmath.mpf
    ) -> tuple[list[mpmath.mpf], mpmath.matrix]:
        """Mean and covariance of the energies after a time, from the derivatives of e^(L(chi) t).

        The state and its derivatives by chi make one vector, whose exponential is a power series.
        """
        K = len(self.jumps)
        first, second = ([self.counted(k, power) for k in range(K)] for power in (1, 2))
        pairs = [(k, m) for k in range(K) for m in range(k + 1)]

        def step(term: list[mpmath.matrix]) -> list[mpmath.matrix]:
            state, one, two = term[0], term[1 : 1 + K], term[1 + K :]
            changes = [self.L * state]
            changes += [self.L * one[k] + first[k] * state for k in range(K)]
            for (k, m), own in zip(pairs, two, strict=True):
                change = self.L * own + first[k] * one[m] + first[m] * one[k]
                changes.append(change + second[k] * state if k == m else change)
            return changes

        nothing = 0 * rho
        term = [rho, *(nothing for _ in range(K + len(pairs)))]
        total, order = term, 0
        while order < 10 or max(mp.norm(own, 1) for own in term) > mpmath.mpf(10) ** -60:
            order += 1
            term = [time / order * own for own in step(term)]
            total = [before + own for before, own in zip(total, term, strict=True)]
        traces = [(self.trace * own)[0].real for own in total[1:]]
        mean = traces[:K]
        covariance = mp.matrix(K)
        for (k, m), own in zip(pairs, traces[K:], strict=True):
            covariance[k, m] = covariance[m, k] = own - mean[k] * mean[m]
        return mean, covariance

    def largest_eigenvalue(self, chi: Sequence[mpmath.mpf]) -> mpmath.mpf:
        """lambda(chi)."""
        tilted = self.L.copy()
        for k, field in enumerate(chi):
            for omega, jump in self.jumps[k]:
                tilted += mp.expm1(field * omega) * jump
        return max(value.real for value in mp.eig(tilted, left=False, right=False))


def _both_sides(A: mpmath.matrix) -> mpmath.matrix:
    """A rho A^dag on column-stacked matrices."""
    d = A.rows
    found = mp.zeros(d * d)
    for a, b, i, j in np.ndindex(d, d, d, d):
        found[b * d + a, j * d + i] = A[a, i] * mp.conj(A[b, j])
    return found
