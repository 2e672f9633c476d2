"""Generators and jump operators for reading: as matrices in the basis in which H was given."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float, Inexact, Int

from qthermo_jax.master_equations.secular import dissipation
from qthermo_jax.precision import compiled
from qthermo_jax.system import OpenSystem
from qthermo_jax.transitions import Transitions


@compiled
def liouvillian(system: OpenSystem) -> Complex[Array, "dd dd"]:
    """Liouvillian of the system's master equation as a matrix on column-stacked density matrices.

    Args:
        system: dimension d.

    Returns:
        (d^2, d^2), in the basis in which H was given, in units of energy (hbar = 1). Where a rate
        diverges or a parameter is out of range it holds inf or NaN.

    >>> from qthermo_jax.models import lambda_system
    >>> liouvillian(lambda_system()).shape
    (9, 9)
    """
    basis = system.eigenbasis()
    generator = system.equation.generator(system.transitions(basis), basis).elements
    V = basis.vectors.astype(generator.dtype)
    tensor = jnp.einsum("ai,bj,ijkl,ck,dl->abcd", V, V.conj(), generator, V.conj(), V)
    d = system.dimension
    return tensor.transpose(1, 0, 3, 2).reshape(d * d, d * d)


@compiled
def jump_operators(
    system: OpenSystem,
) -> tuple[Float[Array, " dd"], Inexact[Array, "K dd d d"]]:
    """Jump operators A_k(omega) of the secular master equation with their frequencies, for reading.

    Returns:
        omega: (d^2,) frequencies, ascending; a system with fewer groups of equal frequencies has
            NaN in the places left over.
        A: (K, d^2, d, d) in the basis in which H was given; zero in the places left over.

    >>> from qthermo_jax.models import lambda_system
    >>> omega, A = jump_operators(lambda_system())
    >>> A.shape  # two baths, at most nine frequencies
    (2, 9, 3, 3)
    """
    transitions = system.transitions_of_H(system.eigenbasis())
    _, _, group = transitions.matrices()
    S = transitions.matrix(transitions.amplitudes, transitions.amplitudes.conj())
    energies, d = transitions.basis.relative_energies, system.dimension
    labels = jnp.arange(d * d)
    member = labels[:, None, None] == group[None, :, :]
    used = jnp.any(member, axis=(1, 2))
    table = transitions.pairs.frequency_table
    omega = jnp.concatenate([transitions.omega, -transitions.omega])
    bohr = jnp.where(table < 0, energies[None, :] - energies[:, None], omega[table])
    highest = jnp.max(jnp.where(member, bohr[None], -jnp.inf), axis=(1, 2))
    A = jnp.where(member[None], S[:, None], 0.0)
    return jnp.where(used, highest, jnp.nan), transitions.basis.rotate_out(A)


class _OfOneBath(eqx.Module):
    """The jumps of one bath, as `dissipation` takes them."""

    amplitudes: Inexact[Array, "d d"]
    rates: Float[Array, "d d"]
    group: Int[Array, "d d"]

    def matrices(self) -> tuple[Inexact[Array, "1 d d"], Float[Array, "1 d d"], Int[Array, "d d"]]:
        return self.amplitudes[None], self.rates[None], self.group

    def errors(self) -> tuple[Float[Array, "1 d d"], Float[Array, "1 d d"]]:
        nothing = jnp.zeros_like(self.rates)[None]
        return nothing, nothing


def dissipators(transitions: Transitions) -> Complex[Array, "K d d d d"]:
    """D_k of each bath as [k, a, b, c, d] in the basis in which H was given.

    d rho_ab/dt = sum_cd D[a, b, c, d] rho_cd.
    """
    S, rates, group = transitions.matrices()

    def of_one(amplitudes: Array, rates: Array) -> Array:
        return dissipation(_OfOneBath(amplitudes, rates, group)).elements

    D = jax.vmap(of_one)(S, rates)
    V = transitions.basis.vectors.astype(D.dtype)
    return jnp.einsum("ai,bj,kijlm,cl,dm->kabcd", V, V.conj(), D, V.conj(), V)
