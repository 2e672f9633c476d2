"""Which cycles of transitions carry the current: Schnakenberg, Rev. Mod. Phys. 48, 571 (1976).

The eigenstates are the vertices of a graph, and each transition of each bath is an edge of it. A
spanning tree leaves some edges over, the chords. Each chord closes one cycle with the tree: these
fundamental cycles are a basis of all others. In a steady state no state gains population, so that the
net flux of every edge is the sum of those of the cycles through it, and the flux of a cycle is that of
its chord. Heat currents and the entropy production follow:

    J_k = sum_c flux_c energy_ck,    sum_k J_k/T_k = sum_c flux_c affinity_c
"""

from collections.abc import Iterator

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Int8

from qthermo_jax.bounded import SIX_DIGITS
from qthermo_jax.currents import ENOUGH_DIGITS, fluxes_of, may_be_a_rate_equation
from qthermo_jax.eigenbasis import Eigenbasis, roundoff
from qthermo_jax.precision import compiled
from qthermo_jax.steady import Status, SteadyState
from qthermo_jax.steady.faults import nan_unless_ok
from qthermo_jax.structure import Pairs
from qthermo_jax.summary import Summary, known
from qthermo_jax.system import OpenSystem
from qthermo_jax.transitions import Transitions, leak

# How many cycles stand one by one where they are printed.
_LISTED = 8


class Cycles(eqx.Module):
    """The fundamental cycles of a rate equation, C of them, among P transitions of K baths.

    A cycle runs through its chord from the chord's state j to its state i, and back along the tree; its
    numbers change their signs together when it is run through the other way.

    Attributes:
        chords: the transition that closes each cycle, a position in `system.pairs`, (C,).
        steps: how each cycle runs through each transition, (C, P): 1 from j to i, -1 from i to j, 0 not.
        exist: whether a bath drives the chord, (C,). The other cycles hold 0.
        fluxes: net number of completions per time, (C,), in units of energy; NaN where opposite fluxes
            cancel so far that less than six digits are left.
        flux_bounds: of the error that round-off leaves in each, (C,).
        energies: given to each bath by one completion, (C, K); they sum to 0.
        affinities: entropy that one completion gives to the baths, sum_k energy_k/T_k, (C,),
            dimensionless; exactly 0 between baths of one temperature.
        status: that of the state, or METHOD_NOT_EXACT where populations drive coherences; unless it is
            OK, every number is NaN.
        basis: the eigenstates.
        pairs, labels: the transitions and the names of the basis states (static).
    """

    chords: Int[Array, " C"]
    steps: Int8[Array, "C P"]
    exist: Bool[Array, " C"]
    fluxes: Float[Array, " C"]
    flux_bounds: Float[Array, " C"]
    energies: Float[Array, "C K"]
    affinities: Float[Array, " C"]
    status: Int8[Array, ""]
    basis: Eigenbasis
    pairs: Pairs = eqx.field(static=True)
    labels: tuple[str, ...] = eqx.field(static=True)

    def __repr__(self) -> str:
        summary = self._summary()
        return super().__repr__() if summary is None else str(summary)

    def _repr_html_(self) -> str | None:
        summary = self._summary()
        return None if summary is None else summary.as_html()

    def _summary(self) -> Summary | None:
        """The cycles in words, None where there are no numbers, or a batch of them."""
        if not hasattr(self.status, "ndim") or self.status.ndim or known(self.fluxes) is None:
            return None
        there = np.flatnonzero(self.exist)
        headline = f"{there.size} fundamental cycle{'' if there.size == 1 else 's'}"
        return Summary(f"{headline}, {Status(int(self.status)).meaning}", self._rows(there))

    def _rows(self, there: np.ndarray) -> Iterator[tuple[str, str]]:
        fluxes, affinities = np.asarray(self.fluxes), np.asarray(self.affinities)
        order = there[np.argsort(-np.abs(np.nan_to_num(fluxes[there])), kind="stable")]
        for number in order[:_LISTED]:
            backwards = bool(fluxes[number] < 0)
            sign = -1.0 if backwards else 1.0
            energies = sign * np.asarray(self.energies[number])
            given = [f"{energies[k]:.4g} to bath {k + 1}" for k in np.flatnonzero(energies)]
            numbers = f"flux {abs(fluxes[number]):.4g}, affinity {sign * affinities[number] + 0.0:.4g}"
            text = f"{numbers}, energy {', '.join(given) or 'to none'}"
            yield self.path(int(number), backwards=backwards), text
        if there.size > _LISTED:
            yield "...", f"and {there.size - _LISTED} more of smaller flux"

    def path(self, cycle: int, *, backwards: bool = False) -> str:
        """A cycle in words, bath by bath, which are numbered from 1.

        Args:
            cycle: its position.
            backwards: whether it is run through the other way.
        """
        steps, pairs = np.asarray(self.steps[cycle]), self.pairs
        steps = -steps if backwards else steps
        origin = np.where(steps > 0, pairs.j, pairs.i)
        target = np.where(steps > 0, pairs.i, pairs.j)
        edge_from = {int(origin[edge]): edge for edge in np.flatnonzero(steps)}
        first = state = int(origin[int(self.chords[cycle])])
        names = _names(np.asarray(self.basis.vectors), self.labels)
        words = names[first]
        for _ in edge_from:
            edge = edge_from[state]
            state = int(target[edge])
            words += f" -bath {pairs.bath[edge] + 1}-> {names[state]}"
        return words


def _names(vectors: np.ndarray, labels: tuple[str, ...]) -> list[str]:
    """Each eigenstate by the label of its basis state, or by its number where it is a superposition."""
    one = np.count_nonzero(vectors, axis=0) == 1
    where = np.argmax(np.abs(vectors), axis=0)
    return [labels[where[n]] if one[n] else f"eigenstate {n + 1}" for n in range(len(labels))]


def cycles(system: OpenSystem, state: SteadyState) -> Cycles:
    """Fundamental cycles of the transitions between eigenstates, with what each of them carries.

    Pure: maps, differentiates and compiles. Transitions enter the spanning tree in the order of
    `system.pairs`, bath after bath, those that no bath drives last: which cycles there are depends on
    what is driven alone, not on how strongly.

    Args:
        system: dimension d, K baths.
        state: its steady state.

    Returns:
        `Cycles`. Where rates are those of mean frequencies ("partial_secular"), and for baths without
        spontaneous emission, affinities are energies over temperatures, as in the entropy production,
        not logarithms of rates.

    Raises:
        ValueError: the master equation is no rate equation ("redfield", "local"), or the state no
            steady one.

    >>> from qthermo_jax import models, steadystate
    >>> system = models.three_level_refrigerator(T_c=0.5, T_h=0.5, T_w=0.5)
    >>> found = cycles(system, steadystate(system))
    >>> found.path(0), found.affinities.item(), found.fluxes.item()  # equilibrium
    ('2 -bath 3-> 1 -bath 1-> 0 -bath 2-> 2', 0.0, 0.0)
    """
    if not system.equation.secular:
        raise ValueError(
            f"generator {system.equation.name!r} is no rate equation: cycles are those of the "
            'populations, by "global" or "partial_secular"'
        )
    if not isinstance(state, SteadyState):
        raise ValueError(f"cycles carry the currents of a SteadyState, not of a {type(state).__name__}")
    found: Cycles = _cycles(system, state)
    return found


@compiled
def _cycles(system: OpenSystem, state: SteadyState) -> Cycles:
    basis, pairs = state.basis, system.pairs
    transitions = system.transitions(basis)
    jump = pairs.i != pairs.j
    driven = (transitions.strengths * (transitions.rate_down + transitions.rate_up) > 0) & jump
    in_tree, paths = _spanning_tree(pairs, jax.lax.stop_gradient(driven))
    n = max(int(jump.sum()) - pairs.dimension + 1, 0)
    (chords,) = jnp.nonzero(jump & ~in_tree, size=n, fill_value=0)
    chords = chords.astype(jnp.int32)
    exist = driven[chords]
    i, j = (jnp.asarray(ends)[chords] for ends in (pairs.i, pairs.j))
    steps = jax.nn.one_hot(chords, pairs.i.size, dtype=jnp.int8) + paths[j] - paths[i]
    steps = jnp.where(exist[:, None], steps, 0)
    energies = _released(pairs, basis, steps)
    affinities = jax.vmap(lambda own: _affinity(own, transitions.temperatures))(energies)
    fluxes, bounds = (own[chords] for own in _net_fluxes(system, transitions, state))
    # Without a driven cycle there is detailed balance, and it makes every flux 0 exactly.
    spontaneous = all(bath.spontaneous for bath in system.baths)
    balanced = jnp.all(affinities == 0) & jnp.all(jnp.abs(fluxes) <= bounds) & spontaneous
    fluxes = fluxes - jax.lax.stop_gradient(jnp.where(balanced, fluxes, 0.0))
    reliable = balanced | ~exist | (bounds <= SIX_DIGITS * jnp.abs(fluxes))
    fluxes = fluxes * jnp.where(jax.lax.stop_gradient(reliable), 1.0, jnp.nan)
    fluxes = jnp.where(exist, fluxes, 0.0)
    bounds = jax.lax.stop_gradient(jnp.where(exist & ~balanced, bounds, 0.0))
    inexact = (state.status == Status.OK) & leak(transitions)[1]
    status = jnp.where(inexact, jnp.int8(Status.METHOD_NOT_EXACT), state.status)
    numbers = nan_unless_ok(status, (fluxes, bounds, energies, affinities))
    return Cycles(chords, steps, exist, *numbers, status, basis, pairs, system.labels)


def _spanning_tree(
    pairs: Pairs, driven: Bool[Array, " P"]
) -> tuple[Bool[Array, " P"], Int8[Array, "d P"]]:
    """Which transitions are in it, and the way from the first state to each, as in `Cycles.steps`."""
    P, d = pairs.i.size, pairs.dimension
    i, j = jnp.asarray(pairs.i), jnp.asarray(pairs.j)
    rank = jnp.where(driven, 0, P) + np.arange(P)

    def grow(_: Array, tree: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        reached, inside, paths = tree
        crossing = reached[i] != reached[j]
        edge = jnp.argmin(jnp.where(crossing, rank, 2 * P))
        grows = crossing[edge]
        downwards = reached[j[edge]]
        old, new = jnp.where(downwards, j[edge], i[edge]), jnp.where(downwards, i[edge], j[edge])
        step = jnp.where(downwards, 1, -1).astype(jnp.int8)
        path = paths[old].at[edge].set(step)
        return (
            reached.at[new].set(reached[new] | grows),
            inside.at[edge].set(inside[edge] | grows),
            paths.at[new].set(jnp.where(grows, path, paths[new])),
        )

    begin = (jnp.arange(d) == 0, jnp.zeros(P, bool), jnp.zeros((d, P), jnp.int8))
    _, inside, paths = jax.lax.fori_loop(0, d - 1, grow, begin)
    return inside, paths


def _released(pairs: Pairs, basis: Eigenbasis, steps: Int8[Array, "C P"]) -> Float[Array, "C K"]:
    """Energy that each bath is given by one completion of each cycle.

    As a sum of the states' energies, each times a whole number: what cancels does so exactly. What is
    within the energies' round-off of 0 is 0.
    """
    energies = basis.relative_energies
    both = jnp.concatenate([steps, -steps], axis=1).astype(energies.dtype)
    left = jax.vmap(pairs.by_ends.sum)(both).reshape(-1, pairs.n_baths, pairs.dimension)
    released = left @ energies
    error = jnp.sum(jnp.abs(left), axis=-1) * basis.energy_error
    return released - jax.lax.stop_gradient(jnp.where(jnp.abs(released) <= error, released, 0.0))


def _affinity(energies: Float[Array, " K"], T: Float[Array, " K"]) -> Float[Array, ""]:
    """sum_k energy_k/T_k of a cycle, whose energies sum to 0: sum_k energy_k (1/T_k - 1/T_r).

    As (T_r - T_k)/(T_k T_r), so that temperatures which are almost equal cost no digits and equal ones
    give 0. The bath r is the one with the largest share above T = 0. Infinite where the baths at T = 0
    take up energy in all.
    """
    reference = T[jnp.argmax(jnp.where(T > 0, jnp.abs(energies), -1.0))]
    cold = T == 0
    per_energy = (reference - T) / jnp.where(cold, 1.0, T * reference)
    warm = jnp.sum(jnp.where(cold, 0.0, energies * per_energy))
    frozen = jnp.sum(jnp.where(cold, energies, 0.0))
    none = jnp.abs(frozen) <= roundoff(T.dtype) * jnp.max(jnp.abs(energies))
    return warm + jnp.where(none, 0.0, jnp.copysign(jnp.inf, frozen))


def _net_fluxes(
    system: OpenSystem, transitions: Transitions, state: SteadyState
) -> tuple[Float[Array, " P"], Float[Array, " P"]]:
    """Net number of jumps j -> i per time of each transition, and bounds of their errors."""
    i, j = transitions.pairs.i, transitions.pairs.j
    p, error = state.populations, jax.lax.stop_gradient(state.population_errors)
    down, up = transitions.rate_down, transitions.rate_up
    flux = transitions.strengths * (down * p[j] - up * p[i])
    known_to = transitions.strength_error * (down * p[j] + up * p[i])
    bound = known_to + transitions.strengths * (down * error[j] + up * error[i])
    if not may_be_a_rate_equation(state, system):
        return flux, bound
    found = fluxes_of(jnp.any(bound > ENOUGH_DIGITS * jnp.abs(flux)), system, state, transitions)
    own = found.bound + found.hidden
    better = found.sound & (own < bound)
    return jnp.where(better, -found.net, flux), jnp.where(better, own, bound)
