"""Jumps between Floquet states: amplitudes and rates of each bath, for each number of photons.

A coupling seen from the Floquet modes is periodic, S_ac(t) = <phi_a(t)| S |phi_c(t)> = sum_n S_ac^(n)
e^{-i n Omega t}. A jump c -> a that takes n quanta Omega from the drive gives the energy omega_ac + n
Omega to the bath, omega_ac = epsilon_c - epsilon_a, at the rate gamma(omega_ac + n Omega) |S_ac^(n)|^2:
Grifoni & Hanggi, Phys. Rep. 304, 229 (1998); Alicki, Gelbwaser-Klimovsky & Kurizki,
arXiv:1205.4552.
"""

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Int

from qthermo_jax.baths import Bath, rate, rate_error, steepness
from qthermo_jax.couplings import SparseCoupling
from qthermo_jax.driven.floquet import FloquetBasis

# What is forgiven an amplitude that a divergent rate multiplies, in units of its error.
_GIVEN = 16.0

# All that lies beyond the photons that are kept is at most so many times their outer quarter.
_BEYOND = 3.0


class FloquetJumps(eqx.Module):
    """Jumps c -> a of K baths with n = -N ... N photons, q = 2 N + 1 of them, at (k, n, a, c).

    Attributes:
        amplitudes: S_k,ac^(n), 0 where it is not more than round-off and the error of the modes.
        seen: the same with what is not more.
        amplitude_error: bound of that error, the same for each n.
        omega: the energy that a jump gives to the bath, omega_ac + n Omega, at (n, a, c).
        photon_energy: n Omega, (q,).
        rates: gamma_k(omega).
        rate_error: bound of their relative error.
        level: of each Floquet state.
        infinite: where gamma_k(omega) diverges.
        divergent: whether a bath drives a jump whose rate diverges.
        hidden: whether jumps with more photons may matter although the outer ones do not tell.
    """

    amplitudes: Complex[Array, "k q d d"]
    seen: Complex[Array, "k q d d"]
    amplitude_error: Float[Array, "k 1 d d"]
    omega: Float[Array, "q d d"]
    photon_energy: Float[Array, " q"]
    rates: Float[Array, "k q d d"]
    rate_error: Float[Array, "k q d d"]
    level: Int[Array, " d"]
    infinite: Bool[Array, "k q d d"]
    divergent: Bool[Array, ""]
    hidden: Bool[Array, ""]

    @property
    def strengths(self) -> Float[Array, "k q d d"]:
        """|S_k,ac^(n)|^2."""
        return (self.amplitudes * self.amplitudes.conj()).real

    @property
    def together(self) -> Bool[Array, "d d"]:
        """Which Floquet states are degenerate."""
        return self.level[:, None] == self.level[None, :]

    def matrices(self) -> tuple[Complex[Array, "m d d"], Float[Array, "m d d"], Int[Array, "d d"]]:
        """Amplitudes and rates, a matrix for each bath and n, and which of their elements act together.

        Those between the same two levels: others drive coherences between quasi-energies that differ.
        """
        d = self.level.size
        flat = (-1, d, d)
        group = self.level[:, None] * d + self.level[None, :]
        return self.amplitudes.reshape(flat), self.rates.reshape(flat), group

    def errors(self) -> tuple[Float[Array, "m d d"], Float[Array, "m d d"]]:
        """The bounds of the amplitudes' errors and of the rates' relative ones, likewise."""
        d = self.level.size
        own = jnp.broadcast_to(self.amplitude_error, self.rates.shape)
        return own.reshape(-1, d, d), self.rate_error.reshape(-1, d, d)

    @property
    def beyond(self) -> Float[Array, "1 q 1 1"]:
        """The weights with which jumps stand for those with more photons, which are left out.

        `_BEYOND` for the outer quarter of the photon numbers, two of them at least, and 0 for the
        others: if the heat falls as n^-2 or faster, that is no less than all beyond. At a kink of rho(t)
        it falls as n^-2 for an ohmic bath, and where H is smooth faster than any power.
        """
        largest = self.photon_energy.size // 2
        far = np.abs(np.arange(-largest, largest + 1)) > _first_outer(largest)
        return jnp.asarray(np.where(far, _BEYOND, 0.0)[None, :, None, None], self.rates.dtype)


def floquet_jumps(baths: Sequence[Bath], floquet: FloquetBasis, photons: int) -> FloquetJumps:
    """The jumps that baths drive between Floquet states, with up to so many photons."""
    basis, count = floquet.basis, np.arange(-photons, photons + 1)
    amplitudes, error, hidden = _amplitudes_of(baths, floquet, photons)
    size = jnp.abs(jax.lax.stop_gradient(amplitudes))
    photon_energy = floquet.frequency * jnp.asarray(count, floquet.frequency.dtype)
    energies = floquet.level_energies
    apart = energies[None, :] - energies[:, None]
    # Compiled arithmetic may leave 1e-32 between equal numbers, where a rate would all but diverge.
    within = basis.level[:, None] == basis.level[None, :]
    apart = apart - jax.lax.stop_gradient(jnp.where(within, apart, 0.0))
    omega = apart[None] + photon_energy[:, None, None]
    parts = [_rates(bath, omega, basis.energy_error) for bath in baths]
    rates, error_of_rates = (jnp.concatenate(part) for part in zip(*parts, strict=True))
    infinite = jnp.isposinf(rates)
    driven = size > error
    return FloquetJumps(
        jnp.where(driven, amplitudes, 0.0),
        amplitudes,
        error,
        omega,
        photon_energy,
        jnp.where(infinite, 0.0, rates),
        jax.lax.stop_gradient(error_of_rates),
        basis.level,
        infinite,
        jnp.any(infinite & (size > _GIVEN * error)),
        hidden,
    )


class _Amplitudes(NamedTuple):
    """S_k,ac^(n) of all couplings, at (k, n, a, c).

    Attributes:
        value: for n = -N ... N.
        error: bound of what round-off and the modes' error do to them.
        hidden: whether more of a coupling lies beyond N than what is seen just below N allows.
    """

    value: Complex[Array, "k q d d"]
    error: Float[Array, "k 1 d d"]
    hidden: Bool[Array, ""]


def _amplitudes_of(baths: Sequence[Bath], floquet: FloquetBasis, photons: int) -> _Amplitudes:
    """The couplings as they are seen from the Floquet modes."""
    couplings = jnp.concatenate([_dense(bath) for bath in baths])
    modes, count = floquet.modes, np.arange(-photons, photons + 1)
    seen = jnp.einsum("mia,kij,mjc->kmac", modes.conj(), couplings.astype(modes.dtype), modes)
    spectrum = jnp.fft.ifft(seen, axis=1)
    value = spectrum[:, count % len(modes)]
    # A Hermitian coupling has S_ca^(-n) = (S_ac^(n))^*: to the last bit, or entropy would not balance.
    value = (value + value[:, ::-1].conj().swapaxes(2, 3)) / 2
    reach = jnp.max(jnp.sum(jnp.abs(couplings), axis=2), axis=1)
    of_pair = floquet.mode_error[:, None] + floquet.mode_error[None, :]
    error = jax.lax.stop_gradient(reach[:, None, None, None] * of_pair[None, None])
    strengths = jnp.abs(jax.lax.stop_gradient(spectrum)) ** 2
    number = np.abs(np.fft.fftfreq(len(modes), 1 / len(modes)))
    outer = (number > _first_outer(photons)) & (number <= photons)
    near, beyond = (jnp.sum(strengths[:, chosen], axis=1) for chosen in (outer, number > photons))
    hidden = jnp.any(beyond > _BEYOND * near + len(modes) * error[:, 0] ** 2)
    # States of one quasi-energy are put into one zone: the jump between them has so many photons.
    apart = jnp.abs(floquet.mean_energies[:, None] - floquet.mean_energies[None, :])
    together = floquet.basis.level[:, None] == floquet.basis.level[None, :]
    aliased = jnp.any(together & (apart > len(modes) / 4 * floquet.frequency))
    return _Amplitudes(value, error, hidden | jax.lax.stop_gradient(aliased))


def _first_outer(photons: int) -> int:
    """Jumps with more photons than this stand for those that are left out."""
    return min(3 * photons // 4, photons - 2)


def _dense(bath: Bath) -> Array:
    coupling = bath.coupling
    return coupling.dense() if isinstance(coupling, SparseCoupling) else coupling


def _rates(
    bath: Bath, omega: Float[Array, "q d d"], energy_error: Float[Array, ""]
) -> tuple[Float[Array, "k q d d"], Float[Array, "k q d d"]]:
    """gamma_k(omega) of a bank of baths, and bounds of their relative errors."""
    found = jax.vmap(lambda density, T: rate(density, omega, T, bath.spontaneous))(bath.spectrum, bath.T)
    spectrum, T, size = jax.lax.stop_gradient((bath.spectrum, bath.T, jnp.abs(omega)))
    some = jnp.where(size > 0, size, 1.0)
    steep = jax.vmap(lambda density: steepness(density, some))(spectrum)
    return found, rate_error(size[None], T[:, None, None, None], steep, 2 * energy_error)
