"""From an open system to its steady state, with a status instead of an exception at every point."""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np

from qthermo_jax.generators import Transitions, generator_of, kept_elements, moves_of
from qthermo_jax.precision import compiled
from qthermo_jax.spectral import Eigenbasis, eigenbasis
from qthermo_jax.steady.faults import faults_of, first_fault, is_negative, nan_unless_ok
from qthermo_jax.steady.linear import solve_dense, solve_secular_block, solve_whole
from qthermo_jax.steady.populations import solve_populations
from qthermo_jax.steady.record import Method, Solution, Status, SteadyState
from qthermo_jax.structure import Index
from qthermo_jax.system import OpenSystem

# A state whose error may be larger than this is flagged.
_NO_DIGITS = 1e-3

# Where one of these is the status, "auto" goes on to the next solver.
GOES_ON = (Status.METHOD_NOT_EXACT, Status.INACCURATE)

METHODS = ("auto", "populations", "secular_block", "dense")


def has_block(levels: tuple[Index, ...] | None) -> bool:
    """Whether it is known of some levels that they are degenerate, and of others that they are not."""
    return levels is not None and 1 < len(levels) < sum(map(len, levels))


def _solve_auto(moves: Transitions, levels: tuple[Index, ...] | None) -> Solution:
    """The cheapest solver that is exact, and accurate.

    Mapped over temperatures and rates, `cond` stays a choice between the solvers; mapped over what
    changes H, it becomes a choice between the results of all.
    """

    def with_block(moves: Transitions) -> Solution:
        block = solve_secular_block(moves, levels)
        dense: Solution = jax.lax.cond(block.exact, lambda _: block, solve_dense, moves)
        return dense

    alone = solve_populations(moves).with_coherences()
    solution: Solution = jax.lax.cond(
        alone.exact & (alone.error < _NO_DIGITS),
        lambda _: alone,
        with_block if has_block(levels) else solve_dense,
        moves,
    )
    return solution


def _solve(method: str, system: OpenSystem, moves: Transitions, basis: Eigenbasis) -> Solution:
    if not system.is_secular:
        return solve_whole(generator_of(system, moves, basis), moves, basis)
    levels = system.levels
    if method == "populations":
        return solve_populations(moves)
    if method == "secular_block":
        return solve_secular_block(moves, levels)
    return solve_dense(moves) if method == "dense" else _solve_auto(moves, levels)


@cache
def _say_once_that_this_is_single_precision() -> None:
    warnings.warn(
        "qthermo_jax computes in 32 bit here, good for about 5 digits; "
        'jax.config.update("jax_enable_x64", True) before the first array gives 64 bit',
        stacklevel=3,
    )


def allowed_method(system: OpenSystem, method: str, known: Sequence[str] = METHODS) -> str:
    """The method, where the generator leaves a choice.

    Raises:
        ValueError: no such method, or the generator does not take it.
    """
    if method not in known:
        raise ValueError(f"method {method!r} is not one of {', '.join(known)}")
    if system.is_secular:
        return method
    if method not in ("auto", "dense"):
        raise ValueError(f"generator {system.generator!r} takes method 'dense', not {method!r}")
    return "dense"


def steadystate(system: OpenSystem, *, method: str = "auto") -> SteadyState:
    """Steady state of the system's master equation; of the global one (paper, Eqs. 4-5) by default.

    Pure: maps, differentiates and compiles. Nothing raises for a value: look at `.status`. A derivative
    by a parameter of H is right as long as that parameter splits no degenerate level; a sweep tells
    where it does, here `qthermo_jax.spectral.splits` does.

    Args:
        system: dimension d.
        method: "populations" for the d populations alone, each to full relative accuracy however small,
            where they drive no coherence; "secular_block" for the elements inside degenerate levels,
            which is exact wherever the degenerate levels are those that the system declares, or it
            declares none; "dense" for every element of rho, exact for every system; "auto" the
            first of these that is exact. Where a method is not exact, the status says so. Under `vmap`
            over a parameter of H, "auto" costs as much as all of them. The generators "redfield" and
            "local" take "dense" only.

    Returns:
        a `SteadyState`; its `.rho` is in the basis in which H was given, NaN unless the status is OK.

    Raises:
        ValueError: an unknown method.

    >>> from qthermo_jax.models import lambda_system
    >>> state = steadystate(lambda_system(T_1=0.5, T_2=0.0))
    >>> state.rho.diagonal().real.round(6).tolist()  # all of it at the cold bath
    [0.0, 1.0, 0.0]
    """
    method = allowed_method(system, method)
    if jnp.finfo(system.H.dtype).bits < 64:
        _say_once_that_this_is_single_precision()
    if method == "auto" and not any(
        isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(system)
    ):
        return _solved_in_turn(system)
    state: SteadyState = solved(system, method)
    return state


def _solved_in_turn(system: OpenSystem) -> SteadyState:
    """What `auto` gives where the numbers are there: only the solver that is used is compiled."""
    for method in ("populations", *["secular_block"] * has_block(system.levels), "dense"):
        state: SteadyState = solved(system, method)
        if state.status not in GOES_ON:
            break
    coherences = state.coherences
    if coherences is None:
        p = state.populations
        coherences = jnp.zeros((p.size, p.size), np.promote_types(p.dtype, np.complex64))
    return replace(state, coherences=coherences, asked="auto")


@partial(compiled, static_argnames="method")
def solved(system: OpenSystem, method: str) -> SteadyState:
    """`steadystate` for callers that know the method and the precision they ask for."""
    basis = eigenbasis(system)
    moves = moves_of(system, basis)
    solution = _solve(method, system, moves, basis)
    negligible = jnp.sqrt(jnp.finfo(solution.residual.dtype).eps)
    status = first_fault(
        [
            *faults_of(system, moves),
            (~solution.exact, Status.METHOD_NOT_EXACT),
            (solution.underflow, Status.UNDERFLOW),
            (~solution.unique, Status.NOT_UNIQUE),
            (~(solution.residual < negligible), Status.LARGE_RESIDUAL),
            (
                is_negative(solution.populations, solution.coherences, solution.error),
                Status.NOT_POSITIVE,
            ),
            (~(solution.error < _NO_DIGITS), Status.INACCURATE),
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
        method,
    )


def bytes_per_point(system: OpenSystem, method: Method, levels: tuple[Index, ...] | None = None) -> int:
    """Memory that the solve of one point of a batch takes, in bytes (measured in 64 bit).

    Args:
        system: real, or its shapes alone (`jax.eval_shape`).
        method: the solver.
        levels: for the secular block of a system that declares none.
    """
    d = system.dimension
    if method == Method.POPULATIONS:
        return 8 * (d * d + 7 * system.pairs.i.size)
    block = (system.levels or levels) if method == Method.SECULAR_BLOCK else None
    n = d * d if block is None else kept_elements(block).size
    return 8 * 8 * n * n
