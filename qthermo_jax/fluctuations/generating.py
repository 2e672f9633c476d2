"""The generating function of the cumulants, and how improbable other currents than the mean are."""

from collections.abc import Callable, Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Num

from qthermo_jax.fluctuations.unknowns import Counting, Known, counting, methods_to_try
from qthermo_jax.precision import compiled, precise
from qthermo_jax.system import OpenSystem

# Newton's steps on an eigenvalue that is there to 10 digits: two make it exact, and its derivatives up
# to the third order.
_STEPS = 2

# The largest error of lambda, relative to itself, or to the number of jumps in a unit of time.
_OF_ITSELF, _OF_ACTIVITY = 1e-6, 1e-12

# Steps towards the field that belongs to a current, and how near its current has to be, relative.
_SEARCH, _FOUND = 200, 1e-9


def scaled_cgf(
    system: OpenSystem, chi: Num[ArrayLike, " K"] | Sequence[float], *, method: str = "auto"
) -> Float[Array, ""]:
    """Scaled cumulant generating function lambda(chi) of the energies that the baths get.

    lambda(chi) = lim ln <exp(sum_k chi_k Q_k)>/t for long t, the largest eigenvalue of the generator
    L(chi) that multiplies each jump into bath k by e^(chi_k omega). Its derivatives at 0 are the
    cumulants; those by chi and by any parameter are exact up to the third order. With "global",
    lambda(chi) = lambda(-chi - beta), beta_k = 1/T_k, the fluctuation theorem, and lambda(chi + c (1,
    ..., 1)) = lambda(chi), energy conservation. With "partial_secular" the first takes real couplings:
    of complex ones lambda(-chi - beta) is that of the system reversed in time.
    Source: Esposito, Harbola & Mukamel, Rev. Mod. Phys. 81, 1665 (2009).

    Args:
        system: K baths.
        chi: counting fields, (K,), in units of 1/energy.
        method: "populations" where these drive no coherence, "dense" for all of rho, "auto" for the
            first of these that is exact, and for "dense" inside a function that JAX traces with the
            system.

    Returns:
        in units of energy (hbar = 1). NaN where its error may exceed 1e-6 of it and 1e-12 of the rate of
        the jumps, and where the system has no steady state. Where it has several, that of the one that
        counts most.

    Raises:
        ValueError: chi is not one number for each bath, an unknown method, or a generator whose jumps
            have no energy.

    >>> from qthermo_jax import models
    >>> system = models.thermal_diode(T_L=1.0, T_R=0.5)
    >>> there, back = scaled_cgf(system, [0.2, 0.0]), scaled_cgf(system, [-1.2, -2.0])
    >>> bool(abs(there - back) < 1e-12)  # the fluctuation theorem
    True
    """
    fields = jnp.asarray(chi, float).astype(system.temperatures.dtype)
    if fields.shape != (system.n_baths,):
        raise ValueError(
            f"chi has shape {fields.shape}, not ({system.n_baths},), one field for each bath"
        )
    tried = methods_to_try(system, method)
    found: Float[Array, ""] = _scaled_cgf(system, fields, tried[0])
    if len(tried) > 1 and not _has_only_populations(system):
        found = _scaled_cgf(system, fields, tried[1])
    return found


def _has_only_populations(system: OpenSystem) -> bool:
    return bool(_sound(system))


@compiled
def _sound(system: OpenSystem) -> Array:
    return counting(system, system.eigenbasis(), "populations").sound


@partial(compiled, static_argnames="method")
def _scaled_cgf(system: OpenSystem, chi: Float[Array, " K"], method: str) -> Float[Array, ""]:
    return trusted_cgf(counting(system, system.eigenbasis(), method), chi)


@precise
def trusted_cgf(count: Counting, chi: Float[Array, " K"]) -> Float[Array, ""]:
    """lambda(chi), NaN where it is not known well enough."""
    L = count.tilted_by(chi)
    found, activity = largest_eigenvalue(L, count.generator.value)
    close = (found.error <= _OF_ITSELF * jnp.abs(found.value)) | (found.error <= _OF_ACTIVITY * activity)
    return found.value * jnp.where(close & count.sound, 1.0, jnp.nan)


def largest_eigenvalue(L: Known, generator: Float[Array, "n n"]) -> tuple[Known, Float[Array, ""]]:
    """The eigenvalue of the largest real part with its bound, and the rate of jumps in its eigenvector.

    Args:
        L: the generator with counting fields.
        generator: the one without, whose diagonal says how fast each element is left.
    """
    n = len(L.value)
    fixed = jax.lax.stop_gradient(L.value)
    # LAPACK may not return from a matrix that is not finite.
    sound = jnp.all(jnp.isfinite(fixed))
    values, vectors = jnp.linalg.eig(jnp.where(sound, fixed, jnp.eye(n, dtype=fixed.dtype)))
    at = jnp.argmax(values.real)
    vector = vectors[:, at]
    # Real but for a phase, as its eigenvalue is.
    vector = (vector / vector[jnp.argmax(jnp.abs(vector))]).real
    value = values[at].real
    row = vector / jnp.sum(vector**2)
    matrix = jnp.zeros((n + 1, n + 1), fixed.dtype)
    for _ in range(_STEPS):
        matrix = _bordered(L.value, value, vector, row)
        right = jnp.append(L.value @ vector - value * vector, 0.0)
        step = jnp.linalg.solve(matrix, right)
        vector, value = vector - step[:n], value - step[n]
    L, last, size, x = jax.lax.stop_gradient((L, matrix, jnp.abs(value), jnp.abs(vector)))
    left = jnp.abs(jnp.linalg.inv(jnp.where(jnp.all(jnp.isfinite(last)), last, jnp.eye(n + 1)))[n, :n])
    eps = jnp.finfo(x.dtype).eps
    doubt = L.error + 4 * n**0.5 * eps * jnp.abs(L.value)
    error = 2 * left @ (doubt @ x + 4 * eps * size * x)
    activity = left @ (jnp.abs(jnp.diagonal(generator)) * x)
    return Known(jnp.where(sound, value, jnp.nan), error), activity


def _bordered(
    L: Float[Array, "n n"], value: Float[Array, ""], vector: Float[Array, " n"], row: Float[Array, " n"]
) -> Float[Array, "n_plus_1 n_plus_1"]:
    """Derivative of (L r - lambda r, row r - 1) by (r, lambda)."""
    shifted = L - value * jnp.eye(len(L), dtype=L.dtype)
    above = jnp.concatenate([shifted, -vector[:, None]], axis=1)
    return jnp.concatenate([above, jnp.append(row, 0.0)[None]])


def rate_function(
    system: OpenSystem, bath: int, current: Num[ArrayLike, ""], *, method: str = "auto"
) -> Float[Array, ""]:
    """How improbable a mean current into one bath is: I(j) of P(Q_k/t = j) ~ e^(-I(j) t).

    The Legendre transform I(j) = max over chi of chi j - lambda(chi e_k); 0 at the mean current, convex.
    Source: Touchette, Phys. Rep. 478, 1 (2009).

    Args:
        system: K baths.
        bath: its position, from 0.
        current: j, in units of energy^2.
        method: as for `scaled_cgf`.

    Returns:
        in units of energy; its first two derivatives are exact. NaN where it is not known as well as
        `scaled_cgf` says, and where no field leads to this current: where a bath at T = 0 would have to
        give heat, or without a cycle.

    Raises:
        ValueError: no such bath, or as for `scaled_cgf`.

    >>> from qthermo_jax import models, heat_currents, steadystate
    >>> system = models.thermal_diode()
    >>> J = heat_currents(system, steadystate(system))[0]
    >>> bool(abs(rate_function(system, 0, J)) < 1e-12)
    True
    """
    K = system.n_baths
    if isinstance(bath, bool) or not isinstance(bath, int) or not 0 <= bath < K:
        raise ValueError(f"bath is a position from 0 to {K - 1}, not {bath!r}")
    j = jnp.asarray(current, float).astype(system.temperatures.dtype)
    if j.ndim:
        raise ValueError(f"current is one number, not of shape {j.shape}; `jax.vmap` takes many")
    tried = methods_to_try(system, method)
    if len(tried) > 1:
        tried = (tried[0],) if _has_only_populations(system) else (tried[1],)
    found: Float[Array, ""] = _rate_function(system, bath, j, tried[0])
    return found


@partial(compiled, static_argnames=("bath", "method"))
def _rate_function(
    system: OpenSystem, bath: int, current: Float[Array, ""], method: str
) -> Float[Array, ""]:
    known, activity, sound = bounded_rate_function(system, bath, current, method)
    close = (known.error <= _OF_ITSELF * jnp.abs(known.value)) | (known.error <= _OF_ACTIVITY * activity)
    trusted: Float[Array, ""] = known.value * jnp.where(sound & close, 1.0, jnp.nan)
    return trusted


def bounded_rate_function(
    system: OpenSystem, bath: int, current: Float[Array, ""], method: str
) -> tuple[Known, Float[Array, ""], Bool[Array, ""]]:
    """I(j) with its bound, the rate of the jumps at this current, and whether its field was found."""
    fixed_system, fixed_current = jax.lax.stop_gradient((system, current))
    cgf = _cgf_of_bath(fixed_system, bath, method)
    slope = jax.jacfwd(cgf)
    curvature = jax.jacfwd(slope)
    energies = counting(fixed_system, fixed_system.eigenbasis(), method).energies
    largest = jnp.max(jnp.abs(energies))

    def goes_on(search: tuple[Array, Array, Array]) -> Array:
        number, _, off = search
        return (number < _SEARCH) & (off > _FOUND)

    def step(search: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        number, field, _ = search
        move = (fixed_current - slope(field)) / curvature(field)
        # The current grows like an exponential: Newton's step is cut to one e-fold.
        move = jnp.clip(move, -1.0 / largest, 1.0 / largest)
        return number + 1, field + move, jnp.abs(move) * largest

    start = (jnp.array(0), jnp.zeros_like(fixed_current), jnp.full_like(fixed_current, jnp.inf))
    _, field, off = jax.lax.while_loop(goes_on, step, start)

    # The last step follows the system's parameters, and so does the second derivative.
    cgf = _cgf_of_bath(system, bath, method)
    slope = jax.jacfwd(cgf)
    field = field + (current - slope(field)) / jax.jacfwd(slope)(field)
    found = field * current - cgf(field)
    count = counting(fixed_system, fixed_system.eigenbasis(), method)
    chi = jnp.where(np.arange(system.n_baths) == bath, jax.lax.stop_gradient(field), 0.0)
    known, activity = largest_eigenvalue(count.tilted_by(chi), count.generator.value)
    rounded = 2 * jnp.finfo(found.dtype).eps * jnp.abs(jax.lax.stop_gradient(field * current))
    return Known(found, known.error + rounded), activity, count.sound & (off <= _FOUND)


def _cgf_of_bath(
    system: OpenSystem, bath: int, method: str
) -> Callable[[Float[Array, ""]], Float[Array, ""]]:
    """lambda as a function of the field of one bath, whether it is known well or not."""
    count = counting(system, system.eigenbasis(), method)
    unit = np.arange(system.n_baths) == bath

    def cgf(field: Float[Array, ""]) -> Float[Array, ""]:
        chi = jnp.where(unit, field, 0.0)
        return largest_eigenvalue(count.tilted_by(chi), count.generator.value)[0].value

    return cgf
