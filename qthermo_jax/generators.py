"""The global (microscopic, fully secular) master equation in the eigenbasis of H: paper, Eqs. 4-5.

    d rho/dt = -i [H, rho] + sum_k sum_omega gamma_k(omega) D[A_k(omega)] rho

A_k(omega) keeps the elements S_k,ij of the coupling with omega_ij = E_j - E_i in the group of omega.
Two elements act together exactly if their pairs carry the same group label, so that the sum over the
groups becomes a mask with static shape.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Inexact

from qthermo_jax.baths import rate
from qthermo_jax.spectral import Eigenbasis, eigenbasis, roundoff
from qthermo_jax.system import OpenSystem


class Transitions(eqx.Module):
    """What the baths do to the eigenstates.

    Attributes:
        basis: the eigenstates.
        couplings: S_k in the eigenbasis.
        rates: gamma_k(omega_ij), for the jump j -> i.
        divergent: whether a bath drives a transition whose rate diverges.
    """

    basis: Eigenbasis
    couplings: Inexact[Array, "K d d"]
    rates: Float[Array, "K d d"]
    divergent: Bool[Array, ""]


def transitions(system: OpenSystem, basis: Eigenbasis) -> Transitions:
    """Couplings and rates of every bath in the eigenbasis of H.

    Args:
        basis: as `eigenbasis(system)` gives it, and a `SteadyState` keeps it.

    A divergent rate that meets an element which is zero up to round-off is harmless and set to zero.
    """
    couplings = basis.rotate_in(jnp.concatenate([bath.coupling for bath in system.baths]))
    rates = jnp.concatenate(
        [
            jax.vmap(rate, in_axes=(0, None, 0))(bath.spectrum, basis.bohr, bath.T)
            for bath in system.baths
        ]
    )
    size = jnp.abs(couplings)
    driven = size > roundoff(size.dtype) * jnp.max(size, axis=(1, 2), keepdims=True)
    infinite = jnp.isposinf(rates)
    return Transitions(
        basis,
        couplings,
        jnp.where(infinite & ~driven, 0.0, rates),
        jnp.any(infinite & driven),
    )


def secular_generator(moves: Transitions) -> Complex[Array, "d d d d"]:
    """The generator as a tensor in the eigenbasis: d rho_ab/dt = sum_cd L[a, b, c, d] rho_cd."""
    S, group, energies = moves.couplings, moves.basis.group, moves.basis.energies
    together = group[:, :, None, None] == group[None, None, :, :]
    gain = jnp.einsum("kac,kbd->acbd", moves.rates.astype(S.dtype) * S, S.conj())
    gain = jnp.where(together, gain, 0.0).astype(np.promote_types(S.dtype, np.complex64))
    loss = jnp.einsum("acad->cd", gain).conj() / 2
    one = jnp.eye(energies.size, dtype=gain.dtype)
    oscillation = 1j * (energies[:, None] - energies[None, :]).astype(gain.dtype)
    return (
        gain.transpose(0, 2, 1, 3)
        - jnp.einsum("ac,bd->abcd", loss, one)
        - jnp.einsum("ac,db->abcd", one, loss)
        - jnp.einsum("ab,ac,bd->abcd", oscillation, one, one)
    )


def _driven(moves: Transitions) -> Bool[Array, "K d d"]:
    """Which transitions a bath drives: elements of its coupling that are not round-off of eigenvectors.

    Squared, or scaled up, round-off would connect states that nothing connects.
    """
    size = jnp.abs(moves.couplings)
    return size > roundoff(size.dtype) * jnp.max(size, axis=(1, 2), keepdims=True)


def rate_matrix(moves: Transitions) -> Float[Array, "d d"]:
    """W_ij, the rate of the jump j -> i summed over the baths; the diagonal is 0."""
    jumps = jnp.where(_driven(moves), moves.rates * jnp.abs(moves.couplings) ** 2, 0.0)
    return jnp.where(jnp.eye(jumps.shape[-1], dtype=bool), 0.0, jnp.sum(jumps, axis=0))


def populations_drive_coherences(moves: Transitions) -> Bool[Array, ""]:
    """Whether a population c drives a coherence ab: a bath drives ac and bc, and omega_ac = omega_bc.

    However weakly: inside a degenerate level nothing but the baths acts on the coherence, so that a
    weak drive against a weak decay makes a large one. At every temperature the answer is the same.
    """
    group, driven = moves.basis.group, _driven(moves).astype(moves.rates.dtype)
    together = jnp.einsum("kac,kbc->ab", driven, driven) > 0
    resonant = jnp.any(group[:, None, :] == group[None, :, :], axis=2)
    different = ~jnp.eye(group.shape[0], dtype=bool)
    return jnp.any(together & resonant & different)


def heat_operators(moves: Transitions) -> Inexact[Array, "K d d"]:
    """Q_k = -L_k^dag(H) in the eigenbasis, so that the heat current into bath k is Tr[Q_k rho]."""
    S, group, energies = moves.couplings, moves.basis.group, moves.basis.energies
    together = group[:, :, None] == group[:, None, :]
    released = (energies[None, :, None] + energies[None, None, :]) / 2 - energies[:, None, None]
    weight = jnp.where(together, released, 0.0)
    emitted = moves.rates.astype(S.dtype) * S.conj()
    return jnp.einsum("acd,kac,kad->kcd", weight.astype(S.dtype), emitted, S)


def liouvillian(system: OpenSystem) -> Complex[Array, "dd dd"]:
    """Liouvillian of the global master equation as a matrix on column-stacked density matrices.

    Args:
        system: dimension d.

    Returns:
        (d^2, d^2), in the basis in which H was given, in units of energy (hbar = 1). Where a rate
        diverges or a parameter is out of range it holds inf or NaN.

    >>> from qthermo_jax.models import lambda_system
    >>> liouvillian(lambda_system()).shape
    (9, 9)
    """
    moves = transitions(system, eigenbasis(system))
    generator = secular_generator(moves)
    V = moves.basis.vectors.astype(generator.dtype)
    tensor = jnp.einsum("ai,bj,ijkl,ck,dl->abcd", V, V.conj(), generator, V.conj(), V)
    d = system.dimension
    return tensor.transpose(1, 0, 3, 2).reshape(d * d, d * d)


def jump_operators(
    system: OpenSystem,
) -> tuple[Float[Array, " dd"], Inexact[Array, "K dd d d"]]:
    """Jump operators A_k(omega) with their frequencies, for reading and for tests.

    Returns:
        omega: (d^2,) frequencies, ascending; a system with fewer groups of equal frequencies has
            NaN in the places left over.
        A: (K, d^2, d, d) in the basis in which H was given; zero in the places left over.
    """
    moves = transitions(system, eigenbasis(system))
    group = moves.basis.group
    labels = jnp.arange(group.size)
    member = labels[:, None, None] == group[None, :, :]
    used = jnp.any(member, axis=(1, 2))
    bohr = jnp.max(jnp.where(member, moves.basis.bohr[None], -jnp.inf), axis=(1, 2))
    A = jnp.where(member[None], moves.couplings[:, None], 0.0)
    return jnp.where(used, bohr, jnp.nan), moves.basis.rotate_out(A)
