"""An open quantum system as data: Hamiltonian, baths, and what is static about them.

Shapes and structure are checked here, before anything is traced; values are not: a bad value
becomes a status of the point it belongs to (see `qthermo_jax.steady.Status`).
"""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Inexact, Num

from qthermo_jax.baths import Bath
from qthermo_jax.couplings import Qobj, SparseCoupling, inexact, real_numbers
from qthermo_jax.declared import Declared, Observable
from qthermo_jax.eigenbasis import Eigenbasis, diagonalised
from qthermo_jax.master_equations import EQUATIONS, MasterEquation
from qthermo_jax.registry import DEFAULT_EQUATION
from qthermo_jax.structure import BankPattern, Index, Pairs, pairs_of
from qthermo_jax.summary import Summary, batch_of, parameters, span
from qthermo_jax.transitions import Transitions, make_transitions

# How many baths, or banks of them, stand one by one where a system is printed.
_LISTED = 6


class OpenSystem(eqx.Module):
    """A quantum system between thermal baths.

    Args:
        H: Hermitian Hamiltonian, (d, d) or a `Qobj`. H and the couplings are stored in one common dtype.
        baths: one `Bath`, bank of baths, or several; numbered 1 ... K in their order.
        sectors: groups of basis states that H does not connect, each a tuple of indices; together
            they hold every state once. Each is diagonalised by itself, so that a level which several
            sectors share keeps eigenvectors inside its sectors. Default: one sector.
        labels: names of the basis states; default "1" ... "d".
        observables: the model's own observables by name.
        levels: eigenstates that have one energy by construction, whatever the parameters: groups of
            positions in `eigenbasis` (sector after sector, ascending inside each); states that no
            group holds are levels by themselves. It tells the secular block's solver which
            coherences to keep; a degeneracy that is not named is still noticed. Default: not known.
        secular_tol: energies and Bohr frequencies closer than this (in energy units, absolute) count
            as equal. Default: 1e-10 of the norm of H (1e-5 in 32 bit), which is round-off.
        local: H_0, the Hamiltonian without the interactions between its parts, (d, d), for "local".
        generator: the master equation. "global": fully secular, jumps between eigenstates of H.
            "partial_secular": frequencies closer than `secular_tol` act together, at the rate of their
            mean; completely positive. "redfield": all of them do; the state may come out not positive,
            and its status says so. "local": jumps between eigenstates of H_0.
        initial: density matrix that a time evolution starts from, (d, d), or the populations of the
            basis states, (d,).

    Raises:
        ValueError: shapes do not fit, the sectors are no partition of the basis, or a state is in two
            levels.

    >>> from qthermo_jax.baths import Flat
    >>> sigma_x = jnp.array([[0.0, 1.0], [1.0, 0.0]])
    >>> OpenSystem(jnp.diag(jnp.array([0.0, 1.0])), [Bath(sigma_x, 0.5, Flat(1.0))]).dimension
    2
    """

    H: Inexact[Array, "d d"]
    baths: tuple[Bath, ...]
    secular_tol: Float[Array, ""] | None
    local: Inexact[Array, "d d"] | None
    initial: Inexact[Array, "*s d"] | None
    _observables: tuple[Declared, ...]
    _observable_names: tuple[str, ...] = eqx.field(static=True)
    sectors: tuple[Index, ...] = eqx.field(static=True)
    levels: tuple[Index, ...] | None = eqx.field(static=True)
    labels: tuple[str, ...] = eqx.field(static=True)
    generator: str = eqx.field(static=True)

    def __init__(
        self,
        H: Num[ArrayLike, "d d"] | Qobj,
        baths: Bath | Sequence[Bath],
        *,
        sectors: Sequence[Sequence[int]] | None = None,
        levels: Sequence[Sequence[int]] | None = None,
        labels: Sequence[str] | None = None,
        observables: Mapping[str, Declared] | None = None,
        secular_tol: Num[ArrayLike, ""] | None = None,
        local: Num[ArrayLike, "d d"] | Qobj | None = None,
        generator: str = DEFAULT_EQUATION,
        initial: Num[ArrayLike, "*s d"] | Qobj | Sequence[float] | None = None,
    ) -> None:
        H = _matrix(H, "H")
        if H.ndim != 2 or H.shape[0] != H.shape[1]:
            raise ValueError(f"H is a square matrix, not of shape {H.shape}")
        dimension = H.shape[0]
        baths = _fitting(baths, H.shape)
        bare = None if local is None else _matrix(local, "local")
        if bare is not None and bare.shape != H.shape:
            raise ValueError(f"local has shape {bare.shape}, and H {H.shape}")
        operators = [H, *([] if bare is None else [bare]), *(bath.coupling for bath in baths)]
        # Rates have the precision of temperatures.
        dtype = np.result_type(*(own.dtype for own in (*operators, *(bath.T for bath in baths))))
        self.local = None if bare is None else bare.astype(dtype)
        self.initial = None if initial is None else _as_start(initial, dimension)
        self.H = H.astype(dtype)
        self.baths = tuple(
            Bath(bath.coupling.astype(dtype), bath.T, bath.spectrum, bath.spontaneous) for bath in baths
        )
        self.secular_tol = None if secular_tol is None else real_numbers(secular_tol, "secular_tol")
        observables = dict(observables or {})
        for name, observable in observables.items():
            if isinstance(observable, Observable) and observable.operator.shape[-1] != dimension:
                raise ValueError(
                    f"observable {name!r}: operator of shape {observable.operator.shape} does not fit "
                    f"H of shape {H.shape}"
                )
        # A dict as a pytree comes back sorted; the order in which a model lists its observables counts.
        self._observables = tuple(observables.values())
        self._observable_names = tuple(observables)
        self.sectors = tuple(tuple(sector) for sector in sectors or [range(dimension)])
        if sorted(index for sector in self.sectors for index in sector) != list(range(dimension)):
            raise ValueError(
                f"sectors {self.sectors} do not hold each of the {dimension} basis states once"
            )
        self.levels = None if levels is None else _whole_partition(levels, dimension)
        self.labels = tuple(labels or (str(index + 1) for index in range(dimension)))
        if len(self.labels) != dimension:
            raise ValueError(f"{len(self.labels)} labels for {dimension} basis states")
        given = {"local": self.local, "secular_tol": self.secular_tol}
        self.generator = _equation_of(generator, given).name

    def __repr__(self) -> str:
        summary = self._summary()
        return super().__repr__() if summary is None else str(summary)

    def _repr_html_(self) -> str | None:
        summary = self._summary()
        return None if summary is None else summary.as_html()

    def _summary(self) -> Summary | None:
        """What it is, None for a tree of its structure that holds no arrays."""
        temperatures = [bath.T for bath in getattr(self, "baths", ())]
        if not temperatures or not all(hasattr(leaf, "shape") for leaf in (self.H, *temperatures)):
            return None
        sizes = [T.shape[-1] for T in temperatures]
        batch = batch_of((self.H, 2), *((T, 1) for T in temperatures))
        headline = f"OpenSystem of dimension {self.H.shape[-1]}, baths: {sum(sizes)}{batch}"
        return Summary(headline, self._rows(sizes))

    def _rows(self, sizes: Sequence[int]) -> Iterator[tuple[str, str]]:
        split = f", {len(self.sectors)} sectors" if len(self.sectors) > 1 else ""
        yield "H", f"{self.H.dtype}{split}"
        ends = np.cumsum(sizes)
        for bath, size, end in zip(self.baths[:_LISTED], sizes, ends, strict=False):
            name = f"bath {end}" if size == 1 else f"baths {end - size + 1} to {end}"
            silent = "" if bath.spontaneous else ", no spontaneous emission"
            yield name, f"T = {span(bath.T)}, {parameters(bath.spectrum)}{silent}"
        if len(self.baths) > _LISTED:
            yield "...", f"and {ends[-1] - ends[_LISTED - 1]} more"
        cutoff = "" if self.secular_tol is None else f", secular_tol = {span(self.secular_tol)}"
        yield "generator", f"{self.generator}{cutoff}"
        if self._observable_names:
            yield "observables", ", ".join(self._observable_names)

    @property
    def dimension(self) -> int:
        """d, the dimension of the Hilbert space."""
        return self.H.shape[0]

    @property
    def n_baths(self) -> int:
        """K, the number of baths, those in banks counted one by one."""
        return sum(bath.T.shape[0] for bath in self.baths)

    @property
    def equation(self) -> MasterEquation:
        """The master equation that `generator` names."""
        return EQUATIONS[self.generator]

    @property
    def hamiltonians(self) -> dict[str, Inexact[Array, "d d"]]:
        """The Hamiltonians that the master equation stands on, by the names of their arguments."""
        found = {"H": self.H}
        if self.equation.between_bare_states and self.local is not None:
            found["local"] = self.local
        return found

    def eigenbasis(self) -> Eigenbasis:
        """Diagonalise H sector by sector and find its levels by `secular_tol`.

        >>> from qthermo_jax.models import lambda_system
        >>> basis = lambda_system(omega_1=1.0, omega_2=1.0).eigenbasis()
        >>> basis.level.tolist()  # |1>, |2> have one energy
        [0, 0, 1]
        """
        found: Eigenbasis = diagonalised(self.H, self.sectors, self.secular_tol)
        return found

    def transitions(self, basis: Eigenbasis) -> Transitions:
        """What the baths do in the system's master equation.

        Args:
            basis: as `eigenbasis` gives it, and a `SteadyState` keeps it.

        Returns:
            the transitions between eigenstates of H, or of those of H_0 where the equation has them.
        """
        if not self.equation.between_bare_states:
            return self.transitions_of_H(basis)
        bare = self.without_interactions()
        return bare.transitions_of_H(bare.eigenbasis())

    def transitions_of_H(self, basis: Eigenbasis) -> Transitions:
        """Those between the eigenstates of H, whatever the master equation."""
        wide = self.secular_tol is not None
        found: Transitions = make_transitions(self.baths, self.pairs, basis, wide=wide)
        return found

    @property
    def observables(self) -> dict[str, Declared]:
        """The model's own observables by name, in its order."""
        return dict(zip(self._observable_names, self._observables, strict=True))

    def with_observables(self, observables: Mapping[str, Declared]) -> "OpenSystem":
        """The same system with further observables of its own; those of the same name are replaced."""
        return self._with(observables={**self.observables, **observables})

    def with_levels(self, levels: Sequence[Sequence[int]]) -> "OpenSystem":
        """The same system, its levels declared."""
        return self._with(levels=levels)

    def with_generator(
        self, generator: str, secular_tol: Num[ArrayLike, ""] | None = None
    ) -> "OpenSystem":
        """The same system under another master equation.

        Args:
            generator, secular_tol: as for the constructor; a tolerance that the system has stays.

        Raises:
            ValueError: unknown, or the system lacks what it needs.
        """
        kept = self.secular_tol if secular_tol is None else secular_tol
        return self._with(generator=generator, secular_tol=kept)

    def with_initial(self, initial: Num[ArrayLike, "*s d"] | Qobj | Sequence[float]) -> "OpenSystem":
        """The same system with a state to start from, as for the constructor."""
        return self._with(initial=initial)

    def without_interactions(self) -> "OpenSystem":
        """The system whose Hamiltonian is H_0, `local`."""
        return self._with(H=self.local, secular_tol=None, generator=DEFAULT_EQUATION)

    def with_temperatures(self, temperatures: Float[Array, " K"]) -> "OpenSystem":
        """The same system between baths of other temperatures, (K,)."""
        if temperatures.shape != (self.n_baths,):
            raise ValueError(f"temperatures of shape {temperatures.shape}, not ({self.n_baths},)")
        ends = np.cumsum([bath.T.shape[0] for bath in self.baths])[:-1]
        parts = jnp.split(temperatures, ends)
        baths = [
            Bath(bath.coupling, T, bath.spectrum, bath.spontaneous)
            for bath, T in zip(self.baths, parts, strict=True)
        ]
        return self._with(baths=baths)

    def plot(self, state: Any = None) -> Any:
        """A level diagram: levels at their energies, populations by colour, jumps as arrows with rates.

        Args:
            state: a `State` of this system, whose populations are shown; default: the steady state.

        Returns:
            the `matplotlib.figure.Figure`; a notebook shows it, `savefig` keeps it.

        Raises:
            ValueError: a batch of systems, or a state of another dimension.

        >>> from qthermo_jax.models import lambda_system
        >>> lambda_system().plot().axes[0].get_ylabel()
        'energy'
        """
        # Pictures stand above systems, and matplotlib takes its time to load.
        return importlib.import_module("qthermo_jax.plotting.levels").plot_levels(self, state)

    def _with(self, **changes: Any) -> "OpenSystem":
        options = {
            "H": self.H,
            "baths": self.baths,
            "sectors": self.sectors,
            "levels": self.levels,
            "labels": self.labels,
            "observables": self.observables,
            "secular_tol": self.secular_tol,
            "local": self.local,
            "generator": self.generator,
            "initial": self.initial,
        }
        return OpenSystem(**{**options, **changes})

    @property
    def temperatures(self) -> Float[Array, " K"]:
        """Temperature of each bath, in order."""
        return jnp.concatenate([bath.T for bath in self.baths])

    @property
    def pairs(self) -> Pairs:
        """Which eigenstates each bath can connect, as far as that is static."""
        banks = (
            bath.coupling.pattern
            if isinstance(bath.coupling, SparseCoupling)
            else BankPattern(bath.coupling.shape[0])
            for bath in self.baths
        )
        return pairs_of(self.sectors, tuple(banks))


def _fitting(baths: Bath | Sequence[Bath], shape: tuple[int, ...]) -> tuple[Bath, ...]:
    """The baths of a Hamiltonian of this shape."""
    listed = (baths,) if isinstance(baths, Bath) else tuple(baths)
    if not listed:
        raise ValueError("an open system has at least one bath")
    for bath in listed:
        if not isinstance(bath, Bath):
            raise ValueError(f"baths are `Bath`s, not {bath!r}")
        if bath.coupling.shape[-1] != shape[0]:
            own = tuple(bath.coupling.shape[1:])
            raise ValueError(f"a coupling of shape {own} does not fit H of shape {shape}")
    return listed


def _matrix(value: Num[ArrayLike, "d d"] | Qobj, what: str) -> Inexact[Array, "*s"]:
    if value is None or isinstance(value, str):
        raise ValueError(f"{what} is a matrix of numbers, not {value!r}")
    return inexact(value)


def _as_start(initial: Num[ArrayLike, "*s d"] | Qobj | Sequence[float], d: int) -> Array:
    given = inexact(initial if isinstance(initial, Qobj) else jnp.asarray(initial))
    if given.shape not in ((d,), (d, d)):
        raise ValueError(
            f"initial is a density matrix ({d}, {d}) or the populations of the basis states ({d},), "
            f"not of shape {given.shape}"
        )
    return given


def _equation_of(generator: str, given: Mapping[str, Any]) -> MasterEquation:
    """The master equation of a name, which has all that it needs.

    Args:
        given: the arguments that some equation needs, by name.
    """
    if generator not in EQUATIONS:
        raise ValueError(f"generator {generator!r} is not one of {', '.join(EQUATIONS)}")
    equation = EQUATIONS[generator]
    if equation.needs is not None:
        argument, what = equation.needs
        if given[argument] is None:
            raise ValueError(f"generator {generator!r} needs {what}, `{argument}`")
    return equation


def _whole_partition(groups: Sequence[Sequence[int]], size: int) -> tuple[Index, ...]:
    """The groups, ascending, and each number that none of them holds by itself."""
    held = sorted(index for group in groups for index in group)
    if len(set(held)) < len(held) or not set(held) <= set(range(size)):
        raise ValueError(f"levels {groups} do not hold eigenstates 0 to {size - 1} at most once")
    alone: list[Index] = [(index,) for index in range(size) if index not in set(held)]
    return tuple(sorted([*(tuple(sorted(group)) for group in groups if group), *alone]))
