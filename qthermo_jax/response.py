"""How a steady state answers to its baths' temperatures: conductances, Soret coefficient, rectification.

Exact derivatives along which the state follows its baths. None of them touches the eigenvectors: H does
not depend on a temperature.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from qthermo_jax.bounded import Bounded, derivatives
from qthermo_jax.currents import bounded_currents
from qthermo_jax.labels import Quantity
from qthermo_jax.observables import AvailableObservable, bath_dimension, own_observable
from qthermo_jax.precision import compiled
from qthermo_jax.steady import SteadyState, solved
from qthermo_jax.system import OpenSystem

Compute = Callable[[OpenSystem, SteadyState], Float[Array, "*dims"] | Bounded]

# Observables of the built-in models that say where the particle is.
_POSITIONS = ("mean_position", "unbalance")


def _following(
    compute: Compute, system: OpenSystem, state: SteadyState
) -> Callable[[Float[Array, " K"]], Float[Array, "*dims"] | Bounded]:
    """The observable as a function of the temperatures, solved by the method that found the state."""

    def at(temperatures: Float[Array, " K"]) -> Float[Array, "*dims"] | Bounded:
        warmed = system.with_temperatures(temperatures)
        return compute(warmed, solved(warmed, state.asked))

    return at


def by_temperature(
    compute: Compute, system: OpenSystem, state: SteadyState
) -> Float[Array, "*dims K"] | Bounded:
    """Derivative of an observable with respect to the temperature of each bath."""
    return derivatives(_following(compute, system, state), system.temperatures)


@compiled
def conductance(system: OpenSystem, state: SteadyState) -> Float[Array, "K K"]:
    """Thermal conductance dJ_i/dT_j, of the heat into bath i by the temperature of bath j.

    Returns:
        (K, K), in units of energy (k_B = hbar = 1); its columns sum to 0, since the currents do.

    >>> from qthermo_jax import models, steadystate
    >>> system = models.chain(sites=2, g=0.5, T_L=0.8, T_R=0.4)
    >>> G = conductance(system, steadystate(system))
    >>> bool(G[1, 0] > 0 > G[0, 0])  # heating bath 1 sends heat into bath 2
    True
    """
    return bounded_conductance(system, state).trusted


def bounded_conductance(system: OpenSystem, state: SteadyState) -> Bounded:
    """The thermal conductance with its bound."""
    found = by_temperature(bounded_currents, system, state)
    assert isinstance(found, Bounded)
    return found


@compiled
def onsager(system: OpenSystem, state: SteadyState) -> Float[Array, "K K"]:
    """Onsager matrix L_ij = -T^2 dJ_i/dT_j of the system with all its baths at their mean temperature T.

    J_i = sum_j L_ij delta(1/T_j) near equilibrium. Symmetric, and positive semidefinite, since the
    entropy production is sum_ij L_ij delta(1/T_i) delta(1/T_j).

    Returns:
        (K, K), in units of energy^3.
    """
    return bounded_onsager(system, state).trusted


def bounded_onsager(system: OpenSystem, state: SteadyState) -> Bounded:
    """The Onsager matrix with its bound."""
    T = jnp.mean(system.temperatures)
    equal = system.with_temperatures(jnp.full_like(system.temperatures, T))
    slopes = bounded_conductance(equal, state)
    return slopes.having(-(T**2) * slopes.value, T**2 * slopes.parts)


@compiled
def amplification(system: OpenSystem, state: SteadyState) -> Float[Array, "K K"]:
    """Amplification (dJ_i/dT_j)/(dJ_j/dT_j): dJ_i/dJ_j when the temperature of bath j is modulated.

    Source: Joulain et al., Phys. Rev. Lett. 116, 200601 (2016), where j is the transistor's base.

    Returns:
        (K, K), 1 on the diagonal, each column summing to 0; NaN or inf in the column of a bath whose
        temperature leaves its own current alone.

    >>> from qthermo_jax import models, steadystate
    >>> system = models.thermal_diode()
    >>> alpha = amplification(system, steadystate(system))
    >>> alpha[:, 0].round(3).tolist()  # two baths: what leaves one enters the other
    [1.0, -1.0]
    """
    return bounded_amplification(system, state).trusted


def bounded_amplification(system: OpenSystem, state: SteadyState) -> Bounded:
    """The amplification with its bound."""
    slopes = bounded_conductance(system, state)
    # The axes of baths, then that of the states that the bound comes of.
    own = jnp.diagonal(slopes.value)[None, :]
    ratio: Float[Array, "K K"] = slopes.value / own
    of_own = jnp.diagonal(slopes.parts, axis1=0, axis2=1).T[None]
    parts = (slopes.parts + jnp.abs(ratio)[:, :, None] * of_own) / jnp.abs(own)[:, :, None]
    other = np.broadcast_to(~np.eye(len(ratio), dtype=bool)[:, :, None], parts.shape)
    return slopes.having(ratio, jnp.where(other, parts, 0.0))


@compiled
def rectification(system: OpenSystem, state: SteadyState) -> Float[Array, ""]:
    """Rectification |J + J'|/max(|J|, |J'|), J' the heat into bath 2 with the temperatures swapped.

    J and J' have opposite signs: 0 for a system that conducts alike both ways, 1 for a perfect diode.
    Equal temperatures give 0, their limit; no heat either way, NaN. The swapped system is solved by the
    method that found the state.
    Source: Werlang et al., Phys. Rev. E 89, 062109 (2014).

    Raises:
        ValueError: the system has not two baths.

    >>> from qthermo_jax import models, steadystate
    >>> system = models.thermal_diode(T_L=1.0, T_R=0.0)  # at T_L = 0 no heat would flow
    >>> bool(rectification(system, steadystate(system)) > 0.999)
    True
    """
    return bounded_rectification(system, state).trusted


def bounded_rectification(system: OpenSystem, state: SteadyState) -> Bounded:
    """The rectification with its bound, which is compared with 1e-6 as it stands: 0 is a value too."""
    if system.n_baths != 2:
        raise ValueError(f"rectification takes a system of two baths, not of {system.n_baths}")
    T = system.temperatures
    J = bounded_currents(system, state)
    turned = system.with_temperatures(T[::-1])
    swapped = bounded_currents(turned, solved(turned, state.asked))
    there, back = J.value[1], swapped.value[1]
    larger = jnp.maximum(jnp.abs(there), jnp.abs(back))
    equal = T[0] == T[1]
    found = jnp.where(equal, 0.0 * there, jnp.abs(there + back) / larger)
    parts = 2 * (J.parts[1] + swapped.parts[1]) / larger
    bound = 2 * (J.bound[1] + swapped.bound[1]) / larger
    return Bounded(found, bound, parts, jnp.ones_like(found), equal, J.pace.with_those_of(swapped.pace))


@partial(compiled, static_argnames="observable")
def soret(system: OpenSystem, state: SteadyState, observable: str | None = None) -> Float[Array, ""]:
    """Soret-like coefficient -d<x>/d(grad T): how the mean position answers a steeper gradient.

    The temperatures change by grad T (k - (K + 1)/2) at bath k: their mean stays. Positive where the
    particle goes to the cold side (ordinary thermophoresis), negative where it goes to the hot one.

    Args:
        observable: the position, a scalar observable of the model; default `mean_position`, else
            `unbalance`.

    Raises:
        ValueError: the model has no such observable.
    """
    name = observable or _position(system)
    if name not in system.observables:
        raise ValueError(f"the Soret coefficient of a model needs one of {', '.join(_POSITIONS)}")
    T = system.temperatures
    direction = jnp.arange(T.size, dtype=T.dtype) - (T.size - 1) / 2
    follow = _following(partial(own_observable, name=name), system, state)
    slope: Float[Array, ""] = jax.jvp(follow, (T,), (direction,))[1]
    return -slope


def _position(system: OpenSystem) -> str:
    return next((name for name in _POSITIONS if name in system.observables), "")


def response_observables(system: OpenSystem) -> dict[str, AvailableObservable]:
    """The responses that can be asked of this system by name."""
    baths = (
        bath_dimension(system),
        bath_dimension(system, "heated_bath", "bath whose temperature changes"),
    )
    found = {
        "conductance": AvailableObservable(
            bounded_conductance,
            Quantity("thermal conductance", r"\partial J_i / \partial T_j", 1),
            baths,
        ),
        "onsager": AvailableObservable(
            bounded_onsager, Quantity("Onsager matrix at the mean temperature", "L_{ij}", 3), baths
        ),
        "amplification": AvailableObservable(
            bounded_amplification,
            Quantity("amplification of the heat current", r"\partial J_i / \partial J_j", 0),
            baths,
        ),
    }
    if system.n_baths == 2:
        found["rectification"] = AvailableObservable(
            bounded_rectification, Quantity("rectification", "R", 0)
        )
    if _position(system):
        symbol = r"-\partial \langle x \rangle / \partial \nabla T"
        found["soret"] = AvailableObservable(
            soret, Quantity("Soret coefficient", symbol, -1, neutral=0.0)
        )
    return found
