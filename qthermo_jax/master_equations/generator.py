"""What a master equation acts on and is made of, each with a bound of its error."""

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float


class Generator(eqx.Module):
    """A generator among some elements of rho, as a matrix or a tensor.

    Attributes:
        elements: L, in units of energy.
        error: bound of the error of each element: the sizes of the terms that it is a sum of, each
            times what round-off did to it. Where a strong bath's terms cancel, the error that is left is
            that of the terms, not that of the sum.
        jump_error: bound of the error of the rate of each jump c -> a between eigenstates, (d, d) as
            [a, c]. It is no part of `error`: what such an error brings to a it takes from c, and between
            states that exchange population fast it changes little, however large it is.
    """

    elements: Complex[Array, "*s"]
    error: Float[Array, "*s"]
    jump_error: Float[Array, "d d"]

    def __add__(self, other: "Generator") -> "Generator":
        return Generator(
            self.elements + other.elements,
            self.error + other.error,
            self.jump_error + other.jump_error,
        )

    def map(self, reshaped: Callable[[Array], Array]) -> "Generator":
        """The same in another shape."""
        return Generator(reshaped(self.elements), reshaped(self.error), self.jump_error)


class InEigenbasis(eqx.Module):
    """A density matrix in the eigenbasis of H, and what its elements are known to.

    Attributes:
        populations, coherences: the diagonal and the rest of it, None for what has none.
        error: bound of the error of each coherence.
        population_errors: of each population, (d,).
    """

    populations: Float[Array, " d"]
    coherences: Complex[Array, "d d"] | None
    error: Float[Array, ""]
    population_errors: Float[Array, " d"]

    @classmethod
    def exactly(
        cls, populations: Float[Array, " d"], coherences: Complex[Array, "d d"] | None
    ) -> "InEigenbasis":
        """Of a density matrix whose error is not known."""
        return cls(populations, coherences, jnp.zeros_like(populations[0]), jnp.zeros_like(populations))
