"""A sweep is run to a file that resumes."""

import logging
from collections import Counter
from collections.abc import Callable
from functools import partial

from qthermo_jax.sweeping.compute.devices import device_name
from qthermo_jax.sweeping.compute.reasons import causes_at
from qthermo_jax.sweeping.errors import Interrupted, Issue, SpecError, TilesFailed, first_line
from qthermo_jax.sweeping.execute.executor import Executor
from qthermo_jax.sweeping.execute.job import Sweep
from qthermo_jax.sweeping.execute.progress import Watcher, logged, nobody
from qthermo_jax.sweeping.execute.refining import refined_result
from qthermo_jax.sweeping.execute.this_host import THIS_HOST
from qthermo_jax.sweeping.store.layout import layout_of
from qthermo_jax.sweeping.store.reasons import EXPLAINED, with_reasons
from qthermo_jax.sweeping.store.store import Store


def run_to_file(
    job: Sweep,
    store: Store,
    watch: Watcher = nobody,
    stop: Callable[[], bool] = lambda: False,
    executor: Executor = THIS_HOST,
) -> None:
    """Compute the tiles that are missing, each kept as it is finished, and join them into the file.

    A finished sweep computes nothing.

    Args:
        watch: told of each tile.
        stop: asked now and then; once it says so, the sweep ends after the tiles in flight.
        executor: solves the tiles.

    Raises:
        SpecError: another process is writing this output.
        StoreError: the disk is full, or whatever else keeps files from being written.
        Interrupted: `stop` said so.
        TilesFailed: some tiles could not be solved; the rest is kept.
    """
    with store.locked():
        if not store.finished:
            _run_logged(job, store, watch, stop, executor)


def _run_logged(
    job: Sweep, store: Store, watch: Watcher, stop: Callable[[], bool], executor: Executor
) -> None:
    with logged(store.path) as log:
        try:
            if job.plan.spec.refine:
                _refine(job, store, watch, stop, executor)
            elif store.extends:
                # It compares with an old result, by xarray, which no other run to a file has to load.
                from qthermo_jax.sweeping.execute.extending import extend  # noqa: PLC0415

                run_block = partial(run_to_file, watch=watch, stop=stop, executor=executor)
                extend(job, store, run_block, watch)
            else:
                _run(job, store, watch, stop, executor, log)
            log.info("finished")
        except BaseException as error:
            log.info("stopped: %s: %s", type(error).__name__, first_line(error))
            raise


def _refine(
    job: Sweep, store: Store, watch: Watcher, stop: Callable[[], bool], executor: Executor
) -> None:
    """Compute a grid that is finer where a formula bends, and write all of it at the end.

    Its points are kept as they are solved.
    """
    if executor.writes_elsewhere:
        raise SpecError(Issue(("refine",), "the sweep cannot be run on a cluster"))
    store.open_folder()
    try:
        layout, arrays = refined_result(job, watch, stop, store.tile_files)
    except Interrupted:
        raise _interrupted(store) from None
    whole = tuple(slice(0, layout.sizes[axis]) for axis in layout.axes)
    store.replace(layout, [(whole, arrays)])


def _interrupted(store: Store) -> Interrupted:
    hint = "; without --overwrite it goes on from them" if store.anew else ""
    return Interrupted(f"finished tiles are kept in {store.tile_files.folder}{hint}")


def _run(
    job: Sweep,
    store: Store,
    watch: Watcher,
    stop: Callable[[], bool],
    executor: Executor,
    log: logging.Logger,
) -> None:
    plan = job.plan
    layout, boxes = layout_of(plan, job.source, device_name()), list(plan.tiling.boxes)
    missing, there = store.begin(layout, boxes)
    title = plan.spec.title or plan.model.name
    log.info("%s: %d points, %d of %d tiles missing", title, plan.points, len(missing), len(boxes))
    watch(there)
    failures: list[str] = []
    statuses = Counter(there.statuses)
    for done in executor.solve(job, store.tile_files, missing, stop):
        if done.failure is None:
            log.info("%d points solved; by status: %s", done.points, dict(done.statuses))
        else:
            log.info("gave up %s", done.failure)
            failures.append(done.failure)
        statuses += done.statuses
        watch(done)
    if failures:
        told = f"{len(failures)} of {len(boxes)} tiles failed, the first one {failures[0]}"
        raise TilesFailed(f"{told}; the others are kept in {store.tile_files.folder}")
    if stop():
        raise _interrupted(store)
    if statuses.keys() & set(EXPLAINED):
        layout = with_reasons(layout, plan, store.tiles(), partial(causes_at, plan))
    store.finish(layout, boxes)
