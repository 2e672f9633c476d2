"""Heat currents and what is made of them, each with a bound of what round-off did to it."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple, TypeGuard

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from qthermo_jax.bounded import Bounded, Pace, size_of
from qthermo_jax.gathers import repeated
from qthermo_jax.master_equations import InEigenbasis
from qthermo_jax.precision import compiled
from qthermo_jax.registry import Method
from qthermo_jax.solvers import LARGEST_CORE, Jumps, net_fluxes, solvers_for
from qthermo_jax.steady import State, Status, SteadyState
from qthermo_jax.system import OpenSystem
from qthermo_jax.transitions import Transitions, log_rates

# Fluxes both ways are subtracted where the bound of what that costs is this part of the difference; the
# error is smaller by 1e3, as a rule.
ENOUGH_DIGITS = 1e-8

# An exponent beyond which nothing is left of what it belongs to.
_FAR = 1e4


@compiled
def heat_currents(system: OpenSystem, state: State) -> Float[Array, " K"]:
    """Heat current into each bath, J_k = -Tr[L_k(rho) H] (paper, "Quantum Dufour effect").

    Where the populations suffice (`state.method`) and subtracting the fluxes both ways would cost
    digits, the net fluxes of the transitions are found without it: the current then keeps its digits
    near equilibrium and in the cold, unless fluxes through different paths cancel.

    Returns:
        (K,), in units of energy^2 (hbar = 1), positive into the bath; they sum to 0 in a steady state.
        NaN where so much cancels that less than six digits of the current of a steady state are left;
        `heat_current_bounds` says what its error may be.

    >>> from qthermo_jax import models, steadystate
    >>> system = models.lambda_system(T_1=0.5, T_2=0.5)
    >>> heat_currents(system, steadystate(system)).tolist()  # equilibrium
    [0.0, 0.0]
    """
    return bounded_currents(system, state).trusted


@compiled
def heat_current_bounds(system: OpenSystem, state: State) -> Float[Array, " K"]:
    """Bound of the error that round-off leaves in each heat current, (K,), in units of energy^2.

    0 where the current is 0 by law, NaN for a state that is not a steady one.

    >>> from qthermo_jax import models, steadystate
    >>> system = models.lambda_system(T_1=0.5, T_2=0.4)
    >>> bool(heat_current_bounds(system, steadystate(system)).max() < 1e-12)
    True
    """
    found = bounded_currents(system, state)
    unknown = 0.0 if isinstance(state, SteadyState) else jnp.nan
    return jnp.where(found.exact, unknown, found.bound)


def bounded_currents(system: OpenSystem, state: State) -> Bounded:
    """The heat currents with their bounds."""
    return _flow(system, state, lambda heat, _: heat)


def _flow(system: OpenSystem, state: State, wanted: Callable[[Bounded, Bounded], Bounded]) -> Bounded:
    """The heat currents or the entropy production, with their bounds.

    Between baths of one temperature the secular equation's steady state is Gibbs' for each of them, and
    every current is 0 exactly. So it is where the links that the baths make close no cycle.
    """
    p, T = state.populations, system.temperatures
    is_steady = isinstance(state, SteadyState)
    transitions = system.transitions(state.basis)
    J, bound, parts, no_cycle = system.equation.heat(transitions, state.basis, _known(state))
    balanced = is_steady and system.equation.secular and all(bath.spontaneous for bath in system.baths)
    zero = (no_cycle & is_steady) | (jnp.all(T[0] == T) & balanced)
    # A state that was altered by hand is not steady: its currents are not within their bounds of 0.
    unaltered = jnp.all(jnp.abs(J) <= bound)
    zero = zero & unaltered & (state.status == Status.OK)
    # In equilibrium the derivatives are not 0. Without a cycle they are, unless a link that is not there
    # yet would close one.
    J = J - jax.lax.stop_gradient(jnp.where(zero, J, 0.0))
    opening = no_cycle & zero & system.pairs.may_close_a_cycle
    J = jnp.where(no_cycle & zero & ~opening, 0.0, J)
    logarithms = jnp.log(jnp.where(p > 0, p, 1.0))
    first = int(system.pairs.independent_set_split[0][0])
    alone = state.method == Method.POPULATIONS
    pace = Pace(p, logarithms, log_rates(transitions), first, alone, jnp.zeros_like(T[0]))
    heat = Bounded(J, bound, parts, jnp.abs(J), zero | (not is_steady), pace)
    entropy = _entropy_of(heat, T)
    if not may_be_a_rate_equation(state, system):
        return wanted(heat, entropy)
    found = wanted(heat, entropy)
    if not state.net_fluxes:
        return _withheld(alone & ~jnp.all(found.reliable), found)
    # A link that is not there has no ln(forth/back), but a derivative.
    asked = alone & ~opening & ~jnp.all(found.bound <= ENOUGH_DIGITS * jnp.abs(found.value))
    return wanted(*_by_net_fluxes(asked, system, state, transitions, heat, entropy))


def _withheld(where: Bool[Array, ""], found: Bounded) -> Bounded:
    """A value that is not known at all where that is told, nor is anything that is made of it."""
    value, parts = (jnp.where(where, jnp.nan, own) for own in (found.value, found.parts))
    return replace(found, value=value, bound=jnp.where(where, jnp.inf, found.bound), parts=parts)


def _known(state: State) -> InEigenbasis:
    """A state, and what its elements are known to."""
    p = state.populations
    if not isinstance(state, SteadyState):
        return InEigenbasis.exactly(p, state.coherences)
    # The elimination's populations are known to a relative error, however they change.
    relative = jax.lax.stop_gradient(jnp.where(jnp.isfinite(state.error), state.error, 0.0)) * p
    errors = jnp.where(state.method == Method.POPULATIONS, relative, state.population_errors)
    return InEigenbasis(p, state.coherences, state.coherence_error, errors)


def may_be_a_rate_equation(state: State, system: OpenSystem) -> TypeGuard[SteadyState]:
    """Whether the method that was asked for may have found the state by populations alone."""
    if not isinstance(state, SteadyState) or not system.equation.secular:
        return False
    asked = solvers_for(state.asked, system.equation, system.levels)
    core, rest = system.pairs.independent_set_split
    # A single state has no rest.
    takes = rest.size > 0 and core.size <= LARGEST_CORE
    return takes and any(solver.method == Method.POPULATIONS for solver in asked)


def withholds_currents(system: OpenSystem, state: State) -> bool:
    """Whether currents of this state are NaN where they need net fluxes; see `SteadyState`."""
    return may_be_a_rate_equation(state, system) and not state.net_fluxes


def _by_net_fluxes(
    asked: Bool[Array, ""],
    system: OpenSystem,
    state: SteadyState,
    transitions: Transitions,
    heat: Bounded,
    entropy: Bounded,
) -> tuple[Bounded, Bounded]:
    """The heat currents and the entropy production of net fluxes, where these were asked for.

    Where they are not those of the state, what was found before stays.
    """
    pairs, basis = transitions.pairs, transitions.basis
    energies, T = basis.relative_energies, transitions.temperatures
    found = fluxes_of(asked, system, state, transitions)
    flux, size = found.net, found.bound
    hidden = found.hidden * (jnp.max(energies) - jnp.min(energies))
    taken = energies[pairs.j] - energies[pairs.i]
    J = 0.0 - pairs.by_bath.sum(taken * flux)  # so that nothing is 0, not -0
    heat = _better(heat, found.sound, J, pairs.by_bath.sum(jnp.abs(taken) * size) + hidden)
    # The force ln(forth/back) is the bath's 1/T only where it obeys detailed balance.
    obeys = all(bath.spontaneous for bath in system.baths) & (basis.tolerance <= basis.round_off)
    lesser = jnp.where(flux > 0, found.back, found.forth)
    some = lesser > 0
    force = jnp.log1p(jnp.abs(flux) / jnp.where(some, lesser, 1.0))
    force = jnp.where(flux == 0, 0.0, jnp.where(some, force, jnp.inf))
    coldest = jnp.min(jnp.where(T > 0, T, jnp.inf))
    bound = 2 * jnp.sum(jnp.where(size == 0, 0.0, size * force)) + hidden / coldest
    return heat, _better(entropy, found.sound & obeys, jnp.sum(jnp.abs(flux) * force), bound)


def _better(
    before: Bounded, known: Bool[Array, ""], value: Float[Array, "*s"], bound: Float[Array, "*s"]
) -> Bounded:
    """Another value where it is known, and known better."""
    where = known & (bound < before.bound)
    value, bound = jnp.where(where, value, before.value), jnp.where(where, bound, before.bound)
    spread = jnp.broadcast_to(bound[..., None] / before.parts.shape[-1], before.parts.shape)
    parts = jnp.where(where[..., None], spread, before.parts)
    factors = jnp.where(jnp.any(where), 2.0 * before.parts.shape[-1], before.pace.factors)
    pace = replace(before.pace, factors=factors)
    return replace(before, value=value, bound=bound, parts=parts, size=jnp.abs(value), pace=pace)


class Fluxes(NamedTuple):
    """The net flux i -> j of each of P transitions, in units of energy.

    Attributes:
        net: (P,).
        bound: of the error of each.
        forth, back: of i -> j and j -> i alone.
        hidden: flux that may be missing or too much, at most, (): all of that through transitions that
            are too weak to be told from round-off, and of that through others as much as the digits of
            their strengths leave open. It returns through other transitions.
        sound: whether they are known, and those of the state, ().
    """

    net: Float[Array, " P"]
    bound: Float[Array, " P"]
    forth: Float[Array, " P"]
    back: Float[Array, " P"]
    hidden: Float[Array, ""]
    sound: Bool[Array, ""]


def fluxes_of(
    asked: Bool[Array, ""], system: OpenSystem, state: SteadyState, transitions: Transitions
) -> Fluxes:
    """Net fluxes of a rate equation's steady state, found without subtracting what flows back.

    Args:
        asked: whether they are needed; 0 and not sound otherwise.
    """
    pairs, p, i, j = transitions.pairs, state.populations, transitions.pairs.i, transitions.pairs.j
    energies = transitions.basis.relative_energies
    hottest = jax.lax.stop_gradient(jnp.max(transitions.temperatures))
    reference = jnp.where(hottest > 0, hottest, 1.0)
    weights = jnp.exp((jnp.min(energies) - energies) / reference)
    # Half of the bound of the populations' relative error, 8 times what was seen at most, and what the
    # energies' round-off does to the weights.
    known, spread = jax.lax.stop_gradient((state.error, jnp.max(energies) - jnp.min(energies)))
    eps = jnp.finfo(known.dtype).eps
    off = (eps * spread + transitions.basis.energy_error) / reference
    relative = known / 2 + pairs.dimension * off
    # A weak link beside a strong one hardly moves the populations, but carries a flux of its own.
    own = transitions.strength_error / jnp.where(transitions.driven, transitions.strengths, 1.0)
    own = jnp.where(transitions.driven, jnp.maximum(own - transitions.rate_error, 0.0), 0.0)
    own = jax.lax.stop_gradient(own)
    jumps = _jumps(system, transitions, weights, reference)
    gross = jumps.gross * (1.0 + own / relative) + _of_groups(transitions, jumps) / relative
    jumps = jumps._replace(gross=gross)
    found = net_fluxes(asked, jumps, pairs)
    norm = jnp.sum(found.weights * weights)
    q = found.weights / jnp.where(norm > 0, norm, 1.0)
    doubt = transitions.strength_error * (transitions.rate_down * p[j] + transitions.rate_up * p[i])
    hidden = jnp.sum(jnp.where(transitions.driven | (i == j), 0.0, doubt))
    same = jnp.all(jnp.abs(q * weights - p) <= 4 * relative * p)
    sound = asked & found.sound & same & (hottest > 0)
    moves = sound & (i != j)

    def given(values: Float[Array, " P"]) -> Float[Array, " P"]:
        return jnp.where(moves, values, 0.0)

    net, gross = (given(own / jnp.where(norm > 0, norm, 1.0)) for own in (found.net, found.gross))
    gross = (relative + own) * gross
    hidden = hidden + jnp.sum(own * (jnp.abs(net) + gross))
    return Fluxes(net, gross, given(q[i] * jumps.up), given(q[j] * jumps.down), hidden, sound)


def _jumps(
    system: OpenSystem,
    transitions: Transitions,
    weights: Float[Array, " d"],
    temperature: Float[Array, ""],
) -> Jumps:
    """Every transition i - j as it is seen from the Gibbs state of a temperature.

    A bath at T_k has c_up = c_down e^x with x = -omega (1/T_k - 1/T), one without spontaneous emission
    c_down = c_up e^{-omega/T}, with omega > 0 upwards.
    """
    pairs, basis = transitions.pairs, transitions.basis
    i, j = pairs.i, pairs.j
    down = transitions.strengths * transitions.rate_down * weights[j]
    up = transitions.strengths * transitions.rate_up * weights[i]
    omega, T = transitions.omega[pairs.number], repeated(transitions.temperatures, pairs.bath)
    warm = T > 0
    per_energy = (T - temperature) / (jnp.where(warm, T, 1.0) * temperature)
    size = jnp.abs(omega)
    exponent = jnp.where(warm, size * jnp.where(warm, per_energy, 0.0), -_FAR)
    # A wide group acts at its mean frequency: what it gives is not the energy of the jump.
    wide = basis.tolerance > basis.round_off
    energies = basis.relative_energies
    more = jnp.where(wide, jnp.sign(omega) * (energies[j] - energies[i] - omega), 0.0) / temperature
    upper, lower = jnp.where(omega < 0, up, down), jnp.where(omega < 0, down, up)
    spontaneous = np.repeat(
        [bath.spontaneous for bath in system.baths], [bath.T.shape[0] for bath in system.baths]
    )[pairs.bath]
    gained = jnp.where(
        spontaneous,
        upper * jnp.expm1(jnp.where(size > 0, exponent, 0.0) + more),
        -lower * jnp.expm1(-size / temperature - more),
    )
    net = jnp.where(omega < 0, -gained, gained)
    return Jumps(down, up, net, size_of(net))


def _of_groups(transitions: Transitions, jumps: Jumps) -> Float[Array, " P"]:
    """How far off each N_ij may be because a group of frequencies acts at its mean.

    Round-off tells the members of a group apart, and around a cycle of links their energies then do not
    add up to 0. A group of one frequency, between whatever degenerate states, has no such error.
    """
    pairs, basis = transitions.pairs, jax.lax.stop_gradient(transitions.basis)
    first, second = pairs.states
    falls = transitions.omega < 0
    label = jnp.where(falls, transitions.labels[1], transitions.labels[0])
    ends = basis.coinciding[first], basis.coinciding[second]
    low, high = jnp.where(falls, ends[1], ends[0]), jnp.where(falls, ends[0], ends[1])
    key = low * pairs.dimension + high
    mixed = jnp.any((label[:, None] == label[None]) & (key[:, None] != key[None]), axis=1)
    T = repeated(transitions.temperatures, pairs.bath)
    off = jnp.where(T > 0, 2 * basis.energy_error / jnp.where(T > 0, T, 1.0), 0.0)
    flow = jax.lax.stop_gradient(jnp.maximum(jumps.up, jumps.down))
    return jnp.where(mixed[pairs.number], off * flow, 0.0)


@compiled
def entropy_production(system: OpenSystem, state: State) -> Float[Array, ""]:
    """Entropy production of a steady state, sum_k J_k/T_k >= 0, in units of energy (k_B = hbar = 1).

    Where the populations suffice it is the sum over the transitions of net flux times ln(forth/back),
    with the fluxes both ways: no term is negative.
    A bath at T = 0 that takes up heat makes it infinite; one that takes up none adds nothing. NaN where
    the heat currents cancel so far that less than six digits are left.

    >>> from qthermo_jax import models, steadystate
    >>> system = models.lambda_system(T_1=0.5, T_2=0.5)
    >>> entropy_production(system, steadystate(system)).item()  # equilibrium
    0.0
    """
    return bounded_entropy_production(system, state).trusted


def bounded_entropy_production(system: OpenSystem, state: State) -> Bounded:
    """The entropy production with its bound."""
    return _flow(system, state, lambda _, entropy: entropy)


def _entropy_of(J: Bounded, T: Float[Array, " K"]) -> Bounded:
    """sum_k J_k/T_k."""

    def over_T(values: Float[Array, "K *d"]) -> Float[Array, "K *d"]:
        own = T.reshape(-1, *(1 for _ in values.shape[1:]))
        nothing = (values == 0.0) & (own == 0.0)
        return jnp.where(nothing, 0.0, values / jnp.where(nothing, 1.0, own))

    # The sign of what a bath at T = 0 takes up has to be known.
    known = (T > 0) | J.reliable
    parts = jnp.where(known[:, None], over_T(J.parts), jnp.nan)
    bound = jnp.where(known, over_T(J.bound), jnp.nan)
    return J.having(jnp.sum(over_T(J.value)), jnp.sum(parts, axis=0), jnp.sum(bound))


@compiled
def energy_balance(system: OpenSystem, state: State) -> Float[Array, ""]:
    """Sum of the heat currents, 0 in a steady state, in units of energy^2.

    What it is instead of 0 is round-off, and evidence: it is given wherever there is a state.

    >>> from qthermo_jax import models, steadystate
    >>> system = models.lambda_system(T_1=0.5, T_2=0.5)
    >>> bool(abs(energy_balance(system, steadystate(system))) < 1e-6)
    True
    """
    return jnp.sum(bounded_currents(system, state).value)
