"""Results in the browser: a local page of curves and maps. Needs Bokeh, the extra `view`."""

from qthermo_jax.viewer.choice import Choice
from qthermo_jax.viewer.page import Page
from qthermo_jax.viewer.server import serve

__all__ = ["Choice", "Page", "serve"]
