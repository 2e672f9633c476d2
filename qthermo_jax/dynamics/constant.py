"""rho(t) of a constant generator, rho(t) = e^{Lt} rho(0), by the exponential itself.

Generators are not normal: their eigenvectors may be anything but orthogonal, and near an exceptional
point an eigendecomposition loses all digits. Scaling and squaring does not, and for a generator, which
lets nothing grow, its error stays at t |L| eps (Higham, SIAM J. Matrix Anal. Appl. 26, 1179 (2005)).
"""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Num

from qthermo_jax.couplings import Qobj
from qthermo_jax.dynamics.reduced import (
    as_state,
    faults_at_start,
    in_turn,
    packed,
    reduced_generator,
    start_of,
    unpacked,
)
from qthermo_jax.precision import compiled
from qthermo_jax.steady import State, Status
from qthermo_jax.system import OpenSystem

# 2^40 steps: up to t |L| of about 5e12, where nothing is left of the beginning.
_SQUARINGS = 40


def evolve(
    system: OpenSystem,
    times: Num[ArrayLike, "*t"] | Sequence[float],
    initial: Num[ArrayLike, "*s d"] | Qobj | Sequence[float] | None = None,
    *,
    method: str = "auto",
) -> State:
    """rho(t) under the system's master equation, at each of some times.

    Pure: maps, differentiates (by `times` too) and compiles. Costs a matrix exponential for each time.
    Its error is about eps t |L|, L the generator: 1e-4 of a population at the times that one bath takes
    that is 12 decades weaker than another.

    Args:
        system: dimension d.
        times: >= 0, in units of 1/energy (hbar = 1), () or (t,).
        initial: density matrix (d, d), or populations of the basis states (d,); default: the system's.
        method: "populations" for those of the eigenstates alone, exact where they drive no coherence and
            the initial state has none between eigenstates; "dense" for all of rho; "auto" the first of
            these that is exact, and "dense" inside a compiled function.

    Returns:
        a `State`, a batch of t states for times of shape (t,).

    Raises:
        ValueError: no initial state, or an unknown method.

    >>> from qthermo_jax.models import lambda_system
    >>> states = evolve(lambda_system(), jnp.array([0.0, 100.0]), [0.0, 0.0, 1.0])
    >>> states.level_populations[0].tolist()
    [0.0, 0.0, 1.0]
    """
    if initial is not None:
        system = system.with_initial(initial)
    own = jnp.asarray(times, float)
    first, *others = in_turn(method, system, own)
    states: State = _evolved_at(system, own, first)
    if others and bool(jnp.any(states.status == Status.METHOD_NOT_EXACT)):
        states = _evolved_at(system, own, *others)
    return states


@partial(compiled, static_argnames="method")
def _evolved_at(system: OpenSystem, times: Float[Array, "*t"], method: str) -> State:
    at = partial(evolved, system, method=method)
    states: State = at(times) if times.ndim == 0 else jax.vmap(at)(times)
    return states


def evolved(system: OpenSystem, time: Float[Array, ""], method: str) -> State:
    """`evolve` to one time, for callers that know the method."""
    basis = system.eigenbasis()
    transitions, start = system.transitions(basis), start_of(system, basis)
    faults, leaking = faults_at_start(system, transitions, start, method)
    faults.append((~(jnp.isfinite(time) & (time >= 0)), Status.PARAMETER_OUT_OF_RANGE))
    generator = reduced_generator(system, transitions, basis, method)
    step = jax.scipy.linalg.expm(generator * time.astype(generator.dtype), max_squarings=_SQUARINGS)
    parts = unpacked(step @ packed(start.rho, method), method, system.dimension)
    return as_state(basis, parts, faults, leaking, method)
