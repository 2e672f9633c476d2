"""Cycles of strokes in plain numpy and scipy: independent answers to compare the package with."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.integrate import solve_ivp

import oracles
import qthermo_jax as qj
from floquet_oracle import ohmic
from matrices import hermitian, random_matrix

Hamiltonian = Callable[[float], np.ndarray]


@dataclass(frozen=True)
class Part:
    """One stroke: H(s), its duration, and baths with ohmic spectral densities as (S, T, eta)."""

    H: Hamiltonian
    duration: float
    baths: dict[str, tuple[np.ndarray, float, float]]
    moves: bool = True

    def stroke(self, **options: object) -> qj.Stroke:
        on = {"baths": list(self.baths), **options}
        if not self.moves:
            return qj.Stroke(self.H(0.0), self.duration, **on)
        return qj.Stroke(lambda s: self.H(s.astype(complex)), self.duration, **on)


def cycle_of(parts: list[Part], **options: object) -> qj.Cycle:
    """The same as the package has it."""
    given = {name: own for part in parts for name, own in part.baths.items()}
    baths = {name: qj.Bath(S, T, qj.Ohmic(eta)) for name, (S, T, eta) in given.items()}
    return qj.Cycle([part.stroke(**options) for part in parts], baths)


@dataclass(frozen=True)
class Answer:
    """rho at the beginning of each stroke, heat into each bath (n, K), and work of each stroke (n,)."""

    rho_at: np.ndarray
    heat: np.ndarray
    work: np.ndarray


def _integrated(part: Part, d: int, names: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The map of a stroke on column-stacked states, its heats and its work (without sudden changes)."""
    n, K = d * d, len(names)

    def field(s: float, y: np.ndarray) -> np.ndarray:
        Y, H = y.reshape(n + K + 1, n), part.H(s)
        one = np.eye(d)
        L = -1j * (np.kron(one, H) - np.kron(H.T, one))
        rows = np.zeros((K + 1, n), complex)
        for name, (S, T, eta) in part.baths.items():
            own = oracles.bath_generator(H, S, ohmic(eta, T))
            L = L + own
            rows[names.index(name)] = -part.duration * (H.T.reshape(-1, order="F") @ own)
        # Exact: the Hamiltonians are polynomials of degree 3 at most.
        h = 0.5
        slope = (8 * (part.H(s + h) - part.H(s - h)) - (part.H(s + 2 * h) - part.H(s - 2 * h))) / (
            12 * h
        )
        rows[K] = slope.T.reshape(-1, order="F")
        return np.concatenate([part.duration * L, rows]).astype(complex) @ Y[:n]

    start = np.concatenate([np.eye(n), np.zeros((K + 1, n))]).astype(complex)
    found = solve_ivp(
        lambda s, y: field(s, y).ravel(), (0, 1), start.ravel(), rtol=1e-12, atol=1e-14, method="DOP853"
    )
    end = found.y[:, -1].reshape(n + K + 1, n)
    return end[:n], end[n : n + K], end[n + K]


def limit_cycle(parts: list[Part]) -> Answer:
    d = len(parts[0].H(0.0))
    names = list(dict.fromkeys(name for part in parts for name in part.baths))
    solved = [_integrated(part, d, names) for part in parts]
    whole = np.eye(d * d, dtype=complex)
    for change, _, _ in solved:
        whole = change @ whole
    whole = whole - np.eye(d * d)
    whole[0] = np.eye(d).reshape(-1)
    y = np.linalg.solve(whole, np.eye(d * d)[0].astype(complex))
    states, heats, works = [], [], []
    for number, (change, heat, work) in enumerate(solved):
        rho = oracles.unstack(y)
        states.append(rho)
        jump = parts[number].H(0.0) - parts[number - 1].H(1.0)
        heats.append((heat @ y).real)
        works.append((work @ y).real + np.trace(jump @ rho).real)
        y = change @ y
    return Answer(np.array(states), np.array(heats).reshape(len(parts), -1), np.array(works))


def random_parts(seed: int, d: int) -> list[Part]:
    """An isochore, a closed stroke, a stroke with two baths whose H changes, and one that comes back."""
    rng = np.random.default_rng(seed)
    first, second, third = (hermitian(random_matrix(rng, d, is_complex=True)) for _ in range(3))
    S_h, S_c = (hermitian(random_matrix(rng, d, is_complex=True)) for _ in range(2))
    hot = (S_h, rng.uniform(1.0, 3.0), 0.2)
    cold = (S_c, rng.uniform(0.2, 0.8), 0.3)
    tau = rng.uniform(0.3, 1.5, 4)
    return [
        Part(lambda s: first + 0 * s, tau[0], {"hot": hot}, moves=False),
        Part(lambda s: first + s * s * 0.5 * (second - first), tau[1], {}),
        Part(lambda s: 0.5 * (first + second) + s * 0.2 * third, tau[2], {"hot": hot, "cold": cold}),
        Part(lambda s: second + (s - s**3 / 3) * 0.3 * third, tau[3], {}),
    ]
