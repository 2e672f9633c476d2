"""The stationary states of many rate equations at a time, and the derivatives of one.

Under `vmap` the points stand side by side in the last dimension of every array, where a processor finds
them for its vector units. Each elimination step returns a matrix that is one state smaller. Whether
anything may go wrong is asked of all points together: if it may for any, all of them are solved as a
single point is, with more checks.
"""

import math
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir
from jaxtyping import Array, Bool, Float

from qthermo_jax.precision import compiled, precise
from qthermo_jax.solvers.gth import Stationary, assembled, blocks_of, lift_of, stationary_of_one
from qthermo_jax.structure import Pairs

# Fewer points are solved as they come, and larger matrices: what is compiled grows with the matrix.
_MANY_POINTS, _FEW_STATES = 64, 32

# Where XLA is to compute an array once, and not again wherever it is used.
_once: Callable[[Array], Array] = jax.lax.optimization_barrier


def _product(left: Float[Array, "c m b"], right: Float[Array, "m e b"]) -> Float[Array, "c e b"]:
    def add(total: Array, pair: tuple[Array, Array]) -> tuple[Array, None]:
        column, row = pair
        return total + column[:, None] * row[None], None

    start = jnp.zeros((left.shape[0], *right.shape[1:]), left.dtype)
    if not len(right):  # `jax.disable_jit` knows no scan over nothing
        return start
    return jax.lax.scan(add, start, (jnp.swapaxes(left, 0, 1), right))[0]


def _over_states(
    extreme: Callable[[Array, Array], Array], rates: Float[Array, "c b"]
) -> Float[Array, " b"]:
    """Largest or smallest, by halves: a reduction as such takes one number at a time."""
    while len(rates) > 1:
        half = (len(rates) + 1) // 2
        rates = extreme(rates[:half], rates[-half:])
    return rates[0]


def _smallest(rates: Float[Array, "c b"]) -> Float[Array, " b"]:
    """The smallest that is above 0."""
    return _over_states(jnp.minimum, jnp.where(rates > 0, rates, jnp.inf))


def _batched_gth(rates: Float[Array, "A b"], pairs: Pairs) -> tuple[Stationary, Bool[Array, ""]]:
    """The solutions, and whether they all are: one closed class, no path lost, no population of 0."""
    tiny = jnp.finfo(rates.dtype).tiny
    largest = _over_states(jnp.maximum, rates)
    blocks = blocks_of(rates, largest, pairs)
    total = jnp.sum(blocks.leaving, axis=0)
    stay = _once(blocks.inside + _product(_once(blocks.leaving / total[None]), blocks.arriving))
    out = into = _smallest(rates) / largest * lift_of(rates.dtype)
    most = jnp.max(total, axis=0)
    steps = []
    for last in range(len(stay) - 1, 0, -1):
        leaving, arriving = stay[:last, last], stay[last, :last]
        every = jnp.sum(leaving, axis=0)
        out, into = jnp.minimum(out, _smallest(leaving)), jnp.minimum(into, _smallest(arriving))
        most = jnp.maximum(most, every)
        stay = _once(stay[:last, :last] + _once(leaving / every[None])[:, None] * arriving[None])
        steps.append((every, arriving))
    weights = jnp.ones_like(stay[0])
    for every, arriving in reversed(steps):
        inflow = jnp.sum(arriving * weights, axis=0, keepdims=True)
        weights = _once(jnp.concatenate([weights, inflow / every[None]]))
    others = jnp.sum(blocks.arriving * weights[None], axis=1) / total
    one, no = jnp.ones(most.shape, int), jnp.zeros(most.shape, bool)
    found = assembled(blocks, weights, others, one, no, pairs)
    path = out / most * into
    return found, jnp.all(found.populations >= tiny) & jnp.all(path >= tiny)


def _one_by_one(rates: Float[Array, "A b"], pairs: Pairs) -> Stationary:
    alone = partial(stationary_of_one, pairs=pairs)
    found: Stationary = jax.vmap(alone, in_axes=-1, out_axes=-1)(rates)
    return found


@precise
def _solved(rates: Float[Array, "A b"], *, pairs: Pairs) -> list[Array]:
    worthwhile = rates.shape[1] >= _MANY_POINTS and pairs.independent_set_split[0].size <= _FEW_STATES
    if not worthwhile or not len(rates):
        return jax.tree.leaves(_one_by_one(rates, pairs))
    found, sound = _batched_gth(rates, pairs)
    solution = jax.lax.cond(sound, lambda _: found, lambda rates: _one_by_one(rates, pairs), rates)
    return jax.tree.leaves(solution)


def _shapes(rates: ShapedArray, *, pairs: Pairs) -> list[ShapedArray]:
    found = jax.eval_shape(
        partial(_one_by_one, pairs=pairs), jax.ShapeDtypeStruct(rates.shape, rates.dtype)
    )
    return [ShapedArray(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(found)]


def _mapped(rates: tuple[Array], axes: tuple[int], *, pairs: Pairs) -> tuple[list[Array], list[int]]:
    """What maps the points adds to those in the last dimension."""
    first = jnp.moveaxis(rates[0], axes[0], 1)
    points = math.prod(first.shape[1:])
    found = _solutions.bind(first.reshape(len(first), points), pairs=pairs)
    apart = [leaf.reshape(*leaf.shape[:-1], *first.shape[1:]) for leaf in found]
    return apart, [leaf.ndim - 2 for leaf in apart]


# The leaves of a `Stationary` from rates (A, b). A primitive of JAX, as only those say how they map
# wherever they stand: inside the branches of a `cond` that is mapped as well.
_solutions = Primitive("stationary")
_solutions.multiple_results = True
_solutions.def_impl(compiled(_solved, static_argnames="pairs"))
_solutions.def_abstract_eval(_shapes)
batching.primitive_batchers[_solutions] = _mapped
mlir.register_lowering(_solutions, mlir.lower_fun(_solved, multiple_results=True))


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def stationary(rates: Float[Array, " A"], pairs: Pairs) -> Stationary:
    """The stationary state of the rates of j -> i, then those of i -> j, as `Pairs.states` has them."""
    return Stationary(*(leaf[..., 0] for leaf in _solutions.bind(rates[:, None], pairs=pairs)))


@stationary.defjvp
@precise
def _(pairs: Pairs, rates: tuple[Array], steps: tuple[Array]) -> tuple[Stationary, Stationary]:
    alone = partial(stationary_of_one, pairs=pairs)
    solution: tuple[Stationary, Stationary] = jax.jvp(alone, rates, steps)
    return solution
