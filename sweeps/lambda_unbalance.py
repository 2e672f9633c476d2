"""The Lambda system with the paper's closed form beside its own observables."""

from typing import Annotated

import jax.numpy as jnp

import qthermo_jax as qj

Omega = Annotated[float, qj.Quantity("transition frequency", r"\omega", 1)]
T1 = Annotated[float, qj.Quantity("temperature of bath 1", "T_1", 1)]
T2 = Annotated[float, qj.Quantity("temperature of bath 2", "T_2", 1)]


def lambda_with_eq8(T_1: T1, T_2: T2, omega: Omega = 1.0, rate: float = 1.0) -> qj.OpenSystem:
    """Lambda system with equal transition frequencies and the unbalance of Eq. 8."""
    system = qj.models.lambda_system(omega, omega, T_1, T_2, rate)
    closed_form = qj.theory.Delta_ss(qj.n_thermal(omega, T_1), qj.n_thermal(omega, T_2))
    name = qj.Quantity("closed form", r"\Delta_{ss}", 0, source="Quantum thermophoresis, Eq. 8")
    return system.with_observables({"unbalance_eq8": qj.Observable(closed_form * jnp.ones(3), name)})
