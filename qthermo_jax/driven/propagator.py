"""The propagator of a linear equation y' = A(t) y over a period, by a Magnus method of order 6.

Blanes, Casas, Oteo & Ros, Physics Reports 470, 151 (2009): one matrix exponential a step, of an
exponent that is made of the first moments of A in the step. The moments come of five equally spaced
times of each step (Boole's rule). Of those every second one serves a step of twice the length, so that
the error is estimated without another evaluation of A.
"""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact

# Boole's rule for the moments of order 0, 1 and 2 about the middle of a step of length 1.
_BOOLE = np.array([7.0, 32.0, 12.0, 32.0, 7.0]) / 90
_PLACE = np.array([-0.5, -0.25, 0.0, 0.25, 0.5])
_MOMENTS = np.stack([_BOOLE, _BOOLE * _PLACE, _BOOLE * _PLACE**2])

# Of the exponential's Taylor polynomial.
_DEGREE = 16

# Up to this dimension a sum of products is faster than a call of a library for each matrix.
_SMALL = 4


def product(A: Inexact[Array, "*#b n n"], B: Inexact[Array, "*#b n n"]) -> Inexact[Array, "*b n n"]:
    """A B, for batches of small matrices."""
    n = A.shape[-1]
    if n > _SMALL:
        return A @ B
    terms = [A[..., :, m, None] * B[..., None, m, :] for m in range(n)]
    return sum(terms[1:], terms[0])


def polynomial(A: Inexact[Array, "*b n n"], factors: Sequence[float]) -> Inexact[Array, "*b n n"]:
    """sum_k factors[k] A^k, by four powers of A and Horner's scheme.

    Args:
        factors: 4 m of them, or 4 m + 1, which takes no further product.
    """
    one = jnp.eye(A.shape[-1], dtype=A.dtype)
    powers = [jnp.broadcast_to(one, A.shape), A]
    for _ in range(2):
        powers.append(product(powers[-1], A))
    fourth = product(powers[2], powers[2])
    whole = len(factors) - len(factors) % 4
    terms = [[factors[start + m] * powers[m] for m in range(4)] for start in range(0, whole, 4)]
    blocks = [sum(own[1:], own[0]) for own in terms]
    total = blocks[-1] if whole == len(factors) else blocks[-1] + factors[whole] * fourth
    for block in blocks[-2::-1]:
        total = block + product(total, fourth)
    return total


def exponential(A: Inexact[Array, "*b n n"], squarings: int) -> Inexact[Array, "*b n n"]:
    """e^A by a Taylor polynomial of degree 16 and a fixed number of squarings.

    Exact to round-off for |A| up to 0.8 x 2^squarings. It has no branch and no division, so that its
    derivative exists everywhere.
    """
    total = polynomial(A / 2**squarings, [1.0 / math.factorial(order) for order in range(_DEGREE + 1)])
    for _ in range(squarings):
        total = product(total, total)
    return total


def exponents(
    A: Inexact[Array, "s_plus_1 n n"], period: Float[Array, ""], steps: int
) -> Inexact[Array, "m n n"]:
    """Magnus exponents of order 6 of equal steps of a period.

    Args:
        A: at s + 1 equally spaced times from the beginning to the end, s a multiple of 4 steps.
    """
    times = A[:: (len(A) - 1) // (4 * steps)]
    inside = times[:-1].reshape(steps, 4, *A.shape[1:])
    nodes = jnp.concatenate([inside, times[4::4, None]], axis=1)
    h = (period / steps).astype(A.dtype)
    zeroth, first, second = jnp.einsum("om,smij->osij", jnp.asarray(_MOMENTS, A.dtype), nodes) * h
    alpha_1 = 2.25 * zeroth - 15.0 * second
    alpha_2 = 12.0 * first
    alpha_3 = -15.0 * zeroth + 180.0 * second
    C_1 = _commutator(alpha_1, alpha_2)
    C_2 = -_commutator(alpha_1, 2.0 * alpha_3 + C_1) / 60.0
    return alpha_1 + alpha_3 / 12.0 + _commutator(C_1 - 20.0 * alpha_1 - alpha_3, alpha_2 + C_2) / 240.0


def _commutator(A: Inexact[Array, "m n n"], B: Inexact[Array, "m n n"]) -> Inexact[Array, "m n n"]:
    return product(A, B) - product(B, A)


def propagators(
    A: Inexact[Array, "s n n"], period: Float[Array, ""], steps: Sequence[int], squarings: int
) -> list[Inexact[Array, "_ n n"]]:
    """Y(t) with Y' = A(t) Y, Y(0) = 1, at the ends of the steps of a period, from 0.

    Args:
        A: periodic, at s equally spaced times from the beginning of the period, s a multiple of 4 steps.
        steps: numbers of steps; for each of them there is an answer.
        squarings: as for `exponential`.
    """
    return products_of_exponentials(jnp.concatenate([A, A[:1]]), period, steps, squarings)


def products_of_exponentials(
    A: Inexact[Array, "s_plus_1 n n"], period: Float[Array, ""], steps: Sequence[int], squarings: int
) -> list[Inexact[Array, "_ n n"]]:
    """`propagators` of what need not be periodic.

    Args:
        A: as for `exponents`.
    """
    all_moves = exponential(jnp.concatenate([exponents(A, period, own) for own in steps]), squarings)
    one = jnp.eye(A.shape[-1], dtype=A.dtype)

    def on(Y: Array, move: Array) -> tuple[Array, Array]:
        later = product(move, Y)
        return later, later

    return [
        jnp.concatenate([one[None], jax.lax.scan(on, one, moves)[1]])
        for moves in jnp.split(all_moves, np.cumsum(steps)[:-1])
    ]
