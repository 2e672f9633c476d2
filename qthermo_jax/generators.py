"""The global (microscopic, fully secular) master equation in the eigenbasis of H: paper, Eqs. 4-5.

    d rho/dt = -i [H, rho] + sum_k sum_omega gamma_k(omega) D[A_k(omega)] rho

A_k(omega) keeps the elements S_k,ij of the coupling with omega_ij = E_j - E_i in the group of omega.
Two elements act together exactly if their pairs carry the same group label, so that the sum over the
groups becomes a mask with static shape.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Inexact, Int

from qthermo_jax.baths import rates_both_ways
from qthermo_jax.couplings import SparseCoupling
from qthermo_jax.spectral import Eigenbasis, cluster, eigenbasis, roundoff
from qthermo_jax.structure import BankPairs, Index, Pairs, padded, products_of
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
    driven = size > roundoff(size.dtype) * pairs.by_bath.max(size)[pairs.bath]
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
    spectrum = jax.tree.map(lambda leaf: leaf[bank.bath], bath.spectrum)
    forth, back = jax.vmap(rates_both_ways)(spectrum, omega, bath.T[bank.bath])
    return forth, back


def secular_generator(moves: Transitions) -> Complex[Array, "d d d d"]:
    """The generator as a tensor in the eigenbasis: d rho_ab/dt = sum_cd L[a, b, c, d] rho_cd."""
    S, rates, group = moves.matrices()
    gain = jnp.einsum("kac,kbd->acbd", rates.astype(S.dtype) * S, S.conj())
    gain = jnp.where(group[:, :, None, None] == group[None, None, :, :], gain, 0.0)
    gain = gain.astype(np.promote_types(gain.dtype, np.complex64))
    loss = jnp.einsum("acad->cd", gain).conj() / 2
    energies = moves.basis.energies
    one = jnp.eye(energies.size, dtype=gain.dtype)
    oscillation = 1j * (energies[:, None] - energies[None, :]).astype(gain.dtype)
    return (
        gain.transpose(0, 2, 1, 3)
        - jnp.einsum("ac,bd->abcd", loss, one)
        - jnp.einsum("ac,db->abcd", one, loss)
        - jnp.einsum("ab,ac,bd->abcd", oscillation, one, one)
    )


def block_generator(moves: Transitions, levels: tuple[Index, ...]) -> Complex[Array, "n n"]:
    """The generator among the elements rho_ab inside `levels`: d rho_x/dt = sum_y L[x, y] rho_y.

    Args:
        levels: a partition of the eigenstates; n elements, level after level, a before b.
    """
    products = products_of(moves.pairs, levels)
    S, rates, label = moves.directed()
    first, second = products.first, products.second
    fed = (rates.astype(S.dtype) * S)[first] * S.conj()[second]
    entries = products.by_entry.sum(jnp.where(label[first] == label[second], fed, 0.0))
    gain = padded(entries.astype(np.promote_types(S.dtype, np.complex64)))[products.table]
    loss = padded(jnp.sum(gain[products.row.diagonal()], axis=0).conj() / 2)[products.row]
    energies = moves.basis.energies
    a, b = np.array([(a, b) for level in levels for a in level for b in level], np.int32).T
    left, right = (a[:, None], a[None, :]), (b[:, None], b[None, :])
    decay = jnp.where(right[0] == right[1], loss[left], 0.0)
    decay = decay + jnp.where(left[0] == left[1], loss.T[right], 0.0)
    oscillation = jnp.diag(1j * (energies[a] - energies[b]).astype(gain.dtype))
    return gain - decay - oscillation


def jump_rates(moves: Transitions) -> tuple[Float[Array, " U"], Float[Array, " U"]]:
    """Rates of the jumps j -> i and i -> j summed over the baths, for each pair of states i <= j."""
    by_states = moves.pairs.by_states
    return by_states.sum(moves.strengths * moves.forth), by_states.sum(moves.strengths * moves.back)


def leak(moves: Transitions, kept: Int[Array, " d"]) -> tuple[Float[Array, ""], Bool[Array, ""]]:
    """How strongly the elements rho_cd with kept[c] = kept[d] drive those with kept[a] != kept[b].

    A bath drives a -> c and b -> d at one Bohr frequency: the matrix element is gamma S_ac S*_bd.
    However small, it counts: inside a degenerate level nothing but the baths acts on a coherence, so
    that a weak drive against a weak decay makes a large one. At every temperature the answer is the
    same; so the states are searched once for all temperatures.

    Args:
        kept: label of the block that each eigenstate belongs to; all different for populations alone.

    Returns:
        an upper bound of the matrix elements, in units of energy: each bath's largest |S_ac S_bd| times
        its largest rate, summed over the baths, once for the gain and d/2 times for the loss; and
        whether any of it is more than round-off of eigenvectors.
    """
    pairs = moves.pairs
    position, _, origin, target = pairs.arrivals
    bath = pairs.bath[position]
    amplitudes, _, frequency = moves.directed()
    size = jnp.abs(amplitudes)
    largest = pairs.by_bath.max(jnp.abs(moves.amplitudes))
    relative = size / jnp.where(largest > 0, largest, 1.0)[bath]
    keys = (jnp.asarray(bath), kept[origin], frequency)
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
    fastest = pairs.by_bath.max(jnp.maximum(moves.forth, moves.back))
    real = (second > roundoff(size.dtype)) & (strongest > roundoff(size.dtype))
    elements = of_bath * largest**2
    bound = (1 + pairs.dimension / 2) * jnp.sum(jnp.where(elements > 0, elements * fastest, 0.0))
    return bound, jnp.any(real)


def heat_currents_of(
    moves: Transitions, populations: Float[Array, " d"], coherences: Complex[Array, "d d"] | None
) -> Float[Array, " K"]:
    """Heat current into each bath, Tr[Q_k rho] with Q_k = -L_k^dag(H), (K,).

    Each transition carries omega times its net rate, formed before anything is summed: what is small
    keeps its digits. The coherences add to it inside degenerate levels, where omega_ac = omega_ad.
    """
    pairs = moves.pairs
    net = moves.forth * populations[pairs.j] - moves.back * populations[pairs.i]
    carried = jnp.where(pairs.i == pairs.j, 0.0, moves.omega[pairs.number] * moves.strengths * net)
    heat = pairs.by_bath.sum(carried)
    if coherences is None:
        return heat
    (S, rates, group), energies = moves.matrices(), moves.basis.energies
    together = group[:, :, None] == group[:, None, :]
    released = (energies[None, :, None] + energies[None, None, :]) / 2 - energies[:, None, None]
    weight = jnp.where(together, released, 0.0).astype(S.dtype)
    Q = jnp.einsum("acd,kac,kad->kcd", weight, rates.astype(S.dtype) * S.conj(), S)
    return heat + jnp.einsum("kab,ba->k", Q.astype(coherences.dtype), coherences).real


@jax.jit
def liouvillian(system: OpenSystem) -> Complex[Array, "dd dd"]:
    """Liouvillian of the global master equation as a matrix on column-stacked density matrices.

    Args:
        system: dimension d.

    Returns:
        (d^2, d^2), in the basis in which H was given, in units of energy (hbar = 1). Where a rate
        diverges or a parameter is out of range it holds inf or NaN.

    >>> from qthermo_jax.models import lambda_system
    >>> liouvillian(lambda_system()).shape
    (9, 9)
    """
    moves = transitions(system, eigenbasis(system))
    generator = secular_generator(moves)
    V = moves.basis.vectors.astype(generator.dtype)
    tensor = jnp.einsum("ai,bj,ijkl,ck,dl->abcd", V, V.conj(), generator, V.conj(), V)
    d = system.dimension
    return tensor.transpose(1, 0, 3, 2).reshape(d * d, d * d)


@jax.jit
def jump_operators(
    system: OpenSystem,
) -> tuple[Float[Array, " dd"], Inexact[Array, "K dd d d"]]:
    """Jump operators A_k(omega) with their frequencies, for reading and for tests.

    Returns:
        omega: (d^2,) frequencies, ascending; a system with fewer groups of equal frequencies has
            NaN in the places left over.
        A: (K, d^2, d, d) in the basis in which H was given; zero in the places left over.
    """
    moves = transitions(system, eigenbasis(system))
    S, _, group = moves.matrices()
    energies, d = moves.basis.energies, system.dimension
    labels = jnp.arange(d * d)
    member = labels[:, None, None] == group[None, :, :]
    used = jnp.any(member, axis=(1, 2))
    first, second = moves.pairs.states
    bohr = (energies[None, :] - energies[:, None]).at[second, first].set(-moves.omega)
    bohr = bohr.at[first, second].set(moves.omega)
    highest = jnp.max(jnp.where(member, bohr[None], -jnp.inf), axis=(1, 2))
    A = jnp.where(member[None], S[:, None], 0.0)
    return jnp.where(used, highest, jnp.nan), moves.basis.rotate_out(A)
