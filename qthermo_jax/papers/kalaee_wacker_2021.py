"""The maser with a detuned drive: when its heat currents obey the second law."""

import math
from collections.abc import Iterator

import numpy as np

from qthermo_jax.baths import Bath, Flat
from qthermo_jax.driven import PeriodicState, periodic_state
from qthermo_jax.driven_system import DrivenSystem
from qthermo_jax.papers.record import Paper, Relation, Statement, occupation

# Levels 0, _LOWER, _UPPER; Carnot's point is where _LOWER/_T_C is _UPPER/_T_H. The values are ours.
_LOWER, _UPPER, _T_C, _T_H, _DRIVE, _RATES = 1.001, 3.0, 1.0, 3.0, 0.05, (0.01, 0.04)


def _state(detuning: float, *, corrected: bool) -> PeriodicState:
    """Its periodic state by the local equation; heat currents are those of H(t), the drive included.

    Args:
        detuning: of the drive above the distance of the levels.
        corrected: whether the rates are taken at the energies that a jump moves.
    """
    energies = np.array([_UPPER, _LOWER])
    if corrected:
        for _ in range(60):
            # Each bath takes the part of the detuning that it has in the decay of the coherence.
            emission = [
                rate * (1 + float(occupation(omega, T)))
                for rate, omega, T in zip(_RATES, energies, (_T_H, _T_C), strict=True)
            ]
            share = np.array(emission) / sum(emission)
            energies = np.array([_UPPER, _LOWER]) + detuning * share * np.array([1.0, -1.0])
    drive, hot, cold = np.zeros((3, 3)), np.zeros((3, 3)), np.zeros((3, 3))
    drive[2, 1] = _DRIVE
    hot[0, 2] = hot[2, 0] = cold[0, 1] = cold[1, 0] = 1.0
    return periodic_state(
        DrivenSystem(
            [np.diag([0.0, _LOWER, _UPPER]), drive],
            2 * math.pi / (_UPPER - _LOWER + detuning),
            [Bath(hot, _T_H, Flat(_RATES[0])), Bath(cold, _T_C, Flat(_RATES[1]))],
            generator="local",
            local=np.diag([0.0, energies[1], energies[0]]),
            steps=128,
        )
    )


def compute() -> Iterator[Statement]:
    """Entropy production over the rate of quanta, near Carnot's point, for five detunings."""
    detunings = (-0.3, -0.1, 0.0, 0.1, 0.3)
    produced = {}
    for corrected in (False, True):
        states = [_state(own, corrected=corrected) for own in detunings]
        drives = zip(states, detunings, strict=True)
        # Quanta of the drive per time, |power| over its frequency.
        quanta = [abs(float(own.power)) / (_UPPER - _LOWER + off) for own, off in drives]
        found = [float(own.entropy_production) for own in states]
        produced[corrected] = [a / b for a, b in zip(found, quanta, strict=True)]
    claim = "heat currents of H(t), rates at the levels' energies: least entropy production of a quantum"
    yield Statement("abstract", claim, 0.0, min(produced[False]), relation=Relation.BELOW)
    claim = "cured by corrections for the detuning to the energies of the baths' transitions: the same"
    yield Statement("abstract", claim, 0.0, min(produced[True]), relation=Relation.ABOVE)
    claim = "without detuning there is nothing to correct: difference of the two"
    yield Statement("on resonance", claim, 0.0, produced[True][2] - produced[False][2], 1e-9)


PAPER = Paper(
    "A. A. S. Kalaee, A. Wacker, Positivity of entropy production for the three-level maser, "
    "Phys. Rev. A 103, 012202 (2021)",
    "the second law for the heat currents of a maser whose drive is off resonance",
    compute,
)
