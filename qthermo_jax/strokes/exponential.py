"""e^A - 1 of small matrices, for exponents from very small to very large.

Squaring is done with E = e^X - 1, E -> 2 E + E E. What is small keeps its relative accuracy however
often it is squared, so that one number of squarings serves all sizes: the program has no branch, and
its derivative exists everywhere.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Inexact

from qthermo_jax.driven.propagator import polynomial, product

# Of the Taylor polynomial.
_DEGREE = 16

# Up to this |A| / 2^squarings the polynomial is exact to round-off.
REACH = 0.8


class Kept(NamedTuple):
    """A linear function of y that y' = A y leaves alone.

    Attributes:
        measure: the function, (n,); its product with A from the left is 0.
        share: the change of y that makes up for an error of it, (n,); the function of that is 1.
    """

    measure: Inexact[Array, " n"]
    share: Inexact[Array, " n"]


def exponential_less_one(
    A: Inexact[Array, "*b n n"], squarings: int, kept: Sequence[Kept] = ()
) -> Inexact[Array, "*b n n"]:
    """e^A - 1, exact to round-off for |A| up to 0.8 x 2^squarings.

    Args:
        kept: what A leaves alone, and what is returned shall: round-off would double with each squaring.
    """
    A = A / 2**squarings
    start = product(polynomial(A, [1.0 / math.factorial(order + 1) for order in range(_DEGREE)]), A)

    def squared(E: Array, _: None) -> tuple[Array, None]:
        E = 2 * E + product(E, E)
        for own in kept:
            E = E - jnp.einsum("i,j,...jk->...ik", own.share, own.measure, E)
        return E, None

    found, _ = jax.lax.scan(squared, start, None, length=squarings)
    return found


def followed(
    first: Inexact[Array, "*#b n n"], second: Inexact[Array, "*#b n n"]
) -> Inexact[Array, "*b n n"]:
    """(1 + second)(1 + first) - 1."""
    return first + second + product(second, first)
