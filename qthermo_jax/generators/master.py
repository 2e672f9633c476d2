"""The master equation that a system asks for, whole: generator, heat operators, jump operators."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Complex, Float, Inexact

from qthermo_jax.generators.generator import Generator, InEigenbasis
from qthermo_jax.generators.local import local_generator, local_heat_operators
from qthermo_jax.generators.redfield import redfield_generator, redfield_heat_operators
from qthermo_jax.generators.secular import (
    expectations,
    has_no_cycle,
    secular_currents,
    secular_generator,
)
from qthermo_jax.generators.transitions import Transitions, log_rates, transitions
from qthermo_jax.precision import compiled
from qthermo_jax.spectral import Eigenbasis, eigenbasis
from qthermo_jax.system import OpenSystem


def moves_of(system: OpenSystem, basis: Eigenbasis) -> Transitions:
    """What the baths do: to the eigenstates of H, or to those of H_0 in the local master equation."""
    if system.generator == "local":
        bare = system.without_interactions()
        return transitions(bare, eigenbasis(bare))
    return transitions(system, basis)


def generator_of(system: OpenSystem, moves: Transitions, basis: Eigenbasis) -> Generator:
    """The generator as a tensor in the eigenbasis of H: d rho_ab/dt = sum_cd L[a, b, c, d] rho_cd.

    Args:
        moves: as `moves_of` gives them.
        basis: that of H.
    """
    if system.generator == "local":
        return local_generator(moves, basis)
    return redfield_generator(moves) if system.generator == "redfield" else secular_generator(moves)


def currents_of(
    system: OpenSystem, basis: Eigenbasis, state: InEigenbasis
) -> tuple[Float[Array, " K"], Float[Array, "K d"], Float[Array, " r"], Bool[Array, ""]]:
    """Heat current into each bath, J_k = -Tr[L_k(rho) H].

    Returns:
        the currents, bounds of their errors from round-off by the state that they come of, the
        logarithms of all rates, and whether a steady state has no current for want of a cycle.
    """
    moves = moves_of(system, basis)
    if system.is_secular:
        return *secular_currents(moves, state), log_rates(moves), has_no_cycle(moves)
    local = system.generator == "local"
    operators = local_heat_operators(moves, basis) if local else redfield_heat_operators(moves)
    return *expectations(*operators, state), log_rates(moves), jnp.array(False)


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
    basis = eigenbasis(system)
    generator = generator_of(system, moves_of(system, basis), basis).elements
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
    moves = transitions(system, eigenbasis(system))
    _, _, group = moves.matrices()
    S = moves.matrix(moves.amplitudes, moves.amplitudes.conj())
    energies, d = moves.basis.relative_energies, system.dimension
    labels = jnp.arange(d * d)
    member = labels[:, None, None] == group[None, :, :]
    used = jnp.any(member, axis=(1, 2))
    table = moves.pairs.frequency_table
    omega = jnp.concatenate([moves.omega, -moves.omega])
    bohr = jnp.where(table < 0, energies[None, :] - energies[:, None], omega[table])
    highest = jnp.max(jnp.where(member, bohr[None], -jnp.inf), axis=(1, 2))
    A = jnp.where(member[None], S[:, None], 0.0)
    return jnp.where(used, highest, jnp.nan), moves.basis.rotate_out(A)
