"""From a system's numbers to its transitions: rotated couplings, grouped frequencies, rates."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact, Int

from qthermo_jax.baths import Bath, rate_error, rates_both_ways, steepness
from qthermo_jax.couplings import SparseCoupling
from qthermo_jax.eigenbasis import Eigenbasis, cluster
from qthermo_jax.gathers import WHOLE, padded, repeated
from qthermo_jax.precision import compiled
from qthermo_jax.structure import BankPairs, Pairs
from qthermo_jax.transitions.record import Transitions

# Round-off of a rotated amplitude in units of eps, the amplification of its states and its reach: twice
# the largest of 400 systems against 40 digits.
_ROTATED = 1.5


@partial(compiled, static_argnames=("pairs", "wide"))
def make_transitions(
    baths: Sequence[Bath], pairs: Pairs, basis: Eigenbasis, *, wide: bool
) -> Transitions:
    """Amplitudes and rates of every bath's transitions between the eigenstates of a basis.

    Args:
        pairs: what each bath can connect.
        wide: whether frequencies count as equal that more than round-off tells apart.
    """
    omega, labels = _grouped(basis, pairs, wide)
    temperatures = jnp.concatenate([bath.T for bath in baths])
    T = repeated(temperatures, pairs.bath)
    banks = list(zip(baths, pairs.banks, strict=True))
    amplitudes = jnp.concatenate([_amplitudes(bath, bank, basis) for bath, bank in banks])
    reach = jnp.concatenate([_reach(basis, *both) for both in banks])
    ends = np.cumsum([bank.i.size for bank in pairs.banks])[:-1]
    frequencies = jnp.split(omega[pairs.number], ends)
    rates = [_rates(*both, own) for both, own in zip(banks, frequencies, strict=True)]
    rate_down, rate_up, steep = (jnp.concatenate(part) for part in zip(*rates, strict=True))
    # A distance of two energies is off by twice the error of one at most; the bound of populations has a
    # factor of 2 besides.
    error = rate_error(jnp.abs(omega)[pairs.number], T, steep, basis.energy_error)
    transitions = Transitions(
        basis,
        pairs,
        amplitudes,
        jax.lax.stop_gradient(_amplitude_error(basis, pairs, reach)),
        jax.lax.stop_gradient(_shift(pairs, amplitudes)),
        omega,
        labels,
        rate_down,
        rate_up,
        jax.lax.stop_gradient(error),
        temperatures,
        jnp.isposinf(rate_down) | jnp.isposinf(rate_up),
    )
    harmless = transitions.infinite & transitions.harmless
    return replace(
        transitions,
        rate_down=jnp.where(harmless, 0.0, rate_down),
        rate_up=jnp.where(harmless, 0.0, rate_up),
    )


def _grouped(
    basis: Eigenbasis, pairs: Pairs, wide: bool
) -> tuple[Float[Array, " U"], Int[Array, "2 U"]]:
    """Bohr frequencies of the pairs of states, each the mean over its group, and the groups' labels.

    They are grouped with their negatives, so that both directions of a transition agree on its
    frequency. The groups of the negatives mirror those of the sizes; a group that reaches both sides
    of zero is its own mirror image, with mean 0.
    """
    first, second = pairs.states
    omega = basis.relative_energies[second] - basis.relative_energies[first]
    falls = omega < 0
    size = jnp.where(falls, -omega, omega)
    label, mean = cluster(size, basis.tolerance)
    fixed, mean_of_fixed = jax.lax.stop_gradient((size, mean))
    both_sides = 2 * jnp.min(fixed, initial=jnp.inf) <= basis.tolerance
    around_zero = both_sides & (label == 0)
    highest = jnp.max(label, initial=0)
    below, above = highest - label, highest + label + (~both_sides).astype(label.dtype)
    labels = jnp.stack([jnp.where(falls, below, above), jnp.where(falls, above, below)])
    # Frequencies that only round-off makes equal may move apart: each keeps its own derivative.
    own = size + (jnp.where(around_zero, 0.0, mean_of_fixed) - fixed)
    if wide:
        # Those of a wide group stay together, and what acts is their mean: so does its derivative.
        own = jnp.where(basis.tolerance > basis.round_off, jnp.where(around_zero, 0.0, mean), own)
    return jnp.where(falls, -own, own), labels


def _amplitudes(bath: Bath, bank: BankPairs, basis: Eigenbasis) -> Inexact[Array, " p"]:
    """S_k,ij of one bank's transitions."""
    coupling = bath.coupling
    if not isinstance(coupling, SparseCoupling):
        first = bank.i.size // coupling.shape[0]
        return basis.rotate_in(coupling)[:, bank.i[:first], bank.j[:first]].reshape(-1)
    made_of, V = bank.elements, basis.vectors
    assert made_of is not None
    values = padded(coupling.values)[made_of.value]
    values = jnp.where(made_of.conjugate, values.conj(), values)
    left, right = V[made_of.row, bank.i[:, None]], V[made_of.column, bank.j[:, None]]
    return jnp.sum(left.conj() * values * right, axis=1)


def _reach(basis: Eigenbasis, bath: Bath, bank: BankPairs) -> Float[Array, " p"]:
    """The largest that each transition's amplitude could be, whatever the eigenvectors, up to sqrt(d).

    The norm of the coupling between the two sectors that the states belong to.
    """
    coupling = jax.lax.stop_gradient(bath.coupling)
    if isinstance(coupling, SparseCoupling):
        assert bank.elements is not None
        return jnp.sum(padded(jnp.abs(coupling.values))[bank.elements.value], axis=1)
    size, K = jnp.abs(coupling), coupling.shape[0]
    sector = basis.sector_of
    order = np.argsort(np.concatenate([np.array(own) for own in basis.sectors]))
    number = sector[order]  # of each basis state
    n = len(basis.sectors)
    if n == 1:
        norm = jnp.max(jnp.sum(size, axis=2), axis=1)
        return jnp.repeat(norm, bank.i.size // K)
    across = jnp.stack([jnp.sum(size[:, :, number == own], axis=2) for own in range(n)])  # (n, K, d)
    norm = jnp.stack([jnp.max(across[:, :, number == own], axis=2) for own in range(n)])  # (n, n, K)
    # The largest sums of rows and of columns bound the norm of a block together.
    norm = jnp.sqrt(norm * jnp.swapaxes(norm, 0, 1))
    return norm[sector[bank.i], sector[bank.j], bank.bath]


def _amplitude_error(basis: Eigenbasis, pairs: Pairs, reach: Float[Array, " P"]) -> Float[Array, " P"]:
    """Bound of what round-off of the eigenvectors does to each amplitude, (P,)."""
    grown = basis.amplification[pairs.i] + basis.amplification[pairs.j]
    return _ROTATED * jnp.finfo(reach.dtype).eps * grown * reach


def _shift(pairs: Pairs, amplitudes: Inexact[Array, " P"]) -> Inexact[Array, " K"]:
    """Of each bath that acts on every state: the diagonal element that is nearest to their mean."""
    elastic = np.flatnonzero(pairs.i == pairs.j)
    count = np.bincount(pairs.bath[elastic], minlength=pairs.n_baths)
    everywhere = np.flatnonzero(count == pairs.dimension)
    if not everywhere.size:
        return jnp.zeros(pairs.n_baths, amplitudes.dtype)
    mine = elastic[np.isin(pairs.bath[elastic], everywhere)]
    mine = mine[np.argsort(pairs.bath[mine], kind="stable")].reshape(everywhere.size, -1)
    diagonal = amplitudes[mine].real
    nearest = jnp.argmin(jnp.abs(diagonal - jnp.mean(diagonal, axis=1, keepdims=True)), axis=1)
    found = jnp.take_along_axis(diagonal, nearest[:, None], axis=1)[:, 0]
    place = np.full(pairs.n_baths, everywhere.size, WHOLE)
    place[everywhere] = np.arange(everywhere.size)
    return padded(found.astype(amplitudes.dtype))[place]


def _rates(
    bath: Bath, bank: BankPairs, omega: Float[Array, " p"]
) -> tuple[Float[Array, " p"], Float[Array, " p"], Float[Array, " p"]]:
    """gamma_k(omega) and gamma_k(-omega) of one bank's transitions, and |d ln J/d ln omega|."""
    spectrum = jax.tree.map(lambda leaf: repeated(leaf, bank.bath), bath.spectrum)
    both_ways = partial(rates_both_ways, spontaneous=bath.spontaneous)
    rate_down, rate_up = jax.vmap(both_ways)(spectrum, omega, repeated(bath.T, bank.bath))
    fixed, size = jax.lax.stop_gradient((spectrum, jnp.abs(omega)))
    return rate_down, rate_up, jax.vmap(steepness)(fixed, jnp.where(size > 0, size, 1.0))
