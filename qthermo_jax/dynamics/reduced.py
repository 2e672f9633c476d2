"""A system's generator on what has to be evolved: populations of the eigenstates, or all of rho."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Int8

from qthermo_jax import registry
from qthermo_jax.choice import is_traced
from qthermo_jax.eigenbasis import Eigenbasis, roundoff
from qthermo_jax.gathers import padded
from qthermo_jax.master_equations import hermitian_parts, kept_elements, real_generator, unknowns_of
from qthermo_jax.solvers import SOLVERS, Note, solvers_for
from qthermo_jax.steady import State, Status
from qthermo_jax.steady.faults import Fault, faults_of, first_fault, is_negative, nan_unless_ok
from qthermo_jax.system import OpenSystem
from qthermo_jax.transitions import Transitions, jump_rates, leak

# Those whose unknowns can be evolved; the last one is exact for every system.
EVOLVING = tuple(solver for solver in SOLVERS if solver.evolves)
EXACT = EVOLVING[-1].name

Parts = tuple[Float[Array, " d"], Complex[Array, "d d"] | None]


class Start(NamedTuple):
    """The initial state in the eigenbasis, and what is wrong with it."""

    rho: Complex[Array, "d d"]
    is_no_state: Bool[Array, ""]
    has_coherences: Bool[Array, ""]


def start_of(system: OpenSystem, basis: Eigenbasis) -> Start:
    """The state that the system starts from.

    Raises:
        ValueError: it has none.
    """
    if system.initial is None:
        raise ValueError("the system has no initial state: give it one, initial= or with_initial")
    given = system.initial
    rho = jnp.diag(given) if given.ndim == 1 else given
    rho = rho.astype(np.promote_types(rho.dtype, np.complex64))
    round_off = roundoff(rho.dtype)
    skew = jnp.max(jnp.abs(rho - rho.conj().T))
    wrong = ~(skew <= round_off) | ~(jnp.abs(jnp.trace(rho) - 1.0) <= round_off)
    inside = basis.rotate_in(rho)
    inside = (inside + inside.conj().T) / 2
    coherences = inside - jnp.diag(inside.diagonal())
    wrong = wrong | (jnp.min(inside.diagonal().real) < -round_off)
    return Start(inside, wrong, jnp.max(jnp.abs(coherences)) > round_off)


def rate_matrix(transitions: Transitions) -> Float[Array, "d d"]:
    """W with dp/dt = W p, p the populations of the eigenstates."""
    pairs = transitions.pairs
    first, second = pairs.states
    down, up = (jnp.where(first != second, rates, 0.0) for rates in jump_rates(transitions))
    gain = padded(jnp.concatenate([down, up]))[pairs.rate_table]
    return gain - jnp.diag(jnp.sum(gain, axis=0))


def _populations_alone(method: str) -> bool:
    """Whether the unknowns of a method are populations of the eigenstates, and not all of rho."""
    return registry.SOLVERS[registry.method_of(method)].populations_alone


def reduced_generator(
    system: OpenSystem, transitions: Transitions, basis: Eigenbasis, method: str
) -> Float[Array, "n n"]:
    """The generator on the unknowns of a method."""
    if _populations_alone(method):
        return rate_matrix(transitions)
    d = system.dimension
    whole = system.equation.generator(transitions, basis).map(lambda own: own.reshape(d * d, d * d))
    return real_generator(whole, kept_elements((tuple(range(d)),)))[0]


def packed(rho: Complex[Array, "d d"], method: str) -> Float[Array, " n"]:
    """The unknowns of a method, of a density matrix in the eigenbasis."""
    if _populations_alone(method):
        return rho.diagonal().real
    return unknowns_of(rho, kept_elements((tuple(range(rho.shape[0])),)))


def unpacked(unknowns: Float[Array, " n"], method: str, d: int) -> Parts:
    """Populations and coherences; the trace, which nothing but round-off changes, is made 1 again."""
    if _populations_alone(method):
        return unknowns / jnp.sum(unknowns), None
    populations, coherences = hermitian_parts(unknowns, kept_elements((tuple(range(d)),)))
    trace = jnp.sum(populations)
    return populations / trace, coherences / trace.astype(coherences.dtype)


def as_state(
    basis: Eigenbasis,
    parts: Parts,
    faults: list[Fault],
    leaking: Float[Array, ""],
    method: str,
) -> State:
    """The record of a state that a method evolved, NaN where something is wrong."""
    populations, coherences = parts
    negative = is_negative(populations, coherences, jnp.asarray(roundoff(populations.dtype)))
    lost = (~jnp.all(jnp.isfinite(populations)), Status.LARGE_RESIDUAL)
    status: Int8[Array, ""] = first_fault([*faults, lost, (negative, Status.NOT_POSITIVE)])
    populations, coherences = nan_unless_ok(status, parts)
    return State(
        basis,
        populations,
        coherences,
        status,
        jax.lax.stop_gradient(leaking),
        jnp.int8(registry.method_of(method)),
        jnp.int8(Note.NONE),
    )


def faults_at_start(
    system: OpenSystem, transitions: Transitions, start: Start, method: str
) -> tuple[list[Fault], Float[Array, ""]]:
    """What is wrong before anything is evolved, and how much a method leaves out."""
    faults = [*faults_of(system, transitions), (start.is_no_state, Status.BAD_INITIAL_STATE)]
    if not _populations_alone(method):
        return faults, jnp.zeros((), transitions.rate_down.dtype)
    leaking, leaks = leak(transitions)
    return [*faults, (leaks | start.has_coherences, Status.METHOD_NOT_EXACT)], leaking


def in_turn(method: str, system: OpenSystem, *numbers: Array) -> tuple[str, ...]:
    """The methods to try one after the other; inside a traced function that is the exact one alone."""
    names = tuple(solver.name for solver in solvers_for(method, system.equation, among=EVOLVING))
    return names[-1:] if is_traced((system, numbers)) else names
