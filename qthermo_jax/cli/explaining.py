"""What a sweep would compute, in words."""

import math
from collections.abc import Iterator

import jax

from qthermo_jax.cli.formatting import in_bytes
from qthermo_jax.cli.programs import compiled_lines, lowered_lines
from qthermo_jax.sweeping import open_result
from qthermo_jax.sweeping.compute.ahead import require_cuda
from qthermo_jax.sweeping.compute.devices import device_name
from qthermo_jax.sweeping.compute.engine import Engine
from qthermo_jax.sweeping.compute.frozen import frozen_out
from qthermo_jax.sweeping.compute.gpus import GPUS
from qthermo_jax.sweeping.compute.lowering import planned_for
from qthermo_jax.sweeping.execute.job import Sweep
from qthermo_jax.sweeping.plan.record import Plan
from qthermo_jax.sweeping.plan.refinement import on_halved_grid
from qthermo_jax.sweeping.store.extension import find_extension
from qthermo_jax.sweeping.store.layout import bytes_on_disk, layout_of
from qthermo_jax.sweeping.store.store import LARGEST_COPY, Store

_IN_TURN = "auto: populations alone where that is exact, the secular block or dense elsewhere"


def explained(
    plan: Plan, platform: str | None = None, gpu: str | None = None
) -> Iterator[tuple[str, str]]:
    """Its lines: what, and how much of it.

    Args:
        platform: with what the programs for one device of it consist of, instead of their memory.
        gpu: with what they cost on one of these too, which takes minutes.
    """
    if gpu:
        require_cuda(gpu)
    if platform:
        plan = planned_for(plan, platform, GPUS[gpu].room if gpu else None)
    yield "title", plan.spec.title or "-"
    yield "model", plan.model.name
    yield "fixed", ", ".join(f"{key} = {value}" for key, value in plan.constants.items()) or "-"
    yield from _grid(plan)
    for name, measure in plan.outputs.items():
        dims = " x ".join(f"{dim.name} {len(dim.labels)}" for dim in measure.dims)
        yield "observable", f"{name}: {measure.quantity.long_name}" + (f" ({dims})" if dims else "")
    if plan.search:
        yield "sought", plan.search.summary
    for derivative in plan.derivatives:
        yield "derivative", f"by {derivative.name}"
    in_turn, engine = len(plan.solvers) > 1, Engine(plan)
    yield "method", f"{_IN_TURN if in_turn else engine.solvers[0].about}; {plan.dtype}"
    tiling = plan.tiling
    shape = " x ".join(map(str, tiling.tile)) or "1 point"
    yield "tiles", f"{tiling.number} of {math.prod(tiling.tile)} points ({shape})"
    yield "devices", f"{plan.devices} ({platform or jax.default_backend()})"
    more = "; where that is not exact, one more for each solver" if in_turn else ""
    yield "compilations", f"1{more}"
    if platform:
        yield from lowered_lines(plan, platform)
    else:
        needed = engine.bytes_on_device
        yield "memory", "not known" if needed is None else f"{in_bytes(needed)} on each device"
    if gpu:
        yield from compiled_lines(plan, gpu)
    yield "on disk", _on_disk(plan)


def _grid(plan: Plan) -> Iterator[tuple[str, str]]:
    for axis in plan.axes:
        ends = ", ".join(
            f"{k} {v[0]:g} ... {v[-1]:g} {plan.spec.units.get(k, '')}".rstrip()
            for k, v in axis.as_given.items()
        )
        yield "axis", f"{axis.name}: {axis.size} values of {ends}"
    for issue in frozen_out(plan):
        yield "note", str(issue)
    if root := plan.spec.root:
        yield (
            "root",
            f"each place on this grid at which {root.formula} is {root.value:g} becomes a point",
        )
    yield "points", f"{plan.points} ({' x '.join(map(str, plan.shape)) or 'no axes'}){refinement(plan)}"


def _on_disk(plan: Plan) -> str:
    size = bytes_on_disk(on_halved_grid(plan))
    if plan.spec.refine:
        return f"up to {in_bytes(size)}, one file"
    copied = "one file" if size <= LARGEST_COPY else "a view of the parts that hold it"
    return f"{in_bytes(size)}, {copied}"


def refinement(plan: Plan) -> str:
    """What a [refine] makes of the grid at most; nothing for a sweep without one."""
    if not plan.spec.refine:
        return ""
    finest = on_halved_grid(plan)
    return f", refined to up to {finest.points} ({' x '.join(map(str, finest.shape))})"


def extended(job: Sweep, store: Store) -> str:
    """What an extension takes over from the result that is there, and what it computes."""
    plan = job.plan
    computing = tuple(layout_of(plan, job.source, device_name()).computed)
    with open_result(store.path) as data:
        extension = find_extension(plan, data, computing)
    known = math.prod(len(along) for along in extension.known)
    taken = ", ".join(name for name in plan.results if name in extension.given)
    computed: dict[str, int] = {}
    for block in extension.blocks:
        names = ", ".join(name for name in plan.results if name in block.adds)
        points = math.prod(len(along) for along in block.index)
        computed[names] = computed.get(names, 0) + points
    new = " and ".join(f"{names} at {n} points" for names, n in computed.items()) or "nothing"
    old = f"{taken} at {known} points" if known and taken else "nothing"
    return f"extended: takes over {old}; computes {new}"
