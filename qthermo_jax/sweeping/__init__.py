"""Sweeps: spec, plan, engine, store. The only part that does I/O."""

from qthermo_jax.sweeping.errors import SpecError
from qthermo_jax.sweeping.run import (
    Sweep,
    run_in_memory,
    run_to_file,
    sweep,
    sweep_from_file,
)
from qthermo_jax.sweeping.store import Store

__all__ = [
    "SpecError",
    "Store",
    "Sweep",
    "run_in_memory",
    "run_to_file",
    "sweep",
    "sweep_from_file",
]
