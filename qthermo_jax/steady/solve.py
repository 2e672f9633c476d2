"""From an open system to its steady state, with a status instead of an exception at every point."""

import logging
import warnings
from functools import cache, partial

import jax
import jax.numpy as jnp
from jaxtyping import Array

from qthermo_jax.precision import compiled
from qthermo_jax.registry import AUTO, Method
from qthermo_jax.solvers import NO_DIGITS, SOLVERS, Problem, Solver, solve_in_turn, solvers_for
from qthermo_jax.steady.faults import faults_of, first_fault, is_negative, nan_unless_ok
from qthermo_jax.steady.record import Status, SteadyState
from qthermo_jax.structure import Index
from qthermo_jax.system import OpenSystem

_LOG = logging.getLogger("qthermo_jax")

# Where one of these is the status, "auto" goes on to the next solver.
GOES_ON = (Status.METHOD_NOT_EXACT, Status.INACCURATE)


@cache
def _say_once_that_this_is_single_precision() -> None:
    warnings.warn(
        "qthermo_jax computes in 32 bit here, good for about 5 digits; "
        'jax.config.update("jax_enable_x64", True) before the first array gives 64 bit',
        stacklevel=3,
    )


@cache
def _say_once_that_all_are_compiled(names: str) -> None:
    _LOG.warning(
        'steadystate(method="auto") is traced, by jit or vmap, and compiles all of %s; '
        "name the one that is exact, and only that one is compiled",
        names,
    )


def steadystate(system: OpenSystem, *, method: str = AUTO) -> SteadyState:
    """Steady state of the system's master equation; of the global one (paper, Eqs. 4-5) by default.

    Pure: maps, differentiates and compiles. Nothing raises for a value: look at `.status`. A derivative
    by a parameter of H is right as long as that parameter splits no degenerate level; a sweep tells
    where it does, here `qthermo_jax.eigenbasis.splits` does.

    Args:
        system: dimension d.
        method: "populations" for the d populations alone, each to full relative accuracy however small,
            where they drive no coherence; "secular_block" for the elements inside degenerate levels,
            which is exact wherever the degenerate levels are those that the system declares, or it
            declares none; "dense" for every element of rho, exact for every system; "auto" the
            first of these that is exact, under `vmap` all of them up to the last that a point asks
            for. Where a method is not exact, the status says so. The generators "redfield" and "local"
            take "dense" only.

    Returns:
        a `SteadyState`; its `.rho` is in the basis in which H was given, NaN unless the status is OK.

    Raises:
        ValueError: an unknown method.

    >>> from qthermo_jax.models import lambda_system
    >>> state = steadystate(lambda_system(T_1=0.5, T_2=0.0))
    >>> state.rho.diagonal().real.round(6).tolist()  # all of it at the cold bath
    [0.0, 1.0, 0.0]
    """
    solvers = solvers_for(method, system.equation, system.levels)
    if jnp.finfo(system.H.dtype).bits < 64:
        _say_once_that_this_is_single_precision()
    # Inside `jax.jit` what is computed is not there, although a system from outside is.
    if len(solvers) > 1 and all(map(_has_value, jax.tree.leaves((system, jnp.zeros(()))))):
        return _solved_in_turn(system, solvers)
    if len(solvers) > 1:
        _say_once_that_all_are_compiled(", ".join(solver.name for solver in solvers))
    state: SteadyState = solved(system, method)
    return state


def _has_value(leaf: Array) -> bool:
    """Whether its value is there while Python runs: also where it is only differentiated."""
    traced = isinstance(leaf, jax.core.Tracer)
    return not (traced and isinstance(jax.lax.stop_gradient(leaf), jax.core.Tracer))


def _solved_in_turn(system: OpenSystem, solvers: tuple[Solver, ...]) -> SteadyState:
    """What `auto` gives where the values are there: only the solver that is used is compiled."""
    for solver in solvers:
        state: SteadyState = solved(system, solver.name, AUTO)
        if int(jax.lax.stop_gradient(state.status)) not in GOES_ON:
            break
    return state


@partial(compiled, static_argnames=("method", "asked", "net_fluxes"))
def solved(
    system: OpenSystem, method: str, asked: str | None = None, *, net_fluxes: bool = True
) -> SteadyState:
    """`steadystate` for callers that know the method and the precision they ask for.

    Args:
        asked: what the user asked for, where `method` was chosen for it; the state then has coherences,
            whichever method it is.
        net_fluxes: see `SteadyState`.
    """
    basis = system.eigenbasis()
    transitions = system.transitions(basis)
    solvers = solvers_for(method, system.equation, system.levels)
    solution = solve_in_turn(solvers, Problem(system.equation, transitions, basis, system.levels))
    if asked:
        solution = solution.with_coherences()
    negligible = jnp.sqrt(jnp.finfo(solution.residual.dtype).eps)
    status = first_fault(
        [
            *faults_of(system, transitions),
            (~solution.exact, Status.METHOD_NOT_EXACT),
            (solution.underflow, Status.UNDERFLOW),
            (~solution.unique, Status.NOT_UNIQUE),
            (~(solution.residual < negligible), Status.LARGE_RESIDUAL),
            (
                is_negative(solution.populations, solution.coherences, solution.error),
                Status.NOT_POSITIVE,
            ),
            (~(solution.error < NO_DIGITS), Status.INACCURATE),
        ]
    )

    populations, coherences = nan_unless_ok(status, (solution.populations, solution.coherences))
    solution = jax.lax.stop_gradient(solution)
    return SteadyState(
        basis,
        populations,
        coherences,
        status,
        solution.leak,
        solution.method,
        solution.note,
        solution.residual,
        solution.error,
        solution.population_errors,
        solution.coherence_error,
        asked or method,
        net_fluxes,
    )


def bytes_per_point(system: OpenSystem, method: Method, levels: tuple[Index, ...] | None = None) -> int:
    """Memory that the solve of one point of a batch takes, in bytes (measured in 64 bit).

    Args:
        system: real, or its shapes alone (`jax.eval_shape`).
        method: of the solver.
        levels: for the secular block of a system that declares none.
    """
    solver = next(own for own in SOLVERS if own.method == method)
    return solver.bytes_per_point(system.dimension, system.pairs.i.size, system.levels or levels)
