"""The local approach may violate the second law."""

from collections.abc import Iterator

import numpy as np

from qthermo_jax.baths import Bath, Ohmic
from qthermo_jax.operators import destroy, embed, number, sigma_x
from qthermo_jax.papers.record import Paper, Relation, Statement, observed
from qthermo_jax.system import OpenSystem

_HOT, _T_H, _T_C, _G = 5.0, 0.9, 0.3, 0.05


def _qubits(cold: float) -> OpenSystem:
    """A qubit at the hot bath, bath 1, that exchanges quanta with one at the cold bath."""
    bare = sum(omega * embed(number(2), qubit, (2, 2)) for qubit, omega in enumerate((_HOT, cold)))
    lower = [embed(destroy(2), qubit, (2, 2)) for qubit in range(2)]
    exchange = lower[0].T @ lower[1]
    couplings = np.stack([embed(sigma_x(), qubit, (2, 2)) for qubit in range(2)])
    baths = Bath(couplings, np.array([_T_H, _T_C]), Ohmic(np.full(2, 0.01)))
    return OpenSystem(bare + _G * (exchange + exchange.T), baths, local=bare)


def compute() -> Iterator[Statement]:
    """Heat into the cold bath, on both sides of omega_c/T_c = omega_h/T_h."""
    turns = _HOT * _T_C / _T_H
    for factor, relation, words in (
        (0.6, Relation.BELOW, "from cold to hot where omega_c/T_c < omega_h/T_h"),
        (1.5, Relation.ABOVE, "from hot to cold where omega_c/T_c > omega_h/T_h"),
    ):
        system = _qubits(factor * turns)
        J = float(observed(system.with_generator("local"), "heat_currents", "dense")[1])
        yield Statement(
            "local approach", f"local equation: heat flows {words}", 0.0, J, relation=relation
        )
        J = float(observed(system, "heat_currents", "dense")[1])
        claim = f"global equation: heat flows from hot to cold at {factor:g} of that frequency too"
        yield Statement("global approach", claim, 0.0, J, relation=Relation.ABOVE)


PAPER = Paper(
    "A. Levy, R. Kosloff, The local approach to quantum transport may violate the second law of "
    "thermodynamics, EPL 107, 20004 (2014)",
    "two coupled qubits between a hot and a cold bath",
    compute,
)
