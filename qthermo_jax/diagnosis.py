"""Why a system is refused: what `Status.PARAMETER_OUT_OF_RANGE` and `Status.NOT_HERMITIAN` stand for."""

from collections.abc import Iterator

import jax
import numpy as np
from jaxtyping import Inexact

from qthermo_jax.baths import Bath
from qthermo_jax.couplings import SparseCoupling
from qthermo_jax.cycle import Cycle
from qthermo_jax.driven_system import DrivenSystem
from qthermo_jax.eigenbasis import roundoff
from qthermo_jax.system import OpenSystem


def diagnose(system: OpenSystem | DrivenSystem | Cycle) -> tuple[str, ...]:
    """What is wrong with the numbers of a system, one sentence each; nothing for a sound one.

    Args:
        system: of numbers that are known, outside of `jax.jit` and `jax.vmap`. Baths, sectors and the
            rows and columns of matrices are counted from 1.

    Returns:
        a sentence for each fault that gives `Status.PARAMETER_OUT_OF_RANGE` or
        `Status.NOT_HERMITIAN`, in this order. Other statuses come out of the solution.

    >>> import numpy as np
    >>> from qthermo_jax import Bath, Flat
    >>> S = np.array([[0.0, 1.0], [1.0, 0.0]])
    >>> diagnose(OpenSystem(np.diag([0.0, 1.0]), [Bath(S, 0.5, Flat(1.0)), Bath(S, -1.0, Flat(1.0))]))
    ('bath 2: temperature -1.0 is below 0',)
    """
    if isinstance(system, DrivenSystem):
        return (*_of_drive(system), *_out_of_range(system.mean), *_not_hermitian(system.mean))
    if isinstance(system, Cycle):
        return (*_of_strokes(system), *_out_of_range(system.host), *_not_hermitian(system.host))
    return (*_out_of_range(system), *_not_hermitian(system))


def _of_strokes(cycle: Cycle) -> Iterator[str]:
    for name, stroke in zip(cycle.stroke_names, cycle.strokes, strict=True):
        duration = float(stroke.duration)
        if not (np.isfinite(duration) and duration >= 0):
            yield f"stroke {name}: the duration {duration} is below 0 or not a finite number"
        for what, path in (("H", stroke.path), ("local", stroke.local)):
            if path is not None:
                yield from _over(np.asarray(path.nodes), f"stroke {name}: {what}", "stroke")
        if stroke.unitary is not None:
            U = np.asarray(stroke.unitary)
            off = np.abs(U @ U.conj().T - np.eye(len(U))).max()
            if not off <= 64 * len(U) * np.finfo(U.dtype).eps:
                yield f"stroke {name}: the unitary is none: U U^dag differs from 1 by {off:.3g}"
    if not sum(float(stroke.duration) for stroke in cycle.strokes) > 0:
        yield "the cycle takes no time"


def _over(H: Inexact[np.ndarray, "n d d"], what: str, whole: str) -> Iterator[str]:
    """The first fault of a matrix over a time."""
    for number, matrix in enumerate(H):
        share = number / max(len(H) - 1, 1)
        at = f"{what} at {share:.4g} of the {whole}" if len(H) > 1 else what
        found = [*_not_finite(at, matrix), *_skew(at, matrix, np.abs(H).max())]
        if found:
            yield found[0]
            return


def _of_drive(system: DrivenSystem) -> Iterator[str]:
    period = float(system.period)
    if not np.isfinite(period):
        yield f"the period {period} is not a finite number"
    elif period <= 0:
        yield f"the period {period} is not above 0"
    H = np.asarray(system.H)
    yield from _over(np.concatenate([H, H[:1]]), "H(t)", "period")


def _out_of_range(system: OpenSystem) -> Iterator[str]:
    yield from _not_finite("H", np.asarray(system.H))
    first = 1
    for bath in system.baths:
        numbers = range(first, first + bath.T.shape[0])
        first = numbers.stop
        yield from _bath_out_of_range(bath, numbers)
    if system.secular_tol is not None and not 0 <= float(system.secular_tol) < np.inf:
        yield f"secular_tol: {float(system.secular_tol)} is below 0 or not a finite number"


def _bath_out_of_range(bath: Bath, numbers: range) -> Iterator[str]:
    """Of a bank of baths, which are numbered so."""
    elements = _dense(bath.coupling)
    fit = np.asarray(jax.vmap(lambda spectrum: spectrum.in_range())(bath.spectrum))
    for position, number in enumerate(numbers):
        T = float(bath.T[position])
        if not np.isfinite(T):
            yield f"bath {number}: temperature {T} is not a finite number"
        elif T < 0:
            yield f"bath {number}: temperature {T} is below 0"
        yield from _not_finite(f"bath {number}: the coupling", elements[position])
        if not fit[position]:
            values = {
                name: float(np.asarray(value)[position])
                for name, value in vars(bath.spectrum).items()
                if np.ndim(value) == 1
            }
            told = ", ".join(f"{name} = {value}" for name, value in values.items())
            name = type(bath.spectrum).__name__
            yield f"bath {number}: a parameter of {name} is out of its range: {told}"


def _not_finite(what: str, matrix: Inexact[np.ndarray, "d d"]) -> Iterator[str]:
    wrong = np.argwhere(~np.isfinite(matrix))
    if len(wrong):
        yield f"{what} is not finite: element {_element(matrix, *wrong[0])}"


def _not_hermitian(system: OpenSystem) -> Iterator[str]:
    hamiltonians = {name: np.asarray(matrix) for name, matrix in system.hamiltonians.items()}
    for name, matrix in hamiltonians.items():
        yield from _skew(name, matrix, np.abs(matrix).max())
    first = 1
    for bath in system.baths:
        elements = _dense(bath.coupling)
        # The engine forgives round-off in a dense bank, measured by its largest element.
        exact = isinstance(bath.coupling, SparseCoupling)
        largest = 0.0 if exact else np.abs(elements).max()
        for position, matrix in enumerate(elements):
            yield from _skew(f"bath {first + position}: the coupling", matrix, largest)
        first += len(elements)
    for name, matrix in hamiltonians.items():
        yield from _across_sectors(name, matrix, system)


def _skew(what: str, matrix: Inexact[np.ndarray, "d d"], largest: float) -> Iterator[str]:
    with np.errstate(invalid="ignore"):  # the difference of two infinite numbers is none
        difference = np.abs(matrix - matrix.conj().T)
    if difference.max() <= roundoff(matrix.dtype) * largest:
        return
    if np.isnan(difference).all():
        yield f"{what} is not Hermitian: it holds no number"
        return
    row, column = np.unravel_index(np.nanargmax(difference), difference.shape)
    if row == column:
        yield f"{what} is not Hermitian: element {_element(matrix, row, column)} on the diagonal"
    else:
        mirror = _number(matrix[column, row])
        yield f"{what} is not Hermitian: element {_element(matrix, row, column)} and its mirror {mirror}"


def _across_sectors(what: str, matrix: Inexact[np.ndarray, "d d"], system: OpenSystem) -> Iterator[str]:
    home = np.empty(system.dimension, int)
    for number, sector in enumerate(system.sectors):
        home[list(sector)] = number
    size = np.abs(matrix)
    outside = np.where(home[:, None] == home[None, :], 0.0, size)
    if outside.max() <= roundoff(size.dtype) * size.max():
        return
    row, column = np.unravel_index(np.nanargmax(outside), outside.shape)
    if home[row] == home[column]:
        return  # a matrix that is not finite, which is said already
    one, other = sorted((home[row] + 1, home[column] + 1))
    yield f"{what} connects sectors {one} and {other}: element {_element(matrix, row, column)}"


def _dense(coupling: Inexact[jax.Array, "K d d"] | SparseCoupling) -> Inexact[np.ndarray, "K d d"]:
    """Of few elements with what was given for its diagonal, of which `dense` takes the conjugate."""
    if not isinstance(coupling, SparseCoupling):
        return np.asarray(coupling)
    return np.asarray(coupling.dense()).conj().swapaxes(-1, -2)


def _element(matrix: Inexact[np.ndarray, "d d"], row: np.intp, column: np.intp) -> str:
    return f"({row + 1}, {column + 1}) is {_number(matrix[row, column])}"


def _number(value: np.inexact) -> str:
    return f"{value.real if value.imag == 0 else value:.6g}"
