"""The smallest refrigerator, three qubits, reaches Carnot's efficiency."""

from collections.abc import Iterator

import numpy as np

from qthermo_jax import models
from qthermo_jax.papers.record import Paper, Relation, Statement, farthest, observed

_T_C, _T_R, _T_H, _E_3 = 1.0, 2.0, 8.0, 2.0


def _currents(E_1: float) -> np.ndarray:
    """Into the baths of the cold, the room and the hot qubit, by the local master equation."""
    system = models.three_qubit_refrigerator(
        E_1=E_1, E_3=_E_3, g=0.02, T_c=_T_C, T_r=_T_R, T_h=_T_H, rate=2e-3
    )
    return observed(system.with_generator("local"), "heat_currents", "dense")


def compute() -> Iterator[Statement]:
    """Weakly coupled qubits; the papers' baths reset their qubits, these are thermal."""
    carnot = (1 - _T_R / _T_H) / (_T_R / _T_C - 1)
    J = _currents(1.0)
    claim = "efficiency Q_c/Q_h = E_1/E_3"
    yield farthest("efficiency", claim, np.array([1.0 / _E_3]), np.array([J[0] / J[2]]), 1e-9)
    claim = "heat to the room Q_r/Q_h = (E_1 + E_3)/E_3, taken as positive"
    yield farthest("efficiency", claim, np.array([1 + 1.0 / _E_3]), np.array([-J[1] / J[2]]), 1e-9)
    for factor, relation in ((0.95, Relation.BELOW), (1.05, Relation.ABOVE)):
        into_cold = float(_currents(carnot * factor * _E_3)[0])
        carnots = "E_1/E_3 = (1 - T_r/T_h)/(T_r/T_c - 1)"
        claim = f"it cools up to {carnots}: heat into the cold bath at {factor:g} of it"
        yield Statement("Carnot's efficiency", claim, 0.0, into_cold, relation=relation)


PAPER = Paper(
    "N. Linden, S. Popescu, P. Skrzypczyk, Phys. Rev. Lett. 105, 130401 (2010); P. Skrzypczyk, "
    "N. Brunner, N. Linden, S. Popescu, J. Phys. A 44, 492002 (2011)",
    "the three-qubit refrigerator: its efficiency, and Carnot's where it stops to cool",
    compute,
)
