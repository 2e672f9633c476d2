"""The local (phenomenological) master equation: each bath acts as if the interactions were not there.

    d rho/dt = -i [H, rho] + sum_k sum_omega gamma_k(omega) D[A_k(omega)] rho

with the A_k(omega) and omega of the bare Hamiltonian H_0 and the commutator of the whole H. Where the
interactions are not weak it may even let heat flow from cold to hot (Levy & Kosloff, EPL 107, 20004
(2014)).
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Inexact

from qthermo_jax.eigenbasis import Eigenbasis
from qthermo_jax.master_equations.base import HeatFlow, MasterEquation
from qthermo_jax.master_equations.generator import Generator, InEigenbasis
from qthermo_jax.master_equations.secular import (
    among_populations,
    dissipation,
    heat_of,
    oscillation,
    products_error,
)
from qthermo_jax.transitions import Transitions


class Local(MasterEquation):
    """Jumps between eigenstates of H_0, whatever the interactions."""

    between_bare_states = True

    def generator(self, transitions: Transitions, basis: Eigenbasis) -> Generator:
        return local_generator(transitions, basis)

    def heat(self, transitions: Transitions, basis: Eigenbasis, state: InEigenbasis) -> HeatFlow:
        return heat_of(local_heat_operators(transitions, basis), state)


def _turn(transitions: Transitions, basis: Eigenbasis) -> Inexact[Array, "d d"]:
    """From the eigenbasis of H_0 into that of H."""
    return basis.vectors.conj().T @ transitions.basis.vectors


def _round_off(transitions: Transitions, basis: Eigenbasis) -> Float[Array, "d d"]:
    """Bound of the error of `_turn`'s elements: round-off of both sets of eigenvectors."""
    grown = basis.amplification[:, None] + transitions.basis.amplification[None, :]
    bound: Float[Array, "d d"] = 4 * np.sqrt(len(grown)) * jnp.finfo(grown.dtype).eps * grown
    return bound


def local_generator(transitions: Transitions, basis: Eigenbasis) -> Generator:
    """The generator as a tensor in the eigenbasis of H: d rho_ab/dt = sum_cd L[a, b, c, d] rho_cd.

    Args:
        transitions: between the eigenstates of H_0.
        basis: that of H.
    """
    acts = dissipation(transitions)
    # Jumps between eigenstates of H_0: seen from those of H they are in every element.
    doubt = acts.error + _as_elements(acts.jump_error)
    elements, error = seen_from_H(transitions, basis, acts.elements, doubt)
    turned = Generator(elements, error, jnp.zeros_like(acts.jump_error))
    return turned + oscillation(basis, acts.elements.dtype)


def seen_from_H(
    transitions: Transitions,
    basis: Eigenbasis,
    elements: Complex[Array, "d d d d"],
    error: Float[Array, "d d d d"],
) -> tuple[Complex[Array, "d d d d"], Float[Array, "d d d d"]]:
    """A superoperator in the eigenbasis of H, from that in the eigenbasis of H_0, with its bound.

    Args:
        elements, error: in the eigenbasis of H_0, and the bound there.
    """
    R = _turn(transitions, basis).astype(elements.dtype)
    size, off = jnp.abs(R), _round_off(transitions, basis)
    bound = _turned(error, size, size, size, size)
    for position in range(4):
        bound = bound + _turned(jnp.abs(elements), *(off if at == position else size for at in range(4)))
    return _turned(elements, R, R.conj(), R.conj(), R), bound


def _as_elements(jumps: Float[Array, "d d"]) -> Float[Array, "d d d d"]:
    """Errors of rates c -> a as those of the elements (a a, c c), and of the losses (c c, c c)."""
    whole = jumps + jnp.diag(jnp.sum(jumps, axis=0))
    return among_populations(whole, jnp.zeros((len(jumps),) * 4, jumps.dtype))


def _turned(acts: Array, *R: Inexact[Array, "d d"]) -> Array:
    first, second, third, fourth = R
    return jnp.einsum("ai,bj,ijkl,ck,dl->abcd", first, second, acts, third, fourth)


def local_heat_operators(
    transitions: Transitions, basis: Eigenbasis
) -> tuple[Inexact[Array, "K d d"], Float[Array, "K d d"]]:
    """Q_k with J_k = Tr[Q_k rho], the heat current into bath k: -L_k^dag(H), in the eigenbasis of H.

    Returns:
        the operators, and bounds of the errors of their elements.
    """
    S, rates, group = transitions.matrices()
    R = _turn(transitions, basis)
    dtype = jnp.promote_types(R.dtype, S.dtype)
    S, R = S.astype(dtype), R.astype(dtype)
    H = (R.conj().T * basis.relative_energies[None, :].astype(dtype)) @ R
    together = group[:, :, None, None] == group[None, None, :, :]
    Q = _absorbed(together, rates.astype(dtype) * S.conj(), S, H, -1)
    size, off = jnp.abs(R), _round_off(transitions, basis)
    reach = (size.T * jnp.abs(basis.relative_energies)[None, :]) @ size
    height = jnp.max(jnp.abs(basis.relative_energies))
    of_H = (off.T * height) @ size
    of_H = of_H + of_H.T + basis.energy_error
    known, other = (own.reshape(2, *S.shape) for own in products_error(transitions))
    error = sum(_absorbed(together, x, y, reach + of_H, 1) for x, y in zip(known, other, strict=True))
    gross = jnp.abs(rates) * jnp.abs(S)
    error = error + _absorbed(together, gross, jnp.abs(S), of_H, 1)
    turned = size[None] @ error @ size.T[None] + 2 * (off[None] @ jnp.abs(Q) @ size.T[None])
    return R[None] @ Q @ R.conj().T[None], (turned + turned.swapaxes(1, 2)) / 2


def _absorbed(
    together: Bool[Array, "d d d d"], fed: Array, S: Array, H: Array, sign: int
) -> Inexact[Array, "K d d"]:
    """(A^dag A H + H A^dag A)/2 + sign A^dag H A, summed over the groups of frequencies."""
    mask = together.astype(S.dtype)
    gain = jnp.einsum("acbd,kac,ab,kbd->kcd", mask, fed, H, S)
    half = jnp.einsum("acad,kac,kad->kcd", mask, fed, S) @ H / 2
    return half + half.swapaxes(1, 2).conj() + sign * gain
