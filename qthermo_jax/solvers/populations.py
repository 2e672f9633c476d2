"""Populations alone: a classical rate equation, d unknowns, every one of them to full relative accuracy.

Where no population drives a coherence, rho is diagonal in the eigenbasis and its diagonal obeys
dp_i/dt = sum_j (W_ij p_j - W_ji p_i), which `gth` solves.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from qthermo_jax.gathers import repeated
from qthermo_jax.registry import Method
from qthermo_jax.solvers.base import Levels, Note, Problem, Solution, Solver
from qthermo_jax.solvers.batched_gth import stationary
from qthermo_jax.transitions import Transitions, jump_rates, leak


class Populations(Solver):
    """Diagonal rho from the rate equation; exact where no population drives a coherence."""

    about = "populations alone; points where they drive coherences are flagged"

    def solve(self, problem: Problem) -> Solution:
        return solve_populations(problem.transitions)

    def bytes_per_point(self, dimension: int, n_transitions: int, levels: Levels) -> int:
        return 8 * (dimension**2 + 7 * n_transitions)


def _may_be_conserved(transitions: Transitions) -> Bool[Array, ""]:
    """Whether there are degenerate states whose coherence is not certain to decay.

    It decays if no bath acts on both, which could feed it from other coherences, and one acts on either.
    """
    pairs = transitions.pairs
    jumps = transitions.driven & (pairs.i != pairs.j)
    acts = pairs.by_ends.max(jnp.tile(jumps.astype(transitions.rate_down.dtype), 2))
    acts = acts.reshape(pairs.n_baths, pairs.dimension)
    together = acts.T @ acts > 0
    decays = jnp.any(acts > 0, axis=0)
    uncertain = together | ~(decays[:, None] | decays[None, :])
    different = ~np.eye(pairs.dimension, dtype=bool)
    return jnp.any(transitions.basis.degenerate & different & uncertain)


def _relative_error(transitions: Transitions) -> Float[Array, ""]:
    """Bound of the relative error of every population, from the round-off of the rates.

    Off-diagonal rates known to a relative eta give populations known to 2 d eta (O'Cinneide, Numer.
    Math. 65, 109 (1993)). The rate between two states is a sum over the baths, whose relative error is
    at most that of its worst term, unless there are terms too small to be told from 0.
    """
    transitions = jax.lax.stop_gradient(transitions)
    pairs, driven = transitions.pairs, transitions.driven & (transitions.pairs.i != transitions.pairs.j)
    off = transitions.amplitude_error * (2.0 * jnp.abs(transitions.acting) + transitions.amplitude_error)
    strengths = transitions.strengths

    def of_each() -> Float[Array, ""]:
        return jnp.max(jnp.where(driven, off / jnp.where(driven, strengths, 1.0), 0.0), initial=0.0)

    def of_sums() -> Float[Array, ""]:
        both = jnp.stack([transitions.rate_down, transitions.rate_up])
        error, rate = (jax.vmap(pairs.by_states.sum)(own[None] * both) for own in (off, strengths))
        there = (rate > 0) & (pairs.states[0] != pairs.states[1])[None]
        return jnp.max(jnp.where(there, error / jnp.where(there, rate, 1.0), 0.0), initial=0.0)

    loose = jnp.any(~transitions.driven & (off > 0))
    amplitudes: Float[Array, ""] = jax.lax.cond(loose, of_sums, of_each)
    rates = jnp.max(jnp.where(driven, transitions.rate_error, 0.0), initial=0.0)
    return 2 * pairs.dimension * (rates + amplitudes)


def _underflow(
    transitions: Transitions, exits: Float[Array, " d"]
) -> tuple[Bool[Array, ""], Bool[Array, ""]]:
    """Whether rates of baths above T = 0 are below the smallest number, and whether that may matter.

    It may where a state is left, but hardly: what is lost could be as large as what is there.

    Args:
        exits: rate at which each state is left, of which the largest is about 1.
    """
    pairs, info = transitions.pairs, jnp.finfo(transitions.rate_down.dtype)
    warm = repeated(transitions.temperatures > 0, pairs.bath)
    lesser = jnp.minimum(transitions.rate_down, transitions.rate_up)
    low = (lesser < info.tiny) | (lesser * transitions.strengths < info.tiny)
    high = jnp.maximum(transitions.rate_down, transitions.rate_up) > 0
    gone = jnp.any(transitions.driven & warm & low & high)
    return gone, gone & jnp.any((exits < info.tiny / info.eps) & (exits > 0))


def solve_populations(transitions: Transitions) -> Solution:
    """Diagonal rho from the rate equation; exact where no population drives a coherence."""
    pairs = transitions.pairs
    rates = jnp.concatenate(jump_rates(transitions))
    first, second = pairs.states
    if np.any(first == second):
        rates = jnp.where(np.tile(first != second, 2), rates, 0.0)
    found = stationary(rates, pairs)
    gone, matters = _underflow(transitions, jax.lax.stop_gradient(found.exits))
    empty = jnp.any(found.populations < jnp.finfo(rates.dtype).tiny)
    unseen = gone | (empty & jnp.all(transitions.temperatures > 0))
    leakage, leaks = leak(transitions)
    relative = _relative_error(transitions)
    conserved = jnp.where(_may_be_conserved(transitions), Note.COHERENCES_NOT_EXAMINED, Note.NONE)
    return Solution(
        populations=found.populations,
        coherences=None,
        residual=found.imbalance,
        error=relative,
        population_errors=relative * jax.lax.stop_gradient(found.populations),
        coherence_error=jnp.zeros_like(relative),
        leak=leakage,
        unique=found.classes == 1,
        exact=~leaks,
        underflow=matters | found.lost | (gone & (found.classes != 1)),
        method=jnp.int8(Method.POPULATIONS),
        note=(conserved | jnp.where(unseen, Note.UNDERFLOW, Note.NONE)).astype(jnp.int8),
    )
