"""The quantum thermal transistor at its working point."""

from collections.abc import Iterator

import numpy as np

from qthermo_jax import models
from qthermo_jax.papers.record import Paper, Relation, Statement, farthest, observed


def compute() -> Iterator[Statement]:
    """Three qubits in a row, T_L = 0.2 and T_R = 0.02 in units of the coupling."""
    alpha, J = (
        observed(models.thermal_transistor(T_M=0.05), name)
        for name in ("amplification", "heat_currents")
    )
    for bath, terminal in ((0, "emitter"), (2, "collector")):
        claim = f"high amplification: |dJ/dJ_M| of the {terminal} at T_M = 0.05"
        yield Statement("abstract", claim, 1.0, float(np.abs(alpha[bath, 1])), relation=Relation.ABOVE)
    claim = "the current of the base is small: |J_M| over |J_L| there"
    yield Statement("abstract", claim, 1.0, float(np.abs(J[1] / J[0])), relation=Relation.BELOW)
    # J_L + J_M + J_R = 0, differentiated by J_M.
    claim = "the amplifications of emitter, base and collector add up to 0"
    total = alpha[0, 1] + alpha[2, 1]
    yield farthest("energy conservation", claim, np.array([-1.0]), np.array([total]), 1e-6)


PAPER = Paper(
    "K. Joulain, J. Drevillon, Y. Ezzahri, J. Ordonez-Miranda, Phys. Rev. Lett. 116, 200601 (2016)",
    "the transistor effect: a small change of the base current moves the others by more",
    compute,
)
