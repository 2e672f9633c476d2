"""Master equations: transitions that baths drive, and the generators that are made of them."""

from qthermo_jax.generators.master import (
    currents_of,
    generator_of,
    jump_operators,
    liouvillian,
    moves_of,
)
from qthermo_jax.generators.secular import block_generator, secular_generator
from qthermo_jax.generators.transitions import Transitions, jump_rates, leak, transitions

__all__ = [
    "Transitions",
    "block_generator",
    "currents_of",
    "generator_of",
    "jump_operators",
    "jump_rates",
    "leak",
    "liouvillian",
    "moves_of",
    "secular_generator",
    "transitions",
]
