"""Limit cycles of cycles of strokes: their states, heat and work."""

from qthermo_jax.strokes.limit import limit_cycle
from qthermo_jax.strokes.record import CycleState

__all__ = ["CycleState", "limit_cycle"]
