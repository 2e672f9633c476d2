"""Thermal diode: two qubits between two baths."""

from typing import Annotated

from qthermo_jax.labels import Quantity
from qthermo_jax.models.common import Rate, Scalar, Spectrum, model
from qthermo_jax.models.qubits import (
    UP_DOWN,
    excitations,
    ising_terms,
    qubit_baths,
    state_labels,
    weighted,
)
from qthermo_jax.system import OpenSystem


@model
def thermal_diode(
    h_L: Annotated[Scalar, Quantity("field on the left qubit", "h_L", 1)] = 1.0,
    h_R: Annotated[Scalar, Quantity("field on the right qubit", "h_R", 1)] = 0.0,
    Delta: Annotated[Scalar, Quantity("coupling of the qubits", r"\Delta", 1)] = 0.5,
    T_L: Annotated[Scalar, Quantity("temperature of the left bath", "T_L", 1)] = 1.0,
    T_R: Annotated[Scalar, Quantity("temperature of the right bath", "T_R", 1)] = 0.1,
    rate: Rate = 1.0,
    spectrum: Spectrum = "ohmic",
) -> OpenSystem:
    """Two qubits, Ising coupled, each with a bath of its own: heat flows better one way.

    H = (h_L sigma_z^L + h_R sigma_z^R + Delta sigma_z^L sigma_z^R)/2, S_k = sigma_x^k, in the basis
    (|uu>, |ud>, |du>, |dd>); the left bath is bath 1. The left bath drives the frequencies h_L +- Delta,
    the right one h_R +- Delta. Where one of them is 0 a flat spectral density diverges.
    Source: Werlang, Marchiori, Cornelio, Valente, Phys. Rev. E 89, 062109 (2014).

    Observables: `excitations` (qubit); `rectification` compares it with swapped temperatures.

    >>> thermal_diode(h_L=2.0, Delta=0.5).H.diagonal().tolist()
    [1.25, 0.75, -1.25, -0.75]
    """
    left, right = ising_terms(2)
    labels = state_labels(2, UP_DOWN)
    return OpenSystem(
        weighted([(h_L, left / 2), (h_R, right / 2), (Delta, left @ right / 2)]),
        qubit_baths(2, (0, 1), (T_L, T_R), rate, spectrum),
        sectors=[(state,) for state in range(4)],
        levels=[],
        labels=labels,
        observables={"excitations": excitations(labels, "u", ("L", "R"))},
    )
