"""Numbers read off a state: heat currents, entropy production, and the model's own observables."""

from collections.abc import Callable
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact

from qthermo_jax.generators import heat_operators, transitions
from qthermo_jax.labels import Dimension, Quantity
from qthermo_jax.steady import SteadyState
from qthermo_jax.system import Observable, OpenSystem


def heat_currents(system: OpenSystem, state: SteadyState) -> Float[Array, " K"]:
    """Heat current into each bath, J_k = -Tr[L_k(rho) H] (paper, "Quantum Dufour effect").

    Returns:
        (K,), in units of energy^2 (hbar = 1), positive into the bath; they sum to 0 in a steady state.

    >>> from qthermo_jax import models, steadystate
    >>> system = models.lambda_system(T_1=0.5, T_2=0.5)
    >>> bool(abs(heat_currents(system, steadystate(system))).max() < 1e-6)  # equilibrium
    True
    """
    Q = heat_operators(transitions(system, state.basis))
    return jnp.einsum("kab,ba->k", Q.astype(state.rho_eigen.dtype), state.rho_eigen).real


def entropy_production(system: OpenSystem, state: SteadyState) -> Float[Array, ""]:
    """Entropy production of a steady state, sum_k J_k/T_k >= 0, in units of energy (k_B = hbar = 1).

    A bath at T = 0 that takes up heat makes it infinite; one that takes up none adds nothing.
    """
    J, T = heat_currents(system, state), system.temperatures
    return jnp.sum(jnp.where(J == 0.0, 0.0, J / jnp.where(J == 0.0, 1.0, T)))


def energy_balance(system: OpenSystem, state: SteadyState) -> Float[Array, ""]:
    """Sum of the heat currents, 0 in a steady state, in units of energy^2."""
    return jnp.sum(heat_currents(system, state))


def level_populations(system: OpenSystem, state: SteadyState) -> Float[Array, " d"]:
    """Populations of the basis states in which H was given."""
    return state.rho.diagonal().real


def min_eigenvalue(system: OpenSystem, state: SteadyState) -> Float[Array, ""]:
    """Smallest eigenvalue of rho: negative beyond round-off is unphysical."""
    # LAPACK may not return from a matrix that is not finite.
    finite = jnp.all(jnp.isfinite(state.rho_eigen))
    smallest = jnp.linalg.eigvalsh(jnp.where(finite, state.rho_eigen, 0.0))[0]
    return jnp.where(finite, smallest, jnp.nan)


def residual(system: OpenSystem, state: SteadyState) -> Float[Array, ""]:
    """max |L rho| / max |L| of the solution."""
    return state.residual


def expectation(state: SteadyState, observable: Observable) -> Float[Array, "*dims"]:
    """Tr[O rho] for each operator of an observable; shape of its dimensions."""
    if observable.is_diagonal:
        weights, diagonal = observable.operator.real, state.rho.diagonal().real
        return weights @ diagonal
    rho: Inexact[Array, "d d"] = state.rho
    dtype = np.promote_types(observable.operator.dtype, rho.dtype)
    return jnp.einsum("...ab,ba->...", observable.operator.astype(dtype), rho.astype(dtype)).real


@dataclass(frozen=True)
class Measure:
    """An observable that can be asked for by name: how it is computed and what its axes mean."""

    compute: Callable[[OpenSystem, SteadyState], Float[Array, "*dims"]]
    quantity: Quantity
    dims: tuple[Dimension, ...] = ()


def measures(system: OpenSystem) -> dict[str, Measure]:
    """Every observable of this system by name: those of any system, then those its model brings."""
    bath = Dimension("bath", tuple(range(1, system.n_baths + 1)), "bath")
    level = Dimension("level", system.labels, "basis state")
    general = {
        "heat_currents": Measure(heat_currents, Quantity("heat current into the bath", "J", 2), (bath,)),
        "entropy_production": Measure(
            entropy_production, Quantity("entropy production", r"\dot\Sigma", 1)
        ),
        "energy_balance": Measure(
            energy_balance, Quantity("sum of the heat currents", r"\sum_k J_k", 2)
        ),
        "level_populations": Measure(
            level_populations, Quantity("population of the basis state", "p", 0), (level,)
        ),
        "min_eigenvalue": Measure(
            min_eigenvalue,
            Quantity("smallest eigenvalue of the density matrix", r"\lambda_{\min}", 0),
        ),
        "residual": Measure(residual, Quantity("relative residual of the steady state", "r", 0)),
    }
    own = {
        name: Measure(_expectation_of(name), observable.quantity, observable.dims)
        for name, observable in system.observables.items()
    }
    return general | own


def _expectation_of(name: str) -> Callable[[OpenSystem, SteadyState], Float[Array, "*dims"]]:
    return lambda system, state: expectation(state, system.observables[name])


def observe(system: OpenSystem, state: SteadyState, name: str) -> Float[Array, "*dims"]:
    """An observable by name; `measures(system)` lists them.

    Raises:
        ValueError: the system has no observable of that name.

    >>> from qthermo_jax import models, steadystate
    >>> system = models.v_system(T_1=0.5, T_2=0.5)
    >>> bool(abs(observe(system, steadystate(system), "unbalance")) < 1e-6)
    True
    """
    known = measures(system)
    if name not in known:
        raise ValueError(f"observable {name!r} is not one of {', '.join(known)}")
    return known[name].compute(system, state)


def site_populations(system: OpenSystem, state: SteadyState) -> Float[Array, " N"]:
    """Population of each site, ground plus excited, of a model that has sites."""
    return observe(system, state, "site_populations")
