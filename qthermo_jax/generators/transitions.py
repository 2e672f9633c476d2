"""What the baths do to the eigenstates of a Hamiltonian: amplitudes and rates of every transition.

Every master equation here is made of them: paper, below Eq. 5.
"""

from dataclasses import replace
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Inexact, Int, Shaped

from qthermo_jax.baths import FROZEN, SpectralDensity, rates_both_ways
from qthermo_jax.couplings import SparseCoupling
from qthermo_jax.spectral import Eigenbasis, cluster
from qthermo_jax.structure import BankPairs, Groups, Pairs, padded, repeated
from qthermo_jax.system import Bath, OpenSystem

# Round-off of a rotated amplitude in units of eps, the amplification of its states and its reach: twice
# the largest of 400 systems against 40 digits.
_ROTATED = 1.5


# A coupling that was given in a rotated basis has round-off of its own: a divergent rate multiplies it.
_GIVEN = 16.0

# What counts as round-off of how fast an amplitude changes, relative to the fastest.
_STILL = 1e-9


class Transitions(eqx.Module):
    """What the baths do to the eigenstates: P transitions j -> i and back, over U pairs of states.

    Attributes:
        basis: the eigenstates.
        pairs: which bath and states each transition connects (static).
        amplitudes: S_k,ij, (P,).
        amplitude_error: bound of what round-off in the eigenvectors did to each, (P,); 0 between basis
            states, whose elements of S are what the user gave.
        shift: an element of each bath's diagonal, (K,), 0 where the bath has none on some states. A
            multiple of one in a coupling changes no generator, and the strong bath that is made of it
            would hide weak ones behind its round-off: generators are made of S_k - shift_k.
        omega: Bohr frequency omega_ij = E_j - E_i, the mean over its group, (U,).
        labels: of the groups that omega_ij and -omega_ij belong to, (2, U).
        forth, back: the rates gamma_k(omega_ij) of j -> i and gamma_k(-omega_ij) of i -> j, (P,).
        rate_error: bound of the relative error of both, (P,).
        temperatures: of the baths, (K,).
        infinite: where a rate diverges, (P,); where the element that it meets is zero up to round-off,
            this is harmless, and the rate is set to zero.
    """

    basis: Eigenbasis
    pairs: Pairs = eqx.field(static=True)
    amplitudes: Inexact[Array, " P"]
    amplitude_error: Float[Array, " P"]
    shift: Inexact[Array, " K"]
    omega: Float[Array, " U"]
    labels: Int[Array, "2 U"]
    forth: Float[Array, " P"]
    back: Float[Array, " P"]
    rate_error: Float[Array, " P"]
    temperatures: Float[Array, " K"]
    infinite: Bool[Array, " P"]

    @property
    def divergent(self) -> Bool[Array, ""]:
        """Whether a bath drives a transition whose rate diverges."""
        return jnp.any(self.infinite & ~self.harmless)

    @property
    def harmless(self) -> Bool[Array, " P"]:
        """Where an element is zero up to round-off, so that a rate that diverges does not matter."""
        # Of the whole coupling: a multiple of one that only the shift removes leaves the rate as it is.
        return jnp.abs(self.amplitudes) <= _GIVEN * self.amplitude_error

    @property
    def acting(self) -> Inexact[Array, " P"]:
        """The amplitudes of S_k - shift_k, which the generators are made of."""
        elastic = self.pairs.i == self.pairs.j
        if not elastic.any():
            return self.amplitudes
        return self.amplitudes - jnp.where(elastic, self.shift[self.pairs.bath], 0.0)

    @property
    def driven(self) -> Bool[Array, " P"]:
        """Which of these are not round-off. Squared, or scaled up, it would connect what is not."""
        return jnp.abs(self.acting) > self.amplitude_error

    @property
    def strengths(self) -> Float[Array, " P"]:
        """|S_k,ij|^2, 0 where it is round-off."""
        amplitudes = self.acting
        squared = (amplitudes * amplitudes.conj()).real
        return jnp.where(self.driven, squared, 0.0)

    @property
    def strength_error(self) -> Float[Array, " P"]:
        """Bound of the error of |S_k,ij|^2 times a rate, over that rate."""
        size, error = jnp.abs(self.acting), self.amplitude_error
        return self.strengths * self.rate_error + error * (2.0 * size + error)

    def directed(self) -> tuple[Inexact[Array, " A"], Float[Array, " A"], Int[Array, " A"]]:
        """S_k,ac, gamma_k(omega_ac) and the group of omega_ac, of the `Pairs.arrivals` c -> a."""
        position, reverse, *_ = self.pairs.arrivals
        S, rates = self.acting[position], self.forth[position]
        return (
            jnp.where(reverse, S.conj(), S),
            jnp.where(reverse, self.back[position], rates),
            self.labels[reverse.astype(np.int32), self.pairs.number[position]],
        )

    def matrix(self, above: Shaped[Array, " P"], below: Shaped[Array, " P"]) -> Shaped[Array, "K d d"]:
        """A number of each transition at (bath, i, j), and another one at (bath, j, i)."""
        return padded(jnp.concatenate([above, below]))[self.pairs.matrix_table]

    def matrices(self) -> tuple[Inexact[Array, "K d d"], Float[Array, "K d d"], Int[Array, "d d"]]:
        """S_k,ij - shift_k, gamma_k(omega_ij) and the label of omega_ij's group, as matrices.

        A pair of states that no bath can connect has a group of its own.
        """
        d = self.pairs.dimension
        acting = self.acting
        table = self.pairs.frequency_table
        alone = d * d + np.arange(d * d).reshape(d, d)
        group = jnp.where(table < 0, alone, self.labels.reshape(-1)[table])
        return self.matrix(acting, acting.conj()), self.matrix(self.forth, self.back), group

    def errors(self) -> tuple[Float[Array, "K d d"], Float[Array, "K d d"]]:
        """The bounds of the amplitudes' errors and of the rates' relative ones, as matrices."""
        return (
            self.matrix(self.amplitude_error, self.amplitude_error),
            self.matrix(self.rate_error, self.rate_error),
        )


def transitions(system: OpenSystem, basis: Eigenbasis) -> Transitions:
    """Amplitudes and rates of every bath's transitions between the eigenstates of H.

    Args:
        basis: as `eigenbasis(system)` gives it, and a `SteadyState` keeps it.
    """
    pairs = system.pairs
    omega, labels = _grouped(system, basis, pairs)
    banks = list(zip(system.baths, pairs.banks, strict=True))
    amplitudes = jnp.concatenate([_amplitudes(bath, bank, basis) for bath, bank in banks])
    reach = jnp.concatenate([_reach(system, *both) for both in banks])
    ends = np.cumsum([bank.i.size for bank in pairs.banks])[:-1]
    frequencies = jnp.split(omega[pairs.number], ends)
    rates = [_rates(*both, own) for both, own in zip(banks, frequencies, strict=True)]
    forth, back, steepness = (jnp.concatenate(part) for part in zip(*rates, strict=True))
    moves = Transitions(
        basis,
        pairs,
        amplitudes,
        jax.lax.stop_gradient(_amplitude_error(basis, pairs, reach)),
        jax.lax.stop_gradient(_shift(pairs, amplitudes)),
        omega,
        labels,
        forth,
        back,
        jax.lax.stop_gradient(_rate_error(basis, pairs, omega, steepness, system.temperatures)),
        system.temperatures,
        jnp.isposinf(forth) | jnp.isposinf(back),
    )
    harmless = moves.infinite & moves.harmless
    return replace(moves, forth=jnp.where(harmless, 0.0, forth), back=jnp.where(harmless, 0.0, back))


def _grouped(
    system: OpenSystem, basis: Eigenbasis, pairs: Pairs
) -> tuple[Float[Array, " U"], Int[Array, "2 U"]]:
    """Bohr frequencies of the pairs of states, each the mean over its group, and the groups' labels.

    Grouped with their negatives, so that both directions of a transition agree on its frequency.
    """
    first, second = pairs.states
    omega = basis.relative_energies[second] - basis.relative_energies[first]
    fixed = jax.lax.stop_gradient(omega)
    label, mean = cluster(jnp.concatenate([fixed, -fixed]), basis.tolerance)
    # Frequencies that only round-off makes equal may move apart: each keeps its own derivative.
    own = omega + (mean[: omega.size] - mean[omega.size :]) / 2 - fixed
    if system.secular_tol is None:
        return own, label.reshape(2, -1)
    # Those of a wide group stay together, and what acts is their mean: so does its derivative.
    both = jnp.concatenate([omega, -omega])
    count = jax.ops.segment_sum(jnp.ones_like(both), label, both.size)
    wide = (jax.ops.segment_sum(both, label, both.size) / jnp.maximum(count, 1.0))[label]
    wide = (wide[: omega.size] - wide[omega.size :]) / 2
    return jnp.where(basis.tolerance > basis.round_off, wide, own), label.reshape(2, -1)


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


def _reach(system: OpenSystem, bath: Bath, bank: BankPairs) -> Float[Array, " p"]:
    """The largest that each transition's amplitude could be, whatever the eigenvectors, up to sqrt(d).

    The norm of the coupling between the two sectors that the states belong to.
    """
    coupling = jax.lax.stop_gradient(bath.coupling)
    if isinstance(coupling, SparseCoupling):
        assert bank.elements is not None
        return jnp.sum(padded(jnp.abs(coupling.values))[bank.elements.value], axis=1)
    size, K = jnp.abs(coupling), coupling.shape[0]
    sector = system.sector_of
    order = np.argsort(np.concatenate([np.array(own) for own in system.sectors]))
    number = sector[order]  # of each basis state
    n = len(system.sectors)
    if n == 1:
        norm = jnp.max(jnp.sum(size, axis=2), axis=1)
        return jnp.repeat(norm, bank.i.size // K)
    across = jnp.stack([jnp.sum(size[:, :, number == own], axis=2) for own in range(n)])  # (n, K, d)
    norm = jnp.stack([jnp.max(across[:, :, number == own], axis=2) for own in range(n)])  # (n, n, K)
    return norm[sector[bank.i], sector[bank.j], bank.bath]


def _amplitude_error(basis: Eigenbasis, pairs: Pairs, reach: Float[Array, " P"]) -> Float[Array, " P"]:
    """Bound of what round-off of the eigenvectors does to each amplitude, (P,)."""
    grown = basis.amplification[pairs.i] + basis.amplification[pairs.j]
    return _ROTATED * jnp.finfo(reach.dtype).eps * grown * reach


def _shift(pairs: Pairs, amplitudes: Inexact[Array, " P"]) -> Inexact[Array, " K"]:
    """Of each bath that acts on every state: the diagonal element that is nearest to their mean."""
    elastic = np.flatnonzero(pairs.i == pairs.j)
    count = np.bincount(pairs.bath[elastic], minlength=pairs.n_baths)
    shifts = jnp.zeros(pairs.n_baths, amplitudes.dtype)
    everywhere = np.flatnonzero(count == pairs.dimension)
    if not everywhere.size:
        return shifts
    mine = elastic[np.isin(pairs.bath[elastic], everywhere)]
    mine = mine[np.argsort(pairs.bath[mine], kind="stable")].reshape(everywhere.size, -1)
    diagonal = amplitudes[mine].real
    nearest = jnp.argmin(jnp.abs(diagonal - jnp.mean(diagonal, axis=1, keepdims=True)), axis=1)
    found = jnp.take_along_axis(diagonal, nearest[:, None], axis=1)[:, 0]
    return shifts.at[everywhere].set(found.astype(amplitudes.dtype))


def _rates(
    bath: Bath, bank: BankPairs, omega: Float[Array, " p"]
) -> tuple[Float[Array, " p"], Float[Array, " p"], Float[Array, " p"]]:
    """gamma_k(omega) and gamma_k(-omega) of one bank's transitions, and |d ln J/d ln omega|."""
    spectrum = jax.tree.map(lambda leaf: repeated(leaf, bank.bath), bath.spectrum)
    both_ways = partial(rates_both_ways, spontaneous=bath.spontaneous)
    forth, back = jax.vmap(both_ways)(spectrum, omega, repeated(bath.T, bank.bath))
    fixed, size = jax.lax.stop_gradient((spectrum, jnp.abs(omega)))
    return forth, back, jax.vmap(_steepness)(fixed, jnp.where(size > 0, size, 1.0))


def _steepness(density: SpectralDensity, omega: Float[Array, ""]) -> Float[Array, ""]:
    J, slope = jax.jvp(density, (omega,), (jnp.ones_like(omega),))
    return jnp.where(J > 0, jnp.abs(omega * slope) / jnp.where(J > 0, J, 1.0), 0.0)


def _rate_error(
    basis: Eigenbasis,
    pairs: Pairs,
    omega: Float[Array, " U"],
    steepness: Float[Array, " P"],
    temperatures: Float[Array, " K"],
) -> Float[Array, " P"]:
    """Bound of the relative error of each transition's rates, (P,).

    That of the frequency counts omega/T times in e^{-omega/T}, and as often as J is steep in J.
    """
    eps = jnp.finfo(omega.dtype).eps
    size = jnp.abs(omega)
    relative = jnp.where(size > 0, basis.energy_error / jnp.where(size > 0, size, 1.0), 0.0)
    T = repeated(temperatures, pairs.bath)
    exponent = jnp.where(T > 0, size[pairs.number] / jnp.where(T > 0, T, 1.0), 0.0)
    # Past this one rate is 0, and the other one that of spontaneous emission.
    exponent = jnp.where(exponent < FROZEN, exponent, 0.0)
    return 8 * eps + (1.0 + exponent + steepness) * (eps + relative[pairs.number])


def jump_rates(moves: Transitions) -> tuple[Float[Array, " U"], Float[Array, " U"]]:
    """Rates of the jumps j -> i and i -> j summed over the baths, for each pair of states i <= j."""
    by_states = moves.pairs.by_states
    return by_states.sum(moves.strengths * moves.forth), by_states.sum(moves.strengths * moves.back)


def jump_rate_errors(moves: Transitions) -> tuple[Float[Array, " U"], Float[Array, " U"]]:
    """Bounds of the errors of `jump_rates`."""
    by_states = moves.pairs.by_states
    error = moves.strength_error
    return by_states.sum(error * moves.forth), by_states.sum(error * moves.back)


def log_rates(moves: Transitions) -> Float[Array, " R"]:
    """ln(|S_k,ij|^2 gamma) of every transition, both ways; 0 where there is none."""
    both = jnp.concatenate([moves.strengths * moves.forth, moves.strengths * moves.back])
    return jnp.log(jnp.where(both > 0, both, 1.0))


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
    largest = pairs.by_bath.max(jnp.abs(moves.acting))
    size = jnp.where(moves.driven, jnp.abs(moves.acting), 0.0)
    relative = size / jnp.where(largest > 0, largest, 1.0)[pairs.bath]
    product, lesser = _strongest(moves, kept, relative)
    fastest = pairs.by_bath.max(jnp.maximum(moves.forth, moves.back))
    elements = product * largest**2
    bound = (1 + pairs.dimension / 2) * jnp.sum(jnp.where(elements > 0, elements * fastest, 0.0))
    return bound, lesser > 0


def newly_driven(moves: Transitions, change: Inexact[Array, " P"]) -> Bool[Array, ""]:
    """Whether populations drive a coherence to first order once the amplitudes change.

    Args:
        change: derivative of `Transitions.amplitudes` along a direction.

    A small step along the direction makes products S dS of the first order and dS dS of the second, so
    much smaller that the largest product tells whether there is one of the first.
    """
    largest = moves.pairs.by_bath.max(jnp.abs(moves.acting))
    size = jnp.where(moves.driven, jnp.abs(moves.acting), 0.0)
    size = size / jnp.where(largest > 0, largest, 1.0)[moves.pairs.bath]
    step = float(jnp.finfo(size.dtype).tiny) ** 0.2
    product, _ = _strongest(moves, None, size + step * _speed(moves, change))
    return jnp.any(product > step**1.5)


def newly_divergent(moves: Transitions, change: Inexact[Array, " P"]) -> Bool[Array, ""]:
    """Whether an element that a divergent rate meets stops being zero once the amplitudes change."""
    return jnp.any(moves.infinite & (_speed(moves, change) > 0))


def _speed(moves: Transitions, change: Inexact[Array, " P"]) -> Float[Array, " P"]:
    """How fast each amplitude changes relative to the fastest of its bath, 0 where it is round-off."""
    pairs = moves.pairs
    fastest = pairs.by_bath.max(jnp.abs(change))
    speed = jnp.abs(change) / jnp.where(fastest > 0, fastest, 1.0)[pairs.bath]
    return jnp.where(speed > _STILL, speed, 0.0)


# Of two transitions of each bath with one Bohr frequency, from one block of states to different ones:
# the largest product of their amplitudes, and the largest that the lesser of two is, of all baths.
_Strongest = tuple[Float[Array, " K"], Float[Array, ""]]


def _strongest(
    moves: Transitions, kept: Int[Array, " d"] | None, sizes: Float[Array, " P"]
) -> _Strongest:
    """Of numbers that each transition has in both directions."""
    pairs = moves.pairs
    _, _, frequency = moves.directed()
    sizes = sizes[pairs.arrivals[0]]
    if kept is None and pairs.rivals is not None:
        return _compared(pairs, pairs.rivals, frequency, sizes)
    block = jnp.arange(pairs.dimension) if kept is None else kept
    return _sorted(pairs, block, frequency, sizes)


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
