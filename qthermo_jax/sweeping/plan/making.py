"""From a grid and what its model's system is to a plan: everything is checked before it is compiled."""

from collections.abc import Iterable, Iterator

from qthermo_jax.results.schema import DIAGNOSTICS, INTERPOLATED
from qthermo_jax.sweeping.errors import Issue, SpecError, Steps, shown, unknown_name
from qthermo_jax.sweeping.plan.derivatives import find_derivatives
from qthermo_jax.sweeping.plan.elements import resolve
from qthermo_jax.sweeping.plan.grid import Grid
from qthermo_jax.sweeping.plan.model import observable_name, place_of
from qthermo_jax.sweeping.plan.record import DEFAULT_MEMORY, Plan
from qthermo_jax.sweeping.plan.search import Search, find_search
from qthermo_jax.sweeping.plan.traced import Result, TracedSystem
from qthermo_jax.sweeping.spec.declared import Spec
from qthermo_jax.sweeping.spec.expression import Expression
from qthermo_jax.sweeping.spec.fields import why_no_name


def resolved(
    grid: Grid,
    system: TracedSystem,
    memory: int | None,
    devices: int,
    *,
    on_cpu: bool,
    room: int = DEFAULT_MEMORY,
) -> Plan:
    """The plan of a grid.

    Args:
        system: what tracing the model at the grid's first point tells.
        memory: bytes that one device's shard of a tile may take; None: what it has room for.
        devices: how many share a tile.
        on_cpu: whether they are CPUs, which solve a few points at a time out of their cache.
        room: bytes that each of them has for its shard.

    Raises:
        SpecError: the first issue, what does not fit.
    """
    if grid.spec.evolution and not system.has_initial:
        name = grid.model.name
        missing = f"missing; the model {name} brings no initial state"
        raise SpecError(Issue(("evolution", "initial"), missing))
    outputs = _outputs(grid, system)
    derivatives, differentiated, defaults = find_derivatives(grid, system.n_baths)
    search, left_out = find_search(grid, system)
    for steps, formula in _formulas_of(grid.spec):
        resolve(Expression.parsed(formula), steps, grid, system.observables)
    plan = Plan(
        grid.spec,
        grid.model,
        grid.axes,
        grid.numbers | defaults | left_out,
        grid.structure,
        grid.foreign | _not_the_models(grid, search, left_out),
        system,
        outputs,
        derivatives,
        differentiated,
        search,
        devices=devices if grid.axes else 1,
        told_memory=memory,
        room=room,
        on_cpu=on_cpu,
    )
    _check_names(plan)
    return plan


def _formulas_of(spec: Spec) -> Iterator[tuple[Steps, str]]:
    """Formulas that name observables, and where they stand."""
    for table, asked in (("root", spec.root), ("refine", spec.refine)):
        if asked:
            yield (table, "formula"), asked.formula
    for formula in spec.fit.measured if spec.fit else ():
        yield ("fit", "measured", formula), formula


def _not_the_models(grid: Grid, search: Search | None, left_out: Iterable[str]) -> set[str]:
    """Numbers that a search brings and that the model's function does not take."""
    structural = {name for name in left_out if grid.model.parameters[name].structure}
    return structural | (search.bounds.keys() if search else set())


def _outputs(grid: Grid, system: TracedSystem) -> dict[str, Result]:
    known = system.observables
    asked = [observable_name(given) for given in grid.spec.observables]
    for position, name in enumerate(asked):
        steps: Steps = ("observables", position)
        if name not in known:
            lacks = _lacking(name, system)
            unknown = Issue(steps, lacks) if lacks else unknown_name(steps, "observable", name, known)
            raise SpecError(unknown)
        if name in asked[:position]:
            raise SpecError(Issue(steps, f"{name!r} is listed twice"))
    names = asked or list(system.shown)
    return {name: known[name] for name in names}


def _lacking(name: str, system: TracedSystem) -> str:
    """What an observable that exists needs and this sweep has not; nothing for a name that is none."""
    if name in system.needs_steady:
        return f"{name!r} needs a steady state, and this sweep has an [evolution]"
    if name == "rectification":
        return f"{name!r} needs a system of two baths, and this one has {system.n_baths}"
    if name == "soret":
        return f"{name!r} needs a model with an observable 'mean_position' or 'unbalance'"
    if name in ("peak_site", "population_slope"):
        return f"{name!r} needs a model with an observable 'site_populations'"
    owners = system.elsewhere.get(name)
    return f"{name!r} is an observable of {', '.join(owners)} alone" if owners else ""


def _check_names(plan: Plan) -> None:
    """Every name in a file means one thing."""
    flags = {name: f"the {name}" for name in DIAGNOSTICS}
    flags |= {derivative.status: "a status" for derivative in plan.derivatives}
    flags |= {INTERPOLATED.name: "what [refine] says of points"} if plan.spec.refine else {}
    for name in plan.search.results if plan.search else ():
        if name in plan.outputs:
            what = "a parameter that is sought" if name in plan.sought else "what [optimise] finds"
            raise SpecError(Issue(("optimise",), f"the observable {name!r} has the name of {what}"))
    taken = {**flags, **dict.fromkeys(plan.results, "an observable")}
    taken |= dict.fromkeys(plan.dims, "a dimension of an observable")
    for name in (*plan.results, *plan.dims):
        if name in flags or (why := why_no_name(name)):
            why = f"the name is taken by {flags[name]}" if name in flags else why
            steps = place_of(name, plan.spec.observables)
            raise SpecError(Issue(steps, why or "", subject=f"observable {shown(name)}"))
    for axis in plan.axes:
        for name in {axis.name, *axis.parameters}:
            if name in taken:
                raise SpecError(
                    Issue(("axes", axis.name), f"the name {name!r} is taken by {taken[name]}")
                )
        foreign = {key for other in plan.axes if other is not axis for key in other.parameters}
        if axis.name in foreign:
            foreign_name = "the name is taken by a parameter of another axis"
            raise SpecError(Issue(("axes", axis.name), foreign_name))
