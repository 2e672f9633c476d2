"""What can be asked of a machine, a system that is moved in time: heat, work, what it is good for.

A machine comes to a state that returns to itself after a period. Currents are means over it; heat
currents are positive into the bath, and power is the work per time that is done on the system.
"""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from qthermo_jax.bounded import SIX_DIGITS, Bounded, Pace
from qthermo_jax.declared import ComputedObservable, CurrentOf, Declared, Observable
from qthermo_jax.driven import MachineState
from qthermo_jax.driven.verdict import largest_error
from qthermo_jax.labels import Dimension, Quantity
from qthermo_jax.observables import AvailableObservable

MODES = ("undecided", "engine", "refrigerator", "accelerator", "heater")


@runtime_checkable
class Machine(Protocol):
    """What a driven system and a cycle have in common."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the basis states."""

    @property
    def bath_names(self) -> tuple[int | str, ...]:
        """Of its K baths, or their numbers."""

    @property
    def period(self) -> Float[Array, ""]:
        """After which everything repeats, in units of 1/energy."""

    @property
    def temperatures(self) -> Float[Array, " K"]:
        """Of its baths."""

    @property
    def observables(self) -> dict[str, Declared]:
        """The model's own."""


def bounded_by(state: MachineState, value: Float[Array, "*s"], bound: Float[Array, "*s"]) -> Bounded:
    """A value with its bound; derivatives change as fast as the heat that flows, relative to itself."""
    gross = state.gross_currents
    flows = jnp.log(jnp.where(gross > 0, gross, 1.0))
    one, zero = jnp.ones((1,), gross.dtype), jnp.zeros((), gross.dtype)
    pace = Pace(one, 0.0 * one, flows, 0, jnp.array(False), zero)
    # Given are values up to the error of the steps that the status allows.
    size = jnp.abs(value) * (largest_error(gross.dtype) / SIX_DIGITS)
    bound = jax.lax.stop_gradient(bound)
    return Bounded(value, bound, bound[..., None], size, jnp.array(False), pace)


def heat_currents(machine: Machine, state: MachineState) -> Bounded:
    """Mean heat current into each bath, (K,)."""
    return bounded_by(state, state.heat_currents, state.heat_bounds)


def power(machine: Machine, state: MachineState) -> Bounded:
    """Work per time that is done on the system."""
    return _power_of(state)


def _power_of(state: MachineState) -> Bounded:
    return bounded_by(state, state.power, state.power_bound)


def heat(machine: Machine, state: MachineState) -> Bounded:
    """Heat into each bath in a period, (K,)."""
    return bounded_by(state, machine.period * state.heat_currents, machine.period * state.heat_bounds)


def work(machine: Machine, state: MachineState) -> Bounded:
    """Work that is done on the system in a period."""
    return bounded_by(state, machine.period * state.power, machine.period * state.power_bound)


def _into_hottest(machine: Machine, state: MachineState) -> tuple[Array, Array]:
    """Heat current into the baths of the highest temperature, and its bound."""
    T = jax.lax.stop_gradient(machine.temperatures)
    return _into(state, jnp.max(T) == T)


def _into_coldest(machine: Machine, state: MachineState) -> tuple[Array, Array]:
    T = jax.lax.stop_gradient(machine.temperatures)
    return _into(state, jnp.min(T) == T)


def _into(state: MachineState, chosen: Array) -> tuple[Array, Array]:
    return jnp.sum(jnp.where(chosen, state.heat_currents, 0.0)), jnp.sum(
        jnp.where(chosen, state.heat_bounds, 0.0)
    )


def _ratio(state: MachineState, above: tuple[Array, Array], below: tuple[Array, Array]) -> Bounded:
    """A quotient of two values with bounds."""
    (a, of_a), (b, of_b) = above, jax.lax.stop_gradient(below)
    size = jnp.abs(b)
    known = of_b < size
    least = jnp.where(known, size - of_b, 1.0)
    value = a / jnp.where(known, below[0], 1.0)
    bound = jnp.where(known, (of_a + jnp.abs(value) * of_b) / least, jnp.inf)
    return bounded_by(state, value, bound)


def efficiency(machine: Machine, state: MachineState) -> Bounded:
    """Work that the machine does over the heat that the hottest bath gives; see `mode`."""
    return _ratio(state, (state.power, state.power_bound), _into_hottest(machine, state))


def cop(machine: Machine, state: MachineState) -> Bounded:
    """Heat that the coldest bath gives over the work that it costs; see `mode`."""
    into, bound = _into_coldest(machine, state)
    return _ratio(state, (-into, bound), (state.power, state.power_bound))


def mode(machine: Machine, state: MachineState) -> Float[Array, ""]:
    """What the machine is good for, a position in `MODES`.

    An engine does work. A refrigerator takes heat from the coldest bath, an accelerator helps heat on
    its way from the hottest to the coldest one, and a heater heats both; all three cost work. 0 where a
    sign that decides is within its bound.
    """
    known, positive = [], []
    for value, bound in (
        (state.power, state.power_bound),
        _into_hottest(machine, state),
        _into_coldest(machine, state),
    ):
        known.append(jnp.abs(value) > bound)
        positive.append(value > 0)
    (costs, heats_hot, heats_cold), decided = positive, known[0]
    cools = costs & ~heats_cold
    decided = decided & (~costs | known[2]) & (~costs | cools | known[1])
    found = jnp.where(cools, 2.0, jnp.where(heats_hot, 4.0, 3.0))
    found = jnp.where(costs, found, 1.0)
    unknown = jnp.where(jnp.isnan(state.power), jnp.nan, 0.0)
    return jax.lax.stop_gradient(jnp.where(decided, found, unknown))


def entropy_production(machine: Machine, state: MachineState) -> Bounded:
    """Mean entropy production, the sum of J_k/T_k."""
    T = machine.temperatures
    still = (T == 0) & (jnp.abs(state.heat_currents) <= state.heat_bounds)
    moves = (state.heat_bounds > 0) & ~still
    bound = jnp.sum(jnp.where(moves, state.heat_bounds / jnp.where(moves, T, 1.0), 0.0))
    return bounded_by(state, state.entropy_production, bound)


def _own(name: str) -> Callable[[Machine, MachineState], Array | Bounded]:
    return lambda machine, state: _value_of(machine, state, machine.observables[name])


def _value_of(machine: Machine, state: MachineState, observable: Declared) -> Array | Bounded:
    if isinstance(observable, CurrentOf):
        at, size = observable.bath, abs(observable.factor)
        current = observable.factor * state.heat_currents[at]
        return bounded_by(state, current, size * state.heat_bounds[at])
    if isinstance(observable, ComputedObservable):
        found: Array = observable.function(machine, state, *observable.arguments)
        return found
    return _expectation(state, observable)


def _expectation(state: MachineState, observable: Observable) -> Float[Array, "*dims"]:
    if observable.is_diagonal:
        return observable.operator.real @ jnp.einsum("aa->a", state.observed_rho).real
    return state.mean(observable.operator)


def machine_observables(machine: Machine) -> dict[str, AvailableObservable]:
    """What can be asked of any machine."""
    bath = Dimension("bath", machine.bath_names, "bath")
    return {
        "power": AvailableObservable(power, Quantity("power, done on the system", "P", 2, neutral=0.0)),
        "heat_currents": AvailableObservable(
            heat_currents, Quantity("mean heat current into the bath", "J", 2), (bath,)
        ),
        "work": AvailableObservable(
            work, Quantity("work in a period, done on the system", "W", 1, neutral=0.0)
        ),
        "heat": AvailableObservable(heat, Quantity("heat into the bath in a period", "Q", 1), (bath,)),
        "efficiency": AvailableObservable(efficiency, Quantity("efficiency", r"\eta", 0)),
        "cop": AvailableObservable(cop, Quantity("coefficient of performance", r"\epsilon", 0)),
        "mode": AvailableObservable(mode, Quantity("what the machine is", "", 0, values=MODES)),
        "entropy_production": AvailableObservable(
            entropy_production, Quantity("mean entropy production", r"\dot\Sigma", 1)
        ),
        "energy_balance": AvailableObservable(
            of_state("energy_balance"), Quantity("sum of the heat currents minus power", "", 2)
        ),
        "error": AvailableObservable(
            of_state("error"), Quantity("bound of the error of the density matrix", r"\epsilon", 0)
        ),
    }


def own_observables(machine: Machine) -> dict[str, AvailableObservable]:
    """Those that the machine brings along; operators are averaged in the state's `observed_rho`."""
    return {
        name: AvailableObservable(_own(name), declared.quantity, declared.dims)
        for name, declared in machine.observables.items()
    }


def of_state(name: str) -> Callable[[Machine, MachineState], Array]:
    """An observable that the state has as an attribute."""
    return lambda machine, state: getattr(state, name)


def lost_currents(state: MachineState) -> Bool[Array, ""]:
    """Whether a heat current or the power is not given because its terms cancel."""
    found = (bounded_by(state, state.heat_currents, state.heat_bounds), _power_of(state))
    return jnp.any(jnp.stack([jnp.any(~own.reliable) for own in found]))
