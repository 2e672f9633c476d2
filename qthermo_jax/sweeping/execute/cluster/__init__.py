"""The tiles of a sweep on the workers of a Dask cluster.

A task is one tile. The worker that solves it writes its part itself; the driver, the process that asked
for the sweep, hears how many points have which status and keeps the books.
"""

from qthermo_jax.sweeping.execute.cluster.connect import environments, solving_on

__all__ = ["environments", "solving_on"]
