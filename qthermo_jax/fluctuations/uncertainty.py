"""How regular currents are: noise beside mean, and the bounds that dissipation and activity set."""

from dataclasses import replace
from itertools import zip_longest

import jax.numpy as jnp
from jaxtyping import Array, Float

from qthermo_jax.bounded import Bounded
from qthermo_jax.currents import bounded_currents, bounded_entropy_production
from qthermo_jax.fluctuations.coherent import coherent_activity
from qthermo_jax.fluctuations.counting import Jumps, Sum, spread
from qthermo_jax.fluctuations.cumulants import bounded_cumulants, bounded_noise
from qthermo_jax.fluctuations.tiers import Tier, as_bounded, by_tier, tier_of, trusted_statistic
from qthermo_jax.steady import SteadyState
from qthermo_jax.system import OpenSystem


def fano(system: OpenSystem, state: SteadyState) -> Float[Array, " K"]:
    """Fano factor of each bath's current, S_kk/|J_k|: its noise beside that of independent unit quanta.

    Quanta of one energy omega that enter a bath independently of one another have S_kk = omega |J_k|.

    Returns:
        (K,), in units of energy; inf where a bath has noise and no current, NaN where it has neither.

    >>> from qthermo_jax import models, steadystate
    >>> system = models.three_level_refrigerator()
    >>> fano(system, steadystate(system)).shape
    (3,)
    """
    return trusted_statistic(bounded_fano, system, state)


def bounded_fano(system: OpenSystem, state: SteadyState, tier: Tier | None = None) -> Bounded:
    """The Fano factors with their bounds."""
    S, J = _noise_and_current(system, state, tier)
    return _product(S, (S, 1), (J, -1))


def tur_ratio(system: OpenSystem, state: SteadyState) -> Float[Array, " K"]:
    """S_kk sigma/(2 J_k^2) of each bath's current, sigma the entropy production.

    1 or more for every rate equation: the thermodynamic uncertainty relation, Barato & Seifert,
    Phys. Rev. Lett. 114, 158101 (2015); Gingrich et al., Phys. Rev. Lett. 116, 120601 (2016).
    Coherence may bring it below 1. J_k and sigma are those of the counted energies: with "local" the
    heat without the energy of the interactions.

    Returns:
        (K,), pure numbers; NaN where no current flows, as in equilibrium.

    >>> from qthermo_jax import models, steadystate
    >>> system = models.three_level_refrigerator()
    >>> bool((tur_ratio(system, steadystate(system)) >= 1).all())
    True
    """
    return trusted_statistic(bounded_tur, system, state)


def bounded_tur(system: OpenSystem, state: SteadyState, tier: Tier | None = None) -> Bounded:
    """S_kk sigma/(2 J_k^2) with its bound."""
    S, J = _noise_and_current(system, state, tier)
    sigma = _for_each(_dissipated(system, state, J), system.n_baths)
    return _times(_product(S, (S, 1), (sigma, 1), (J, -2)), 0.5)


def kur_ratio(system: OpenSystem, state: SteadyState) -> Float[Array, " K"]:
    """S_kk A/J_k^2 of each bath's current, with the dynamical activity A, the number of jumps per time.

    1 or more for every rate equation: the kinetic uncertainty relation, Di Terlizzi & Baiesi,
    J. Phys. A 52, 02LT03 (2019). All jumps between different states count, of all baths; where there
    are coherences, elastic ones count as well.

    Returns:
        (K,), pure numbers; inf where a bath has noise and no current.

    >>> from qthermo_jax import models, steadystate
    >>> system = models.three_level_refrigerator()
    >>> bool((kur_ratio(system, steadystate(system)) >= 1).all())
    True
    """
    return trusted_statistic(bounded_kur, system, state)


def bounded_kur(system: OpenSystem, state: SteadyState, tier: Tier | None = None) -> Bounded:
    """S_kk A/J_k^2 with its bound."""
    S, J = _noise_and_current(system, state, tier)
    A = _for_each(bounded_activity(system, state, tier), system.n_baths)
    return _product(S, (S, 1), (A, 1), (J, -2))


def signal_to_noise(system: OpenSystem, state: SteadyState) -> Float[Array, " K"]:
    """J_k^2/S_kk of each bath's current, in units of energy.

    The square of the mean of the energy that a bath has got after a time t is J_k^2 t/S_kk times its
    variance.

    >>> from qthermo_jax import models, steadystate
    >>> system = models.three_level_refrigerator()
    >>> signal_to_noise(system, steadystate(system)).shape
    (3,)
    """
    return trusted_statistic(bounded_signal, system, state)


def bounded_signal(system: OpenSystem, state: SteadyState, tier: Tier | None = None) -> Bounded:
    """J_k^2/S_kk with its bound."""
    S, J = _noise_and_current(system, state, tier)
    return _product(S, (J, 2), (S, -1))


def correlation(system: OpenSystem, state: SteadyState) -> Float[Array, "K K"]:
    """Correlation of two baths' currents, S_kl/sqrt(S_kk S_ll), from -1 to 1.

    Returns:
        (K, K), pure numbers, 1 on the diagonal; NaN for a bath without noise.

    >>> from qthermo_jax import models, steadystate
    >>> system = models.thermal_diode()
    >>> correlation(system, steadystate(system)).round(
    ...     6
    ... ).tolist()  # what one bath gets the other one gives
    [[1.0, -1.0], [-1.0, 1.0]]
    """
    return trusted_statistic(bounded_correlation, system, state)


def bounded_correlation(system: OpenSystem, state: SteadyState, tier: Tier | None = None) -> Bounded:
    """S_kl/sqrt(S_kk S_ll) with its bound; 1 on the diagonal."""
    S = bounded_noise(system, state, tier)
    own, off = jnp.diagonal(S.value), jnp.diagonal(S.bound)
    scale = jnp.sqrt(own[:, None]) * jnp.sqrt(own[None])
    value = S.value / scale
    of_own = jnp.diagonal(S.parts, axis1=0, axis2=1).T / (2 * own[:, None])
    size = jnp.abs(value)
    parts = S.parts / scale[..., None] + size[..., None] * (of_own[:, None] + of_own[None])
    relative = off / (2 * own)
    return S.having(value, parts, S.bound / scale + size * (relative[:, None] + relative[None]))


def dynamical_activity(system: OpenSystem, state: SteadyState) -> Float[Array, ""]:
    """Number of jumps of all baths in a unit of time, as in `kur_ratio`, in units of energy (hbar = 1).

    >>> from qthermo_jax import models, steadystate
    >>> system = models.three_level_refrigerator()
    >>> bool(dynamical_activity(system, steadystate(system)) > 0)
    True
    """
    return trusted_statistic(bounded_activity, system, state)


def bounded_activity(system: OpenSystem, state: SteadyState, tier: Tier | None = None) -> Bounded:
    """The dynamical activity with its bound."""

    def of_jumps(jumps: Jumps) -> Sum:
        parts = jumps.from_each_state(jumps.flux_errors[None])[0]
        eps = jnp.finfo(parts.dtype).eps
        parts = parts + 8 * eps * jumps.from_each_state(jumps.fluxes[None])[0]
        return Sum(jnp.sum(jumps.fluxes), jnp.sum(parts), parts)

    found = by_tier(
        system,
        state,
        tier or tier_of(system, state),
        of_jumps,
        lambda tilt: spread(*coherent_activity(tilt), system.dimension),
    )
    return as_bounded(system, state, found)


def counted_currents(system: OpenSystem, state: SteadyState, tier: Tier | None) -> Bounded:
    """Mean of the energy that each bath gets in a unit of time, as it is counted, (K,).

    With the global equation that is the heat current. Elsewhere the two differ by what the energies that
    are counted leave out.
    """
    if system.equation.secular and system.secular_tol is None:
        return bounded_currents(system, state)
    first = bounded_cumulants(system, state, 1, tier)
    return first.having(first.value[0], first.parts[0], first.bound[0])


def _dissipated(system: OpenSystem, state: SteadyState, J: Bounded) -> Bounded:
    """Entropy production of the counted currents."""
    if system.equation.secular and system.secular_tol is None:
        return bounded_entropy_production(system, state)
    T = system.temperatures
    return J.having(jnp.sum(J.value / T), jnp.sum(J.parts / T[:, None], axis=0), jnp.sum(J.bound / T))


def _product(of: Bounded, *factors: tuple[Bounded, int]) -> Bounded:
    """Product of powers of sizes; its relative error is the sum of theirs.

    They are multiplied and divided in turn, so that no square of a small number underflows. What is
    divided by a 0 that is none by law is not known.
    """
    above = [factor for factor, power in factors for _ in range(power)]
    below = [factor for factor, power in factors for _ in range(-power)]
    value = jnp.ones_like(of.value)
    for over, under in zip_longest(above, below):
        value = value if over is None else value * jnp.abs(over.value)
        value = value if under is None else value / jnp.abs(under.value)
    relative, parts = jnp.zeros_like(of.bound), jnp.zeros_like(of.parts)
    for factor, power in factors:
        size = jnp.abs(factor.value)
        relative = relative + abs(power) * factor.bound / size
        parts = parts + abs(power) * factor.parts / size[..., None]
    by_law = jnp.any(jnp.stack([jnp.array(False), *(factor.exact for factor in below)]))
    bound = value * relative
    bound = jnp.where(jnp.isfinite(bound) | by_law, bound, jnp.nan)
    product = of.having(value, value[..., None] * parts, bound)
    return replace(product, pace=of.pace.with_those_of(*(factor.pace for factor, _ in factors)))


def _noise_and_current(
    system: OpenSystem, state: SteadyState, tier: Tier | None
) -> tuple[Bounded, Bounded]:
    """S_kk and J_k of each bath, (K,)."""
    S = bounded_noise(system, state, tier)
    parts = jnp.diagonal(S.parts, axis1=0, axis2=1).T
    own = S.having(jnp.diagonal(S.value), parts, jnp.diagonal(S.bound))
    return own, counted_currents(system, state, tier)


def _times(found: Bounded, factor: float) -> Bounded:
    return found.having(factor * found.value, factor * found.parts, factor * found.bound)


def _for_each(found: Bounded, n: int) -> Bounded:
    """A number, repeated n times."""
    return found.having(
        jnp.broadcast_to(found.value, (n,)),
        jnp.broadcast_to(found.parts, (n, *found.parts.shape)),
        jnp.broadcast_to(found.bound, (n,)),
    )
