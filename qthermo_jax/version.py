"""The one place that states the version; pyproject.toml reads it from here."""

__version__ = "0.1.0"

# Raised by whoever changes a number that a sweep gives by more than round-off, and by nobody else.
# Finished points are kept and extended across all versions of the package that have the same one.
RESULTS_VERSION = 1
