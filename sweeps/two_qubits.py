"""A model of your own: a pure function of named numbers that returns an `OpenSystem`.

Two coupled qubits, each with a bath: how much heat they carry depends on how near they are to
resonance. Annotations with `Quantity` are optional; they name the parameters in files and pictures.
"""

from typing import Annotated

import numpy as np

import qthermo_jax as qj

ONE = np.eye(2)
SIGMA_X = np.array([[0.0, 1.0], [1.0, 0.0]])
SIGMA_Z = np.array([[1.0, 0.0], [0.0, -1.0]])

Frequency = Annotated[float, qj.Quantity("frequency of qubit 2", r"\omega_2", 1)]
Coupling = Annotated[float, qj.Quantity("coupling of the qubits", "g", 1)]


def two_qubits(
    omega_2: Frequency = 1.0,
    g: Coupling = 0.1,
    T_1: float = 1.0,
    T_2: float = 0.2,
    eta: float = 0.01,
) -> qj.OpenSystem:
    """Two qubits, H = (sigma_z1 + omega_2 sigma_z2)/2 + g sigma_x1 sigma_x2, ohmic baths on sigma_x."""
    H = (np.kron(SIGMA_Z, ONE) + omega_2 * np.kron(ONE, SIGMA_Z)) / 2
    H = H + g * np.kron(SIGMA_X, SIGMA_X)
    baths = [
        qj.Bath(np.kron(SIGMA_X, ONE), T_1, qj.Ohmic(eta)),
        qj.Bath(np.kron(ONE, SIGMA_X), T_2, qj.Ohmic(eta)),
    ]
    excited = np.array([[1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 1.0, 0.0]])
    return qj.OpenSystem(
        H,
        baths,
        labels=["ee", "eg", "ge", "gg"],
        observables={
            "excitations": qj.Observable(
                excited,
                qj.Quantity("probability that the qubit is excited", "p_e", 0),
                [qj.Dimension("qubit", (1, 2), "qubit")],
            )
        },
    )
