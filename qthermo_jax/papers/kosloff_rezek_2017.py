"""The quantum Otto cycle of a harmonic oscillator: slow and sudden changes of its frequency."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from qthermo_jax import models
from qthermo_jax.papers.record import Paper, Relation, Statement, farthest, occupation
from qthermo_jax.strokes import CycleState, limit_cycle

# Contacts long enough to end in Gibbs states; temperatures that the levels which are kept hold.
_T_C, _T_H, _COLD, _LEVELS = 0.2, 0.5, 1.0, 14


def _cycle(omega_h: float, **options: Any) -> CycleState:
    state: CycleState = limit_cycle(
        models.otto_oscillator(
            omega_c=_COLD, omega_h=omega_h, T_c=_T_C, T_h=_T_H, contact=1e4, levels=_LEVELS, **options
        )
    )
    return state


def compute() -> Iterator[Statement]:
    """Work and efficiency; the frequency at the hot bath is above that at the cold one, 1."""
    hot, cold = np.array([1.2, 1.6, 2.0, 2.4]), _COLD
    slow = [_cycle(float(own)) for own in hot]
    n_h, n_c = occupation(hot, _T_H), occupation(cold, _T_C)
    work = -np.array([float(own.work) for own in slow])
    heat = -np.array([float(own.heat[0]) for own in slow])
    yield farthest("slow changes", "eta = 1 - omega_c/omega_h", 1 - cold / hot, work / heat, 1e-10)
    claim = "work that a cycle gives, (omega_h - omega_c)(n_h - n_c)"
    yield farthest("slow changes", claim, (hot - cold) * (n_h - n_c), work, 1e-6)
    claim = "an engine up to omega_h/omega_c = T_h/T_c: work that it gives 1 % below"
    below, above = (-float(_cycle(factor * cold * _T_H / _T_C).work) for factor in (0.99, 1.01))
    yield Statement("slow changes", claim, 0.0, below, relation=Relation.ABOVE)
    yield Statement("slow changes", claim.replace("below", "above"), 0.0, above, relation=Relation.BELOW)
    # Sudden changes multiply the mean number of quanta, 1/2 included, by Q* = (omega_c^2 + omega_h^2)/
    # (2 omega_c omega_h).
    hot = np.array([1.1, 1.2, 1.3])
    n_h, n_c = occupation(hot, _T_H), occupation(cold, _T_C)
    Q = (cold**2 + hot**2) / (2 * cold * hot)
    sudden = [_cycle(float(own), ramp=0.0, adiabatic=False) for own in hot]
    taken = hot * (n_h + 0.5 - Q * (n_c + 0.5))
    given = cold * (Q * (n_h + 0.5) - n_c - 0.5)
    work = -np.array([float(own.work) for own in sudden])
    claim = "sudden changes: work with energies times Q*, the adiabaticity parameter"
    yield farthest("sudden limit", claim, taken - given, work, 1e-5)
    friction = max(float(own.friction.max()) for own in slow)
    claim = "slow changes create no coherence: friction over that of sudden ones"
    least = min(float(own.friction.max()) for own in sudden)
    yield Statement("quantum friction", claim, 0.0, friction / least, 1e-8)


PAPER = Paper(
    "R. Kosloff, Y. Rezek, The quantum harmonic Otto cycle, Entropy 19, 136 (2017)",
    "efficiency and work of an oscillator for slow and sudden changes of its frequency, and friction",
    compute,
)
