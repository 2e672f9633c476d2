"""Functions of one point that are computed, under `vmap`, for many points side by side.

The points then stand in the last dimension of every array, where a processor finds them for its vector
units. `vmap` as such would put them first.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir
from jaxtyping import Array, Bool

from qthermo_jax.gathers import WHOLE
from qthermo_jax.precision import compiled
from qthermo_jax.structure import Pairs

Solve = Callable[[Sequence[Array], Pairs], list[Array]]
Given = TypeVar("Given")
Found = TypeVar("Found")

# Blocks of so many points, or of so large a part of few, keep a GPU busy, and leave little to do where
# one point asks.
_FULL, _BLOCKS = 1 << 15, 8

# As JAX calls the platforms.
_GPUS = ("cuda", "rocm")


def points_last(name: str, solve: Solve, on_gpu: Solve | None = None) -> Solve:
    """A function of one point from one of many points; it has no derivatives of its own.

    Args:
        name: as programs print it.
        solve: of arrays with the points in the last dimension, and the transitions' structure.
        on_gpu: the same function written for GPUs; programs that are lowered for one take it.

    Returns:
        the function of arrays without that dimension. It is a primitive of JAX, as only those say how
        they map wherever they stand: inside the branches of a `cond` that is mapped as well.
    """
    program = _of_arrays(solve)

    def shapes(*arrays: ShapedArray, pairs: Pairs) -> list[ShapedArray]:
        """Those of the results: as of one point, which is traced soonest, for the number of points."""
        (points,) = {own.shape[-1] for own in arrays}
        one = [jax.ShapeDtypeStruct((*own.shape[:-1], 1), own.dtype) for own in arrays]
        found = jax.eval_shape(partial(program, pairs=pairs), *one)
        return [ShapedArray((*leaf.shape[:-1], points), leaf.dtype) for leaf in found]

    def mapped(
        arrays: tuple[Array, ...], axes: tuple[int | None, ...], *, pairs: Pairs
    ) -> tuple[list[Array], list[int]]:
        """What maps the points adds to those in the last dimension."""
        size = next(own.shape[at] for own, at in zip(arrays, axes, strict=True) if at is not None)
        second = [
            jnp.broadcast_to(own[:, None], (own.shape[0], size, *own.shape[1:]))
            if at is None
            else jnp.moveaxis(own, at, 1)
            for own, at in zip(arrays, axes, strict=True)
        ]
        mapped_shape = second[0].shape[1:]
        points = math.prod(mapped_shape)
        found = primitive.bind(*(own.reshape(len(own), points) for own in second), pairs=pairs)
        apart = [leaf.reshape(*leaf.shape[:-1], *mapped_shape) for leaf in found]
        return apart, [leaf.ndim - 2 for leaf in apart]

    primitive = Primitive(name)
    primitive.multiple_results = True
    primitive.def_impl(program)
    primitive.def_abstract_eval(shapes)
    batching.primitive_batchers[primitive] = mapped
    mlir.register_lowering(primitive, mlir.lower_fun(program, multiple_results=True))
    if on_gpu:
        lowering = mlir.lower_fun(_of_arrays(on_gpu), multiple_results=True)
        for platform in _GPUS:
            mlir.register_lowering(primitive, lowering, platform=platform)

    def of_one(arrays: Sequence[Array], pairs: Pairs) -> list[Array]:
        found = primitive.bind(*(own[:, None] for own in arrays), pairs=pairs)
        return [leaf[..., 0] for leaf in found]

    return of_one


def _of_arrays(solve: Solve) -> Any:
    """The function of the arrays one by one; JAX remembers what it has traced of it."""

    def solved(*arrays: Array, pairs: Pairs) -> list[Array]:
        return solve(arrays, pairs)

    return compiled(solved, static_argnames="pairs")


def with_some_solved(
    solve: Callable[[Given], Found], given: Given, asked: Bool[Array, " b"], found: Found, together: int
) -> Found:
    """What was found, replaced at the points that ask for it by what a function finds there.

    Args:
        solve: of some points, in the last dimension as everywhere.
        given: what it takes, of all points.
        together: how many points it is given at a time, at least.
    """
    together = min(max(together, min(asked.size // _BLOCKS, _FULL)), asked.size)
    number = jnp.sum(asked, dtype=WHOLE)
    first = jnp.argsort(~asked, stable=True)  # those that ask

    def remain(done: tuple[Array, Found]) -> Bool[Array, ""]:
        return done[0] * together < number

    def solve_block(done: tuple[Array, Found]) -> tuple[Array, Found]:
        block, found = done
        # Where a block is not filled, the last one again.
        at = first[jnp.minimum(block * together + np.arange(together, dtype=WHOLE), number - 1)]
        own = solve(jax.tree.map(lambda values: values[..., at], given))
        return block + 1, jax.tree.map(lambda whole, part: whole.at[..., at].set(part), found, own)

    whole: Found = jax.lax.while_loop(remain, solve_block, (jnp.zeros((), WHOLE), found))[1]
    return whole
