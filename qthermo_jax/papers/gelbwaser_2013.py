"""The minimal quantum heat machine: one qubit of modulated frequency between two baths."""

from collections.abc import Iterator

import numpy as np

from qthermo_jax.catalogue import observe
from qthermo_jax.driven import periodic_state
from qthermo_jax.models import modulated_qubit
from qthermo_jax.papers.record import Paper, Relation, Statement, farthest

_T_C, _T_H = 1.0, 2.0

# Of the spectral densities: the paper's baths do not overlap at all.
_WIDTH, _RATE = 1e-4, 1e-6


def _machine(frequency: float, *names: str) -> list[float]:
    system = modulated_qubit(
        drive_frequency=frequency, T_c=_T_C, T_h=_T_H, width=_WIDTH, rate=_RATE, modulation=0.2
    )
    state = periodic_state(system)
    return [float(observe(system, state, name)) for name in names]


def compute() -> Iterator[Statement]:
    """Around the critical frequency of the modulation, omega_0 (T_h - T_c)/(T_h + T_c)."""
    critical = (_T_H - _T_C) / (_T_H + _T_C)
    slow = critical * np.array([0.3, 0.6, 0.9])
    found = np.array([_machine(float(own), "efficiency")[0] for own in slow])
    yield farthest("engine", "efficiency 2 Delta/(omega_0 + Delta)", 2 * slow / (1 + slow), found, 1e-3)
    # At twice the critical rate 2 Delta - omega_0 is omega_0 - Delta, which the cold bath answers too.
    fast = critical * np.array([1.1, 1.4, 1.8])
    found = np.array([_machine(float(own), "cop")[0] for own in fast])
    claim = "coefficient of performance (omega_0 - Delta)/(2 Delta)"
    yield farthest("refrigerator", claim, (1 - fast) / (2 * fast), found, 1e-3)
    for factor, relation, words in (
        (
            0.98,
            Relation.BELOW,
            "an engine 2 % below the critical rate: power done on it over the rate of jumps",
        ),
        (1.02, Relation.ABOVE, "work is spent 2 % above the critical rate: the same"),
    ):
        power = _machine(factor * critical, "power")[0]
        yield Statement("critical rate", words, 0.0, power / _RATE, relation=relation)
    claim = "Carnot's efficiency at zero power: efficiency 2 % below the critical rate over Carnot's"
    near = _machine(0.98 * critical, "efficiency")[0] / (1 - _T_C / _T_H)
    yield Statement("abstract", claim, 1.0, near, 0.02)


PAPER = Paper(
    "D. Gelbwaser-Klimovsky, R. Alicki, G. Kurizki, Minimal universal quantum heat machine, "
    "Phys. Rev. E 87, 012140 (2013)",
    "engine and refrigerator by the rate of modulation of a qubit, up to Carnot's efficiency",
    compute,
)
