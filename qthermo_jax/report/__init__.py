"""A result as one page to send: what was asked, what came out, and why to trust it."""

from qthermo_jax.report.page import Page, made_page

__all__ = ["Page", "made_page"]
