"""The secular master equation in the eigenbasis of H: paper, Eqs. 4-5.

    d rho/dt = -i [H, rho] + sum_k sum_omega gamma_k(omega) D[A_k(omega)] rho

A_k(omega) keeps the elements S_k,ij of the coupling with omega_ij = E_j - E_i in the group of omega.
Two elements act together exactly if their pairs carry the same group label, so that the sum over the
groups becomes a mask with static shape. Groups of equal frequencies give the global (fully secular,
Davies) master equation; wider ones, with the rates of their mean frequencies, the partially secular one
(Trushechkin, Phys. Rev. A 103, 062226 (2021)), which is completely positive as well.
"""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Inexact

from qthermo_jax.eigenbasis import Eigenbasis
from qthermo_jax.gathers import padded
from qthermo_jax.master_equations.base import HeatFlow, MasterEquation
from qthermo_jax.master_equations.generator import Generator, InEigenbasis
from qthermo_jax.structure import Index, products_of
from qthermo_jax.transitions import JumpMatrices, Transitions, leak


class Secular(MasterEquation):
    """The global master equation, and the partially secular one: the transitions know their groups."""

    def generator(self, transitions: Transitions, basis: Eigenbasis) -> Generator:
        return secular_generator(transitions)

    def heat(self, transitions: Transitions, basis: Eigenbasis, state: InEigenbasis) -> HeatFlow:
        return secular_heat(transitions, state)


def oscillation(basis: Eigenbasis, dtype: np.dtype) -> Generator:
    """-i [H, rho] in the eigenbasis of H."""
    energies = basis.relative_energies
    one = jnp.eye(energies.size, dtype=dtype)
    omega = 1j * (energies[:, None] - energies[None, :]).astype(dtype)
    # The convention that energies which only round-off tells apart are equal has no error.
    apart = basis.coinciding[:, None] != basis.coinciding[None, :]
    error = jnp.where(apart, 2 * basis.energy_error, 0.0)
    return Generator(
        -jnp.einsum("ab,ac,bd->abcd", omega, one, one),
        jnp.einsum("ab,ac,bd->abcd", error, one.real, one.real),
        jnp.zeros_like(error),
    )


def dissipation(transitions: JumpMatrices) -> Generator:
    """sum_k sum_omega gamma_k(omega) D[A_k(omega)]: d rho_ab/dt = sum_cd D[a, b, c, d] rho_cd."""
    S, rates, group = transitions.matrices()
    together = group[:, :, None, None] == group[None, None, :, :]
    gain = jnp.einsum("kac,kbd->acbd", rates.astype(S.dtype) * S, S.conj())
    gain = jnp.where(together, gain, 0.0).astype(np.promote_types(gain.dtype, np.complex64))
    doubt = jnp.where(together, jnp.einsum("kac,kbd->acbd", *products_error(transitions)), 0.0)
    one = jnp.eye(group.shape[0], dtype=gain.dtype)

    def whole(gain: Array, sign: int, one: Array) -> Array:
        loss = jnp.einsum("acad->cd", gain).conj() / 2
        left, right = jnp.einsum("ac,bd->abcd", loss, one), jnp.einsum("ac,db->abcd", one, loss)
        return gain.transpose(0, 2, 1, 3) + sign * (left + right)

    error = among_populations(jump_round_off(transitions), whole(doubt, 1, one.real))
    return Generator(whole(gain, -1, one), error, jnp.einsum("acac->ac", doubt))


def among_populations(
    jumps: Float[Array, "d d"], others: Float[Array, "d d d d"]
) -> Float[Array, "d d d d"]:
    """A number for each c -> a at (a, a, c, c), and others elsewhere."""
    one = np.eye(len(jumps), dtype=bool)
    return jnp.where(one[:, :, None, None] & one[None, None], jumps[:, None, :, None], others)


def jump_round_off(transitions: JumpMatrices) -> Float[Array, "d d"]:
    """Bound of the round-off of the sums of rates by which populations drive populations, (d, d)."""
    S, rates, _ = transitions.matrices()
    gain = jnp.einsum("kac,kac,kac->ac", rates, jnp.abs(S), jnp.abs(S))
    return 8 * jnp.finfo(gain.dtype).eps * (gain + jnp.diag(jnp.sum(gain, axis=0)))


def products_error(transitions: JumpMatrices) -> tuple[Float[Array, "m d d"], Float[Array, "m d d"]]:
    """Two lists of matrices, x and y: sum_m x_ac y_bd bounds the error of sum_k gamma_ac S_ac S*_bd.

    From the bounds of what amplitudes and rates are known to, a sum of sizes: a strong bath's terms
    count in full where they cancel.
    """
    S, rates, _ = transitions.matrices()
    size, (amplitude, relative) = jnp.abs(S), transitions.errors()
    first = rates * (size * relative + amplitude)
    return (
        jnp.concatenate([first, rates * size]),
        jnp.concatenate([size + amplitude, amplitude]),
    )


def secular_generator(transitions: Transitions) -> Generator:
    """The generator as a tensor in the eigenbasis: d rho_ab/dt = sum_cd L[a, b, c, d] rho_cd."""
    acts = dissipation(transitions)
    return acts + oscillation(transitions.basis, acts.elements.dtype)


def block_generator(transitions: Transitions, levels: tuple[Index, ...]) -> Generator:
    """The generator among the elements rho_ab inside `levels`: d rho_x/dt = sum_y L[x, y] rho_y.

    Args:
        levels: a partition of the eigenstates; n elements, level after level, a before b.
    """
    products = products_of(transitions.pairs, levels)
    S, rates, label = transitions.directed()
    first, second = products.first, products.second
    position = transitions.pairs.directed_transitions[0]
    size, amplitude = jnp.abs(S), transitions.amplitude_error[position]
    known = size * transitions.rate_error[position] + amplitude
    together = label[first] == label[second]
    fed = (rates.astype(S.dtype) * S)[first] * S.conj()[second]
    doubt = known[first] * (size + amplitude)[second] + size[first] * amplitude[second]
    doubt = rates[first] * doubt
    a, b = np.array([(a, b) for level in levels for a in level for b in level], np.int32).T
    left, right = (a[:, None], a[None, :]), (b[:, None], b[None, :])

    def whole(products_of_two: Array, sign: int) -> Array:
        entries = products.by_entry.sum(jnp.where(together, products_of_two, 0.0))
        gain = padded(entries)[products.table]
        loss = padded(jnp.sum(gain[products.row.diagonal()], axis=0).conj() / 2)[products.row]
        decay = jnp.where(right[0] == right[1], loss[left], 0.0)
        decay = decay + jnp.where(left[0] == left[1], loss.T[right], 0.0)
        return gain + sign * decay

    dtype = np.promote_types(S.dtype, np.complex64)
    energies, same = transitions.basis.relative_energies, transitions.basis.coinciding
    turning = jnp.diag(1j * (energies[a] - energies[b]).astype(dtype))
    error = jnp.diag(jnp.where(same[a] != same[b], 2 * transitions.basis.energy_error, 0.0))
    error = error + whole(doubt, 1)
    at = products.row.diagonal()
    diagonal = (a == b)[:, None] & (a == b)[None, :]
    entries = padded(products.by_entry.sum(doubt))[products.table]
    return Generator(
        whole(fed.astype(dtype), -1) - turning,
        jnp.where(diagonal, jump_round_off(transitions)[np.ix_(a, a)], error),
        entries[at[:, None], at[None, :]],
    )


def secular_heat(transitions: Transitions, state: InEigenbasis) -> HeatFlow:
    """Heat current into each bath, Tr[Q_k rho] with Q_k = -L_k^dag(H).

    Each transition carries its energy times its net rate, formed before anything is summed: what is
    small keeps its digits. Coherences add to it where omega_ac and omega_ad are in one group. The
    bounds add up the sizes of what the sum subtracts, state by state that it comes of.
    """
    pairs, basis = transitions.pairs, transitions.basis
    p, p_error = state.populations, state.population_errors
    first, second = pairs.states
    released = (basis.relative_energies[second] - basis.relative_energies[first])[pairs.number]
    weight = jnp.where(pairs.i == pairs.j, 0.0, released * transitions.strengths)
    net = transitions.rate_down * p[pairs.j] - transitions.rate_up * p[pairs.i]
    heat = pairs.by_bath.sum(weight * net)
    ends = np.concatenate([pairs.j, pairs.i])
    known = (
        jnp.tile(transitions.strength_error, 2) * p[ends]
        + jnp.tile(transitions.strengths, 2) * p_error[ends]
    )
    doubt = (
        jnp.tile(jnp.abs(released), 2)
        * jnp.concatenate([transitions.rate_down, transitions.rate_up])
        * known
    )
    of_energies = transitions.strengths * jnp.abs(net) * 2 * basis.energy_error
    doubt = doubt + jnp.pad(of_energies, (0, pairs.j.size))
    doubt = jnp.where(np.tile(pairs.i == pairs.j, 2), 0.0, doubt)
    bound = pairs.by_bath.sum(doubt[: pairs.j.size] + doubt[pairs.j.size :])
    parts = pairs.by_ends.sum(doubt).reshape(pairs.n_baths, pairs.dimension)
    no_cycle = has_no_cycle(transitions)
    if state.coherences is None:
        return HeatFlow(heat, bound, parts, no_cycle)
    S, rates, group = transitions.matrices()
    energies = basis.relative_energies
    together = group[:, :, None] == group[:, None, :]
    carried = (energies[None, :, None] + energies[None, None, :]) / 2 - energies[:, None, None]
    carried = jnp.where(together, carried, 0.0)
    Q = jnp.einsum("acd,kac,kad->kcd", carried.astype(S.dtype), rates.astype(S.dtype) * S.conj(), S)
    size = jnp.abs(carried) + jnp.where(together, 2 * basis.energy_error, 0.0)
    of_two = (own.reshape(2, *S.shape) for own in products_error(transitions))
    error = jnp.einsum("acd,mkac,mkad->kcd", size, *of_two)
    nothing = jnp.zeros_like(p)
    others = replace(state, populations=nothing, population_errors=nothing)
    more, of_others = expectations(Q, error, others)
    return HeatFlow(heat + more, bound + jnp.sum(of_others, axis=1), parts + of_others, no_cycle)


def has_no_cycle(transitions: Transitions) -> Bool[Array, ""]:
    """Whether populations alone matter and the links that the baths make close no cycle.

    Then the net flux of every link is 0 in a steady state, and so is every heat current. A unique
    steady state makes one connected graph, which has no cycle if it has at most d - 1 links. A link
    whose amplitude is below its round-off may be there.
    """
    possible = (transitions.strength_error > 0) & (transitions.rate_down + transitions.rate_up > 0)
    links = jnp.sum(possible & (transitions.pairs.i != transitions.pairs.j))
    return (links < transitions.pairs.dimension) & ~leak(transitions)[1]


def heat_of(
    operators: tuple[Inexact[Array, "K d d"], Float[Array, "K d d"]], state: InEigenbasis
) -> HeatFlow:
    """From the operators Q_k with J_k = Tr[Q_k rho], and bounds of the errors of their elements."""
    found, parts = expectations(*operators, state)
    return HeatFlow(found, jnp.sum(parts, axis=1), parts, jnp.array(False))


def expectations(
    Q: Inexact[Array, "K d d"], error: Float[Array, "K d d"], state: InEigenbasis
) -> tuple[Float[Array, " K"], Float[Array, "K d"]]:
    """Tr[Q_k rho], and bounds of its error from those of Q_k and of rho, row by row of rho."""
    p = state.populations
    found = jnp.einsum("kaa,a->k", Q, p.astype(Q.dtype)).real
    size = jnp.abs(Q)
    bound = jnp.einsum("kaa,a->ka", error, p) + jnp.einsum("kaa,a->ka", size, state.population_errors)
    if state.coherences is None:
        return found, bound
    dtype = np.promote_types(Q.dtype, state.coherences.dtype)
    found = found + jnp.einsum("kab,ba->k", Q.astype(dtype), state.coherences.astype(dtype)).real
    bound = bound + jnp.einsum("kab,ba->ka", error, jnp.abs(state.coherences))
    other = 1.0 - jnp.eye(p.size, dtype=p.dtype)
    return found, bound + state.error * jnp.einsum("kab,ab->ka", size, other)
