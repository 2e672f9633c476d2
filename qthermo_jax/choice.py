"""Choices in a program: one that stays one under `vmap`, and whether Python can make it instead.

`jax.lax.cond` computes both of its branches at every point as soon as the question is mapped.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir
from jaxtyping import Array, Bool

_Found = TypeVar("_Found")
_Flag = TypeVar("_Flag")  # a value, or its type

# A flag as it is. Under `vmap` over the flag: whether it is set at any point, one answer for all.
_anywhere = Primitive("anywhere")


def _mapped(flags: tuple[Array], axes: tuple[int]) -> tuple[Array, None]:
    return _anywhere.bind(jnp.any(flags[0], axis=axes[0])), None


def _itself(flag: _Flag) -> _Flag:
    return flag


_anywhere.def_impl(_itself)
_anywhere.def_abstract_eval(_itself)
batching.primitive_batchers[_anywhere] = _mapped
mlir.register_lowering(_anywhere, lambda _, flag: [flag])


def chosen(asked: Bool[Array, ""], by: Callable[[], _Found], otherwise: Callable[[], _Found]) -> _Found:
    """`jax.lax.cond(asked, by, otherwise)` at each point, `by` only if it is asked for at all.

    Args:
        asked: whether this point takes what `by` gives.
        by: gives arrays of the same shapes as `otherwise`. Of points that are mapped, it is computed
            for all if one of them asks.
    """

    def of_each() -> _Found:
        found: _Found = jax.lax.cond(asked, by, otherwise)
        return found

    result: _Found = jax.lax.cond(_anywhere.bind(asked), of_each, otherwise)
    return result


def is_traced(values: Any) -> bool:
    """Whether these values, or what is computed of them, are not there while Python runs.

    Inside `jax.jit` what is computed is not there, although values from outside are.
    """
    leaves = jax.tree.leaves((values, jnp.zeros(())))
    return any(isinstance(leaf, jax.core.Tracer) for leaf in leaves)
