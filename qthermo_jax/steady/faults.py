"""What may be wrong with a point, as flags that become its status."""

from collections.abc import Sequence
from typing import TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Complex, Float, Inexact, Int8

from qthermo_jax.couplings import SparseCoupling
from qthermo_jax.eigenbasis import roundoff
from qthermo_jax.steady.record import Status
from qthermo_jax.system import OpenSystem
from qthermo_jax.transitions import Transitions

_Values = TypeVar("_Values")

# Whether something is wrong, and what the point's status is then.
Fault = tuple[Bool[Array, ""], Status]


def _in_range(system: OpenSystem) -> Bool[Array, ""]:
    T = system.temperatures
    checks = [jnp.all(jnp.isfinite(T) & (T >= 0)), jnp.all(jnp.isfinite(system.H))]
    for bath in system.baths:
        checks.extend(jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(bath.coupling))
        checks.append(jnp.all(jax.vmap(lambda spectrum: spectrum.in_range())(bath.spectrum)))
    if system.secular_tol is not None:
        checks.append(jnp.isfinite(system.secular_tol) & (system.secular_tol >= 0))
    return jnp.all(jnp.stack(checks))


def is_hermitian(operators: Inexact[Array, "*k d d"] | SparseCoupling) -> Bool[Array, ""]:
    """Whether operators are Hermitian up to round-off of the largest element."""
    if isinstance(operators, SparseCoupling):
        return operators.is_hermitian()
    skew = jnp.max(jnp.abs(operators - jnp.swapaxes(operators, -1, -2).conj()))
    return skew <= roundoff(operators.dtype) * jnp.max(jnp.abs(operators))


def _keeps_sectors(system: OpenSystem, hamiltonian: Inexact[Array, "d d"]) -> Bool[Array, ""]:
    home = {index: number for number, sector in enumerate(system.sectors) for index in sector}
    number = jnp.array([home[index] for index in range(system.dimension)])
    size = jnp.abs(hamiltonian)
    outside = jnp.where(number[:, None] == number[None, :], 0.0, size)
    return jnp.max(outside) <= roundoff(size.dtype) * jnp.max(size)


def is_negative(
    populations: Float[Array, " d"], coherences: Complex[Array, "d d"] | None, error: Float[Array, ""]
) -> Bool[Array, ""]:
    """Whether rho has an eigenvalue below 0 by more than the error of its elements allows.

    Args:
        error: bound of the error of each element; d of these at most move an eigenvalue.
    """
    if coherences is None:
        return jnp.array(False)
    p, coherences = jax.lax.stop_gradient((populations, coherences))
    rho = jnp.diag(p).astype(coherences.dtype) + coherences
    finite = jnp.all(jnp.isfinite(rho))
    smallest = jnp.linalg.eigvalsh(jnp.where(finite, rho, 0.0))[0]
    negative: Bool[Array, ""] = finite & (smallest < -p.size * error)
    return negative


def faults_of(system: OpenSystem, transitions: Transitions) -> list[Fault]:
    """What may be wrong with the values of a system, whatever is asked of it."""
    return [*faults_of_values(system), (transitions.divergent, Status.DIVERGENT_RATE)]


def faults_of_values(system: OpenSystem) -> list[Fault]:
    """What may be wrong with the numbers of a system before anything is made of them."""
    hamiltonians = list(system.hamiltonians.values())
    operators = [*hamiltonians, *(bath.coupling for bath in system.baths)]
    fit = [is_hermitian(operator) for operator in operators]
    fit += [_keeps_sectors(system, hamiltonian) for hamiltonian in hamiltonians]
    return [
        (~_in_range(system), Status.PARAMETER_OUT_OF_RANGE),
        (~jnp.all(jnp.stack(fit)), Status.NOT_HERMITIAN),
    ]


def nan_unless_ok(status: Int8[Array, ""], values: _Values) -> _Values:
    """Values, NaN where the status is not OK; by a factor, so that forward derivatives are too."""
    valid = jnp.where(status == Status.OK, 1.0, jnp.nan)
    kept: _Values = jax.tree.map(lambda own: own * valid.astype(own.dtype), values)
    return kept


def first_fault(faults: Sequence[Fault]) -> Int8[Array, ""]:
    """The status: that of the first fault, or OK."""
    status = jnp.int8(Status.OK)
    for fault, code in reversed(faults):  # `jnp.select` takes ten kernels for it, this takes one
        status = jnp.where(fault, jnp.int8(code), status)
    return status
