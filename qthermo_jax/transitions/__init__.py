"""The transitions that baths drive between eigenstates: what every master equation is made of."""

from qthermo_jax.transitions.coherences import leak, newly_divergent, newly_driven
from qthermo_jax.transitions.making import make_transitions
from qthermo_jax.transitions.record import JumpMatrices, Transitions, jump_rates, log_rates

__all__ = [
    "JumpMatrices",
    "Transitions",
    "jump_rates",
    "leak",
    "log_rates",
    "make_transitions",
    "newly_divergent",
    "newly_driven",
]
