"""Thermal transistor: three qubits between three baths."""

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
def thermal_transistor(
    omega_L: Annotated[Scalar, Quantity("frequency of the left qubit", r"\omega_L", 1)] = 0.0,
    omega_M: Annotated[Scalar, Quantity("frequency of the middle qubit", r"\omega_M", 1)] = 0.0,
    omega_R: Annotated[Scalar, Quantity("frequency of the right qubit", r"\omega_R", 1)] = 0.0,
    omega_LM: Annotated[Scalar, Quantity("coupling of left and middle", r"\omega_{LM}", 1)] = 1.0,
    omega_MR: Annotated[Scalar, Quantity("coupling of middle and right", r"\omega_{MR}", 1)] = 1.0,
    omega_RL: Annotated[Scalar, Quantity("coupling of right and left", r"\omega_{RL}", 1)] = 0.0,
    T_L: Annotated[Scalar, Quantity("temperature of the left bath", "T_L", 1)] = 0.2,
    T_M: Annotated[Scalar, Quantity("temperature of the middle bath", "T_M", 1)] = 0.1,
    T_R: Annotated[Scalar, Quantity("temperature of the right bath", "T_R", 1)] = 0.02,
    rate: Rate = 1.0,
    spectrum: Spectrum = "ohmic",
) -> OpenSystem:
    """Three qubits, Ising coupled, each with a bath of its own: the middle one controls the heat.

    H = sum_P omega_P/2 sigma_z^P + sum_PQ omega_PQ/2 sigma_z^P sigma_z^Q, S_P = sigma_x^P, in the basis
    (|uuu>, |uud>, ..., |ddd>), baths in the order L, M, R. The defaults are the published working point,
    in units of omega_LM = omega_MR. There the middle bath drives a transition of frequency 0, so that a
    flat spectral density diverges, and sigma_x^L sigma_x^M sigma_x^R is conserved: the populations are
    unique, coherences are not, and the method "dense" says so.
    Source: Joulain, Drevillon, Ezzahri, Ordonez-Miranda, Phys. Rev. Lett. 116, 200601 (2016).

    Observables: `excitations` (qubit); `amplification` is what makes it a transistor.

    >>> thermal_transistor().H.diagonal().tolist()
    [1.0, 0.0, -1.0, 0.0, 0.0, -1.0, 0.0, 1.0]
    """
    L, M, R = ising_terms(3)
    labels = state_labels(3, UP_DOWN)
    fields = [(omega_L, L / 2), (omega_M, M / 2), (omega_R, R / 2)]
    couplings = [(omega_LM, L @ M / 2), (omega_MR, M @ R / 2), (omega_RL, R @ L / 2)]
    return OpenSystem(
        weighted(fields + couplings),
        qubit_baths(3, (0, 1, 2), (T_L, T_M, T_R), rate, spectrum),
        sectors=[(state,) for state in range(8)],
        labels=labels,
        observables={"excitations": excitations(labels, "u", ("L", "M", "R"))},
    )
