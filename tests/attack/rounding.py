"""What round-off of a system's numbers does to its exact steady state."""

from dataclasses import replace

import numpy as np

from attack.exact_levels import EPS
from attack.systems import FAMILY, Bath, Draw


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
        return replace(bath, coupling=S, T=float(bath.T * factor[3]), parameters=parameters)

    def hamiltonian_moved(H: np.ndarray) -> np.ndarray:
        if not exact_basis:
            return moved(H, float(np.abs(H).max()))
        # Energies that are equal stay equal.
        energies, own = np.unique(np.diag(H), return_inverse=True)
        return np.diag((energies * (1 + eps * rng.normal(size=energies.size)))[own])

    return replace(
        draw,
        H=hamiltonian_moved(draw.H),
        local=None if draw.local is None else hamiltonian_moved(draw.local),
        baths=tuple(bath_moved(bath) for bath in draw.baths),
    )
