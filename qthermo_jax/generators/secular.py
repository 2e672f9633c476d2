"""The secular master equation in the eigenbasis of H: paper, Eqs. 4-5.

    d rho/dt = -i [H, rho] + sum_k sum_omega gamma_k(omega) D[A_k(omega)] rho

A_k(omega) keeps the elements S_k,ij of the coupling with omega_ij = E_j - E_i in the group of omega.
Two elements act together exactly if their pairs carry the same group label, so that the sum over the
groups becomes a mask with static shape. Groups of equal frequencies give the global (fully secular,
Davies) master equation; wider ones, with the rates of their mean frequencies, the partially secular one
(Trushechkin, Phys. Rev. A 103, 062226 (2021)), which is completely positive as well.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Inexact, Int

from qthermo_jax.generators.transitions import Transitions
from qthermo_jax.structure import Index, padded, products_of


def oscillation(energies: Float[Array, " d"], dtype: np.dtype) -> Complex[Array, "d d d d"]:
    """-i [H, rho] in the eigenbasis of H."""
    one = jnp.eye(energies.size, dtype=dtype)
    omega = 1j * (energies[:, None] - energies[None, :]).astype(dtype)
    return -jnp.einsum("ab,ac,bd->abcd", omega, one, one)


def dissipation(
    S: Inexact[Array, "K d d"], rates: Float[Array, "K d d"], group: Int[Array, "d d"]
) -> Complex[Array, "d d d d"]:
    """sum_k sum_omega gamma_k(omega) D[A_k(omega)]: d rho_ab/dt = sum_cd D[a, b, c, d] rho_cd.

    Args:
        S, rates, group: as `Transitions.matrices` gives them.
    """
    gain = jnp.einsum("kac,kbd->acbd", rates.astype(S.dtype) * S, S.conj())
    gain = jnp.where(group[:, :, None, None] == group[None, None, :, :], gain, 0.0)
    gain = gain.astype(np.promote_types(gain.dtype, np.complex64))
    loss = jnp.einsum("acad->cd", gain).conj() / 2
    one = jnp.eye(group.shape[0], dtype=gain.dtype)
    return (
        gain.transpose(0, 2, 1, 3)
        - jnp.einsum("ac,bd->abcd", loss, one)
        - jnp.einsum("ac,db->abcd", one, loss)
    )


def secular_generator(moves: Transitions) -> Complex[Array, "d d d d"]:
    """The generator as a tensor in the eigenbasis: d rho_ab/dt = sum_cd L[a, b, c, d] rho_cd."""
    acts = dissipation(*moves.matrices())
    return acts + oscillation(moves.basis.energies, acts.dtype)


def block_generator(moves: Transitions, levels: tuple[Index, ...]) -> Complex[Array, "n n"]:
    """The generator among the elements rho_ab inside `levels`: d rho_x/dt = sum_y L[x, y] rho_y.

    Args:
        levels: a partition of the eigenstates; n elements, level after level, a before b.
    """
    products = products_of(moves.pairs, levels)
    S, rates, label = moves.directed()
    first, second = products.first, products.second
    fed = (rates.astype(S.dtype) * S)[first] * S.conj()[second]
    entries = products.by_entry.sum(jnp.where(label[first] == label[second], fed, 0.0))
    gain = padded(entries.astype(np.promote_types(S.dtype, np.complex64)))[products.table]
    loss = padded(jnp.sum(gain[products.row.diagonal()], axis=0).conj() / 2)[products.row]
    energies = moves.basis.energies
    a, b = np.array([(a, b) for level in levels for a in level for b in level], np.int32).T
    left, right = (a[:, None], a[None, :]), (b[:, None], b[None, :])
    decay = jnp.where(right[0] == right[1], loss[left], 0.0)
    decay = decay + jnp.where(left[0] == left[1], loss.T[right], 0.0)
    oscillation = jnp.diag(1j * (energies[a] - energies[b]).astype(gain.dtype))
    return gain - decay - oscillation


def heat_currents_of(
    moves: Transitions, populations: Float[Array, " d"], coherences: Complex[Array, "d d"] | None
) -> Float[Array, " K"]:
    """Heat current into each bath, Tr[Q_k rho] with Q_k = -L_k^dag(H), (K,).

    Each transition carries its energy times its net rate, formed before anything is summed: what is
    small keeps its digits. Coherences add to it where omega_ac and omega_ad are in one group.
    """
    pairs = moves.pairs
    net = moves.forth * populations[pairs.j] - moves.back * populations[pairs.i]
    energies = moves.basis.energies
    first, second = pairs.states
    released = (energies[second] - energies[first])[pairs.number]
    carried = jnp.where(pairs.i == pairs.j, 0.0, released * moves.strengths * net)
    heat = pairs.by_bath.sum(carried)
    if coherences is None:
        return heat
    S, rates, group = moves.matrices()
    together = group[:, :, None] == group[:, None, :]
    released = (energies[None, :, None] + energies[None, None, :]) / 2 - energies[:, None, None]
    weight = jnp.where(together, released, 0.0).astype(S.dtype)
    Q = jnp.einsum("acd,kac,kad->kcd", weight, rates.astype(S.dtype) * S.conj(), S)
    return heat + jnp.einsum("kab,ba->k", Q.astype(coherences.dtype), coherences).real
