"""Master equations, one file each: the generators that are made of transitions."""

from pkgutil import resolve_name

from qthermo_jax import registry
from qthermo_jax.master_equations.base import HeatFlow, MasterEquation
from qthermo_jax.master_equations.generator import Generator, InEigenbasis
from qthermo_jax.master_equations.secular import block_generator, secular_generator
from qthermo_jax.master_equations.unknowns import (
    Kept,
    hermitian_parts,
    kept_elements,
    real_generator,
    unknowns_of,
)

# Every master equation by its name.
EQUATIONS: dict[str, MasterEquation] = {
    name: resolve_name(entry.place)(name, entry) for name, entry in registry.EQUATIONS.items()
}

__all__ = [
    "EQUATIONS",
    "Generator",
    "HeatFlow",
    "InEigenbasis",
    "Kept",
    "MasterEquation",
    "block_generator",
    "hermitian_parts",
    "kept_elements",
    "real_generator",
    "secular_generator",
    "unknowns_of",
]
