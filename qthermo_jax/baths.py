"""Bosonic baths: occupation, spectral densities, the rates they give, and what couples to them.

Units: hbar = k_B = 1, so frequencies, energies and temperatures share one unit.
Every function is pure and elementwise: `jax.jit`, `jax.vmap` and `jax.grad` go through.
"""

import abc
import math
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Inexact, Num

from qthermo_jax.couplings import Qobj, SparseCoupling, coupling_bank, real_numbers

# Past this ratio omega/T, e^{-omega/T} and all its derivatives are zero in every float format;
# dividing by a smaller T would overflow in the derivative, 0 * inf.
_FROZEN = 800.0


# Terms of the series of 1 - e^{-x}: for x < 1/2 the next one is below round-off.
_TERMS = 15


@jax.custom_jvp
def _risen(x: Float[Array, "*s"]) -> Float[Array, "*s"]:
    """1 - e^{-x} for x >= 0, without cancellation; XLA's expm1 takes four times as long on a CPU."""
    series = jnp.zeros_like(x)
    for n in range(_TERMS, 0, -1):
        series = 1.0 / math.factorial(n) - x * series
    return jnp.where(x < 0.5, x * series, 1.0 - jnp.exp(-x))


@_risen.defjvp
def _(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (x,), (step,) = primals, tangents
    return _risen(x), jnp.exp(-x) * step


def _thermal_factors(
    omega: Num[ArrayLike, "*#s"], T: Num[ArrayLike, "*#s"]
) -> tuple[Float[Array, "*s"], Float[Array, "*s"]]:
    """n = e^{-x}/(1 - e^{-x}) and n + 1 for omega > 0, without cancellation in value and derivative."""
    omega, T = jnp.asarray(omega, float), jnp.asarray(T, float)
    frozen = omega >= _FROZEN * T
    x = jnp.where(frozen, 1.0, omega) / jnp.where(frozen, 1.0, T)
    n = jnp.where(frozen, 0.0, jnp.exp(-x) / _risen(x))
    n = jnp.where(T < 0, jnp.nan, n)
    return n, 1.0 + n


def n_thermal(omega: Num[ArrayLike, "*#s"], T: Num[ArrayLike, "*#s"]) -> Float[Array, "*s"]:
    """Bose occupation n = 1/(e^{omega/T} - 1).

    Args:
        omega: frequency, > 0 (at 0 the occupation is infinite).
        T: temperature, >= 0. At T = 0 the occupation is 0, in value and in every derivative;
            for T < 0 it is NaN.

    >>> n_thermal(1.0, 0.0).item()
    0.0
    """
    return _thermal_factors(omega, T)[0]


class SpectralDensity(eqx.Module):
    """J(omega) of one bath, or of a bank of K like baths when its parameters have shape (K,).

    To write your own: subclass it, keep the parameters as fields, define the three methods for
    scalar parameters (the engine maps them over a bank).
    """

    @abc.abstractmethod
    def __call__(self, omega: Float[Array, "*s"]) -> Float[Array, "*s"]:
        """J(omega) for omega > 0."""

    @abc.abstractmethod
    def zero_frequency_rate(self, T: Float[Array, ""]) -> Float[Array, ""]:
        """lim J(omega) T/omega for omega -> 0+, `inf` where it diverges."""

    @abc.abstractmethod
    def in_range(self) -> Bool[Array, ""]:
        """Whether every parameter is finite and physical."""


def _positive(*values: Num[ArrayLike, ""]) -> Bool[Array, ""]:
    return jnp.all(jnp.stack([jnp.isfinite(value) & jnp.greater(value, 0) for value in values]))


def _non_negative(value: Num[ArrayLike, ""]) -> Bool[Array, ""]:
    return jnp.isfinite(value) & jnp.greater_equal(value, 0)


class Flat(SpectralDensity):
    """J = rate, independent of frequency: the paper's choice. Its rate at omega = 0 diverges.

    >>> Flat(2.0)(jnp.array([0.5, 1.0])).tolist()
    [2.0, 2.0]
    """

    rate: Num[ArrayLike, "*K"]

    def __call__(self, omega: Float[Array, "*s"]) -> Float[Array, "*s"]:
        return jnp.full_like(omega, self.rate)

    def zero_frequency_rate(self, T: Float[Array, ""]) -> Float[Array, ""]:
        # A constant, not inf * T: a derivative that is masked later must not become 0 * inf.
        return jnp.full_like(T, jnp.inf)

    def in_range(self) -> Bool[Array, ""]:
        return _non_negative(self.rate)


class Ohmic(SpectralDensity):
    """J = eta omega.

    >>> Ohmic(0.5)(jnp.array([1.0, 2.0])).tolist()
    [0.5, 1.0]
    """

    eta: Num[ArrayLike, "*K"]

    def __call__(self, omega: Float[Array, "*s"]) -> Float[Array, "*s"]:
        return jnp.multiply(self.eta, omega)

    def zero_frequency_rate(self, T: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.multiply(self.eta, T)

    def in_range(self) -> Bool[Array, ""]:
        return _non_negative(self.eta)


class OhmicFamily(SpectralDensity):
    """J = eta omega^s cutoff^(1-s) e^{-omega/cutoff}; sub-ohmic for s < 1, super-ohmic for s > 1.

    >>> round(OhmicFamily(eta=1.0, s=1.0, cutoff=10.0)(jnp.array(10.0)).item(), 5)  # 10/e
    3.67879
    """

    eta: Num[ArrayLike, "*K"]
    s: Num[ArrayLike, "*K"]
    cutoff: Num[ArrayLike, "*K"]

    def __call__(self, omega: Float[Array, "*s"]) -> Float[Array, "*s"]:
        reduced = jnp.divide(omega, self.cutoff)
        return jnp.multiply(self.eta, self.cutoff) * reduced**self.s * jnp.exp(-reduced)

    def zero_frequency_rate(self, T: Float[Array, ""]) -> Float[Array, ""]:
        divergent_or_none = jnp.where(jnp.less(self.s, 1.0), jnp.inf, 0.0)
        return jnp.where(jnp.equal(self.s, 1.0), self.eta * T, divergent_or_none)

    def in_range(self) -> Bool[Array, ""]:
        return _non_negative(self.eta) & _positive(self.s, self.cutoff)


class DrudeLorentz(SpectralDensity):
    """J = 2 reorganisation cutoff omega/(omega^2 + cutoff^2): over-damped Brownian oscillator.

    >>> DrudeLorentz(reorganisation=2.0, cutoff=3.0)(jnp.array(3.0)).item()  # its largest value
    2.0
    """

    reorganisation: Num[ArrayLike, "*K"]
    cutoff: Num[ArrayLike, "*K"]

    def __call__(self, omega: Float[Array, "*s"]) -> Float[Array, "*s"]:
        strength = 2.0 * jnp.multiply(self.reorganisation, self.cutoff)
        return strength * omega / (omega**2 + jnp.square(self.cutoff))

    def zero_frequency_rate(self, T: Float[Array, ""]) -> Float[Array, ""]:
        return 2.0 * jnp.divide(self.reorganisation, self.cutoff) * T

    def in_range(self) -> Bool[Array, ""]:
        return _non_negative(self.reorganisation) & _positive(self.cutoff)


class UnderDamped(SpectralDensity):
    """J = coupling^2 width omega/((resonance^2 - omega^2)^2 + width^2 omega^2): one damped mode.

    >>> UnderDamped(coupling=2.0, width=0.5, resonance=1.0)(jnp.array(1.0)).item()
    8.0
    """

    coupling: Num[ArrayLike, "*K"]
    width: Num[ArrayLike, "*K"]
    resonance: Num[ArrayLike, "*K"]

    def __call__(self, omega: Float[Array, "*s"]) -> Float[Array, "*s"]:
        # (r - w)(r + w) keeps the digits of a frequency near the resonance.
        detuning = (self.resonance - omega) * (self.resonance + omega)
        damping = jnp.multiply(self.width, omega)
        return jnp.square(self.coupling) * damping / (detuning**2 + damping**2)

    def zero_frequency_rate(self, T: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.square(self.coupling) * self.width / jnp.power(self.resonance, 4) * T

    def in_range(self) -> Bool[Array, ""]:
        return jnp.isfinite(self.coupling) & _positive(self.width, self.resonance)


def rates_both_ways(
    density: SpectralDensity,
    omega: Num[ArrayLike, "*s"],
    T: Num[ArrayLike, ""],
    spontaneous: bool = True,
) -> tuple[Float[Array, "*s"], Float[Array, "*s"]]:
    """Transition rates gamma(omega) and gamma(-omega) of one bath; see `rate`."""
    omega, T = jnp.asarray(omega, float), jnp.asarray(T, float)
    elastic = omega == 0
    magnitude = jnp.where(elastic, 1.0, jnp.abs(omega))
    n, n_plus_1 = _thermal_factors(magnitude, T)
    J, at_zero = density(magnitude), density.zero_frequency_rate(T)
    emission, absorption = J * (n_plus_1 if spontaneous else n), J * n
    return (
        jnp.where(elastic, at_zero, jnp.where(omega > 0, emission, absorption)),
        jnp.where(elastic, at_zero, jnp.where(omega > 0, absorption, emission)),
    )


def rate(
    density: SpectralDensity,
    omega: Num[ArrayLike, "*s"],
    T: Num[ArrayLike, ""],
    spontaneous: bool = True,
) -> Float[Array, "*s"]:
    """Transition rate gamma(omega) of one bath (paper, below Eq. 5).

    gamma = J(omega) (n + 1) for omega > 0 (emission into the bath), J(|omega|) n(|omega|) for
    omega < 0 (absorption), and lim J(omega) T/omega at omega = 0, which is `inf` for a flat density
    at every T. Detailed balance gamma(-omega) = e^{-omega/T} gamma(omega) holds to rounding.

    Args:
        density: a `SpectralDensity` with scalar parameters.
        omega: Bohr frequencies, any shape.
        T: temperature of the bath, >= 0; NaN results for T < 0.
        spontaneous: whether it emits spontaneously. Without, n + 1 is n: emission is as fast as
            absorption, as by a classical field (paper, below Eq. 8).

    >>> rate(Flat(2.0), 1.0, 0.0).item(), rate(Flat(2.0), -1.0, 0.0).item()
    (2.0, 0.0)
    """
    return rates_both_ways(density, omega, T, spontaneous)[0]


def steepness(density: SpectralDensity, omega: Float[Array, "*s"]) -> Float[Array, "*s"]:
    """|d ln J/d ln omega| at omega > 0: how often a relative error of omega counts in J."""
    J, slope = jax.jvp(density, (omega,), (jnp.ones_like(omega),))
    return jnp.where(J > 0, jnp.abs(omega * slope) / jnp.where(J > 0, J, 1.0), 0.0)


def rate_error(
    omega: Float[Array, "*#s"],
    T: Float[Array, "*#s"],
    steep: Float[Array, "*s"],
    off: Float[Array, ""],
) -> Float[Array, "*s"]:
    """Bound of the relative error of gamma(omega) and gamma(-omega).

    The error of the frequency counts omega/T times in e^{-omega/T}, and as often as J is steep in J.

    Args:
        omega: |omega|; at 0 the rate does not depend on it.
        steep: `steepness` of J there.
        off: bound of the error of omega.
    """
    eps = jnp.finfo(omega.dtype).eps
    relative = jnp.where(omega > 0, off / jnp.where(omega > 0, omega, 1.0), 0.0)
    exponent = jnp.where(T > 0, omega / jnp.where(T > 0, T, 1.0), 0.0)
    # Past this one rate is 0, and the other one that of spontaneous emission.
    exponent = jnp.where(exponent < _FROZEN, exponent, 0.0)
    return 8 * eps + (1.0 + exponent + steep) * (eps + relative)


class Bath(eqx.Module):
    """A thermal bath, or a bank of K baths that share one kind of spectral density.

    Args:
        coupling: Hermitian system operator S that the bath couples to, (d, d); (K, d, d) for a bank; a
            `SparseCoupling`; or a `Qobj` of QuTiP, a list of them for a bank. The zeros of a numpy array
            or a Qobj are known to be zeros when a program is compiled, those of a JAX array are not.
        T: temperature, >= 0; a scalar, or (K,) for a bank.
        spectrum: spectral density; its parameters are scalars, or (K,) for a bank.
        spontaneous: whether it emits spontaneously, as every bath of quanta does. Without, it emits at
            the rate at which it absorbs, J n (paper, below Eq. 8: n + 1 -> n); static.

    Raises:
        ValueError: a shape does not fit, or something is no number.

    >>> from qthermo_jax.baths import Flat
    >>> import numpy as np
    >>> bank = Bath(np.stack([np.eye(2)[::-1]] * 3), np.array([0.1, 0.2, 0.3]), Flat(1.0))
    >>> bank.T.shape
    (3,)
    """

    coupling: Inexact[Array, "K d d"] | SparseCoupling
    T: Float[Array, " K"]
    spectrum: SpectralDensity
    spontaneous: bool = eqx.field(static=True)

    def __init__(
        self,
        coupling: Num[ArrayLike, "*K d d"] | SparseCoupling | Qobj | Sequence[Qobj],
        T: Num[ArrayLike, "*#K"],
        spectrum: SpectralDensity,
        spontaneous: bool = True,
    ) -> None:
        self.coupling = coupling_bank(coupling)
        if not isinstance(spectrum, SpectralDensity):
            raise ValueError(f"a bath's spectrum is a SpectralDensity, not {spectrum!r}")
        size = self.coupling.shape[0]

        def one_per_bath(value: ArrayLike, what: str) -> Array:
            array = real_numbers(value, what)
            if array.shape not in ((), (1,), (size,)):
                raise ValueError(
                    f"{what} of {size} bath(s) has shape {array.shape}, not () or ({size},)"
                )
            return jnp.broadcast_to(array, (size,))

        if not isinstance(spontaneous, bool | np.bool_):
            raise ValueError(f"spontaneous is True or False, not {spontaneous!r}")
        self.T = one_per_bath(T, "the temperature")
        self.spectrum = jax.tree.map(lambda leaf: one_per_bath(leaf, "a spectral parameter"), spectrum)
        self.spontaneous = bool(spontaneous)
