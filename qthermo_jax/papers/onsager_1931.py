"""Reciprocal relations: near equilibrium currents answer to forces by a symmetric matrix."""

from collections.abc import Iterator

import numpy as np

from qthermo_jax import models
from qthermo_jax.papers.record import Paper, Relation, Statement, farthest, observed


def compute() -> Iterator[Statement]:
    """Of three coupled qubits, each with a bath of its own."""
    system = models.thermal_transistor(omega_L=0.3, omega_R=0.5, omega_RL=0.2, T_M=0.15)
    L = observed(system, "onsager", "populations")
    above = np.triu_indices(len(L), 1)
    yield farthest("reciprocal relations", "L_ij = L_ji", L[above], L.T[above], 1e-9)
    # The heat that all baths together give is none: one eigenvalue is 0, the others are positive.
    second = float(np.linalg.eigvalsh(L)[1] / np.abs(L).max())
    claim = "dissipation is positive: second eigenvalue of L over its largest element"
    yield Statement("dissipation function", claim, 0.0, second, relation=Relation.ABOVE)


PAPER = Paper(
    "L. Onsager, Reciprocal relations in irreversible processes. I., Phys. Rev. 37, 405 (1931)",
    "the linear response of heat currents to temperatures is symmetric and dissipates",
    compute,
)
