"""Values that are differences of larger numbers, with a bound of what round-off did to them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array, Bool, Float

# A value whose error may be larger than this part of it is not given.
SIX_DIGITS = 1e-6

# A derivative has more terms than its value, and each is as good as the value's.
_TERMS = 4.0


class Pace(eqx.Module):
    """What tells how fast a value's terms change along a direction, and so how exact the change is.

    Attributes:
        populations: p, (d,).
        logarithms: ln p, (d,).
        rates: the logarithms of all rates, (r,).
        reference: position of the state that the elimination gives the weight 1.
        alone: whether the populations come of the elimination; no error then is larger than that of the
            weights ln(p_i/p_reference) and of their mean. Otherwise that of the fastest rate counts.
        factors: of net fluxes, in how many factors of a term a rate may be; 0 for what is made of
            populations times rates.
    """

    populations: Float[Array, " d"]
    logarithms: Float[Array, " d"]
    rates: Float[Array, " r"]
    reference: int = eqx.field(static=True)
    alone: Bool[Array, ""]
    factors: Float[Array, ""]

    def of(self, change: "Pace") -> Float[Array, " d"]:
        """Relative change of the part that comes of each state, as far as round-off acts on it, (d,).

        Args:
            change: derivatives of this along a direction.
        """
        fastest = jnp.max(jnp.abs(change.rates), initial=0.0)
        weight = jnp.abs(change.logarithms - change.logarithms[self.reference])
        own = jnp.abs(change.logarithms) + weight + jnp.sum(self.populations * weight)
        of_populations = jnp.where(self.alone, own, fastest)
        return jnp.maximum(self.factors * fastest, of_populations)

    def with_those_of(self, *others: "Pace") -> "Pace":
        """The same for a value that is made of others' terms too: their rates, and the most factors."""
        most = jnp.max(jnp.stack([self.factors, *(other.factors for other in others)]))
        rates = jnp.concatenate([self.rates, *(other.rates for other in others)])
        return replace(self, rates=rates, factors=most)


class Bounded(eqx.Module):
    """A value, a bound of its error, and the size that the error is compared with.

    Attributes:
        value: any shape.
        bound: of the error of the value as it is computed.
        parts: the same state by state whose population it comes of, (*dims, d): sums of positive terms
            with constant factors. Only derivatives need it; elsewhere the compiler drops it.
        size: the error is compared with 1e-6 of this; the value's own size as a rule.
        exact: whether the value is exact by law whatever the bound of the computed one, ().
        pace: of the populations.
    """

    value: Float[Array, "*dims"]
    bound: Float[Array, "*dims"]
    parts: Float[Array, "*dims d"]
    size: Float[Array, "*dims"]
    exact: Bool[Array, ""]
    pace: Pace

    def having(
        self,
        value: Float[Array, "*s"],
        parts: Float[Array, "*s d"],
        bound: Float[Array, "*s"] | None = None,
    ) -> "Bounded":
        """Another value made of the same currents, wanted to six digits of its own.

        Args:
            bound: the sum of the parts, where that is there in another way.
        """
        total = jnp.sum(parts, axis=-1) if bound is None else bound
        return replace(self, value=value, bound=total, parts=parts, size=jnp.abs(value))

    @property
    def reliable(self) -> Bool[Array, "*dims"]:
        """Where the bound is at most 1e-6 of the size."""
        exact = self.exact.reshape(self.exact.shape + (1,) * (self.size.ndim - self.exact.ndim))
        return exact | (self.bound <= SIX_DIGITS * self.size)

    @property
    def trusted(self) -> Float[Array, "*dims"]:
        """The value, NaN where it is not reliable; by a factor, so that its derivatives are NaN too."""
        return self.value * jnp.where(jax.lax.stop_gradient(self.reliable), 1.0, jnp.nan)


def _nothing(cotangent: Array, values: Array) -> list[Array]:
    return [jnp.zeros_like(cotangent)]


def _steps_of_steps(values: tuple[Array], steps: tuple[Array]) -> tuple[Array, Array]:
    return _size_of_step.bind(values[0]), _size_of_step.bind(ad.instantiate_zeros(steps[0]))


# |dx| as if it were linear in dx, for derivatives in forward mode. In reverse mode nobody asks for the
# derivative of a bound, so that what comes back is 0.
_size_of_step = Primitive("size_of_step")
_size_of_step.def_impl(jnp.abs)
_size_of_step.def_abstract_eval(lambda values: values)
batching.defvectorized(_size_of_step)
ad.primitive_jvps[_size_of_step] = _steps_of_steps
ad.primitive_transposes[_size_of_step] = _nothing
mlir.register_lowering(_size_of_step, mlir.lower_fun(jnp.abs, multiple_results=False))


@jax.custom_jvp
def size_of(values: Float[Array, "*s"]) -> Float[Array, "*s"]:
    """|x|, with the derivative |dx|: what a bound that is linear in |x| is for the derivative."""
    return jnp.abs(values)


@size_of.defjvp
def _(
    values: tuple[Float[Array, "*s"]], steps: tuple[Float[Array, "*s"]]
) -> tuple[Float[Array, "*s"], Float[Array, "*s"]]:
    return jnp.abs(values[0]), _size_of_step.bind(steps[0])


def trusted(found: Float[Array, "*dims"] | Bounded) -> Float[Array, "*dims"]:
    """A value as it is, or NaN where it is one with a bound that is too large."""
    return found.trusted if isinstance(found, Bounded) else found


def slope_of(found: Any, slope: Any) -> Any:
    """The derivative of a value from what `jax.jvp` gives: with a bound where the value has one.

    The error of a derivative is that of its terms: their change, which the bound's own derivative
    sees, and the error of each part times the relative change of its factors.
    """
    if not isinstance(found, Bounded):
        return slope
    pace = found.pace.of(slope.pace)
    moved = jnp.einsum("...d,d->...d", found.parts, pace)
    parts = _TERMS * (jnp.abs(slope.parts) + moved)
    return replace(found.having(slope.value, parts), exact=jnp.array(False))


def derivatives(
    function: Callable[[Float[Array, " K"]], Any], at: Float[Array, " K"]
) -> Float[Array, "*dims K"] | Bounded:
    """Derivatives of a function with respect to each of some numbers, in the last dimension."""

    def along(step: Float[Array, " K"]) -> Any:
        return slope_of(*jax.jvp(function, (at,), (step,)))

    slopes = jax.vmap(along)(jnp.eye(at.size, dtype=at.dtype))
    if not isinstance(slopes, Bounded):
        return jnp.moveaxis(slopes, 0, -1)
    first: Bounded = jax.tree.map(lambda own: own[0], slopes)
    return first.having(jnp.moveaxis(slopes.value, 0, -1), jnp.moveaxis(slopes.parts, 0, -2))
