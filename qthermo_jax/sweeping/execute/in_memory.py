"""A sweep is run in memory."""

from functools import partial

import numpy as np
import xarray as xr

from qthermo_jax.sweeping.compute.devices import device_name
from qthermo_jax.sweeping.compute.engine import Engine
from qthermo_jax.sweeping.compute.reasons import causes_at
from qthermo_jax.sweeping.execute.job import Sweep
from qthermo_jax.sweeping.execute.refining import refined_result
from qthermo_jax.sweeping.store.layout import layout_of
from qthermo_jax.sweeping.store.reading import to_dataset
from qthermo_jax.sweeping.store.reasons import with_reasons


def run_in_memory(job: Sweep) -> xr.Dataset:
    """Compute everything and keep it in memory."""
    if job.plan.spec.refine:
        return to_dataset(*refined_result(job))
    layout = layout_of(job.plan, job.source, device_name())
    arrays = {name: np.empty(layout.shape(v), v.dtype) for name, v in layout.computed.items()}
    for box, tile in Engine(job.plan).solve(job.plan.tiling.boxes):
        for name, values in tile.items():
            arrays[name][box] = values
    whole = tuple(slice(0, axis.size) for axis in job.plan.axes)
    layout = with_reasons(layout, job.plan, [(whole, arrays)], partial(causes_at, job.plan))
    return to_dataset(layout, arrays)
