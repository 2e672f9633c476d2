"""Pictures of a sweep: curves for one axis, a map for two."""

from qthermo_jax.plotting.figure import SCALES, plot
from qthermo_jax.plotting.selection import PlotError, select

__all__ = ["SCALES", "PlotError", "plot", "select"]
