"""The noise matrix of a rate equation, of many points side by side.

S_kl = sum_jumps (flux) psi_k psi_l, with psi of `counting` in the first order of the fields: the noise
matrix is positive semidefinite as it is computed. With many points in the last dimension of every array
(`points_last`) that takes a fraction of the time of one point after the other.
"""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from qthermo_jax.fluctuations.counting import ROUNDED, Jumps, Sum, off_by, spread
from qthermo_jax.fluctuations.poisson import Elimination, by_origin
from qthermo_jax.precision import precise
from qthermo_jax.solvers.batched_gth import product
from qthermo_jax.solvers.points_last import points_last
from qthermo_jax.structure import Pairs

_Pair = tuple[Float[Array, "K K"], Float[Array, "K K"]]


def noise_of(jumps: Jumps) -> Sum:
    """S_kl of the energies given to the baths, (K, K): sum over the jumps of flux psi_k psi_l."""
    value, bound = _noise(jumps, jumps.pairs)
    # In a derivative the bound of the error follows the noise.
    own_noise = jnp.diagonal(value)
    some = jax.lax.stop_gradient(jnp.where(own_noise > 0, own_noise, 1.0))
    grown = (own_noise[:, None] / some[:, None] + own_noise[None] / some[None]) / 2
    grown = jnp.where(jax.lax.stop_gradient(grown) > 0, grown, 1.0)
    return spread(value, jax.lax.stop_gradient(bound) * grown, jumps.pairs.dimension)


def _noise_and_bound(jumps: Jumps) -> tuple[Float[Array, "K K *b"], Float[Array, "K K *b"]]:
    pairs, elimination = jumps.pairs, jumps.elimination
    fluxes = jumps.fluxes
    flux = jnp.sum(fluxes, axis=0)
    given = jumps.rates * jnp.stack([jumps.energy, -jumps.energy])
    collected = _by_state(given, pairs)
    mean = pairs.by_bath.sum((fluxes[0] - fluxes[1]) * jumps.energy)
    phi = elimination.potentials(collected - mean[None])
    psi = jnp.where(_own(jumps), jumps.energy[:, None], 0.0) + phi[pairs.i] - phi[pairs.j]
    value = product(jnp.swapaxes(psi * flux[:, None], 0, 1), psi)
    known = jax.lax.stop_gradient((jumps, elimination, psi, phi, collected, mean))
    return value, jax.lax.stop_gradient(_bound(*known))


def _own(jumps: Jumps) -> Bool[Array, "P K *b"]:
    """Whether a transition is one of a bath's."""
    pairs = jumps.pairs
    own = jnp.asarray(pairs.bath[:, None] == np.arange(pairs.n_baths))
    return own.reshape(*own.shape, *(1 for _ in jumps.energy.shape[1:]))


def _by_state(values: Float[Array, "2 P *b"], pairs: Pairs) -> Float[Array, "d K *b"]:
    """Sums over the jumps that leave each state, by bath."""
    summed = pairs.by_ends.sum(values.reshape(-1, *values.shape[2:]))
    return jnp.swapaxes(summed.reshape(pairs.n_baths, pairs.dimension, *values.shape[2:]), 0, 1)


def _bound(
    jumps: Jumps,
    elimination: Elimination,
    psi: Float[Array, "P K *b"],
    phi: Float[Array, "d K *b"],
    collected: Float[Array, "d K *b"],
    mean: Float[Array, "K *b"],
) -> Float[Array, "K K *b"]:
    """Bound of the error of the noise: that of each psi_k, and Cauchy's and Schwarz's inequality.

    It is 1e2 times the true error at least, and some 1e4 times in the median of random networks: every
    rate is taken to be off as far as its own bound says, tens of eps where most are off by one, all of
    them to the same side, and the errors of psi to lie along psi. Twelve digits are then sure where
    sixteen are there, far more than the six that a value needs. A sharper bound takes the derivative of
    each S_kl by each rate: K^2 systems to solve in place of one for each bath.
    """
    pairs, eps = jumps.pairs, jnp.finfo(phi.dtype).eps
    i, j = pairs.i, pairs.j
    size, far = jnp.abs(psi), jnp.abs(phi)
    of_energy = jnp.where(_own(jumps), jumps.energy_error[:, None], 0.0)
    off = of_energy + 4 * eps * (far[i] + far[j])
    flux = jnp.sum(jumps.fluxes, axis=0)
    # What the rates are known to counts for every bath as for the one with the largest psi/sqrt(S_kk).
    scale = _norm(flux, size)
    per = jnp.where(scale > 0, 1.0 / jnp.where(scale > 0, scale, 1.0), 0.0)
    known, rates = jumps.rate_errors + 8 * eps * jumps.rates, jumps.rates + jumps.rate_errors
    largest = jnp.max(size * per[None], axis=1)
    of_rates = known * largest[None]
    of_rates = by_origin(pairs).sum(of_rates.reshape(-1, *of_rates.shape[2:]))
    of_energies = _by_state(rates * jumps.energy_error[None], pairs)
    terms = scale[None] * of_rates[:, None] + of_energies + 8 * eps * elimination.sums(far)
    remains = jnp.abs(collected + elimination.gains(phi) - mean[None])
    wrong = remains + terms + 4 * eps * jnp.abs(mean)[None]
    reached = off_by(elimination, jumps.populations, wrong)
    of_flux = jnp.sum(jumps.flux_errors, axis=0) + ROUNDED * eps * flux
    off = jnp.where((flux + of_flux > 0)[:, None], off + reached[i] + reached[j], 0.0)
    of_psi, of_flux = _norm(flux, off), _norm(of_flux, size + off)
    cross = scale[:, None] * of_psi[None]
    cross = cross + jnp.swapaxes(cross, 0, 1)
    return cross + of_psi[:, None] * of_psi[None] + of_flux[:, None] * of_flux[None]


def _norm(weights: Float[Array, "P *b"], values: Float[Array, "P K *b"]) -> Float[Array, "K *b"]:
    """sqrt(sum of weight value^2), where squares would underflow."""
    each = jnp.sqrt(weights)[:, None] * values
    largest = jnp.max(each, axis=0, initial=0.0)
    some = jnp.where(largest > 0, largest, 1.0)
    return largest * jnp.sqrt(jnp.sum((each / some[None]) ** 2, axis=0))


@precise
def _solve(arrays: Sequence[Float[Array, "_ b"]], pairs: Pairs) -> list[Array]:
    """From the fields of `Jumps` in their order, both ways of a transition one after the other."""
    energy, energy_error, rates, rate_errors, *others = arrays
    both = (own.reshape(2, *energy.shape) for own in (rates, rate_errors))
    return list(_noise_and_bound(Jumps(pairs, energy, energy_error, *both, *others)))


_solutions = points_last("noise", _solve)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _noise(jumps: Jumps, pairs: Pairs) -> _Pair:
    value, bound = _solutions([own.reshape(-1) for own in jax.tree.leaves(jumps)], pairs)
    return value, bound


@_noise.defjvp
@precise
def _(pairs: Pairs, given: tuple[Jumps], steps: tuple[Jumps]) -> tuple[_Pair, _Pair]:
    found: tuple[_Pair, _Pair] = jax.jvp(_noise_and_bound, given, steps)
    return found
