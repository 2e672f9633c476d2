"""Banks of coupling operators: dense arrays, or their few elements where most are zero."""

from collections.abc import Sequence
from typing import Protocol, cast, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Inexact, Int, Num

from qthermo_jax.structure import BankPattern, Index


@runtime_checkable
class Qobj(Protocol):
    """An operator of QuTiP, known by what it offers: QuTiP itself is not needed."""

    def full(self) -> np.ndarray:
        """Its elements, (d, d)."""


def from_qutip(values: Num[ArrayLike, "*s"] | Qobj | Sequence[Qobj]) -> Num[ArrayLike, "*s"]:
    """QuTiP's operators as a numpy array, (d, d) or (K, d, d) for several; what is no Qobj stays.

    Its zeros are known when a program is compiled. How a Qobj divides into factors is dropped, and so
    are imaginary parts where all are 0: a Qobj is always complex.

    Raises:
        ValueError: a Qobj that is no operator, or operators of different shapes.
    """
    if isinstance(values, (list, tuple)) and any(isinstance(value, Qobj) for value in values):
        return np.stack([np.asarray(from_qutip(value)) for value in values])
    if not isinstance(values, Qobj):
        return cast("ArrayLike", values)
    if not getattr(values, "isoper", True):
        raise ValueError(f"a Qobj of type {getattr(values, 'type', None)!r} is no operator")
    elements = np.asarray(values.full())
    return elements if elements.imag.any() else elements.real.copy()


def inexact(values: Num[ArrayLike, "*s"] | Qobj | Sequence[Qobj]) -> Inexact[Array, "*s"]:
    """As an array of floating-point or complex numbers."""
    array = jnp.asarray(from_qutip(values))
    return array if jnp.issubdtype(array.dtype, jnp.inexact) else array.astype(float)


class SparseCoupling(eqx.Module):
    """A bank of K Hermitian operators by their elements: S_k = sum_m v_km |r_km><c_km| + h.c.

    What a system of hundreds of levels needs: K x d x d numbers would not fit, and where the zeros
    stand is known when a program is compiled. An element on the diagonal counts once.

    Args:
        dimension: d.
        rows, columns: where the elements stand, whole numbers, (K,) for one element each or (K, m).
        values: what they are, of the same shape or a scalar.

    Raises:
        ValueError: shapes that do not fit, or an index outside the matrix.

    >>> SparseCoupling(4, rows=[2, 3], columns=[0, 1], values=1.0).dense()[0, 0].tolist()
    [0.0, 0.0, 1.0, 0.0]
    """

    values: Inexact[Array, " n"]
    dimension: int = eqx.field(static=True)
    rows: tuple[Index, ...] = eqx.field(static=True)
    columns: tuple[Index, ...] = eqx.field(static=True)

    def __init__(
        self,
        dimension: int,
        rows: Sequence[int] | Sequence[Sequence[int]],
        columns: Sequence[int] | Sequence[Sequence[int]],
        values: Num[ArrayLike, "*#K"] = 1.0,
    ) -> None:
        own_rows, own_columns = np.asarray(rows), np.asarray(columns)
        shape = own_rows.shape
        if len(shape) not in (1, 2) or own_columns.shape != shape:
            raise ValueError(
                f"rows and columns are (K,) or (K, m) alike, not {shape} and {own_columns.shape}"
            )
        given = inexact(values)
        if given.shape not in ((), shape):
            raise ValueError(f"values are a scalar or of shape {shape}, not {given.shape}")
        for name, index in (("rows", own_rows), ("columns", own_columns)):
            if index.dtype.kind not in "iu" or (index < 0).any() or (index >= dimension).any():
                raise ValueError(f"{name} are whole numbers from 0 to {dimension - 1}")
        self.dimension = dimension
        self.rows = _as_tuples(own_rows)
        self.columns = _as_tuples(own_columns)
        self.values = jnp.broadcast_to(given, shape).reshape(-1)

    @property
    def shape(self) -> tuple[int, int, int]:
        """That of the dense bank, (K, d, d)."""
        return len(self.rows), self.dimension, self.dimension

    @property
    def dtype(self) -> np.dtype:
        """Of the elements."""
        return self.values.dtype

    @property
    def pattern(self) -> BankPattern:
        """Where the elements stand."""
        return BankPattern(len(self.rows), self.rows, self.columns)

    def _places(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(bath, row, column) of each value."""
        count = [len(own) for own in self.rows]
        bath = np.repeat(np.arange(len(self.rows), dtype=np.int32), count)
        rows, columns = (
            np.array([entry for own in index for entry in own], np.int32)
            for index in (self.rows, self.columns)
        )
        return bath, rows, columns

    def astype(self, dtype: np.dtype) -> "SparseCoupling":
        """The same operators in another precision."""
        cast: SparseCoupling = eqx.tree_at(lambda own: own.values, self, self.values.astype(dtype))
        return cast

    def is_hermitian(self) -> Bool[Array, ""]:
        """Whether the elements on the diagonal are real; the others are so by construction."""
        _, rows, columns = self._places()
        return jnp.all(jnp.where(rows == columns, self.values.imag, 0.0) == 0.0)

    def dense(self) -> Inexact[Array, "K d d"]:
        """As arrays."""
        bath, rows, columns = self._places()
        below = jnp.zeros(self.shape, self.dtype).at[bath, columns, rows].add(self.values.conj())
        off_diagonal = jnp.where(rows == columns, 0.0, self.values)
        return below.at[bath, rows, columns].add(off_diagonal)


def _as_tuples(index: Int[np.ndarray, "*s"]) -> tuple[Index, ...]:
    return tuple(tuple(row) for row in index.reshape(len(index), -1).tolist())


def coupling_bank(
    coupling: Num[ArrayLike, "*K d d"] | SparseCoupling | Qobj | Sequence[Qobj],
) -> Inexact[Array, "K d d"] | SparseCoupling:
    """A bank of couplings from what a user gives; a numpy array or Qobj of few elements becomes sparse.

    Raises:
        ValueError: not square matrices.
    """
    if isinstance(coupling, SparseCoupling):
        return coupling
    coupling = from_qutip(coupling)
    shape = np.shape(coupling)
    if len(shape) not in (2, 3) or shape[-2] != shape[-1]:
        raise ValueError(f"a bath's coupling is (d, d) or (K, d, d), not {shape}")
    if isinstance(coupling, np.ndarray):
        bank = coupling.reshape(-1, *shape[-2:])
        if _few_elements(bank):
            return _sparse(bank)
    return inexact(coupling).reshape(-1, *shape[-2:])


def _few_elements(bank: Num[np.ndarray, "K d d"]) -> bool:
    """Whether knowing the zeros pays, and the operators are Hermitian to the last bit."""
    upper = np.triu(bank != 0)
    count = int(upper.sum(axis=(1, 2)).max(initial=0))
    hermitian = np.array_equal(bank, bank.conj().swapaxes(-1, -2))
    return hermitian and 0 < count <= bank.shape[-1]


def _sparse(bank: Num[np.ndarray, "K d d"]) -> SparseCoupling:
    d = bank.shape[-1]
    most = int(np.triu(bank != 0).sum(axis=(1, 2)).max())
    places = np.zeros((2, len(bank), most), int)
    values = np.zeros((len(bank), most), bank.dtype)
    for k, matrix in enumerate(bank):
        rows, columns = np.nonzero(np.triu(matrix))
        # A bath with fewer elements than another repeats its first place, with nothing there.
        places[:, k] = places[:, k] if rows.size == 0 else [[rows[0]], [columns[0]]]
        places[:, k, : rows.size] = rows, columns
        values[k, : rows.size] = matrix[rows, columns]
    return SparseCoupling(d, places[0].tolist(), places[1].tolist(), values)


def real_numbers(value: Num[ArrayLike, "*s"], what: str) -> Float[Array, "*s"]:
    """As an array of real numbers; what is none is refused before JAX reads it as one."""
    leaves = jax.tree.leaves(value, is_leaf=lambda leaf: leaf is None)
    kinds = [leaf.dtype if hasattr(leaf, "dtype") else np.asarray(leaf).dtype for leaf in leaves]
    real = [jnp.issubdtype(kind, jnp.floating) or jnp.issubdtype(kind, jnp.integer) for kind in kinds]
    if not real or not all(real):
        raise ValueError(f"{what} is a real number, or an array of them, not {value!r}")
    return jnp.asarray(value, float)
