"""Couplings that do something special, in the eigenbasis of H, and what random draws are made of."""

from collections.abc import Callable

import numpy as np

from matrices import hermitian, random_matrix


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """10^x with x uniform."""
    return float(10.0 ** rng.uniform(low, high))


def _element(d: int, i: int, j: int, value: complex = 1.0) -> np.ndarray:
    matrix = np.zeros((d, d), complex)
    matrix[i, j], matrix[j, i] = value, np.conj(value)
    return matrix


def _random_coupling(rng: np.random.Generator, energies: np.ndarray, is_complex: bool) -> np.ndarray:
    return hermitian(random_matrix(rng, energies.size, is_complex)).astype(complex)


def _identity(rng: np.random.Generator, energies: np.ndarray, is_complex: bool) -> np.ndarray:
    return np.eye(energies.size, dtype=complex) * rng.choice([1.0, 0.3])


def _dephasing(rng: np.random.Generator, energies: np.ndarray, is_complex: bool) -> np.ndarray:
    return np.diag(rng.choice([0.0, 1.0, rng.normal()], size=energies.size)).astype(complex)


def _neighbours(rng: np.random.Generator, energies: np.ndarray, is_complex: bool) -> np.ndarray:
    d = energies.size
    return sum(
        (_element(d, i, i + 1, rng.normal() + 1j * is_complex * rng.normal()) for i in range(d - 1)),
        np.zeros((d, d), complex),
    )


def _single(rng: np.random.Generator, energies: np.ndarray, is_complex: bool) -> np.ndarray:
    i, j = rng.choice(energies.size, size=2, replace=False) if energies.size > 1 else (0, 0)
    return _element(energies.size, int(i), int(j), 1.0)


def _bright(rng: np.random.Generator, energies: np.ndarray, is_complex: bool) -> np.ndarray:
    """|0><b| + h.c.: what is orthogonal to |b> among the other states is dark."""
    d = energies.size
    S = np.zeros((d, d), complex)
    S[0, 1:] = rng.normal(size=d - 1) + 1j * is_complex * rng.normal(size=d - 1)
    return S + S.conj().T


def _same_level(rng: np.random.Generator, energies: np.ndarray, is_complex: bool) -> np.ndarray:
    """1 on all states above the lowest: it does nothing to superpositions inside a level."""
    return np.diag((energies > energies.min()).astype(complex))


def _projector(rng: np.random.Generator, energies: np.ndarray, is_complex: bool) -> np.ndarray:
    """|v><v| on the states of one level, which it dephases, and perhaps of others."""
    v = rng.normal(size=energies.size) + 1j * is_complex * rng.normal(size=energies.size)
    if rng.random() < 0.7:
        v = np.where(np.abs(energies - rng.choice(energies)) < 1e-6 * np.abs(energies).max(), v, 0.0)
    size = np.linalg.norm(v)
    return np.outer(v, v.conj()) / size**2 if size > 0 else _identity(rng, energies, is_complex)


def _tiny_elements(rng: np.random.Generator, energies: np.ndarray, is_complex: bool) -> np.ndarray:
    """Elements of about 1 beside exact ones of 1e-14 to 1e-6."""
    S = _random_coupling(rng, energies, is_complex)
    small = np.triu(rng.random(S.shape) < 0.6)
    factor = np.where(small, log_uniform(rng, -14, -6), 1.0)
    factor = np.triu(factor)
    return S * (factor + np.triu(factor, 1).T)


def _blocks(rng: np.random.Generator, energies: np.ndarray, is_complex: bool) -> np.ndarray:
    """Nothing between the first states and the others."""
    first = np.arange(energies.size) < max(1, energies.size // 2)
    together = first[:, None] == first[None, :]
    return np.where(together, _random_coupling(rng, energies, is_complex), 0.0)


Coupling = Callable[[np.random.Generator, np.ndarray, bool], np.ndarray]

COUPLINGS: dict[str, Coupling] = {
    "random": _random_coupling,
    "identity": _identity,
    "dephasing": _dephasing,
    "neighbours": _neighbours,
    "single": _single,
    "bright": _bright,
    "same level": _same_level,
    "projector": _projector,
    "tiny": _tiny_elements,
    "blocks": _blocks,
}
