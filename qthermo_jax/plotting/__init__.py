"""Pictures of a sweep: curves for one axis, a map for two, panels side by side for three."""

from qthermo_jax.plotting.figure import plot
from qthermo_jax.plotting.fits import plot_fit
from qthermo_jax.plotting.picture import Picture
from qthermo_jax.plotting.selection import PlotError, select
from qthermo_jax.plotting.style import SCALES
from qthermo_jax.plotting.variables import drawable, flags_of, status_of

__all__ = [
    "SCALES",
    "Picture",
    "PlotError",
    "drawable",
    "flags_of",
    "plot",
    "plot_fit",
    "select",
    "status_of",
]
