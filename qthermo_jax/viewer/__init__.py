"""A result in the browser: a local page with sliders. Needs Bokeh, the extra `view`."""

from qthermo_jax.viewer.page import Page
from qthermo_jax.viewer.server import serve

__all__ = ["Page", "serve"]
