"""Heat through a two-level system between two baths, and how it rectifies."""

from collections.abc import Iterator

import numpy as np

from qthermo_jax.baths import Bath, Flat
from qthermo_jax.operators import sigma_x
from qthermo_jax.papers.record import Paper, Relation, Statement, farthest, observed, occupation
from qthermo_jax.system import OpenSystem

_OMEGA = 1.3


def _junction(left: float, right: float, T_L: float, T_R: float) -> OpenSystem:
    coupling = np.stack([sigma_x(), sigma_x()])
    baths = Bath(coupling, np.array([T_L, T_R]), Flat(np.array([left, right])))
    return OpenSystem(np.diag([0.0, _OMEGA]), baths)


def compute() -> Iterator[Statement]:
    """J = omega Gamma_L Gamma_R (n_L - n_R)/[Gamma_L (1 + 2 n_L) + Gamma_R (1 + 2 n_R)]."""
    points = [(a, b, L, R) for a, b in ((0.1, 0.1), (0.02, 0.5)) for L, R in ((1.0, 0.3), (0.2, 2.0))]
    stated, found = [], []
    for left, right, T_L, T_R in points:
        n_L, n_R = (float(occupation(_OMEGA, T)) for T in (T_L, T_R))
        conducts = left * (1 + 2 * n_L) + right * (1 + 2 * n_R)
        stated.append(_OMEGA * left * right * (n_L - n_R) / conducts)
        found.append(observed(_junction(left, right, T_L, T_R), "heat_currents")[1])
    claim = "heat current of the two-level junction, four points"
    yield farthest("weak coupling", claim, np.array(stated), np.array(found), 1e-12)
    equal = float(observed(_junction(0.1, 0.1, 1.0, 0.3), "rectification"))
    yield Statement("asymmetry", "equal couplings do not rectify", 0.0, equal, 1e-12)
    unequal = float(observed(_junction(0.02, 0.5, 1.0, 0.3), "rectification"))
    claim = "unequal couplings do, as the two-level system is anharmonic"
    yield Statement("asymmetry", claim, 0.0, unequal, relation=Relation.ABOVE)


PAPER = Paper(
    "D. Segal, A. Nitzan, Spin-boson thermal rectifier, Phys. Rev. Lett. 94, 034301 (2005)",
    "the heat current through a two-level system, and its rectification",
    compute,
)
