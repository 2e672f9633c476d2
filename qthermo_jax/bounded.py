"""Values that are differences of larger numbers, with a bound of what round-off did to them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

# A value whose error may be larger than this part of it is not given.
_SIX_DIGITS = 1e-6

# A derivative has more terms than its value, and each is as good as the value's.
_TERMS = 4.0


class Bounded(eqx.Module):
    """A value, a bound of its error, and the size that the error is compared with.

    Attributes:
        value: any shape.
        bound: of the error of the value as it is computed, a sum of positive terms with constant factors.
        size: the error is compared with 1e-6 of this; the value's own size as a rule.
        exact: whether the value is exact by law whatever the bound of the computed one, ().
        logarithms: of all rates that it is made of, (p,). Their derivatives tell how fast its terms
            change, each of them by round-off of that size.
    """

    value: Float[Array, "*dims"]
    bound: Float[Array, "*dims"]
    size: Float[Array, "*dims"]
    exact: Bool[Array, ""]
    logarithms: Float[Array, " p"]

    def having(self, value: Float[Array, "*s"], bound: Float[Array, "*s"]) -> "Bounded":
        """Another value made of the same rates, wanted to six digits of its own."""
        return replace(self, value=value, bound=bound, size=jnp.abs(value))

    @property
    def reliable(self) -> Bool[Array, "*dims"]:
        """Where the bound is at most 1e-6 of the size."""
        return self.exact | (self.bound <= _SIX_DIGITS * self.size)

    @property
    def trusted(self) -> Float[Array, "*dims"]:
        """The value, NaN where it is not reliable; by a factor, so that its derivatives are NaN too."""
        return self.value * jnp.where(jax.lax.stop_gradient(self.reliable), 1.0, jnp.nan)


def trusted(found: Float[Array, "*dims"] | Bounded) -> Float[Array, "*dims"]:
    """A value as it is, or NaN where it is one with a bound that is too large."""
    return found.trusted if isinstance(found, Bounded) else found


def slope_of(found: Any, slope: Any) -> Any:
    """The derivative of a value from what `jax.jvp` gives: with a bound where the value has one.

    The error of a derivative is that of its terms: their change, which the bound's own derivative
    sees, and the error of the value times the fastest relative change of a rate.
    """
    if not isinstance(found, Bounded):
        return slope
    fastest = jnp.max(jnp.abs(slope.logarithms), initial=0.0)
    bound = _TERMS * (jnp.abs(slope.bound) + fastest * found.bound)
    return replace(found.having(slope.value, bound), exact=jnp.array(False))


def derivatives(
    function: Callable[[Float[Array, " K"]], Any], at: Float[Array, " K"]
) -> Float[Array, "*dims K"] | Bounded:
    """Derivatives of a function with respect to each of some numbers, in the last dimension."""

    def along(step: Float[Array, " K"]) -> Any:
        return slope_of(*jax.jvp(function, (at,), (step,)))

    slopes = jax.vmap(along)(jnp.eye(at.size, dtype=at.dtype))
    if not isinstance(slopes, Bounded):
        return jnp.moveaxis(slopes, 0, -1)
    value, bound = jnp.moveaxis(slopes.value, 0, -1), jnp.moveaxis(slopes.bound, 0, -1)
    first: Bounded = jax.tree.map(lambda own: own[0], slopes)
    return first.having(value, bound)
