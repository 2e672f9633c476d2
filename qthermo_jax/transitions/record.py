"""What the baths do to the eigenstates of a Hamiltonian: amplitudes and rates of every transition.

Every master equation here is made of them: paper, below Eq. 5.
"""

from typing import Protocol, runtime_checkable

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Inexact, Int, Shaped

from qthermo_jax.eigenbasis import Eigenbasis
from qthermo_jax.gathers import padded
from qthermo_jax.structure import Pairs


@runtime_checkable
class JumpMatrices(Protocol):
    """What a secular generator is made of, however it was found: m jump operators' worth of matrices."""

    def matrices(self) -> tuple[Inexact[Array, "m d d"], Float[Array, "m d d"], Int[Array, "d d"]]:
        """Amplitudes, rates, and labels: elements of one matrix and label act together."""

    def errors(self) -> tuple[Float[Array, "m d d"], Float[Array, "m d d"]]:
        """The bounds of the amplitudes' errors and of the rates' relative ones."""


# A coupling that was given in a rotated basis has round-off of its own: a divergent rate multiplies it.
_GIVEN = 16.0


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
        rate_down, rate_up: the rates gamma_k(omega_ij) of j -> i and gamma_k(-omega_ij) of i -> j, (P,).
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
    rate_down: Float[Array, " P"]
    rate_up: Float[Array, " P"]
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

    @property
    def rates(self) -> Float[Array, "2 P"]:
        """|S_k,ij|^2 gamma of j -> i, and of i -> j."""
        return self.strengths[None] * jnp.stack([self.rate_down, self.rate_up])

    def directed(self) -> tuple[Inexact[Array, " A"], Float[Array, " A"], Int[Array, " A"]]:
        """S_k,ac, gamma_k(omega_ac) and the group of omega_ac, of each directed transition c -> a."""
        position, reverse, *_ = self.pairs.directed_transitions
        S, rates = self.acting[position], self.rate_down[position]
        return (
            jnp.where(reverse, S.conj(), S),
            jnp.where(reverse, self.rate_up[position], rates),
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
        return self.matrix(acting, acting.conj()), self.matrix(self.rate_down, self.rate_up), group

    def errors(self) -> tuple[Float[Array, "K d d"], Float[Array, "K d d"]]:
        """The bounds of the amplitudes' errors and of the rates' relative ones, as matrices."""
        return (
            self.matrix(self.amplitude_error, self.amplitude_error),
            self.matrix(self.rate_error, self.rate_error),
        )


def jump_rates(transitions: Transitions) -> tuple[Float[Array, " U"], Float[Array, " U"]]:
    """Rates of the jumps j -> i and i -> j summed over the baths, for each pair of states i <= j."""
    down, up = transitions.rates
    return transitions.pairs.by_states.sum(down), transitions.pairs.by_states.sum(up)


def log_rates(transitions: Transitions) -> Float[Array, " R"]:
    """ln(|S_k,ij|^2 gamma) of every transition, both ways; 0 where there is none."""
    both = transitions.rates.reshape(-1)
    return jnp.log(jnp.where(both > 0, both, 1.0))
