"""Master equations: transitions that baths drive, and the generators that are made of them."""

from qthermo_jax.generators.generator import Generator, InEigenbasis
from qthermo_jax.generators.master import (
    currents_of,
    generator_of,
    jump_operators,
    liouvillian,
    moves_of,
)
from qthermo_jax.generators.secular import block_generator, secular_generator
from qthermo_jax.generators.transitions import (
    Transitions,
    jump_rate_errors,
    jump_rates,
    leak,
    log_rates,
    newly_divergent,
    newly_driven,
    transitions,
)
from qthermo_jax.generators.unknowns import (
    Kept,
    hermitian_parts,
    kept_elements,
    real_generator,
    unknowns_of,
)

__all__ = [
    "Generator",
    "InEigenbasis",
    "Kept",
    "Transitions",
    "block_generator",
    "currents_of",
    "generator_of",
    "hermitian_parts",
    "jump_operators",
    "jump_rate_errors",
    "jump_rates",
    "kept_elements",
    "leak",
    "liouvillian",
    "log_rates",
    "moves_of",
    "newly_divergent",
    "newly_driven",
    "real_generator",
    "secular_generator",
    "transitions",
    "unknowns_of",
]
