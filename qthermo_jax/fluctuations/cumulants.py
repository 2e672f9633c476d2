"""Noise and higher cumulants of the heat currents of a steady state, per unit of time."""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, Num

from qthermo_jax.bounded import Bounded
from qthermo_jax.fluctuations.coherent import coherent_cumulants, coherent_noise
from qthermo_jax.fluctuations.counting import Sum, cumulants_of, spread
from qthermo_jax.fluctuations.rate_noise import noise_of
from qthermo_jax.fluctuations.tiers import Tier, as_bounded, by_tier, tier_of, trusted_statistic
from qthermo_jax.master_equations.secular import has_no_cycle
from qthermo_jax.precision import compiled
from qthermo_jax.steady import SteadyState
from qthermo_jax.system import OpenSystem


def current_noise(system: OpenSystem, state: SteadyState) -> Float[Array, "K K"]:
    """Zero-frequency noise S_kl of the heat currents: the covariance of the energies given to the baths.

    The energies Q_k that the baths have got after a time t have the covariance S_kl t for long t. In
    terms of counting fields, S_kl = d^2 lambda/d chi_k d chi_l at 0; see `scaled_cgf`. A jump counts
    with the energy that its bath gets: the Bohr frequency, of a group of frequencies the mean, of
    "local" that of H_0.
    Source: Flindt, Novotny, Braggio & Jauho, Phys. Rev. B 82, 155407 (2010).

    Args:
        system: K baths.
        state: its steady state.

    Returns:
        (K, K), in units of energy^3 (hbar = 1), symmetric and positive semidefinite; its rows sum to 0
        with "global". NaN where round-off may exceed 1e-6 of an element, or where there is no state.

    Raises:
        ValueError: the state is no steady one, or the generator does not say which energy a jump
            carries.

    >>> from qthermo_jax import models, steadystate
    >>> system = models.three_level_refrigerator()
    >>> S = current_noise(system, steadystate(system))
    >>> bool(abs(S.sum(axis=1)).max() < 1e-12 * S.max())  # what one bath gives the others get
    True
    """
    return trusted_statistic(bounded_noise, system, state)


def bounded_noise(system: OpenSystem, state: SteadyState, tier: Tier | None = None) -> Bounded:
    """The noise with its bound."""
    d, tier = system.dimension, tier or tier_of(system, state)
    found = by_tier(system, state, tier, noise_of, lambda tilt: spread(*coherent_noise(tilt), d))
    return as_bounded(system, state, _without_cycle(system, state, found))


def current_cumulants(
    system: OpenSystem,
    state: SteadyState,
    order: int,
    directions: Num[ArrayLike, "M K"] | Sequence[Sequence[float]] | None = None,
) -> Float[Array, "order M"]:
    """Cumulants of the energy given to each bath, up to an order, per unit of time.

    The n-th cumulant of the energy after a time t is c_n t for long t: c_1 is the heat current, c_2 the
    noise, c_3 the skewness. c_n = d^n lambda(s v)/ds^n at s = 0, exact, by recursion.
    Source: Flindt, Novotny, Braggio & Jauho, Phys. Rev. B 82, 155407 (2010).

    Args:
        system: K baths.
        state: its steady state.
        order: of the highest cumulant, >= 1.
        directions: v, (M, K): the cumulants of sum_k v_k Q_k, for each of M combinations of the energies
            Q_k that the baths get; default: each bath alone, M = K. Joint cumulants follow from those of
            combinations: those of Q_1 + Q_2 less those of Q_1 and of Q_2 are 2 S_12 in second order.

    Returns:
        (order, M), the n-th cumulant, n = 1, 2, ..., in units of energy^(n+1) where v is a pure number.
        NaN where round-off may exceed 1e-6 of it, or where there is no state.

    Raises:
        ValueError: an order below 1, directions of another shape, or as for `current_noise`.

    >>> from qthermo_jax import models, steadystate
    >>> system = models.three_level_refrigerator()
    >>> state = steadystate(system)
    >>> cumulants = current_cumulants(system, state, 3)
    >>> bool(abs(cumulants[1] - current_noise(system, state).diagonal()).max() < 1e-12)
    True
    """
    if isinstance(order, bool) or not isinstance(order, int) or order < 1:
        raise ValueError(f"order is a whole number, 1 or more, not {order!r}")
    K = system.n_baths
    along = jnp.eye(K) if directions is None else jnp.asarray(directions, float)
    if along.ndim != 2 or along.shape[1] != K:
        raise ValueError(f"directions of shape {along.shape}, not (M, {K}): one weight for each bath")
    found: Float[Array, "order M"] = _cumulants(
        system, state, along.astype(system.temperatures.dtype), order, tier_of(system, state)
    )
    return found


@partial(compiled, static_argnames=("order", "tier"))
def _cumulants(
    system: OpenSystem, state: SteadyState, directions: Float[Array, "M K"], order: int, tier: Tier
) -> Float[Array, "order M"]:
    return _bounded_cumulants(system, state, directions, order, tier).trusted


def bounded_cumulants(
    system: OpenSystem, state: SteadyState, order: int, tier: Tier | None = None
) -> Bounded:
    """The cumulants of each bath with their bounds."""
    each = jnp.eye(system.n_baths, dtype=system.temperatures.dtype)
    return _bounded_cumulants(system, state, each, order, tier or tier_of(system, state))


def _bounded_cumulants(
    system: OpenSystem, state: SteadyState, directions: Float[Array, "M K"], order: int, tier: Tier
) -> Bounded:
    d = system.dimension
    found = by_tier(
        system,
        state,
        tier,
        lambda jumps: cumulants_of(jumps, directions, order),
        lambda tilt: spread(*coherent_cumulants(tilt, directions, order), d),
    )
    T = system.temperatures
    obeys = system.equation.secular and all(bath.spontaneous for bath in system.baths)
    odd = (jnp.arange(1, order + 1) % 2 == 1)[:, None]
    # lambda is even in chi where all temperatures are equal; its derivatives by them are not 0.
    zero = jnp.broadcast_to(odd & (jnp.all(T[0] == T) & obeys), found.value.shape)
    return as_bounded(system, state, _without_cycle(system, state, _vanishing(found, zero)))


def _vanishing(found: Sum, zero: Bool[Array, "*s"]) -> Sum:
    """0 where that is the value by law, with the derivatives as they are computed."""
    zero = zero & (jnp.abs(found.value) <= found.bound)
    value = found.value - jax.lax.stop_gradient(jnp.where(zero, found.value, 0.0))
    return Sum(value, jnp.where(zero, 0.0, found.bound), found.parts)


def _without_cycle(system: OpenSystem, state: SteadyState, found: Sum) -> Sum:
    """0 where the links that the baths make close no cycle: what a bath gets it gives back.

    So are the derivatives, unless a link that is not there yet would close one.
    """
    if not system.equation.secular:
        return found
    none = has_no_cycle(system.transitions(state.basis))
    if system.pairs.may_close_a_cycle:
        return _vanishing(found, jnp.broadcast_to(none, found.value.shape))
    zero = none & (jnp.abs(found.value) <= found.bound)
    return Sum(
        jnp.where(zero, 0.0, found.value),
        jnp.where(zero, 0.0, found.bound),
        jnp.where(zero[..., None], 0.0, found.parts),
    )
