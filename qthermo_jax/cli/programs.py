"""What the programs of a sweep consist of, and what they cost on a GPU, in words."""

from collections import Counter
from collections.abc import Iterator

from qthermo_jax.cli.formatting import in_bytes
from qthermo_jax.sweeping.compute.ahead import compiled_programs
from qthermo_jax.sweeping.compute.contents import Contents, Loop
from qthermo_jax.sweeping.compute.lowering import lowered_programs
from qthermo_jax.sweeping.plan.record import Plan
from qthermo_jax.sweeping.store.layout import bytes_on_disk

# Bytes in a second that a fast disk writes.
_DISK = 3e9

# Numbers of 32 bit, whose products a GPU would take in TF32.
_SINGLE = ("f32", "complex<f32>")

_NOT_LOWERED = "; JAX lowers it for no platform but that of this machine"


def lowered_lines(plan: Plan, platform: str) -> Iterator[tuple[str, str]]:
    """What each program consists of when it is lowered for a platform."""
    for solver, points, contents in lowered_programs(plan, platform):
        yield "program", f"{solver}: {points} points in a call"
        stuck = _NOT_LOWERED * bool(contents.callbacks)
        yield "  host callbacks", f"{contents.callbacks or 'none'}{stuck}"
        if not contents.callbacks:
            yield from _parts(contents)


def _parts(contents: Contents) -> Iterator[tuple[str, str]]:
    calls = contents.custom_calls.items()
    yield "  library calls", ", ".join(f"{number} {name}" for name, number in calls) or "none"
    yield "  loops", _loops(contents.loops)
    yield "  conditionals", str(contents.conditionals or "none")
    single = Counter[str]()
    for (kind, precision), number in contents.products.items():
        if kind in _SINGLE:
            single[precision] += number
    told = ", ".join(f"{number} of precision {own}" for own, number in single.items())
    yield "  32-bit products", told or "none"


def _loops(loops: tuple[Loop, ...]) -> str:
    if not loops:
        return "none"
    steps = Counter(loop.steps for loop in loops)
    open_ended = steps.pop(None, 0)
    told = [f"{number} of {own} steps" for own, number in sorted(steps.items()) if own is not None]
    return ", ".join([*told, *([f"{open_ended} until a condition holds"] if open_ended else [])])


def compiled_lines(plan: Plan, gpu: str) -> Iterator[tuple[str, str]]:
    """What a call of each program costs on a GPU, and what a disk allows."""
    written = bytes_on_disk(plan) / plan.points
    for own in compiled_programs(plan, gpu):

        def both(least: str, most: str) -> str:
            return least if least == most else f"{least}, at most {most}"

        yield "compiled", f"{own.solver}: {own.points} points in a call, for {own.gpu.name}"
        yield "  launches", both(str(own.least.launches), str(own.most.launches))
        least, most = (in_bytes(round(cost.traffic / own.points)) for cost in (own.least, own.most))
        yield "  memory traffic", f"{both(least, most)} a point"
        room = "" if own.fits else ", more than it has"
        yield "  temporaries", f"{in_bytes(own.temporaries)}{room}"
        memory, arithmetic = own.by_memory(own.least), own.by_arithmetic(own.least)
        yield "  allowed", f"{memory:.2g} points/s by memory, {arithmetic:.2g} by arithmetic, at most"
        limit = ", which is the limit" * (_DISK / written < min(memory, arithmetic))
        told = f"{_DISK / written:.2g} points/s of {in_bytes(round(written))}"
        yield "  on a fast disk", f"{told} each{limit}"
