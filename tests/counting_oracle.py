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
from exact import stationary
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
