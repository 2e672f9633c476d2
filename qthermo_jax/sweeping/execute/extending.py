"""A result that is there is extended by the points and observables that it lacks."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
import xarray as xr

from qthermo_jax.results.schema import NOTE
from qthermo_jax.sweeping.compute.devices import device_name
from qthermo_jax.sweeping.compute.reasons import causes_at
from qthermo_jax.sweeping.execute.job import Sweep
from qthermo_jax.sweeping.execute.planning import make_plan
from qthermo_jax.sweeping.execute.progress import Watcher
from qthermo_jax.sweeping.schedule.report import TileReport, counted
from qthermo_jax.sweeping.store.extension import find_extension, placed
from qthermo_jax.sweeping.store.layout import layout_of
from qthermo_jax.sweeping.store.reasons import with_reasons
from qthermo_jax.sweeping.store.store import Store


def extend(job: Sweep, store: Store, run_block: Callable[[Sweep, Store], None], watch: Watcher) -> None:
    """Compute what the result that is there lacks, each piece as a sweep of its own, and join all.

    Args:
        run_block: runs such a sweep to a file.
        watch: told of what the result that is there gives.
    """
    plan = job.plan
    layout = layout_of(plan, job.source, device_name())
    names, axes = tuple(layout.computed), layout.axes
    with ExitStack() as opened:

        def result(path: Path) -> xr.Dataset:
            return opened.enter_context(xr.open_dataset(path, engine="h5netcdf"))

        old = result(store.path)
        extension = find_extension(job.plan, old, names)
        if extension.points:
            there = old["status"].isel(dict(zip(axes, extension.old, strict=True)))
            watch(TileReport(extension.points, counted(there.values), earlier=True))
        values = [placed(old, extension.given, axes, extension.old, extension.known)]
        codes = [placed(old, ["status"], axes, extension.old, extension.known)]
        for block in extension.blocks:
            own_plan = make_plan(block.spec, plan.model, plan.told_memory, plan.devices)
            kept = store.extension_block(own_plan)
            run_block(replace(job, plan=own_plan), kept)
            own = tuple(np.arange(len(along)) for along in block.index)
            found = result(kept.path)
            if block.index is extension.known and NOTE.name in old:
                before = old[NOTE.name].isel(dict(zip(axes, extension.old, strict=True)))
                found[NOTE.name] = found[NOTE.name] | before.values
            values.append(placed(found, block.adds, axes, own, block.index))
            if "status" in block.adds:
                codes.append(placed(found, ["status"], axes, own, block.index))
        layout = with_reasons(layout, job.plan, chain.from_iterable(codes), partial(causes_at, job.plan))
        store.replace(layout, chain.from_iterable(values))
