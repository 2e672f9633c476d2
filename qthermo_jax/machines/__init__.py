"""What can be asked of machines: driven systems and cycles of strokes."""

from qthermo_jax.machines.common import MODES, Machine, lost_currents
from qthermo_jax.machines.cyclic import cycle_observables
from qthermo_jax.machines.driven import driven_observables

__all__ = ["MODES", "Machine", "cycle_observables", "driven_observables", "lost_currents"]
