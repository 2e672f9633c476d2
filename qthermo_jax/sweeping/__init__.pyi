from .errors import Interrupted, Issue, SpecError, SpecWarning, StoreError, TilesFailed
from .execute.answers import follow, optimise
from .execute.entry import sweep
from .execute.fitting import fit
from .execute.in_memory import run_in_memory
from .execute.job import Sweep
from .execute.least_squares import FitResult
from .execute.run import run_to_file
from .execute.spec_file import sweep_from_file
from .store.reading import open_result
from .store.store import Store

__all__ = [
    "FitResult",
    "Interrupted",
    "Issue",
    "SpecError",
    "SpecWarning",
    "Store",
    "StoreError",
    "Sweep",
    "TilesFailed",
    "fit",
    "follow",
    "open_result",
    "optimise",
    "run_in_memory",
    "run_to_file",
    "sweep",
    "sweep_from_file",
]
