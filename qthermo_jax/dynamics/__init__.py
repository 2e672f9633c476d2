"""Time evolution: exact where the generator is constant, an ODE where it is not."""

import importlib
from typing import TYPE_CHECKING, Any

from qthermo_jax.dynamics.constant import evolve, evolved

if TYPE_CHECKING:
    from qthermo_jax.dynamics.changing import (
        Warming,
        evolve_driven,
        evolve_with_baths,
        evolved_with_baths,
    )

__all__ = [
    "Warming",
    "evolve",
    "evolve_driven",
    "evolve_with_baths",
    "evolved",
    "evolved_with_baths",
]


def __getattr__(name: str) -> Any:
    """What needs the ODE solver, which takes a third of a second to load, on first use."""
    if name in __all__:
        return getattr(importlib.import_module("qthermo_jax.dynamics.changing"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
