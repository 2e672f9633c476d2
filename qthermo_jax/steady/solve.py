"""From an open system to its steady state, with a status instead of an exception at every point."""

import warnings
from functools import cache

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Inexact

from qthermo_jax.generators import Transitions, populations_drive_coherences, transitions
from qthermo_jax.spectral import eigenbasis, roundoff
from qthermo_jax.steady.dense import solve_dense
from qthermo_jax.steady.populations import solve_populations
from qthermo_jax.steady.record import Method, Solution, Status, SteadyState
from qthermo_jax.system import OpenSystem


def _solve_auto(moves: Transitions) -> Solution:
    """The cheapest exact solver.

    Mapped over temperatures and rates, `cond` stays a choice between the solvers; mapped over what
    changes H, it becomes a choice between the results of both.
    """
    coupled = populations_drive_coherences(moves)
    solution: Solution = jax.lax.cond(coupled, solve_dense, solve_populations, moves)
    return solution


_SOLVERS = {"auto": _solve_auto, "dense": solve_dense, "populations": solve_populations}
METHODS = tuple(_SOLVERS)


@cache
def _say_once_that_this_is_single_precision() -> None:
    warnings.warn(
        "qthermo_jax computes in 32 bit here, good for about 5 digits; "
        'jax.config.update("jax_enable_x64", True) before the first array gives 64 bit',
        stacklevel=3,
    )


def _in_range(system: OpenSystem) -> Bool[Array, ""]:
    T = system.temperatures
    checks = [jnp.all(jnp.isfinite(T) & (T >= 0)), jnp.all(jnp.isfinite(system.H))]
    for bath in system.baths:
        checks.append(jnp.all(jnp.isfinite(bath.coupling)))
        checks.append(jnp.all(jax.vmap(lambda spectrum: spectrum.in_range())(bath.spectrum)))
    if system.secular_tol is not None:
        checks.append(system.secular_tol >= 0)
    return jnp.all(jnp.stack(checks))


def _is_hermitian(operators: Inexact[Array, "*k d d"]) -> Bool[Array, ""]:
    skew = jnp.max(jnp.abs(operators - jnp.swapaxes(operators, -1, -2).conj()))
    return skew <= roundoff(operators.dtype) * jnp.max(jnp.abs(operators))


def _keeps_sectors(system: OpenSystem) -> Bool[Array, ""]:
    home = {index: number for number, sector in enumerate(system.sectors) for index in sector}
    number = jnp.array([home[index] for index in range(system.dimension)])
    size = jnp.abs(system.H)
    outside = jnp.where(number[:, None] == number[None, :], 0.0, size)
    return jnp.max(outside) <= roundoff(size.dtype) * jnp.max(size)


def steadystate(system: OpenSystem, *, method: str = "auto") -> SteadyState:
    """Steady state of the global master equation (paper, Eqs. 4-5).

    Pure: maps, differentiates and compiles. Nothing raises for a value: look at `.status`.

    Args:
        system: dimension d.
        method: "dense" solves for every element of rho, exactly for every system; "populations" for
            the d populations alone, each to full relative accuracy however small, where they drive
            no coherence (elsewhere the status says so); "auto" the second where it is exact, else
            the first. Under `vmap` over a parameter of H, "auto" costs as much as both.

    Returns:
        a `SteadyState`; its `.rho` is in the basis in which H was given, NaN unless the status is OK.

    Raises:
        ValueError: an unknown method.

    >>> from qthermo_jax.models import lambda_system
    >>> state = steadystate(lambda_system(T_1=0.5, T_2=0.0))
    >>> state.rho.diagonal().real.round(6).tolist()  # all of it at the cold bath
    [0.0, 1.0, 0.0]
    """
    if method not in METHODS:
        raise ValueError(f"method {method!r} is not one of {', '.join(METHODS)}")
    if jnp.finfo(system.H.dtype).bits < 64:
        _say_once_that_this_is_single_precision()
    moves = transitions(system, eigenbasis(system))
    solution = _SOLVERS[method](moves)
    negligible = jnp.sqrt(jnp.finfo(solution.residual.dtype).eps)
    faults = [
        (~_in_range(system), Status.PARAMETER_OUT_OF_RANGE),
        (
            ~(
                _is_hermitian(system.H)
                & jnp.all(jnp.stack([_is_hermitian(bath.coupling) for bath in system.baths]))
                & _keeps_sectors(system)
            ),
            Status.NOT_HERMITIAN,
        ),
        (moves.divergent, Status.DIVERGENT_RATE),
        (~solution.exact, Status.METHOD_NOT_EXACT),
        (~solution.unique, Status.NOT_UNIQUE),
        (~(solution.residual < negligible), Status.LARGE_RESIDUAL),
    ]
    status = jnp.select(
        [fault for fault, _ in faults],
        [jnp.int8(code) for _, code in faults],
        jnp.int8(Status.OK),
    )
    return SteadyState(
        basis=moves.basis,
        rho_eigen=jnp.where(status == Status.OK, solution.rho, jnp.nan),
        status=status,
        residual=solution.residual,
        method=solution.method,
    )


def bytes_per_point(system: OpenSystem, method: Method) -> int:
    """Memory that the solve of one point of a batch takes, in bytes (measured in 64 bit).

    Args:
        system: real, or its shapes alone (`jax.eval_shape`).
        method: the solver.
    """
    d, K = system.dimension, system.n_baths
    matrices = {Method.DENSE: 8 * d * d, Method.POPULATIONS: 3 * K + 4}[method]
    return matrices * 8 * d * d
