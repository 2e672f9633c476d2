"""The choice between the solvers: the cheapest that is exact."""

from collections.abc import Sequence
from pkgutil import resolve_name

from jaxtyping import Array, Bool

from qthermo_jax import registry
from qthermo_jax.choice import chosen
from qthermo_jax.master_equations import MasterEquation
from qthermo_jax.registry import AUTO
from qthermo_jax.solvers.base import Levels, Problem, Solution, Solver

# In the order of their cost.
SOLVERS: tuple[Solver, ...] = tuple(
    resolve_name(entry.place)(method, entry) for method, entry in registry.SOLVERS.items()
)

# A state whose error may be larger than this is flagged.
NO_DIGITS = 1e-3


def solvers_for(
    method: str,
    equation: MasterEquation,
    levels: Levels = None,
    among: Sequence[Solver] = SOLVERS,
) -> tuple[Solver, ...]:
    """The solvers to try, one after the other until one is exact.

    Args:
        method: "auto", or the name of a solver.
        equation: the master equation.
        levels: what is known to be degenerate.
        among: those to choose from.

    Raises:
        ValueError: no such method, or it does not take the equation.
    """
    taken = [solver for solver in among if solver.takes(equation)]
    if method == AUTO:
        return tuple(solver for solver in taken if solver.helps(levels))
    for solver in taken:
        if solver.name == method:
            return (solver,)
    names = [AUTO, *(solver.name for solver in among)]
    if method not in names:
        raise ValueError(f"method {method!r} is not one of {', '.join(names)}")
    known = " or ".join(repr(solver.name) for solver in taken)
    raise ValueError(f"generator {equation.name!r} takes method {known}, not {method!r}")


def goes_on(solution: Solution) -> Bool[Array, ""]:
    """Whether "auto" tries the next solver."""
    return ~(solution.exact & (solution.error < NO_DIGITS))


def solve_in_turn(solvers: Sequence[Solver], problem: Problem) -> Solution:
    """The solution of the first solver that is exact and accurate, of the last one if none is.

    Of points that are mapped, all are solved by the next one if any of them asks for it.
    """
    first, *others = solvers
    found = first.solve(problem)
    if not others:
        return found
    found = found.with_coherences()
    return chosen(
        goes_on(found), lambda: solve_in_turn(others, problem).with_coherences(), lambda: found
    )
