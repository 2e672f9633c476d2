"""An open quantum system whose Hamiltonian is periodic in time, as data."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Inexact, Num

from qthermo_jax.baths import Bath
from qthermo_jax.couplings import Qobj, inexact, real_numbers
from qthermo_jax.declared import Declared
from qthermo_jax.registry import DEFAULT_EQUATION
from qthermo_jax.summary import Summary, batch_of, span
from qthermo_jax.system import OpenSystem

# How often H is known within a step of the propagator.
SAMPLES_PER_STEP = 4

# How many times of a period are compared with those one period later.
_COMPARED = 8

_GENERATORS = ("global", "local")

Matrix = Num[ArrayLike, "d d"] | Qobj
HamiltonianAt = Callable[[Float[Array, ""]], Num[Array, "d d"]]


class DrivenSystem(eqx.Module):
    """A quantum system with a periodic Hamiltonian H(t) = H(t + period), between thermal baths.

    It keeps H at 4 x steps equally spaced times of a period, so that it is made of arrays alone: it
    maps, differentiates and goes through compiled functions, whatever H was made of.

    Args:
        H: the Hamiltonian in one of two forms. Fourier components [H_0, H_1, ...], or a dict {n: H_n} of
            those that are not 0, stand for H(t) = H_0 + sum_n (H_n e^{-i n Omega t} + h.c.), n >= 1,
            Omega = 2 pi/period. A function of the time returns H(t), (d, d); it is called for each time
            by `jax.vmap`.
        period: > 0, in units of 1/energy (hbar = 1).
        baths: as for `OpenSystem`.
        steps: steps of the propagator in a period, even and at least 4 x photons. The state says whether
            they are enough.
        photons: the largest number of quanta Omega that a jump exchanges with the drive. The state says
            whether that is enough.
        labels: names of the basis states.
        secular_tol: quasi-energies closer than this, modulo Omega, count as degenerate (absolute, in
            energy units). Default: round-off.
        generator: "global", the Floquet-Davies master equation: jumps between Floquet states; or
            "local": jumps between eigenstates of `local` at all times.
        local: H_0 for "local", (d, d).
        observables: the model's own observables by name. The value of an operator is its mean over the
            period.

    Raises:
        ValueError: shapes do not fit, or steps and photons are no such whole numbers. A period that is
            not positive and a Hamiltonian that is not Hermitian or not periodic are statuses of the
            state.

    >>> from qthermo_jax.baths import Flat
    >>> sigma_x = jnp.array([[0.0, 1.0], [1.0, 0.0]])
    >>> sigma_z = jnp.array([[-1.0, 0.0], [0.0, 1.0]])
    >>> DrivenSystem([sigma_z, 0.1 * sigma_x], 2.0, [Bath(sigma_x, 0.5, Flat(1.0))])
    DrivenSystem of dimension 2, baths: 1
      period     2
      steps      96
      photons    16
      generator  global
    """

    mean: OpenSystem
    H: Inexact[Array, "s d d"]
    period: Float[Array, ""]
    mismatch: Float[Array, ""]
    photons: int = eqx.field(static=True)

    def __init__(
        self,
        H: Sequence[Matrix] | Mapping[int, Matrix] | Num[Array, "n d d"] | np.ndarray | HamiltonianAt,
        period: Num[ArrayLike, ""],
        baths: Bath | Sequence[Bath],
        *,
        steps: int = 96,
        photons: int = 16,
        labels: Sequence[str] | None = None,
        secular_tol: Num[ArrayLike, ""] | None = None,
        generator: str = DEFAULT_EQUATION,
        local: Matrix | None = None,
        observables: Mapping[str, Declared] | None = None,
    ) -> None:
        if generator not in _GENERATORS:
            raise ValueError(
                f"generator {generator!r} of a driven system is not one of {', '.join(_GENERATORS)}"
            )
        for name, number in (("steps", steps), ("photons", photons)):
            if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < 2:
                raise ValueError(f"{name} is a whole number from 2, not {number!r}")
        if steps % 2 or steps < 4 * photons:
            raise ValueError(
                f"steps is even and at least 4 x photons = {4 * photons}, not {steps}: jumps with many "
                "photons need times close to one another"
            )
        self.period = real_numbers(period, "the period")
        if self.period.shape != ():
            raise ValueError(f"the period is one number, not of shape {self.period.shape}")
        n = SAMPLES_PER_STEP * int(steps)
        if callable(H):
            self.H, self.mismatch = _sampled(H, self.period, n)
        else:
            self.H = _synthesised(H, n)
            self.mismatch = jnp.zeros((), self.period.dtype)
        self.photons = int(photons)
        self.mean = OpenSystem(
            jnp.mean(self.H, axis=0),
            baths,
            labels=labels,
            secular_tol=secular_tol,
            generator=generator,
            local=local,
            observables=observables,
        )

    def __repr__(self) -> str:
        if not hasattr(self.H, "shape"):
            return super().__repr__()
        batch = batch_of((self.H, 3))
        baths = sum(bath.T.shape[-1] for bath in self.baths)
        headline = f"DrivenSystem of dimension {self.dimension}, baths: {baths}{batch}"
        return str(Summary(headline, self._rows()))

    def _rows(self) -> Iterator[tuple[str, str]]:
        yield "period", span(self.period)
        yield "steps", str(self.steps)
        yield "photons", str(self.photons)
        yield "generator", self.mean.generator

    @property
    def dimension(self) -> int:
        """d, the dimension of the Hilbert space."""
        return self.H.shape[-1]

    @property
    def steps(self) -> int:
        """Steps of the propagator in a period."""
        return self.H.shape[-3] // SAMPLES_PER_STEP

    @property
    def baths(self) -> tuple[Bath, ...]:
        """Its baths, as in an `OpenSystem`."""
        return self.mean.baths

    @property
    def n_baths(self) -> int:
        """K, the number of baths, those in banks counted one by one."""
        return self.mean.n_baths

    @property
    def bath_names(self) -> tuple[int, ...]:
        """The numbers of its baths, from 1."""
        return tuple(range(1, self.n_baths + 1))

    @property
    def temperatures(self) -> Float[Array, " K"]:
        """Temperature of each bath, in order."""
        return self.mean.temperatures

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the basis states."""
        return self.mean.labels

    @property
    def observables(self) -> dict[str, Declared]:
        """The model's own observables by name, in its order."""
        return self.mean.observables

    def with_observables(self, observables: Mapping[str, Declared]) -> "DrivenSystem":
        """The same system with further observables of its own; those of the same name are replaced."""
        return self._with_mean(self.mean.with_observables(observables))

    def with_temperatures(self, temperatures: Float[Array, " K"]) -> "DrivenSystem":
        """The same system between baths of other temperatures, (K,)."""
        return self._with_mean(self.mean.with_temperatures(temperatures))

    def _with_mean(self, mean: OpenSystem) -> "DrivenSystem":
        changed: DrivenSystem = eqx.tree_at(lambda own: own.mean, self, mean)
        return changed

    @property
    def frequency(self) -> Float[Array, ""]:
        """Omega = 2 pi/period."""
        return 2 * jnp.pi / self.period

    @property
    def times(self) -> Float[Array, " m"]:
        """The times at which its state is known: the beginning of each step, from 0."""
        return self.period * (jnp.arange(self.steps, dtype=self.period.dtype) / self.steps)


def _synthesised(
    H: Sequence[Matrix] | Mapping[int, Matrix] | Num[Array, "n d d"] | np.ndarray, n: int
) -> Inexact[Array, "s d d"]:
    """H at n times of a period from its Fourier components."""
    listed = dict(H) if isinstance(H, Mapping) else dict(enumerate(H))
    if not listed:
        raise ValueError("H has at least one Fourier component")
    for order in listed:
        if isinstance(order, bool) or not isinstance(order, int | np.integer) or order < 0:
            raise ValueError(f"Fourier components are numbered 0, 1, 2 ..., not {order!r}")
    components = {int(order): inexact(value) for order, value in listed.items()}
    shapes = {component.shape for component in components.values()}
    shape = next(iter(shapes))
    if len(shapes) > 1 or len(shape) != 2 or shape[0] != shape[1]:
        raise ValueError(f"Fourier components are square matrices of one shape, not {sorted(shapes)}")
    kind = np.result_type(np.complex64, *(own.dtype for own in components.values()))
    total = jnp.zeros((n, *shape), kind)
    for order, component in components.items():
        own = component.astype(kind)
        if order == 0:
            total = total + own[None]
            continue
        # The number of turns modulo 1 is a rational number: no digit is lost at high orders.
        turns = np.exp(-2j * np.pi * ((order * np.arange(n)) % n) / n)
        turned = jnp.asarray(turns, kind)[:, None, None] * own[None]
        total = total + turned + turned.conj().swapaxes(1, 2)
    return total


def _sampled(
    H: HamiltonianAt, period: Float[Array, ""], n: int
) -> tuple[Inexact[Array, "s d d"], Float[Array, ""]]:
    """A function at n times of a period, and how far a period later it is from what it was."""
    shares = jnp.arange(n, dtype=period.dtype) / n

    def at(time: Float[Array, ""]) -> Inexact[Array, "d d"]:
        found = inexact(H(time))
        if found.ndim != 2 or found.shape[0] != found.shape[1]:
            raise ValueError(f"H(t) is a square matrix, not of shape {found.shape}")
        return found

    values = jax.vmap(at)(period * shares)
    chosen = np.arange(0, n, max(n // _COMPARED, 1), dtype=np.int32)
    later = jax.vmap(at)(period * (1 + shares[chosen]))
    return values, jax.lax.stop_gradient(jnp.max(jnp.abs(later - values[chosen])))
