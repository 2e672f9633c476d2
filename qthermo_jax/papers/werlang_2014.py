"""Optimal rectification of two qubits that are Ising coupled."""

from collections.abc import Iterator

import numpy as np

from qthermo_jax import models
from qthermo_jax.currents import bounded_currents
from qthermo_jax.papers.record import Paper, Relation, Statement, observed
from qthermo_jax.steady import steadystate
from qthermo_jax.system import OpenSystem


def compute() -> Iterator[Statement]:
    """The diode with a field on its left qubit alone."""
    cold = models.thermal_diode(h_L=1.0, h_R=0.0, Delta=0.5, T_L=0.0, T_R=0.4)
    claim = "heat flows one way, the other way is isolated completely: R with the cold bath at T = 0"
    yield Statement("abstract", claim, 1.0, float(observed(cold, "rectification")), 1e-12)
    alike = models.thermal_diode(h_L=1.0, h_R=1.0, Delta=0.5, T_L=1.0, T_R=0.2)
    claim = "a diode that is the same from both ends does not rectify"
    yield Statement("symmetry", claim, 0.0, float(observed(alike, "rectification")), 1e-12)
    diode = models.thermal_diode(h_L=1.0, h_R=0.3, Delta=0.5, T_L=1.0, T_R=0.2)
    J = float(observed(diode, "heat_currents")[1])
    claim = "the microscopic approach predicts a heat flow, here from left to right"
    yield Statement("abstract", claim, 0.0, J, relation=Relation.ABOVE)
    spins = np.array([1.0, -1.0])
    bare = np.diag(np.repeat(spins, 2) + 0.3 * np.tile(spins, 2)) / 2
    local = OpenSystem(diode.H, diode.baths, local=bare, generator="local")
    none = bounded_currents(local, steadystate(local, method="dense"))
    largest = float(np.abs(none.value[1]) + none.bound[1]) / J
    claim = (
        "the phenomenological (local) approach predicts none: at most, over the other, with its bound"
    )
    yield Statement("abstract", claim, 0.0, largest, 1e-9)


PAPER = Paper(
    "T. Werlang, M. A. Marchiori, M. F. Cornelio, D. Valente, Phys. Rev. E 89, 062109 (2014)",
    "the thermal diode rectifies perfectly, and the local approach sees no heat flow",
    compute,
)
