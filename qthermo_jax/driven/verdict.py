"""What may be wrong with a driven system and with its periodic state."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from qthermo_jax.driven.floquet import usable
from qthermo_jax.driven.record import Currents
from qthermo_jax.driven_system import DrivenSystem
from qthermo_jax.eigenbasis import roundoff
from qthermo_jax.solvers import NO_DIGITS, Solution
from qthermo_jax.steady import Status
from qthermo_jax.steady.faults import Fault, faults_of_values, is_hermitian, is_negative


def largest_error(dtype: jnp.dtype) -> float:
    """What steps and photons may change at most: 1e-5, and 3e-4 in 32 bit."""
    return max(1e-5, math.sqrt(float(jnp.finfo(dtype).eps)))


def faults_before(system: DrivenSystem) -> list[Fault]:
    """What may be wrong with the numbers of a driven system."""
    H, _, sound = usable(system)
    size = jax.lax.stop_gradient(jnp.max(jnp.abs(H)))
    (out_of_range, out), (skew, not_hermitian) = faults_of_values(system.mean)
    skew = skew | ~is_hermitian(H)
    return [
        (out_of_range | ~sound, out),
        (skew, not_hermitian),
        (~(system.mismatch <= 4 * roundoff(H.dtype) * size), Status.NOT_PERIODIC),
    ]


def faults_after(solution: Solution, currents: Currents, of_steps: Bool[Array, ""]) -> list[Fault]:
    """What may be wrong with a solution and its currents.

    Args:
        of_steps: whether their errors are those of the steps rather than round-off.
    """
    dtype = solution.residual.dtype
    limit = largest_error(dtype)
    # A bath that moves nothing, a coupling to the identity, has a bound all the same.
    known = (currents.bounds <= limit * currents.gross) | (currents.gross == 0)
    loose = ~((solution.error <= limit) & jnp.all(known))
    negative = is_negative(solution.populations, solution.coherences, solution.error)
    return [
        (loose & of_steps, Status.TOO_FEW_STEPS),
        (~(solution.residual < jnp.sqrt(jnp.finfo(dtype).eps)), Status.LARGE_RESIDUAL),
        (negative, Status.NOT_POSITIVE),
        (~(solution.error < NO_DIGITS), Status.INACCURATE),
    ]
