"""Driven systems in plain numpy and mpmath: independent answers to compare the package with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import mpmath
import numpy as np
from scipy.integrate import solve_ivp

import qthermo_jax as qj
from matrices import hermitian, random_matrix
from oracles import Rate, bath_rate

Hamiltonian = Callable[[float], np.ndarray]


@dataclass(frozen=True)
class Drive:
    """H(t) = sum_n H_n e^{-i n Omega t} + h.c., and baths with ohmic spectral densities."""

    components: list[np.ndarray]
    period: float
    couplings: list[np.ndarray]
    T: list[float]
    eta: list[float]

    def at(self, t: float) -> np.ndarray:
        H = self.components[0].astype(complex)
        for n, component in enumerate(self.components[1:], 1):
            turned = component * np.exp(-2j * np.pi * n * t / self.period)
            H = H + turned + turned.conj().T
        return H

    @property
    def baths(self) -> list[qj.Bath]:
        given = zip(self.couplings, self.T, self.eta, strict=True)
        return [qj.Bath(S, T, qj.Ohmic(eta)) for S, T, eta in given]

    @property
    def rates(self) -> list[Rate]:
        return [ohmic(eta, T) for eta, T in zip(self.eta, self.T, strict=True)]

    def system(self, **options: object) -> qj.DrivenSystem:
        return qj.DrivenSystem(self.components, self.period, self.baths, **options)


def ohmic(eta: float, T: float) -> Rate:
    return bath_rate(lambda w: eta * w, eta, T)


def random_drive(seed: int, d: int, components: int = 2, strength: float = 0.3) -> Drive:
    """A random system of moderate frequencies between two baths; all numbers complex."""
    rng = np.random.default_rng(seed)
    H = [hermitian(random_matrix(rng, d, is_complex=True))]
    H += [strength * random_matrix(rng, d, is_complex=True) for _ in range(components - 1)]
    S = [hermitian(random_matrix(rng, d, is_complex=True)) for _ in range(2)]
    period = rng.uniform(1.5, 4.0)
    return Drive(H, period, S, [rng.uniform(0.3, 2.0), rng.uniform(0.3, 2.0)], [0.01, 0.02])


@dataclass(frozen=True)
class Answer:
    """Quasi-energies in the first zone, heat currents, power, entropy production, rho at time 0."""

    quasi_energies: np.ndarray
    J: np.ndarray
    power: float
    entropy: float
    rho: np.ndarray


def floquet_answer(drive: Drive, photons: int, points: int = 256) -> Answer:
    """The double sum over photon numbers and baths, from the propagator of an ODE solver."""
    H, tau = drive.at, drive.period
    d, Omega = len(H(0.0)), 2 * np.pi / tau
    times = tau * np.arange(points + 1) / points
    found = solve_ivp(
        lambda t, y: (-1j * H(t) @ y.reshape(d, d)).ravel(),
        (0.0, tau),
        np.eye(d, dtype=complex).ravel(),
        method="DOP853",
        rtol=1e-13,
        atol=1e-14,
        t_eval=times,
    )
    U = found.y.T.reshape(-1, d, d)
    values, V = np.linalg.eig(U[-1])
    epsilon = -np.angle(values) / tau
    V = V / np.linalg.norm(V, axis=0)
    turns = np.exp(1j * np.outer(times[:-1], epsilon))
    phi = np.einsum("tij,ja,ta->tia", U[:-1], V, turns)
    jumps = []
    W = np.zeros((d, d))
    for k, (S, gamma) in enumerate(zip(drive.couplings, drive.rates, strict=True)):
        seen = np.einsum("tia,ij,tjb->tab", phi.conj(), S, phi)
        for n in range(-photons, photons + 1):
            amplitude = np.einsum("tab,t->ab", seen, np.exp(1j * n * Omega * times[:-1])) / points
            for a in range(d):
                for b in range(d):
                    omega = epsilon[b] - epsilon[a] + n * Omega
                    rate = gamma(omega) * abs(amplitude[a, b]) ** 2
                    W[a, b] += rate
                    jumps.append((k, n, b, omega, rate))
    L = W - np.diag(W.sum(axis=0))
    L[0] = 1.0
    p = np.linalg.solve(L, np.eye(d)[0])
    J = np.zeros(len(drive.T))
    power = 0.0
    for k, n, b, omega, rate in jumps:
        J[k] += omega * rate * p[b]
        power += n * Omega * rate * p[b]
    rho = V @ np.diag(p) @ V.conj().T
    return Answer(epsilon, J, power, float(np.sum(J / np.array(drive.T))), rho)


def monodromy(drive: Drive, steps: int = 24, order: int = 36) -> mpmath.matrix:
    """The propagator of a period with 50 digits, by Taylor series of the solution in each step."""
    d = len(drive.components[0])
    tau = mpmath.mpf(drive.period)
    h = tau / steps
    parts = [mpmath.matrix(component.tolist()) for component in drive.components]
    U = mpmath.eye(d)
    for step in range(steps):
        t = h * step
        # Taylor coefficients of -i H about t.
        A = []
        for j in range(order):
            own = -1j * parts[0] if j == 0 else mpmath.zeros(d)
            for n, component in enumerate(parts[1:], 1):
                turn = -2j * mpmath.pi * n / tau
                factor = mpmath.exp(turn * t) * turn**j / mpmath.factorial(j)
                own += -1j * (component * factor + component.H * mpmath.conj(factor))
            A.append(own)
        terms = [U]
        for m in range(order):
            terms.append(sum((A[j] * terms[m - j] for j in range(m + 1)), mpmath.zeros(d)) / (m + 1))
        U = sum((term * h**m for m, term in enumerate(terms)), mpmath.zeros(d))
    return U


def exact_quasi_energies(drive: Drive) -> list[float]:
    """In the first zone, ascending, from the monodromy matrix."""
    values, _ = mpmath.eig(monodromy(drive))
    return sorted(float(-mpmath.arg(value) / mpmath.mpf(drive.period)) for value in values)


def distance_on_circle(first: Sequence[float], second: Sequence[float], period: float) -> float:
    """The largest distance of two sets of quasi-energies modulo Omega, in their order."""
    Omega = 2 * np.pi / period
    apart = np.sort(np.asarray(first)) - np.sort(np.asarray(second))
    return float(np.max(np.abs(apart - Omega * np.round(apart / Omega))))
