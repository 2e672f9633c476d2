"""The Bloch-Redfield master equation, no frequencies dropped: Breuer & Petruccione (2002), Sec. 3.3.

    d rho/dt = -i [H, rho] + sum_k (Lambda_k rho S_k - S_k Lambda_k rho + h.c.)

Lambda_k,ij = gamma_k(omega_ij) S_k,ij / 2 in the eigenbasis of H; the Lamb shift is left out, as in the
other generators here. It need not keep density matrices positive.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Inexact

from qthermo_jax.eigenbasis import Eigenbasis
from qthermo_jax.master_equations.base import HeatFlow, MasterEquation
from qthermo_jax.master_equations.generator import Generator, InEigenbasis
from qthermo_jax.master_equations.secular import (
    among_populations,
    heat_of,
    jump_round_off,
    oscillation,
    products_error,
)
from qthermo_jax.transitions import Transitions


class Redfield(MasterEquation):
    """All frequencies act together."""

    def generator(self, transitions: Transitions, basis: Eigenbasis) -> Generator:
        return redfield_generator(transitions)

    def heat(self, transitions: Transitions, basis: Eigenbasis, state: InEigenbasis) -> HeatFlow:
        return heat_of(redfield_heat_operators(transitions), state)


def _operators(transitions: Transitions) -> tuple[Complex[Array, "K d d"], Complex[Array, "K d d"]]:
    """S_k and Lambda_k."""
    S, rates, _ = transitions.matrices()
    dtype = np.promote_types(S.dtype, np.complex64)
    return S.astype(dtype), ((rates / 2).astype(S.dtype) * S).astype(dtype)


def redfield_generator(transitions: Transitions) -> Generator:
    """The generator as a tensor in the eigenbasis: d rho_ab/dt = sum_cd L[a, b, c, d] rho_cd."""
    S, Lambda = _operators(transitions)
    half = jnp.einsum("kac,kbd->abcd", Lambda, S.conj())
    loss = jnp.einsum("kae,kec->ac", S, Lambda)
    known, size = products_error(transitions)
    doubt = jnp.einsum("kac,kbd->abcd", known, size) / 2
    lost = jnp.einsum("kae,kec->ac", size, known) / 2

    def whole(half: Array, loss: Array, sign: int) -> Array:
        one = jnp.eye(loss.shape[0], dtype=loss.dtype)
        left, right = jnp.einsum("ac,bd->abcd", loss, one), jnp.einsum("ac,bd->abcd", one, loss.conj())
        return half + half.transpose(1, 0, 3, 2).conj() + sign * (left + right)

    acts = Generator(
        whole(half, loss, -1),
        among_populations(jump_round_off(transitions), whole(doubt, lost, 1)),
        2 * jnp.einsum("aacc->ac", doubt),
    )
    return acts + oscillation(transitions.basis, half.dtype)


def redfield_heat_operators(
    transitions: Transitions,
) -> tuple[Inexact[Array, "K d d"], Float[Array, "K d d"]]:
    """Q_k with J_k = Tr[Q_k rho], the heat current into bath k: -L_k^dag(H); bounds of their errors."""
    S, Lambda = _operators(transitions)
    energies = transitions.basis.relative_energies
    gained = energies[None, :] - energies[:, None]
    half = jnp.einsum("kae,kec->kac", gained.astype(S.dtype)[None] * S, Lambda)
    known, size = products_error(transitions)
    doubt = jnp.einsum("ae,kae,kec->kac", jnp.abs(gained), size, known) / 2
    doubt = doubt.reshape(2, *half.shape).sum(axis=0)
    turned = jnp.einsum("kae,kec->kac", jnp.abs(S), jnp.abs(Lambda))
    doubt = doubt + 2 * transitions.basis.energy_error * turned
    return -half - half.swapaxes(1, 2).conj(), doubt + doubt.swapaxes(1, 2)
