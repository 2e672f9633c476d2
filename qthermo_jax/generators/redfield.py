"""The Bloch-Redfield master equation, no frequencies dropped: Breuer & Petruccione (2002), Sec. 3.3.

    d rho/dt = -i [H, rho] + sum_k (Lambda_k rho S_k - S_k Lambda_k rho + h.c.)

Lambda_k,ij = gamma_k(omega_ij) S_k,ij / 2 in the eigenbasis of H; the Lamb shift is left out, as in the
other generators here. It need not keep density matrices positive.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Inexact

from qthermo_jax.generators.secular import oscillation
from qthermo_jax.generators.transitions import Transitions


def _operators(moves: Transitions) -> tuple[Complex[Array, "K d d"], Complex[Array, "K d d"]]:
    """S_k and Lambda_k."""
    S, rates, _ = moves.matrices()
    dtype = np.promote_types(S.dtype, np.complex64)
    return S.astype(dtype), ((rates / 2).astype(S.dtype) * S).astype(dtype)


def redfield_generator(moves: Transitions) -> Complex[Array, "d d d d"]:
    """The generator as a tensor in the eigenbasis: d rho_ab/dt = sum_cd L[a, b, c, d] rho_cd."""
    S, Lambda = _operators(moves)
    half = jnp.einsum("kac,kbd->abcd", Lambda, S.conj())
    gain = half + half.transpose(1, 0, 3, 2).conj()
    loss = jnp.einsum("kae,kec->ac", S, Lambda)
    one = jnp.eye(loss.shape[0], dtype=loss.dtype)
    return (
        gain
        - jnp.einsum("ac,bd->abcd", loss, one)
        - jnp.einsum("ac,bd->abcd", one, loss.conj())
        + oscillation(moves.basis.energies, gain.dtype)
    )


def redfield_heat_operators(moves: Transitions) -> Inexact[Array, "K d d"]:
    """Q_k with J_k = Tr[Q_k rho], the heat current into bath k: -L_k^dag(H)."""
    S, Lambda = _operators(moves)
    energies = moves.basis.energies
    gained = (energies[None, :] - energies[:, None]).astype(S.dtype)
    half = jnp.einsum("kae,kec->kac", gained[None] * S, Lambda)
    return -half - half.swapaxes(1, 2).conj()
