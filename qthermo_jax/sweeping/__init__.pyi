from .errors import Interrupted, SpecError, StoreError, TilesFailed
from .results import open_result
from .run import (
    Sweep,
    run_in_memory,
    run_to_file,
    sweep,
    sweep_from_file,
)
from .store import Store

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
