"""A cycle of strokes as data: Hamiltonians that change, baths that are on and off, sudden operations."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

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

Matrix = Num[ArrayLike, "d d"] | Qobj
HamiltonianAt = Callable[[Float[Array, ""]], Num[Array, "d d"]]

_GENERATORS = ("global", "local")


class Path(eqx.Module):
    """A Hamiltonian over a stroke, known where the propagator asks for it.

    Attributes:
        nodes: H at 2 N + 1 equally spaced times from the beginning to the end, for N steps; of one that
            does not change (1, d, d).
        slopes: dH/ds there, s the share of the stroke; None where it does not change.
    """

    nodes: Inexact[Array, "n d d"]
    slopes: Inexact[Array, "n d d"] | None

    @property
    def start(self) -> Inexact[Array, "d d"]:
        """H at the beginning."""
        return self.nodes[..., 0, :, :]

    @property
    def end(self) -> Inexact[Array, "d d"]:
        """H at the end."""
        return self.nodes[..., -1, :, :]

    @property
    def steps(self) -> int:
        """N; 0 where it does not change."""
        return self.nodes.shape[-3] // 2


class Stroke(eqx.Module):
    """A part of a cycle.

    Args:
        H: the Hamiltonian: a matrix, or a function of the share s of the stroke that has passed, from 0
            to 1; it is called for each s by `jax.vmap`, and differentiated by s.
        duration: >= 0, in units of 1/energy (hbar = 1).
        baths: names of the baths of the cycle that are on. Without any the evolution is unitary.
        unitary: an operation U rho U^dag that takes no time, at the end of the stroke, (d, d).
        steps: of the propagator where H changes, a multiple of 8. The state says whether they suffice.
        local: H_0 for the generator "local", as H.
        name: of the stroke.

    Raises:
        ValueError: shapes do not fit.

    >>> isochore = Stroke(jnp.diag(jnp.array([0.0, 1.0])), 5.0, baths=["hot"])
    >>> isochore.dimension, isochore.baths
    (2, ('hot',))
    """

    path: Path
    duration: Float[Array, ""]
    unitary: Inexact[Array, "d d"] | None
    local: Path | None
    baths: tuple[str, ...] = eqx.field(static=True)
    name: str | None = eqx.field(static=True)

    def __init__(
        self,
        H: Matrix | HamiltonianAt,
        duration: Num[ArrayLike, ""],
        *,
        baths: Sequence[str] = (),
        unitary: Matrix | None = None,
        steps: int = 128,
        local: Matrix | HamiltonianAt | None = None,
        name: str | None = None,
    ) -> None:
        if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or steps < 8 or steps % 8:
            raise ValueError(f"steps is a multiple of 8, from 8, not {steps!r}")
        self.duration = real_numbers(duration, "the duration of a stroke")
        if self.duration.shape != ():
            raise ValueError(f"the duration is one number, not of shape {self.duration.shape}")
        moving = callable(H) or callable(local)
        self.path = _path(H, int(steps), moving, "H")
        self.local = None if local is None else _path(local, int(steps), moving, "local")
        self.unitary = None if unitary is None else inexact(unitary)
        bare = None if self.local is None else self.local.start
        for what, matrix in (("unitary", self.unitary), ("local", bare)):
            if matrix is not None and matrix.shape != self.path.start.shape:
                shape = self.path.start.shape
                raise ValueError(f"{what} of shape {matrix.shape} does not fit H of shape {shape}")
        self.baths = (baths,) if isinstance(baths, str) else tuple(baths)
        self.name = name

    @property
    def dimension(self) -> int:
        """d, the dimension of the Hilbert space."""
        return self.path.start.shape[-1]


class Cycle(eqx.Module):
    """A quantum system that goes through the same strokes again and again, between thermal baths.

    It is made of arrays alone: it maps, differentiates and goes through compiled functions, whatever the
    Hamiltonians were made of.

    Args:
        strokes: one after the other. Where H jumps from the end of one to the beginning of the next,
            that is a sudden change.
        baths: by name, one `Bath` each; a stroke names those that are on.
        labels: names of the basis states.
        generator: "global", the adiabatic master equation: jumps between the eigenstates of H as it is
            at the time (Albash, Boixo, Lidar & Zanardi, New J. Phys. 14, 123016 (2012)); or "local":
            jumps between the eigenstates of each stroke's `local`.
        observables: the model's own observables by name; operators are taken at the beginning of the
            cycle.

    Raises:
        ValueError: strokes of different dimensions, a bath that is none, or no stroke at all. A duration
            below 0 and a Hamiltonian that is not Hermitian are statuses of the state.

    >>> from qthermo_jax.baths import Flat
    >>> flip = jnp.array([[0.0, 1.0], [1.0, 0.0]])
    >>> hot = Stroke(jnp.diag(jnp.array([0.0, 2.0])), 5.0, baths=["h"])
    >>> cold = Stroke(jnp.diag(jnp.array([0.0, 1.0])), 5.0, baths=["c"])
    >>> Cycle([hot, cold], {"h": Bath(flip, 2.0, Flat(1.0)), "c": Bath(flip, 0.5, Flat(1.0))})
    Cycle of dimension 2, strokes: 2, baths: h, c
      stroke 1   duration 5, baths h
      stroke 2   duration 5, baths c
      generator  global
    """

    strokes: tuple[Stroke, ...]
    host: OpenSystem
    bath_names: tuple[str, ...] = eqx.field(static=True)
    generator: str = eqx.field(static=True)

    def __init__(
        self,
        strokes: Sequence[Stroke],
        baths: Mapping[str, Bath],
        *,
        labels: Sequence[str] | None = None,
        generator: str = DEFAULT_EQUATION,
        observables: Mapping[str, Declared] | None = None,
    ) -> None:
        self.strokes = tuple(strokes)
        if not self.strokes:
            raise ValueError("a cycle has at least one stroke")
        if generator not in _GENERATORS:
            raise ValueError(
                f"generator {generator!r} of a cycle is not one of {', '.join(_GENERATORS)}"
            )
        _refuse_what_does_not_fit(self.strokes, baths)
        self.bath_names, self.generator = tuple(baths), generator
        self.host = OpenSystem(
            self.strokes[0].path.start, list(baths.values()), labels=labels, observables=observables
        )
        for number, stroke in enumerate(self.strokes, 1):
            if stroke.baths:
                local = None if stroke.local is None else stroke.local.start
                try:
                    self.system(stroke, stroke.path.start, local)
                except ValueError as error:
                    raise ValueError(f"stroke {number}: {error}") from None

    def system(
        self, stroke: Stroke, H: Inexact[Array, "d d"], local: Inexact[Array, "d d"] | None
    ) -> OpenSystem:
        """The open system at a time of a stroke, with the baths that are on."""
        baths = [self.host.baths[number] for number in self.bath_numbers(stroke)]
        return OpenSystem(H, baths, local=local, generator=self.generator)

    def bath_numbers(self, stroke: Stroke) -> list[int]:
        """Positions of the baths that are on in a stroke."""
        return [self.bath_names.index(name) for name in stroke.baths]

    def __repr__(self) -> str:
        if not hasattr(self.host.H, "shape"):
            return super().__repr__()
        batch = batch_of(*((stroke.duration, 0) for stroke in self.strokes), (self.host.H, 2))
        headline = f"Cycle of dimension {self.host.H.shape[-1]}, strokes: {len(self.strokes)}, baths: "
        return str(Summary(f"{headline}{', '.join(self.bath_names)}{batch}", self._rows()))

    def _rows(self) -> Iterator[tuple[str, str]]:
        for name, stroke in zip(self.stroke_names, self.strokes, strict=True):
            on = f", baths {', '.join(stroke.baths)}" if stroke.baths else ""
            sudden = ", then a unitary" if stroke.unitary is not None else ""
            yield f"stroke {name}", f"duration {span(stroke.duration)}{on}{sudden}"
        yield "generator", self.generator

    @property
    def dimension(self) -> int:
        """d, the dimension of the Hilbert space."""
        return self.host.dimension

    @property
    def n_baths(self) -> int:
        """K, the number of baths."""
        return self.host.n_baths

    @property
    def baths(self) -> dict[str, Bath]:
        """Its baths by name."""
        return dict(zip(self.bath_names, self.host.baths, strict=True))

    @property
    def stroke_names(self) -> tuple[str, ...]:
        """Names of the strokes, their numbers from 1 where they have none."""
        return tuple(own.name or str(number) for number, own in enumerate(self.strokes, 1))

    @property
    def period(self) -> Float[Array, ""]:
        """The duration of all strokes."""
        return sum((own.duration for own in self.strokes[1:]), self.strokes[0].duration)

    @property
    def temperatures(self) -> Float[Array, " K"]:
        """Temperature of each bath, in order."""
        return self.host.temperatures

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the basis states."""
        return self.host.labels

    @property
    def observables(self) -> dict[str, Declared]:
        """The model's own observables by name, in its order."""
        return self.host.observables

    def with_observables(self, observables: Mapping[str, Declared]) -> "Cycle":
        """The same cycle with further observables of its own; those of the same name are replaced."""
        return self._with_host(self.host.with_observables(observables))

    def with_temperatures(self, temperatures: Float[Array, " K"]) -> "Cycle":
        """The same cycle between baths of other temperatures, (K,)."""
        return self._with_host(self.host.with_temperatures(temperatures))

    def _with_host(self, host: OpenSystem) -> "Cycle":
        changed: Cycle = eqx.tree_at(lambda own: own.host, self, host)
        return changed


def _refuse_what_does_not_fit(strokes: Sequence[Stroke], baths: Mapping[str, Bath]) -> None:
    for number, stroke in enumerate(strokes, 1):
        if stroke.dimension != strokes[0].dimension:
            others = f"stroke {number} has dimension {stroke.dimension}"
            raise ValueError(f"{others}, and stroke 1 {strokes[0].dimension}")
        for name in stroke.baths:
            if name not in baths:
                known = ", ".join(map(repr, baths)) or "none"
                raise ValueError(f"stroke {number}: bath {name!r} is not one of the cycle's: {known}")
    for name, bath in baths.items():
        if bath.T.shape[-1:] != (1,):
            raise ValueError(f"bath {name!r} is one bath, not a bank of {bath.T.shape[-1]}")


def _path(H: Matrix | HamiltonianAt, steps: int, moving: bool, what: str) -> Path:
    """A Hamiltonian over a stroke; a constant one is repeated where another one moves."""
    shares = jnp.linspace(0.0, 1.0, 2 * steps + 1)
    if not callable(H):
        constant = _square(H, what)[None]
        if not moving:
            return Path(constant, None)
        nodes = jnp.repeat(constant, len(shares), axis=0)
        return Path(nodes, jnp.zeros_like(nodes))

    def with_slope(share: Float[Array, ""]) -> tuple[Inexact[Array, "d d"], Inexact[Array, "d d"]]:
        found: tuple[Array, Array] = jax.jvp(
            lambda own: _square(H(own), f"{what}(s)"), (share,), (jnp.ones_like(share),)
        )
        return found

    return Path(*jax.vmap(with_slope)(shares))


def _square(value: Any, what: str) -> Inexact[Array, "d d"]:
    found = inexact(value)
    if found.ndim != 2 or found.shape[0] != found.shape[1]:
        raise ValueError(f"{what} is a square matrix, not of shape {found.shape}")
    return found
