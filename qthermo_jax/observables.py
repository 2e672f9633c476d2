"""Numbers read off a state: populations, evidence, expectation values; and all of them by name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact

from qthermo_jax.bounded import Bounded, trusted
from qthermo_jax.currents import bounded_currents, bounded_entropy_production, energy_balance
from qthermo_jax.declared import ComputedObservable, CurrentOf, Observable
from qthermo_jax.labels import Dimension, Quantity
from qthermo_jax.liouvillian import liouvillian
from qthermo_jax.precision import compiled, precise
from qthermo_jax.steady import State, SteadyState
from qthermo_jax.system import OpenSystem


def level_populations(system: OpenSystem, state: State) -> Float[Array, " d"]:
    """Populations of the basis states in which H was given.

    >>> from qthermo_jax import models, steadystate
    >>> system = models.lambda_system(T_1=0.5, T_2=0.5)
    >>> level_populations(system, steadystate(system)).shape  # |1>, |2>, |e>
    (3,)
    """
    return state.level_populations


def bath_temperatures(system: OpenSystem, state: State) -> Float[Array, " K"]:
    """Temperature of each bath: what it has become, where baths warm up."""
    return system.temperatures


@compiled
def min_eigenvalue(system: OpenSystem, state: State) -> Float[Array, ""]:
    """Smallest eigenvalue of rho: negative beyond round-off is unphysical.

    >>> from qthermo_jax import models, steadystate
    >>> system = models.lambda_system(T_1=0.5, T_2=0.5)
    >>> bool(min_eigenvalue(system, steadystate(system)) > 0)
    True
    """
    if state.coherences is None:
        return jnp.min(state.populations)
    # LAPACK may not return from a matrix that is not finite.
    finite = jnp.all(jnp.isfinite(state.rho_eigen))
    smallest = jnp.linalg.eigvalsh(jnp.where(finite, state.rho_eigen, 0.0))[0]
    return jnp.where(finite, smallest, jnp.nan)


@compiled
def liouvillian_gap(system: OpenSystem, state: State) -> Float[Array, ""]:
    """Smallest decay rate of the generator, in units of energy: how fast the slowest deviation goes.

    From all d^2 eigenvalues of the Liouvillian, so it costs of the order of d^6, and the smallest it can
    tell from 0 is about 1e-15 of the fastest rate. 0 where something is conserved or rotates for ever.
    It has no bound: where several eigenvalues and their eigenvectors coincide, n of them, as down a
    ladder at T = 0, what is computed is off by the n-th root of round-off.

    >>> from qthermo_jax import models, steadystate
    >>> system = models.lambda_system(T_1=0.5, T_2=0.5)
    >>> bool(liouvillian_gap(system, steadystate(system)) > 0)
    True
    """
    L = liouvillian(system)
    finite = jnp.all(jnp.isfinite(L))
    eigenvalues = jnp.linalg.eigvals(jnp.where(finite, L, 0.0))
    decay = jnp.sort(-eigenvalues.real)[1]
    return jnp.where(finite, jnp.maximum(decay, 0.0), jnp.nan)


@compiled
def secular_ratio(system: OpenSystem, state: State) -> Float[Array, ""]:
    """Largest rate of a jump over the smallest distance of two Bohr frequencies of one bath.

    Well below 1 the global master equation may be trusted; near 1 and above, coherences between close
    levels that it leaves alone matter, and "partial_secular" or "redfield" keeps them. The two
    directions of a jump have frequencies of their own, so that one frequency alone leaves its double.
    """
    transitions = system.transitions_of_H(state.basis)
    strengths, number = transitions.strengths, transitions.pairs.number
    fastest = jnp.max(strengths * jnp.maximum(transitions.rate_down, transitions.rate_up))
    # Transitions that are not driven stand behind the last bath.
    driven = jnp.where(transitions.driven, 0, transitions.pairs.n_baths)
    bath = jnp.concatenate([driven + transitions.pairs.bath] * 2)
    omega = jnp.concatenate([transitions.omega[number], -transitions.omega[number]])
    group = transitions.labels[:, number].reshape(-1)
    bath, omega, group = jax.lax.sort((bath, omega, group), num_keys=2)
    apart = (jnp.diff(bath) == 0) & (jnp.diff(group) != 0) & (bath[1:] < transitions.pairs.n_baths)
    closest = jnp.min(jnp.where(apart, jnp.diff(omega), jnp.inf), initial=jnp.inf)
    return jnp.where(jnp.isnan(state.populations[0]), jnp.nan, fastest / closest)


@compiled
def coherence(system: OpenSystem, state: State) -> Float[Array, ""]:
    """Sum of |rho_ab| over a != b in the basis in which H was given.

    The l1 norm of coherence of Baumgratz, Cramer & Plenio, Phys. Rev. Lett. 113, 140401 (2014).
    """
    size = jnp.abs(state.rho)
    return jnp.sum(size) - jnp.sum(size.diagonal())


@compiled
def purity(system: OpenSystem, state: State) -> Float[Array, ""]:
    """Tr rho^2, from 1/d to 1."""
    return jnp.sum(jnp.abs(state.rho_eigen) ** 2)


@compiled
def von_neumann_entropy(system: OpenSystem, state: State) -> Float[Array, ""]:
    """-Tr rho ln rho, from 0 to ln d."""
    if state.coherences is None:
        p = state.populations
    else:
        finite = jnp.all(jnp.isfinite(state.rho_eigen))
        p = jnp.linalg.eigvalsh(jnp.where(finite, state.rho_eigen, 0.0))
        p = jnp.where(finite, p, jnp.nan)
    # Round-off may leave an eigenvalue below 0: there is nothing in it.
    some = p > 0
    return -jnp.sum(jnp.where(some | jnp.isnan(p), p * jnp.log(jnp.where(some, p, 1.0)), 0.0))


def residual(system: OpenSystem, state: SteadyState) -> Float[Array, ""]:
    """max |L rho| / max |L| of the solution."""
    return state.residual


def error(system: OpenSystem, state: SteadyState) -> Float[Array, ""]:
    """Estimated bound of the error of rho's elements; see `SteadyState`."""
    return state.error


@precise
def expectation(state: State, observable: Observable) -> Float[Array, "*dims"]:
    """Tr[O rho] for each operator of an observable; shape of its dimensions.

    >>> from qthermo_jax import models, steadystate
    >>> system = models.lambda_system(T_1=0.5, T_2=0.5)
    >>> expectation(steadystate(system), system.observables["unbalance"]).shape
    ()
    """
    if observable.is_diagonal:
        return observable.operator.real @ state.level_populations
    rho: Inexact[Array, "d d"] = state.rho
    dtype = np.promote_types(observable.operator.dtype, rho.dtype)
    return jnp.einsum("...ab,ba->...", observable.operator.astype(dtype), rho.astype(dtype)).real


def own_observable(system: OpenSystem, state: State, name: str) -> Float[Array, "*dims"] | Bounded:
    """One of the observables that the system brings along."""
    observable = system.observables[name]
    if isinstance(observable, CurrentOf):
        J = bounded_currents(system, state)
        at = observable.bath
        size = abs(observable.factor)
        return J.having(observable.factor * J.value[at], size * J.parts[at], size * J.bound[at])
    if isinstance(observable, ComputedObservable):
        found: Float[Array, "*dims"] = observable.function(system, state, *observable.arguments)
        return found
    return expectation(state, observable)


@dataclass(frozen=True)
class AvailableObservable:
    """An observable that can be asked for by name: how it is computed and what its axes mean.

    Attributes:
        function: of the system and its state; what is made of heat currents comes with its bound.
        quantity: its name, symbol and unit.
        dims: one for each axis of what the function returns.
    """

    function: Callable[[Any, Any], Float[Array, "*dims"] | Bounded]
    quantity: Quantity
    dims: tuple[Dimension, ...] = ()

    @precise
    def compute(self, system: Any, state: State) -> Float[Array, "*dims"]:
        """The value, NaN where it is one with a bound that is too large."""
        return trusted(self.function(system, state))


def bath_dimension(system: OpenSystem, name: str = "bath", long_name: str = "bath") -> Dimension:
    """The baths, numbered from 1."""
    return Dimension(name, tuple(range(1, system.n_baths + 1)), long_name)


def general_observables(system: OpenSystem) -> dict[str, AvailableObservable]:
    """What can be asked of any system in any state."""
    bath = bath_dimension(system)
    level = Dimension("level", system.labels, "basis state")
    return {
        "heat_currents": AvailableObservable(
            bounded_currents, Quantity("heat current into the bath", "J", 2), (bath,)
        ),
        "entropy_production": AvailableObservable(
            bounded_entropy_production, Quantity("entropy production", r"\dot\Sigma", 1)
        ),
        "energy_balance": AvailableObservable(
            energy_balance, Quantity("sum of the heat currents", r"\sum_k J_k", 2)
        ),
        "level_populations": AvailableObservable(
            level_populations, Quantity("population of the basis state", "p", 0), (level,)
        ),
        "min_eigenvalue": AvailableObservable(
            min_eigenvalue,
            Quantity("smallest eigenvalue of the density matrix", r"\lambda_{\min}", 0),
        ),
        "liouvillian_gap": AvailableObservable(
            liouvillian_gap, Quantity("smallest decay rate", r"\lambda_{\rm gap}", 1)
        ),
        "secular_ratio": AvailableObservable(
            secular_ratio, Quantity("largest rate over smallest distance of Bohr frequencies", "r_s", 0)
        ),
        "coherence": AvailableObservable(coherence, Quantity("coherence (l1 norm)", r"C_{l_1}", 0)),
        "purity": AvailableObservable(purity, Quantity("purity", r"\mathrm{Tr} \rho^2", 0)),
        "von_neumann_entropy": AvailableObservable(
            von_neumann_entropy, Quantity("von Neumann entropy", "S", 0)
        ),
        "bath_temperatures": AvailableObservable(
            bath_temperatures, Quantity("temperature of the bath", "T", 1), (bath,)
        ),
    }


def steady_observables() -> dict[str, AvailableObservable]:
    """What a solve says of its own steady state."""
    return {
        "residual": AvailableObservable(
            residual, Quantity("relative residual of the steady state", "r", 0)
        ),
        "error": AvailableObservable(
            error, Quantity("bound of the error of the density matrix", r"\epsilon", 0)
        ),
    }
