"""Every observable by name: those of any system, its responses, and those that its model brings."""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float

from qthermo_jax.bounded import Bounded, trusted
from qthermo_jax.cycle import Cycle
from qthermo_jax.driven_system import DrivenSystem
from qthermo_jax.fluctuations import fluctuation_observables
from qthermo_jax.labels import Quantity
from qthermo_jax.machines import cycle_observables, driven_observables
from qthermo_jax.observables import (
    AvailableObservable,
    general_observables,
    own_observable,
    steady_observables,
)
from qthermo_jax.precision import precise
from qthermo_jax.response import by_temperature, response_observables
from qthermo_jax.steady import State, SteadyState
from qthermo_jax.system import OpenSystem

# What a model may return.
System = OpenSystem | DrivenSystem | Cycle


def available_observables(system: System, *, steady: bool = True) -> dict[str, AvailableObservable]:
    """Every observable of this system by name: those of any system, then those its model brings.

    Args:
        steady: those that only a steady state has, its responses for one, are among them.

    >>> from qthermo_jax import models
    >>> "heat_currents" in available_observables(models.chain(sites=2))
    True
    """
    if isinstance(system, DrivenSystem):
        return driven_observables(system)
    if isinstance(system, Cycle):
        return cycle_observables(system)
    own = {
        name: AvailableObservable(_own(name), observable.quantity, observable.dims)
        for name, observable in system.observables.items()
    }
    if "site_populations" in own:
        own["peak_site"] = AvailableObservable(
            peak_site, Quantity("site with the largest population", "", 0)
        )
        slope = Quantity("slope of the site populations", r"\mathrm{d}P/\mathrm{d}k", 0, neutral=0.0)
        own["population_slope"] = AvailableObservable(population_slope, slope)
    general = general_observables(system)
    of_steady = steady_observables() | response_observables(system) | fluctuation_observables(system)
    return general | (of_steady if steady else {}) | own


def _own(name: str) -> Callable[[OpenSystem, SteadyState], Float[Array, "*dims"] | Bounded]:
    return lambda system, state: own_observable(system, state, name)


def _available(system: System, name: str) -> AvailableObservable:
    known = available_observables(system)
    if name not in known:
        raise ValueError(f"observable {name!r} is not one of {', '.join(known)}")
    return known[name]


def observe(system: System, state: State, name: str) -> Float[Array, "*dims"]:
    """An observable by name; `available_observables(system)` lists them.

    Raises:
        ValueError: the system has no observable of that name.

    >>> from qthermo_jax import models, steadystate
    >>> system = models.v_system(T_1=0.5, T_2=0.5)
    >>> bool(abs(observe(system, steadystate(system), "unbalance")) < 1e-6)
    True
    """
    return _available(system, name).compute(system, state)


@precise
def sensitivity(system: OpenSystem, state: SteadyState, name: str) -> Float[Array, "*dims K"]:
    """How an observable answers to the temperature of each bath, its steady state following.

    Returns:
        d<observable>/dT_k, the observable's own axes first, then one for the baths.

    Raises:
        ValueError: the system has no observable of that name.

    >>> from qthermo_jax import models, steadystate
    >>> system = models.lambda_system(T_1=0.5, T_2=0.5)
    >>> slope = sensitivity(system, steadystate(system), "unbalance")
    >>> bool(slope[0] > 0 > slope[1])  # heating bath 1 drives the system to position 2
    True
    """
    return trusted(by_temperature(_available(system, name).function, system, state))


def site_populations(system: OpenSystem, state: State) -> Float[Array, " N"]:
    """Population of each site, ground plus excited, of a model that has sites.

    >>> from qthermo_jax import models, steadystate
    >>> system = models.chain(sites=4, T_L=0.8, T_R=0.4)
    >>> site_populations(system, steadystate(system)).shape
    (4,)
    """
    return observe(system, state, "site_populations")


@precise
def population_slope(system: OpenSystem, state: State) -> Float[Array, ""]:
    """Slope of the straight line through the site populations, over the number of the site.

    Positive where the particle goes to the end with the last site, by least squares.

    >>> from qthermo_jax import models, steadystate
    >>> system = models.chain(sites=4, T_L=0.8, T_R=0.4)
    >>> bool(population_slope(system, steadystate(system)) > 0)  # to the cold end
    True
    """
    populations = site_populations(system, state)
    number = jnp.arange(populations.size, dtype=populations.dtype) - (populations.size - 1) / 2
    return number @ populations / jnp.maximum(number @ number, 1.0)


def peak_site(system: OpenSystem, state: State) -> Float[Array, ""]:
    """The site with the largest population, as the model numbers its sites; NaN at a flagged point.

    One number instead of all populations, for maps of where the particle is.

    >>> from qthermo_jax import models, steadystate
    >>> system = models.chain(sites=4, T_L=0.8, T_R=0.4)
    >>> int(peak_site(system, steadystate(system)))  # at the cold end
    4
    """
    populations = site_populations(system, state)
    (dimension,) = system.observables["site_populations"].dims
    labels = jnp.asarray(dimension.labels, populations.dtype)
    return jnp.where(jnp.isfinite(populations[0]), labels[jnp.argmax(populations)], jnp.nan)
