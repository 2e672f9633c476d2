"""From a driven system to its periodic state, with a status instead of an exception at every point."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from qthermo_jax.choice import chosen
from qthermo_jax.driven.floquet import FloquetBasis, floquet_states, usable
from qthermo_jax.driven.jumps import FloquetJumps, floquet_jumps
from qthermo_jax.driven.local import local_state
from qthermo_jax.driven.record import FloquetState, PeriodicState, fields_of
from qthermo_jax.driven.secular import currents_of, rates_of, solve_dense, solve_populations
from qthermo_jax.driven.verdict import faults_after, faults_before, largest_error
from qthermo_jax.driven_system import DrivenSystem
from qthermo_jax.precision import compiled
from qthermo_jax.registry import AUTO
from qthermo_jax.solvers import Solution
from qthermo_jax.steady import Status
from qthermo_jax.steady.faults import Fault, first_fault, nan_unless_ok


class DrivenSolver(NamedTuple):
    """A way to a periodic state.

    Attributes:
        name: as users write it.
        about: what it does, in a line for users.
        solve: from the Floquet states and their jumps to a solution; None where there is no choice.
        power: of the dimension, which the number of elements of its matrix is.
    """

    name: str
    about: str
    solve: Callable[[FloquetBasis, FloquetJumps], Solution] | None
    power: int

    def bytes_per_point(self, dimension: int, n_transitions: int, levels: object) -> int:
        """Memory that one point of a batch takes, in bytes, roughly; see `transitions_of_driven`."""
        elements: int = dimension**self.power
        return 16 * (6 * n_transitions + 4 * elements)


_SOLVERS = {
    own.name: own
    for own in (
        DrivenSolver("populations", "populations of the Floquet states alone", solve_populations, 2),
        DrivenSolver("dense", "dense: coherences of one quasi-energy too", solve_dense, 4),
    )
}
_LOCAL = {"dense": DrivenSolver("dense", "dense: the fixed point of the map of a period", None, 4)}


class _Equation(NamedTuple):
    """A master equation of driven systems: what finds its periodic state, and the solvers it takes.

    Attributes:
        state: of a system, by the name of a method.
        solvers: by name, in the order in which "auto" tries them.
        size: of the matrices that are propagated, as a power of the dimension.
    """

    state: Callable[[DrivenSystem, str], PeriodicState]
    solvers: Mapping[str, DrivenSolver]
    size: int


def periodic_state(system: DrivenSystem, *, method: str = AUTO) -> PeriodicState:
    """State of a driven system that returns to itself after a period, with its currents.

    Pure: maps, differentiates and compiles. Nothing raises for a value: look at `.status`. Where it is
    not OK, populations, currents and what is made of them are NaN.

    Args:
        system: dimension d.
        method: for the generator "global": "populations" for those of the Floquet states alone, exact
            where they drive no coherence between states of one quasi-energy (modulo Omega); "dense" for
            these coherences too; "auto" the first of them that is exact, which costs as much as both
            under `vmap`. "local" takes "auto" or "dense".

    Returns:
        a `FloquetState` for the generator "global", a `PeriodicState` for "local".

    Raises:
        ValueError: an unknown method.

    >>> import qthermo_jax as qj
    >>> sigma_x, sigma_z = jnp.array([[0.0, 1.0], [1.0, 0.0]]), jnp.array([[-0.5, 0.0], [0.0, 0.5]])
    >>> hot, cold = qj.Bath(sigma_x, 1.0, qj.Ohmic(0.01)), qj.Bath(sigma_z, 0.2, qj.Ohmic(0.01))
    >>> state = periodic_state(qj.DrivenSystem([sigma_z, 0.1 * sigma_x], 6.0, [hot, cold]))
    >>> state.explain(), bool(state.power > 0)
    ('state found', True)
    """
    generator = system.mean.generator
    solvers_of_driven(method, generator)
    return _EQUATIONS[generator].state(system, method)


def solvers_of_driven(method: str, generator: str) -> tuple[DrivenSolver, ...]:
    """The solvers to try, one after the other until one is exact.

    Raises:
        ValueError: the generator does not take the method.
    """
    known = _EQUATIONS[generator].solvers
    if method == AUTO:
        return tuple(known.values())
    if method not in known:
        listed = ", ".join([AUTO, *known])
        raise ValueError(
            f"generator {generator!r} of a driven system takes method {listed}, not {method!r}"
        )
    return (known[method],)


def transitions_of_driven(system: DrivenSystem) -> int:
    """How many numbers describe its jumps, of every bath and number of photons, and its propagators."""
    d = system.dimension
    jumps = system.n_baths * (2 * system.photons + 1) * d**2
    elements: int = d ** _EQUATIONS[system.mean.generator].size
    return jumps + len(system.H) * elements


@partial(compiled, static_argnames="method")
def floquet_state(system: DrivenSystem, method: str) -> FloquetState:
    """`periodic_state` of the Floquet-Davies master equation, for callers that know the method."""
    return floquet_state_of(system, *floquet_jumps_of(system), method)


def floquet_jumps_of(system: DrivenSystem) -> tuple[FloquetBasis, FloquetJumps]:
    """The Floquet states of a driven system, and the jumps between them."""
    H, period, _ = usable(system)
    floquet = floquet_states(H, period, system.steps, system.mean.secular_tol)
    return floquet, floquet_jumps(system.baths, floquet, system.photons)


def floquet_state_of(
    system: DrivenSystem, floquet: FloquetBasis, jumps: FloquetJumps, method: str
) -> FloquetState:
    """`floquet_state` from the Floquet states and their jumps."""
    solution = _solved(floquet, jumps, method)
    currents = currents_of(jumps, floquet.basis, system.baths, solution)
    share = jnp.where(currents.gross > 0, currents.left_out / currents.gross, 0.0)
    tail = jax.lax.stop_gradient(jnp.max(share))
    spread = jnp.max(floquet.mode_error) * system.dimension
    error = jax.lax.stop_gradient(solution.error + spread)
    status = first_fault(
        [
            *faults_before(system),
            *_faults_of_modes(floquet, tail, jumps.hidden),
            (jumps.divergent, Status.DIVERGENT_RATE),
            (~solution.exact, Status.METHOD_NOT_EXACT),
            (solution.underflow, Status.UNDERFLOW),
            (~solution.unique, Status.NOT_UNIQUE),
            *faults_after(solution, currents, floquet.step_error > floquet.round_off),
        ]
    )
    p, coherences = solution.populations, solution.coherences
    rho = jnp.diag(p).astype(floquet.modes.dtype)
    if coherences is not None:
        rho = rho + coherences
    rho_at = jnp.einsum("mia,ac,mjc->mij", floquet.modes, rho, floquet.modes.conj())
    ratio = jnp.max(rates_of(jumps).value) / floquet.gap
    found = (p, coherences, rho_at, currents, ratio, floquet.quasi_energies, floquet.mean_energies)
    p, coherences, rho_at, currents, ratio, quasi, means = nan_unless_ok(status, found)
    return FloquetState(
        **fields_of(
            floquet.basis, (p, coherences), status, solution, currents, (error, floquet.step_error)
        ),
        times=system.times,
        rho_at=rho_at,
        quasi_energies=quasi,
        mean_energies=means,
        population_errors=jax.lax.stop_gradient(solution.population_errors),
        secular_ratio=ratio,
        tail=tail,
    )


def _solved(floquet: FloquetBasis, jumps: FloquetJumps, method: str) -> Solution:
    named = _SOLVERS[method].solve if method in _SOLVERS else None
    if named:
        return named(floquet, jumps)
    found = solve_populations(floquet, jumps)
    full = found.with_coherences()
    return chosen(~found.exact, lambda: solve_dense(floquet, jumps), lambda: full)


def _faults_of_modes(
    floquet: FloquetBasis, tail: Float[Array, ""], hidden: Bool[Array, ""]
) -> list[Fault]:
    """Whether the steps or the photons are too few for the Floquet states and their jumps."""
    limit = largest_error(floquet.modes.dtype)
    off = floquet.step_error * jnp.max(floquet.basis.amplification)
    return [(~(off <= limit), Status.TOO_FEW_STEPS), (~(tail <= limit) | hidden, Status.TOO_FEW_PHOTONS)]


_EQUATIONS = {
    "global": _Equation(floquet_state, _SOLVERS, 2),
    "local": _Equation(lambda system, _: local_state(system), _LOCAL, 4),
}
