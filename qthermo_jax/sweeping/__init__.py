"""Sweeps: spec, plan, engine, store. The only part that does I/O."""

from qthermo_jax.sweeping.errors import Interrupted, SpecError, StoreError, TilesFailed
from qthermo_jax.sweeping.results import open_result
from qthermo_jax.sweeping.run import (
    Sweep,
    run_in_memory,
    run_to_file,
    sweep,
    sweep_from_file,
)
from qthermo_jax.sweeping.store import Store

__all__ = [
    "Interrupted",
    "SpecError",
    "Store",
    "StoreError",
    "Sweep",
    "TilesFailed",
    "open_result",
    "run_in_memory",
    "run_to_file",
    "sweep",
    "sweep_from_file",
]
