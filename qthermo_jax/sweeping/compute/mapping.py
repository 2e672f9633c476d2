"""From the function of a point to that of a batch of chunks, on one device or several."""

from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec
from jaxtyping import Array

from qthermo_jax.precision import compiled
from qthermo_jax.sweeping.compute.point import Numbers, PointFunction

Results: TypeAlias = dict[str, Array]

_SPLIT = PartitionSpec("devices")
_WHOLE = PartitionSpec()


def mapped(function: PointFunction, n_axes: int) -> PointFunction:
    """The point function with one `vmap` an axis, the first axis outermost.

    Mapping axis by axis, not over a flat list of points, computes what does not depend on an axis
    once along it: one eigendecomposition of H(g) serves all temperatures. An axis of one point is not
    mapped, unless all are: a choice that depends on nothing mapped takes one of its ways, not both.
    """

    def chunk(*inputs: Numbers) -> Results:
        lengths = [len(next(iter(columns.values()))) for columns in inputs[:n_axes]]
        solve = function
        for position in reversed(range(n_axes)):
            if lengths[position] == 1 < max(lengths):
                solve = _at_its_point(solve, position)
            else:
                in_axes = [0 if index == position else None for index in range(n_axes)] + [None]
                solve = jax.vmap(solve, in_axes=tuple(in_axes))
        return solve(*inputs)

    return chunk


def _at_its_point(function: PointFunction, position: int) -> PointFunction:
    """What `vmap` along an axis of one point gives, without mapping."""

    def solve(*inputs: Numbers) -> Results:
        here = {name: values[0] for name, values in inputs[position].items()}
        found = function(*inputs[:position], here, *inputs[position + 1 :])
        return {name: values[None] for name, values in found.items()}

    return solve


def one_after_another(function: PointFunction, size: int) -> PointFunction:
    """The function of a batch from that of a chunk: what a chunk needs stays in the cache.

    Args:
        size: chunks of a batch.

    Returns:
        (number of chunks to solve (1,), inputs...) -> results, (size, ...); those beyond the number are
        zero. All inputs but the last have a leading axis of length `size`.
    """

    def batch(number: Array, *inputs: Numbers) -> Results:
        *axes, numbers = inputs
        if size == 1:
            at = [{name: values[0] for name, values in columns.items()} for columns in axes]
            return {name: values[None] for name, values in function(*at, numbers).items()}
        solve = compiled(function)  # traced once, although it is asked for its shapes first

        def inputs_at(index: Array) -> list[Numbers]:
            return [{name: values[index] for name, values in columns.items()} for columns in axes]

        def step(index: Array, found: Results) -> Results:
            solved = solve(*inputs_at(index), numbers)
            return {name: found[name].at[index].set(values) for name, values in solved.items()}

        shapes = jax.eval_shape(solve, *inputs_at(jnp.int32(0)), numbers)
        empty = {name: jnp.zeros((size, *of.shape), of.dtype) for name, of in shapes.items()}
        results: Results = jax.lax.fori_loop(jnp.int32(0), number[0], step, empty)
        return results

    return batch


def spread(function: PointFunction, devices: int) -> PointFunction:
    """A function whose inputs and results are shared out between local devices along their first axis.

    All inputs but the last are; that is the same everywhere.
    """
    if devices == 1:
        return function
    mesh = Mesh(np.array(jax.local_devices()[:devices]), ("devices",))

    def shared(*inputs: Numbers) -> Results:
        split = (*(_SPLIT for _ in inputs[1:]), _WHOLE)
        mapped = jax.shard_map(function, mesh=mesh, in_specs=split, out_specs=_SPLIT, check_vma=False)
        results: Results = mapped(*inputs)
        return results

    return shared
