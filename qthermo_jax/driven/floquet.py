"""Floquet states of a periodic Hamiltonian: quasi-energies, modes over the period, mean energies."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Int

from qthermo_jax.driven.propagator import propagators
from qthermo_jax.driven.unitary import eigenphases, on_circle
from qthermo_jax.driven_system import DrivenSystem
from qthermo_jax.eigenbasis import Eigenbasis, cluster, roundoff
from qthermo_jax.precision import compiled

# Squarings of the exponential of a step: exact up to |H| x step of 1.6.
_SQUARINGS = 1

# Round-off of the propagator of a period, in units of eps and the square root of the number of steps.
_PER_STEP = 4.0


class FloquetBasis(eqx.Module):
    """Floquet states |phi_a(t)> e^{-i epsilon_a t} of a periodic Hamiltonian, ascending in mean energy.

    Attributes:
        basis: the modes at time 0 as an `Eigenbasis`. Its energies are the quasi-energies epsilon_a of
            the zone that is nearest to each state's mean energy: without a drive they are the energies
            of H.
        modes: |phi_a(t)> as columns, at the beginning of each step, (m, d, d).
        level_energies: the quasi-energies that the rates are taken at, each the mean of its level, (d,).
        mean_energies: of H over the period in each state, (d,).
        frequency: Omega = 2 pi/period.
        gap: the smallest distance of the quasi-energies of different levels modulo Omega, Omega at most.
        step_error: bound of the error that the finite number of steps makes in an element of the
            propagator.
        round_off: likewise of that of round-off.

    >>> from qthermo_jax import Bath, DrivenSystem, Ohmic, floquet_basis
    >>> sigma_x, sigma_z = jnp.array([[0.0, 1.0], [1.0, 0.0]]), jnp.array([[-1.0, 0.0], [0.0, 1.0]])
    >>> system = DrivenSystem([sigma_z, 0.1 * sigma_x], 2.0, Bath(sigma_x, 0.5, Ohmic(0.1)))
    >>> floquet_basis(system).quasi_energies.shape
    (2,)
    """

    basis: Eigenbasis
    modes: Complex[Array, "m d d"]
    level_energies: Float[Array, " d"]
    mean_energies: Float[Array, " d"]
    frequency: Float[Array, ""]
    gap: Float[Array, ""]
    step_error: Float[Array, ""]
    round_off: Float[Array, ""]

    @property
    def mode_error(self) -> Float[Array, " d"]:
        """Bound of the error of the elements of each mode, (d,), from both."""
        return (self.step_error + self.round_off) * self.basis.amplification

    @property
    def quasi_energies(self) -> Float[Array, " d"]:
        """In the first zone, from -Omega/2 to Omega/2."""
        energies = self.basis.energies
        turns = jax.lax.stop_gradient(jnp.round(energies / self.frequency))
        return energies - self.frequency * turns


@compiled
def floquet_basis(system: DrivenSystem) -> FloquetBasis:
    """Floquet states of the Hamiltonian of a driven system, whatever its baths.

    The propagator of a period is a product of Magnus exponentials of order 6, one for each of the
    system's `steps`. Derivatives hold at degenerate quasi-energies, as long as the level stays together.

    Where H is not finite or the period is not positive, they are those of H = 0: the status of the
    state of the system says so.
    """
    H, period, _ = usable(system)
    return floquet_states(H, period, system.steps, system.mean.secular_tol)


def usable(
    system: DrivenSystem,
) -> tuple[Complex[Array, "s d d"], Float[Array, ""], Bool[Array, ""]]:
    """H and the period, harmless numbers where they are of no use, and whether they are of use."""
    kind = np.promote_types(system.H.dtype, jnp.complex64)
    period = system.period.astype(jnp.finfo(kind).dtype)
    sound = jnp.all(jnp.isfinite(system.H)) & jnp.isfinite(period) & (period > 0)
    return jnp.where(sound, system.H, 0.0).astype(kind), jnp.where(sound, period, 1.0), sound


def floquet_states(
    H: Complex[Array, "s d d"],
    period: Float[Array, ""],
    steps: int,
    secular_tol: Float[Array, ""] | None,
) -> FloquetBasis:
    """Floquet states from H at equally spaced times, by so many steps a period.

    Args:
        H: Hermitian and finite; s a multiple of 4 steps.
    """
    d = H.shape[-1]
    H, offset = _centred(H)
    U, coarse = propagators(-1j * H, period, (steps, steps // 2), _SQUARINGS)
    step_error, round_off = jax.lax.stop_gradient(_errors(H, period, U, coarse))
    size = jax.lax.stop_gradient(jnp.max(jnp.sum(jnp.abs(H), axis=2)) * period)
    alike = roundoff(H.dtype) * size + 2 * d * (step_error + round_off)
    tolerance = alike if secular_tol is None else jnp.maximum(alike, secular_tol * period)
    tolerance = jax.lax.stop_gradient(tolerance)
    phases, vectors = eigenphases(_finite(U[-1]), alike)
    frequency = 2 * jnp.pi / period
    fixed = jax.lax.stop_gradient(phases)
    coinciding, mean = cluster(fixed, alike)
    # What round-off split is made one again.
    phases = phases + jax.lax.stop_gradient(mean - fixed)
    level, _ = cluster(fixed, tolerance)
    energies = -phases / period
    turned = jnp.einsum("mij,ja->mia", U[:-1], vectors)
    shares = jnp.arange(steps, dtype=phases.dtype) / steps
    own = H[:: len(H) // steps]
    means = jnp.einsum("mia,mij,mja->a", turned.conj(), own, turned).real / steps
    # All states of a level are put into one zone, or a jump between them would carry photons.
    zone = _mean_of(level, (means - energies) / frequency)
    energies = energies + frequency * jax.lax.stop_gradient(jnp.round(zone))
    modes = turned * on_circle((shares * period)[:, None] * energies[None, :])[:, None, :]
    order = jnp.argsort(jax.lax.stop_gradient(means))
    energies, level, coinciding = (own[order] for own in (energies, level, coinciding))
    basis = Eigenbasis(
        (tuple(range(d)),),
        offset + energies,
        energies,
        vectors[:, order],
        level,
        coinciding,
        tolerance / period,
        alike / period,
        _amplification(fixed[order], coinciding),
        (step_error + round_off) / period,
    )
    gap = _gap(jax.lax.stop_gradient(energies), level, jax.lax.stop_gradient(frequency))
    of_level = energies if secular_tol is None else _mean_of(level, energies)
    means = offset + means[order]
    modes = modes[:, :, order]
    return FloquetBasis(basis, modes, of_level, means, frequency, gap, step_error, round_off)


def propagator_of_a_period(system: DrivenSystem) -> Complex[Array, "d d"]:
    """That of H without its mean energy, one where it is not finite."""
    H, period, _ = usable(system)
    return _finite(propagators(-1j * _centred(H)[0], period, (system.steps,), _SQUARINGS)[0][-1])


def _centred(H: Complex[Array, "s d d"]) -> tuple[Complex[Array, "s d d"], Float[Array, ""]]:
    """H without its mean energy, which would cost the phases digits, and that energy."""
    offset = jnp.mean(jnp.einsum("saa->s", H).real) / H.shape[-1]
    return H - (offset.astype(H.dtype) * jnp.eye(H.shape[-1], dtype=H.dtype))[None], offset


def _finite(U: Complex[Array, "d d"]) -> Complex[Array, "d d"]:
    """The matrix, one where it is not finite: LAPACK may not return from that."""
    one = jnp.eye(U.shape[0], dtype=U.dtype)
    return jnp.where(jnp.all(jnp.isfinite(U)), U, one)


def _errors(
    H: Complex[Array, "s d d"],
    period: Float[Array, ""],
    fine: Complex[Array, "m_plus_1 d d"],
    coarse: Complex[Array, "_ d d"],
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Bounds of what the steps and what round-off do to the propagators' elements, at all times.

    The difference from half the steps is 64 times the error where the method has its order; a sixteenth
    of it is taken.
    """
    apart = jnp.max(jnp.abs(fine[::2] - coarse)) / 16
    grown = jnp.max(jnp.sum(jnp.abs(H), axis=2)) * period
    return (
        jnp.where(jnp.isfinite(apart), apart, jnp.inf),
        _PER_STEP * jnp.finfo(H.dtype).eps * ((len(fine) - 1) ** 0.5 + grown),
    )


def _mean_of(level: Int[Array, " d"], values: Float[Array, " d"]) -> Float[Array, " d"]:
    """Of each state's level."""
    together = (level[:, None] == level[None, :]).astype(values.dtype)
    return together @ values / jnp.sum(together, axis=1)


def _amplification(phases: Float[Array, " d"], coinciding: Int[Array, " d"]) -> Float[Array, " d"]:
    """By how much an error of the propagator grows in each state: 1 over its distance, 1 at least."""
    values = on_circle(phases)
    distance = jnp.abs(values[:, None] - values[None, :])
    apart = coinciding[:, None] != coinciding[None, :]
    nearest = jnp.min(jnp.where(apart, distance, jnp.inf), axis=1)
    return jnp.maximum(1.0 / nearest, 1.0)


def _gap(
    energies: Float[Array, " d"], level: Int[Array, " d"], frequency: Float[Array, ""]
) -> Float[Array, ""]:
    """The smallest distance of different levels modulo Omega."""
    distance = energies[:, None] - energies[None, :]
    distance = jnp.abs(distance - frequency * jnp.round(distance / frequency))
    apart = level[:, None] != level[None, :]
    return jnp.min(jnp.where(apart, distance, frequency), initial=frequency)
