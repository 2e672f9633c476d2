"""One point of a sweep as a pure function: parameters -> observables, their derivatives, and flags."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int8

from qthermo_jax.bounded import Bounded, slope_of, trusted
from qthermo_jax.declared import ComputedObservable
from qthermo_jax.results.schema import LEAK, METHOD, NOTE, STATUS
from qthermo_jax.solvers import Note
from qthermo_jax.steady import State, Status
from qthermo_jax.structure import Index
from qthermo_jax.sweeping.compute.kept import Kept
from qthermo_jax.sweeping.compute.kinds import KINDS
from qthermo_jax.sweeping.compute.setting import system_function
from qthermo_jax.sweeping.errors import Issue, SpecError, first_line
from qthermo_jax.sweeping.plan.model import place_of
from qthermo_jax.sweeping.plan.record import Plan
from qthermo_jax.sweeping.plan.search import Search
from qthermo_jax.sweeping.plan.traced import Result

Numbers = dict[str, Array]
Results = dict[str, Array | Bounded]
PointFunction = Callable[..., dict[str, Array]]

_TRIED: Kept[bool] = Kept("tried", 256)


def point_function(
    plan: Plan, method: str, levels: tuple[Index, ...] | None = None, *, net_fluxes: bool = True
) -> PointFunction:
    """(values of axis 1, values of axis 2, ..., fixed numbers) -> observables and flags, one point.

    Args:
        levels: for a system that declares none.
        net_fluxes: see `SteadyState`. If they are left out a point that needs them has the note
            CURRENTS_CANCEL.
    """
    function, kind = system_function(plan), KINDS[plan.system.kind]

    def found(numbers: Numbers, warming: Float[Array, " K"]) -> tuple[Any, State]:
        system = function(**numbers)
        if plan.warms:
            system = system.with_temperatures(system.temperatures + warming)
        time = numbers.get("time")
        return kind.state(system, method, levels, plan.spec, time, net_fluxes=net_fluxes)

    def solve(*values: Numbers) -> dict[str, Array]:
        numbers = {name: value for part in values for name, value in part.items()}
        if plan.search:
            return _at_optimum(plan, plan.search, found, numbers)
        differentiated = {name: numbers.pop(name) for name in plan.differentiated}

        def observed(
            differentiated: Numbers, warming: Float[Array, " K"]
        ) -> tuple[Results, tuple[Any, State]]:
            system, state = found(numbers | differentiated, warming)
            return _observed(plan, system, state, plan.outputs), (system, state)

        if not plan.derivatives:
            results, (system, state) = observed(differentiated, jnp.zeros(plan.n_baths))
            return _kept(plan, results) | _flags(state, _cancels(plan, system, state, results))

        def skeleton(differentiated: Numbers) -> Any:
            return kind.skeleton(function(**numbers, **differentiated))

        return _with_slopes(plan, observed, skeleton, differentiated)

    return solve


def try_user_observables(plan: Plan) -> None:
    """Trace a point if a result is a function of the user's own, which computes and compiles nothing.

    Raises:
        SpecError: an observable of the user's own raises, or has another shape than it says.
    """
    if plan.system.computed_observables.isdisjoint(plan.outputs):
        return
    _TRIED.get(plan.statics, lambda: _tried(plan))


def _tried(plan: Plan) -> bool:
    first = [{name: values[0] for name, values in axis.parameters.items()} for axis in plan.axes]
    with jax.enable_x64(True):
        jax.eval_shape(point_function(plan, plan.solvers[0]), *first, plan.arguments)
    return True


def _at_optimum(
    plan: Plan,
    search: Search,
    found: Callable[[Numbers, Array], tuple[Any, State]],
    numbers: Numbers,
) -> dict[str, Array]:
    """Everything at the best parameters, and these."""
    # It loads optimistix, which no other sweep needs.
    from qthermo_jax.sweeping.compute.optimum import Aim, optimum, split  # noqa: PLC0415

    given, bounds = split(search, numbers)
    as_it_is = jnp.zeros(plan.n_baths)
    asked = {name: plan.system.observables[name] for name in search.observables}

    def judged(sought: Numbers) -> Aim:
        point = given | sought
        system, state = found(point, as_it_is)
        seen = _observed(plan, system, state, asked)
        named = {
            name: trusted(seen[name.name])[search.elements[name]]
            if name in search.elements
            else point[name.name]
            for name in search.names
        }
        margins = [one.margin.value(named, jnp) for one in search.constraints]
        objective = jnp.asarray(search.objective.value(named, jnp), float)
        return Aim(objective, jnp.stack(margins) if margins else jnp.zeros(0), state.status)

    best = optimum(search, judged, bounds)
    system, state = found(given | best.parameters, as_it_is)
    results = _observed(plan, system, state, plan.outputs)
    flags = _flags(state, _cancels(plan, system, state, results))
    status = jnp.where(best.status == Status.OK, state.status, best.status)
    sound = jnp.where(status == Status.OK, 1.0, jnp.nan)
    sought = {name: own / search.conversions[name] for name, own in best.parameters.items()}
    kept = _kept(plan, {**results, **sought, **best.evidence})
    kept = {name: own * sound.astype(own.dtype) for name, own in kept.items()}
    return kept | flags | {STATUS.name: status.astype(STATUS.dtype)}


def _observed(plan: Plan, system: Any, state: State, asked: Mapping[str, Result]) -> Results:
    found: Results = {}
    known = KINDS[plan.system.kind].observables(system)
    for name, out in asked.items():
        try:
            own = known[name].function(system, state)
            found[name] = own if isinstance(own, Bounded) else jnp.asarray(own)
        except Exception as error:
            if not isinstance(system.observables.get(name), ComputedObservable):
                raise
            raise SpecError(
                _of_observable(plan, name, f"{type(error).__name__}: {first_line(error)}")
            ) from error
        expected = tuple(len(dim.labels) for dim in out.dims)
        shape = trusted(found[name]).shape
        if shape != expected:
            other = f"has shape {shape}, and its dimensions {expected}"
            raise SpecError(_of_observable(plan, name, other))
    return found


def _of_observable(plan: Plan, name: str, message: str) -> Issue:
    return Issue(place_of(name, plan.spec.observables), message, subject=f"observable {name}")


def _kept(plan: Plan, results: Results) -> dict[str, Array]:
    """In the precision of the file, before anything leaves the device."""
    return {name: trusted(values).astype(plan.output_dtype) for name, values in results.items()}


def _cancels(plan: Plan, system: Any, state: State, results: Results) -> Bool[Array, ""]:
    """Whether a result, or some of it, is not given because terms of currents or of their noise cancel.

    A function of the user's own may have taken a current; its NaN has this cause where a current is one.
    Where the state withholds what needs net fluxes, every NaN has that cause as far as anyone knows.
    """
    kind = KINDS[plan.system.kind]
    found = [jnp.any(~own.reliable) for own in results.values() if isinstance(own, Bounded)]
    if kind.withholds_currents(system, state):
        found += [jnp.any(jnp.isnan(own)) for own in results.values() if not isinstance(own, Bounded)]
    own = [
        jnp.any(jnp.isnan(trusted(value)))
        for name, value in results.items()
        if isinstance(system.observables.get(name), ComputedObservable)
    ]
    if own:
        found.append(jnp.any(jnp.stack(own)) & kind.cancels(system, state))
    return jnp.any(jnp.stack(found)) if found else jnp.array(False)


def _flags(state: State, cancels: Bool[Array, ""]) -> dict[str, Array]:
    """What every point says about itself."""
    cancelled = cancels & (state.status == Status.OK)
    note = state.note | jnp.where(cancelled, Note.CURRENTS_CANCEL, Note.NONE).astype(jnp.int8)
    said = {STATUS: state.status, METHOD: state.method, NOTE: note, LEAK: state.leak}
    return {own.name: value.astype(own.dtype) for own, value in said.items()}


def _with_slopes(
    plan: Plan,
    observed: Callable[[Numbers, Array], tuple[Results, tuple[Any, State]]],
    skeleton: Callable[[Numbers], Any],
    differentiated: Numbers,
) -> dict[str, Array]:
    """Values, derivatives and flags.

    All directions share the values that they are taken at; a direction that leaves H alone leaves
    everything alone that comes of H.
    """
    kind = KINDS[plan.system.kind]
    steps = jnp.eye(plan.n_directions)
    along = {name: steps[:, index] for index, name in enumerate(plan.differentiated)}
    warming = jnp.pad(
        steps[:, len(plan.differentiated) :], ((0, 0), (0, 0 if plan.warms else plan.n_baths))
    )

    def push(step: Numbers, warm: Array) -> tuple[tuple[Results, Any, State], Results, Any]:
        def judged(
            differentiated: Numbers, warming: Array
        ) -> tuple[tuple[Results, Any], tuple[Any, State]]:
            results, (system, state) = observed(differentiated, warming)
            return (results, kind.footing(system, state)), (system, state)

        here = (differentiated, jnp.zeros(plan.n_baths))
        (results, _), (slopes, on), kept = jax.jvp(judged, here, (step, warm), has_aux=True)
        slopes = {name: slope_of(results[name], own) for name, own in slopes.items()}
        return (results, *kept), slopes, on

    def bend(step: Numbers) -> tuple[Any, Any]:
        """First and second derivative of the skeleton."""

        def change(differentiated: Numbers) -> Any:
            return jax.jvp(skeleton, (differentiated,), (step,))[1]

        return jax.jvp(change, (differentiated,), (step,))

    (results, system, state), slopes, on = jax.vmap(push, out_axes=(None, 0, 0))(along, warming)
    sizes = jnp.abs(jnp.stack([*differentiated.values(), *system.temperatures])[: plan.n_directions])
    scales = jnp.where(sizes > 0, sizes, 1.0)

    def code_of(step: Numbers, slope: Any, scale: Array) -> Array:
        return kind.derivative_status(system, state, *bend(step), slope, scale)

    codes = jax.vmap(code_of)(along, on, scales)
    named = _named(plan, slopes, jnp.where(state.status == Status.OK, codes, state.status))
    cancels = _cancels(plan, system, state, results) | _cancels(plan, system, state, slopes)
    return _kept(plan, results) | named | _flags(state, cancels)


def _named(plan: Plan, slopes: Results, codes: Int8[Array, " directions"]) -> dict[str, Array]:
    """Derivatives under their names, NaN where they are not known; each parameter has a status."""
    named = {}
    for derivative in plan.derivatives:
        code = codes[derivative.directions]
        for name, slope in slopes.items():
            own = trusted(slope)[derivative.directions]
            exists = (code == Status.OK).reshape(-1, *(1 for _ in own.shape[1:]))
            kept = jnp.moveaxis(jnp.where(exists, own, jnp.nan), 0, -1).astype(plan.output_dtype)
            named[derivative.of(name)] = kept if derivative.dims else kept[..., 0]
        if derivative.name in plan.differentiated:
            named[derivative.status] = code[0]
    return named
