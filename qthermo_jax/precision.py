"""Matrix products with all digits of their numbers.

Unless told otherwise, a GPU multiplies matrices of 32-bit numbers in TF32, which keeps three digits. JAX
reads the setting while it traces a function, so that it goes around the function's body.
"""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import jax

P = ParamSpec("P")
R = TypeVar("R")


def precise(function: Callable[P, R]) -> Callable[P, R]:
    """The function with all of its matrix products at the full precision of their numbers.

    It holds for what is traced inside the function. A rule of differentiation and the lowering of a
    primitive are traced later: they are decorated themselves.
    """

    @wraps(function)
    def with_all_digits(*args: P.args, **kwargs: P.kwargs) -> R:
        with jax.default_matmul_precision("highest"):
            return function(*args, **kwargs)

    return with_all_digits


def compiled(function: Callable[..., Any], static_argnames: str | Sequence[str] = ()) -> Any:
    """`jax.jit` of a function with its matrix products at full precision."""
    return jax.jit(precise(function), static_argnames=static_argnames)
