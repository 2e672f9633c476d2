"""What can be asked of machines: driven systems."""

from qthermo_jax.machines.common import MODES, Machine, lost_currents
from qthermo_jax.machines.driven import driven_observables

__all__ = ["MODES", "Machine", "driven_observables", "lost_currents"]
