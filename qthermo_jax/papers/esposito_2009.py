"""The fluctuation theorem of currents: a symmetry of their generating function."""

from collections.abc import Iterator

import numpy as np

from qthermo_jax import models
from qthermo_jax.fluctuations import current_cumulants, scaled_cgf
from qthermo_jax.papers.record import Paper, Statement, farthest
from qthermo_jax.steady import steadystate


def compute() -> Iterator[Statement]:
    """Of a diode, two coupled qubits between two baths."""
    T = np.array([1.0, 0.4])
    system = models.thermal_diode(T_L=T[0], T_R=T[1])
    fields = np.array([[0.2, 0.0], [-0.7, 0.3], [0.0, -1.3], [0.5, 0.5]])
    there = np.array([float(scaled_cgf(system, chi)) for chi in fields])
    back = np.array([float(scaled_cgf(system, -chi - 1 / T)) for chi in fields])
    where = "steady state fluctuation theorem"
    yield farthest(where, "lambda(chi) = lambda(-chi - beta), four fields", there, back, 1e-9)
    both = np.array([float(scaled_cgf(system, chi + 0.4)) for chi in fields])
    yield farthest(where, "energy is conserved: lambda(chi + c) = lambda(chi)", there, both, 1e-9)
    at_once = 1e-4 * np.eye(2)
    slope = np.array([float(scaled_cgf(system, c) - scaled_cgf(system, -c)) for c in at_once]) / 2e-4
    J = np.asarray(current_cumulants(system, steadystate(system), 1))[0]
    yield farthest("counting statistics", "the slope of lambda at 0 is the mean current", J, slope, 1e-6)


PAPER = Paper(
    "M. Esposito, U. Harbola, S. Mukamel, Rev. Mod. Phys. 81, 1665 (2009)",
    "the symmetry of the generating function of heat, on the thermal diode",
    compute,
)
