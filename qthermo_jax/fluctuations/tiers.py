"""Where the statistics of a steady state come from: populations alone, degenerate levels, or all of rho.

The same structure as that of the solver that found the state: what populations drive, they drive with
counting fields too.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from qthermo_jax.bounded import Bounded, Pace
from qthermo_jax.choice import chosen
from qthermo_jax.fluctuations.counting import Jumps, Sum, jumps_of
from qthermo_jax.fluctuations.tilted import Tilted, tilted
from qthermo_jax.precision import compiled
from qthermo_jax.registry import AUTO, Method
from qthermo_jax.steady import State, Status, SteadyState
from qthermo_jax.system import OpenSystem
from qthermo_jax.transitions import log_rates

Tier = Literal["rates", "block", "dense", "either"]

_Result = TypeVar("_Result")


def tier_of(system: OpenSystem, state: State) -> Tier:
    """Which unknowns suffice for this state; "either" where only the numbers know and are not there yet.

    Raises:
        ValueError: the state is no steady one.
    """
    if not isinstance(state, SteadyState):
        raise ValueError(
            "fluctuations of currents take a steady state, as `steadystate` gives it; those in a finite "
            "time from another state come of `finite_time_cumulants`"
        )
    if state.coherences is None:
        return "rates"
    if not system.equation.secular:
        return "dense"
    if isinstance(state.method, jax.core.Tracer):
        if state.asked == AUTO:
            return "either"
        method = Method[state.asked.upper()]
    else:
        method = Method(int(np.max(np.asarray(state.method))))
    if method == Method.SECULAR_BLOCK:
        return "dense" if system.levels is None else "block"
    return "rates" if method == Method.POPULATIONS else "dense"


def by_tier(
    system: OpenSystem,
    state: SteadyState,
    tier: Tier,
    of_jumps: Callable[[Jumps], _Result],
    of_tilt: Callable[[Tilted], _Result],
) -> _Result:
    """What the jumps of a rate equation give, or a generator with counting fields."""

    def from_populations() -> _Result:
        return of_jumps(jumps_of(system, state))

    def from_coherences() -> _Result:
        return of_tilt(tilted(system, state.basis, system.levels if tier == "block" else None))

    if tier == "rates":
        return from_populations()
    if tier != "either":
        return from_coherences()
    return chosen(state.method != Method.POPULATIONS, from_coherences, from_populations)


def as_bounded(system: OpenSystem, state: SteadyState, found: Sum) -> Bounded:
    """Sums over jumps as values with bounds, NaN where there is no state."""
    p = state.populations
    there = jnp.where(state.status == Status.OK, 1.0, jnp.nan)
    value = found.value * there
    # The potentials follow every rate, so that the fastest one limits what a derivative is known to.
    logarithms = jnp.log(jnp.where(p > 0, p, 1.0))
    rates = log_rates(system.transitions(state.basis))
    pace = Pace(p, logarithms, rates, 0, jnp.array(False), jnp.zeros_like(p[0]))
    return Bounded(value, found.bound, found.parts, jnp.abs(value), jnp.array(False), pace)


def trusted_statistic(
    bounded: Callable[[OpenSystem, SteadyState, Tier | None], Bounded],
    system: OpenSystem,
    state: SteadyState,
) -> Float[Array, "*dims"]:
    """The value of a statistic with a bound, NaN where the bound is too large; compiled in itself.

    Args:
        bounded: the function that makes it, one of a module: a program is compiled for each function.

    Raises:
        ValueError: as `tier_of`.
    """
    found: Float[Array, "*dims"] = _trusted(bounded, system, state, tier_of(system, state))
    return found


@partial(compiled, static_argnames=("bounded", "tier"))
def _trusted(
    bounded: Callable[[OpenSystem, SteadyState, Tier | None], Bounded],
    system: OpenSystem,
    state: SteadyState,
    tier: Tier,
) -> Float[Array, "*dims"]:
    return bounded(system, state, tier).trusted
