"""What the baths do to the eigenstates of a Hamiltonian: amplitudes and rates of every transition.

Every master equation here is made of them: paper, below Eq. 5.
"""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Inexact, Int

from qthermo_jax.baths import rates_both_ways
from qthermo_jax.couplings import SparseCoupling
from qthermo_jax.spectral import Eigenbasis, cluster, roundoff
from qthermo_jax.structure import BankPairs, Groups, Pairs, padded, repeated
from qthermo_jax.system import Bath, OpenSystem


class Transitions(eqx.Module):
    """What the baths do to the eigenstates: P transitions j -> i and back, over U pairs of states.

    Attributes:
        basis: the eigenstates.
        pairs: which bath and states each transition connects (static).
        amplitudes: S_k,ij, (P,).
        driven: which amplitudes are not round-off of eigenvectors, (P,). Squared, or scaled up,
            round-off would connect states that nothing connects.
        omega: Bohr frequency omega_ij = E_j - E_i, the mean over its group, (U,).
        labels: of the groups that omega_ij and -omega_ij belong to, (2, U).
        forth, back: the rates gamma_k(omega_ij) of j -> i and gamma_k(-omega_ij) of i -> j, (P,).
        temperatures: of the baths, (K,).
        divergent: whether a bath drives a transition whose rate diverges.
    """

    basis: Eigenbasis
    pairs: Pairs = eqx.field(static=True)
    amplitudes: Inexact[Array, " P"]
    driven: Bool[Array, " P"]
    omega: Float[Array, " U"]
    labels: Int[Array, "2 U"]
    forth: Float[Array, " P"]
    back: Float[Array, " P"]
    temperatures: Float[Array, " K"]
    divergent: Bool[Array, ""]

    @property
    def strengths(self) -> Float[Array, " P"]:
        """|S_k,ij|^2, 0 where it is round-off."""
        squared = (self.amplitudes * self.amplitudes.conj()).real
        return jnp.where(self.driven, squared, 0.0)

    def directed(self) -> tuple[Inexact[Array, " A"], Float[Array, " A"], Int[Array, " A"]]:
        """S_k,ac, gamma_k(omega_ac) and the group of omega_ac, of the `Pairs.arrivals` c -> a."""
        position, reverse, *_ = self.pairs.arrivals
        S, rates = self.amplitudes[position], self.forth[position]
        return (
            jnp.where(reverse, S.conj(), S),
            jnp.where(reverse, self.back[position], rates),
            self.labels[reverse.astype(np.int32), self.pairs.number[position]],
        )

    def matrices(self) -> tuple[Inexact[Array, "K d d"], Float[Array, "K d d"], Int[Array, "d d"]]:
        """S_k,ij, gamma_k(omega_ij) and the label of omega_ij's group, as matrices.

        A pair of states that no bath can connect has a group of its own.
        """
        pairs = self.pairs
        d = pairs.dimension
        above, below = (pairs.bath, pairs.i, pairs.j), (pairs.bath, pairs.j, pairs.i)
        S = jnp.zeros((pairs.n_baths, d, d), self.amplitudes.dtype)
        S = S.at[below].set(self.amplitudes.conj()).at[above].set(self.amplitudes)
        rates = jnp.zeros((pairs.n_baths, d, d), self.forth.dtype)
        rates = rates.at[below].set(self.back).at[above].set(self.forth)
        first, second = pairs.states
        group = d * d + jnp.arange(d * d).reshape(d, d)
        group = group.at[second, first].set(self.labels[1]).at[first, second].set(self.labels[0])
        return S, rates, group


def transitions(system: OpenSystem, basis: Eigenbasis) -> Transitions:
    """Amplitudes and rates of every bath's transitions between the eigenstates of H.

    Args:
        basis: as `eigenbasis(system)` gives it, and a `SteadyState` keeps it.

    A divergent rate that meets an element which is zero up to round-off is harmless and set to zero.
    """
    pairs = system.pairs
    omega, labels = _grouped(basis, pairs)
    banks = list(zip(system.baths, pairs.banks, strict=True))
    amplitudes = jnp.concatenate([_amplitudes(bath, bank, basis) for bath, bank in banks])
    size = jnp.abs(amplitudes)
    driven = size > roundoff(size.dtype) * repeated(pairs.by_bath.max(size), pairs.bath)
    ends = np.cumsum([bank.i.size for bank in pairs.banks])[:-1]
    frequencies = jnp.split(omega[pairs.number], ends)
    rates = [_rates(*both, own) for both, own in zip(banks, frequencies, strict=True)]
    forth, back = (jnp.concatenate(part) for part in zip(*rates, strict=True))
    infinite = jnp.isposinf(forth) | jnp.isposinf(back)
    harmless = infinite & ~driven
    return Transitions(
        basis,
        pairs,
        amplitudes,
        driven,
        omega,
        labels,
        jnp.where(harmless, 0.0, forth),
        jnp.where(harmless, 0.0, back),
        system.temperatures,
        jnp.any(infinite & driven),
    )


def _grouped(basis: Eigenbasis, pairs: Pairs) -> tuple[Float[Array, " U"], Int[Array, "2 U"]]:
    """Bohr frequencies of the pairs of states, each the mean over its group, and the groups' labels.

    Grouped with their negatives, so that both directions of a transition agree on its frequency.
    """
    first, second = pairs.states
    omega = basis.energies[second] - basis.energies[first]
    fixed = jax.lax.stop_gradient(omega)
    label, mean = cluster(jnp.concatenate([fixed, -fixed]), basis.tolerance)
    # Two frequencies that are equal here may move apart: each keeps its own derivative.
    shift = (mean[: omega.size] - mean[omega.size :]) / 2 - fixed
    return omega + shift, label.reshape(2, -1)


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


def _rates(
    bath: Bath, bank: BankPairs, omega: Float[Array, " p"]
) -> tuple[Float[Array, " p"], Float[Array, " p"]]:
    """gamma_k(omega) and gamma_k(-omega) of one bank's transitions."""
    spectrum = jax.tree.map(lambda leaf: repeated(leaf, bank.bath), bath.spectrum)
    both_ways = partial(rates_both_ways, spontaneous=bath.spontaneous)
    forth, back = jax.vmap(both_ways)(spectrum, omega, repeated(bath.T, bank.bath))
    return forth, back


def jump_rates(moves: Transitions) -> tuple[Float[Array, " U"], Float[Array, " U"]]:
    """Rates of the jumps j -> i and i -> j summed over the baths, for each pair of states i <= j."""
    by_states = moves.pairs.by_states
    return by_states.sum(moves.strengths * moves.forth), by_states.sum(moves.strengths * moves.back)


def leak(
    moves: Transitions, kept: Int[Array, " d"] | None = None
) -> tuple[Float[Array, ""], Bool[Array, ""]]:
    """How strongly the elements rho_cd with kept[c] = kept[d] drive those with kept[a] != kept[b].

    A bath drives a -> c and b -> d at one Bohr frequency: the matrix element is gamma S_ac S*_bd.
    However small, it counts: inside a degenerate level nothing but the baths acts on a coherence, so
    that a weak drive against a weak decay makes a large one. At every temperature the answer is the
    same; so the states are searched once for all temperatures.

    Args:
        kept: label of the block that each eigenstate belongs to; None for populations alone.

    Returns:
        an upper bound of the matrix elements, in units of energy: each bath's largest |S_ac S_bd| times
        its largest rate, summed over the baths, once for the gain and d/2 times for the loss; and
        whether any of it is more than round-off of eigenvectors.
    """
    pairs = moves.pairs
    amplitudes, _, frequency = moves.directed()
    largest = pairs.by_bath.max(jnp.abs(moves.amplitudes))
    bath = pairs.bath[pairs.arrivals[0]]
    relative = jnp.abs(amplitudes) / jnp.where(largest > 0, largest, 1.0)[bath]
    if kept is None and pairs.rivals is not None:
        product, lesser = _compared(pairs, pairs.rivals, frequency, relative)
    else:
        block = jnp.arange(pairs.dimension) if kept is None else kept
        product, lesser = _sorted(pairs, block, frequency, relative)
    fastest = pairs.by_bath.max(jnp.maximum(moves.forth, moves.back))
    elements = product * largest**2
    bound = (1 + pairs.dimension / 2) * jnp.sum(jnp.where(elements > 0, elements * fastest, 0.0))
    return bound, lesser > roundoff(relative.dtype)


# Of two transitions of each bath with one Bohr frequency, from one block of states to different ones:
# the largest product of their amplitudes, and the largest that the lesser of two is, of all baths.
_Strongest = tuple[Float[Array, " K"], Float[Array, ""]]


def _compared(
    pairs: Pairs,
    rivals: tuple[np.ndarray, np.ndarray],
    frequency: Int[Array, " A"],
    relative: Float[Array, " A"],
) -> _Strongest:
    """By comparing each two."""
    first, second = rivals
    same = frequency[first] == frequency[second]
    product = jnp.where(same, relative[first] * relative[second], 0.0)
    lesser = jnp.where(same, jnp.minimum(relative[first], relative[second]), 0.0)
    bath = pairs.bath[pairs.arrivals[0][first]]
    return Groups.of(bath, pairs.n_baths).max(product), jnp.max(lesser, initial=0.0)


def _sorted(
    pairs: Pairs, kept: Int[Array, " d"], frequency: Int[Array, " A"], relative: Float[Array, " A"]
) -> _Strongest:
    """By sorting them."""
    position, _, origin, target = pairs.arrivals
    keys = (jnp.asarray(pairs.bath[position]), kept[origin], frequency)
    *sorted_keys, arrived, strength = jax.lax.sort(
        (*keys, kept[target], relative), num_keys=len(keys), is_stable=False
    )
    fresh = jnp.any(jnp.stack([jnp.diff(key) != 0 for key in sorted_keys]), axis=0)
    run = jnp.concatenate([jnp.zeros(1, int), jnp.cumsum(fresh.astype(int))])
    n = run.size
    strongest = jax.ops.segment_max(strength, run, n)
    owner = jax.ops.segment_max(jnp.where(strength == strongest[run], arrived, -1), run, n)
    rival = jnp.where(arrived != owner[run], strength, 0.0)
    second = jnp.maximum(jax.ops.segment_max(rival, run, n), 0.0)
    product = jnp.maximum(strongest, 0.0) * second
    of_bath = jnp.maximum(jax.ops.segment_max(product[run], sorted_keys[0], pairs.n_baths), 0.0)
    return of_bath, jnp.max(jnp.minimum(strongest, second), initial=0.0)
