"""How currents fluctuate: records of single jumps, and the cycles that carry a current."""

from qthermo_jax.fluctuations.cycles import Cycles, cycles
from qthermo_jax.fluctuations.trajectories import Trajectories, trajectories

__all__ = ["Cycles", "Trajectories", "cycles", "trajectories"]
