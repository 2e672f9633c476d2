"""The three-level maser as a heat engine."""

from collections.abc import Iterator

import numpy as np

from qthermo_jax import models
from qthermo_jax.papers.record import Paper, Relation, Statement, farthest, observed

_T_C, _T_H, _PUMP = 0.5, 3.0, 3.0


def _maser(idler: float, name: str) -> float:
    system = models.maser(omega_c=idler, omega_h=_PUMP, T_c=_T_C, T_h=_T_H)
    return float(observed(system, name, "dense"))


def compute() -> Iterator[Statement]:
    """Pump omega_h, idler omega_c, signal omega_h - omega_c; Carnot's idler is omega_h T_c/T_h."""
    carnot = _PUMP * _T_C / _T_H
    idlers = carnot * np.array([1.05, 1.5, 2.5, 4.0])
    found = np.array([_maser(idler, "efficiency") for idler in idlers])
    yield farthest("efficiency", "eta = nu_signal/nu_pump", 1 - idlers / _PUMP, found, 1e-12)
    powers = [_maser(carnot * factor, "output_power") for factor in (0.99, 1.0, 1.01)]
    claim = "no inversion below omega_c/T_c = omega_h/T_h: output power 1 % below"
    yield Statement("inversion", claim, 0.0, powers[0], relation=Relation.BELOW)
    claim = "inversion above: output power 1 % above"
    yield Statement("inversion", claim, 0.0, powers[2], relation=Relation.ABOVE)
    claim = "at that point the maser is reversible: output power over that 1 % above"
    yield Statement("inversion", claim, 0.0, powers[1] / powers[2], 1e-9)
    claim = "eta <= (T_1 - T_0)/T_1 wherever it amplifies: largest eta"
    yield Statement("efficiency", claim, 1 - _T_C / _T_H, float(found.max()), relation=Relation.BELOW)


PAPER = Paper(
    "H. E. D. Scovil, E. O. Schulz-DuBois, Three-level masers as heat engines, "
    "Phys. Rev. Lett. 2, 262 (1959)",
    "efficiency of the maser, Carnot's limit, and where it begins to amplify",
    compute,
)
