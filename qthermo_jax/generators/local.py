"""The local (phenomenological) master equation: each bath acts as if the interactions were not there.

    d rho/dt = -i [H, rho] + sum_k sum_omega gamma_k(omega) D[A_k(omega)] rho

with the A_k(omega) and omega of the bare Hamiltonian H_0 and the commutator of the whole H. Where the
interactions are not weak it may even let heat flow from cold to hot (Levy & Kosloff, EPL 107, 20004
(2014)).
"""

import jax.numpy as jnp
from jaxtyping import Array, Complex, Inexact

from qthermo_jax.generators.secular import dissipation, oscillation
from qthermo_jax.generators.transitions import Transitions
from qthermo_jax.spectral import Eigenbasis


def _turn(moves: Transitions, basis: Eigenbasis) -> Inexact[Array, "d d"]:
    """From the eigenbasis of H_0 into that of H."""
    return basis.vectors.conj().T @ moves.basis.vectors


def local_generator(moves: Transitions, basis: Eigenbasis) -> Complex[Array, "d d d d"]:
    """The generator as a tensor in the eigenbasis of H: d rho_ab/dt = sum_cd L[a, b, c, d] rho_cd.

    Args:
        moves: between the eigenstates of H_0.
        basis: that of H.
    """
    acts = dissipation(*moves.matrices())
    R = _turn(moves, basis).astype(acts.dtype)
    turned = jnp.einsum("ai,bj,ijkl,ck,dl->abcd", R, R.conj(), acts, R.conj(), R)
    return turned + oscillation(basis.energies, acts.dtype)


def local_heat_operators(moves: Transitions, basis: Eigenbasis) -> Inexact[Array, "K d d"]:
    """Q_k with J_k = Tr[Q_k rho], the heat current into bath k: -L_k^dag(H), in the eigenbasis of H."""
    S, rates, group = moves.matrices()
    R = _turn(moves, basis)
    dtype = jnp.promote_types(R.dtype, S.dtype)
    S, R = S.astype(dtype), R.astype(dtype)
    H = (R.conj().T * basis.energies[None, :].astype(dtype)) @ R
    together = (group[:, :, None, None] == group[None, None, :, :]).astype(dtype)
    fed = rates.astype(dtype) * S.conj()
    gain = jnp.einsum("acbd,kac,ab,kbd->kcd", together, fed, H, S)
    half = jnp.einsum("acad,kac,kad->kcd", together, fed, S) @ H / 2
    return R[None] @ (half + half.swapaxes(1, 2).conj() - gain) @ R.conj().T[None]
