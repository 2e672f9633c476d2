"""Absorption refrigerators: heat from a hot bath cools a cold one."""

from typing import Annotated

import jax.numpy as jnp

from qthermo_jax.baths import Bath
from qthermo_jax.couplings import SparseCoupling
from qthermo_jax.declared import CurrentOf
from qthermo_jax.labels import Quantity
from qthermo_jax.models.common import Rate, Scalar, Spectrum, model, named_density
from qthermo_jax.models.qubits import excitations, qubit_baths, state_labels, weighted
from qthermo_jax.operators import create, destroy, embed, number, tensor
from qthermo_jax.system import OpenSystem

ColdTemperature = Annotated[Scalar, Quantity("temperature of the cold bath", "T_c", 1)]
Coupling = Annotated[Scalar, Quantity("coupling of the qubits", "g", 1)]


@model
def three_level_refrigerator(
    omega_c: Annotated[Scalar, Quantity("frequency at the cold bath", r"\omega_c", 1)] = 0.3,
    omega_h: Annotated[Scalar, Quantity("frequency at the hot bath", r"\omega_h", 1)] = 1.0,
    T_c: ColdTemperature = 0.5,
    T_h: Annotated[Scalar, Quantity("temperature of the hot bath", "T_h", 1)] = 0.6,
    T_w: Annotated[Scalar, Quantity("temperature of the work bath", "T_w", 1)] = 2.0,
    rate: Rate = 1.0,
    spectrum: Spectrum = "flat",
) -> OpenSystem:
    """Three levels in a cycle: the work bath, the hottest, drives heat from the cold to the hot one.

    Energies (0, omega_c, omega_h) of (|0>, |1>, |2>), 0 < omega_c < omega_h. Bath 1, cold, drives
    |0> - |1>; bath 2, hot, |0> - |2>; bath 3, work, |1> - |2>. Heat is exchanged in the ratio of their
    frequencies, and it cools where omega_c/T_c + omega_w/T_w < omega_h/T_h, omega_w = omega_h - omega_c.
    Source: Levy and Kosloff, Phys. Rev. Lett. 108, 070604 (2012); Correa, Palao, Adesso, Alonso, Phys.
    Rev. E 87, 042131 (2013).

    Observable `cooling_power`: heat current out of the cold bath.

    >>> three_level_refrigerator(omega_c=0.25).H.diagonal().tolist()
    [0.0, 0.25, 1.0]
    """
    omega_c, omega_h = jnp.asarray(omega_c, float), jnp.asarray(omega_h, float)
    baths = Bath(
        SparseCoupling(3, rows=[0, 0, 1], columns=[1, 2, 2]),
        jnp.stack([jnp.asarray(T, float) for T in (T_c, T_h, T_w)]),
        named_density(spectrum, rate),
    )
    return OpenSystem(
        jnp.diag(jnp.stack([jnp.zeros_like(omega_c), omega_c, omega_h])),
        baths,
        sectors=[(0,), (1,), (2,)],
        levels=[],
        labels=("0", "1", "2"),
        observables={
            "cooling_power": CurrentOf(0, -1.0, Quantity("cooling power", r"-J_c", 2, neutral=0.0))
        },
    )


@model
def three_qubit_refrigerator(
    E_1: Annotated[Scalar, Quantity("energy of the cold qubit", "E_1", 1)] = 1.0,
    E_3: Annotated[Scalar, Quantity("energy of the hot qubit", "E_3", 1)] = 4.0,
    g: Coupling = 0.1,
    T_c: ColdTemperature = 1.0,
    T_r: Annotated[Scalar, Quantity("temperature of the room", "T_r", 1)] = 1.2,
    T_h: Annotated[Scalar, Quantity("temperature of the hot bath", "T_h", 1)] = 4.0,
    rate: Rate = 0.01,
    spectrum: Spectrum = "ohmic",
) -> OpenSystem:
    """Three qubits, of which |010> and |101> have one energy and are coupled.

    H = H_0 + g (|010><101| + h.c.), H_0 = sum_k E_k |1><1|_k with E_2 = E_1 + E_3; S_k = sigma_x^k.
    Qubit 1 is cooled, qubit 2 gives the heat to the room, qubit 3 takes up that of the hot bath; their
    baths are numbered likewise. Basis (|000>, |001>, ..., |111>), |0> the ground state. As g -> 0 it
    cools where E_1/T_c + E_3/T_h < E_2/T_r. The paper's baths reset their qubits; these are thermal.
    Source: Linden, Popescu, Skrzypczyk, Phys. Rev. Lett. 105, 130401 (2010).

    Observables: `excitations` (qubit); qubit 1 is colder than its bath while it cools.

    >>> three_qubit_refrigerator(E_1=1.0, E_3=4.0).H.diagonal().tolist()
    [0.0, 4.0, 5.0, 9.0, 1.0, 5.0, 6.0, 10.0]
    """
    energies = [jnp.asarray(E, float) for E in (E_1, E_3)]
    excited = [embed(number(2), qubit, (2, 2, 2)) for qubit in range(3)]
    bare = weighted([(energies[0], excited[0] + excited[1]), (energies[1], excited[1] + excited[2])])
    swap = tensor(destroy(2), create(2), destroy(2))
    labels = state_labels(3, ("0", "1"))
    pair = (labels.index("010"), labels.index("101"))
    return OpenSystem(
        bare + weighted([(g, swap + swap.T)]),
        qubit_baths(3, (0, 1, 2), (T_c, T_r, T_h), rate, spectrum),
        sectors=[*((state,) for state in range(8) if state not in pair), pair],
        labels=labels,
        local=bare,
        observables={"excitations": excitations(labels, "1", (1, 2, 3))},
    )
