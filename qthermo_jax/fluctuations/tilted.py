"""Generators with counting fields, where coherences matter: what of them is jumps, and of what energy.

The jumps of bath k at Bohr frequency omega give it the energy omega. A generator L(chi) multiplies them
by e^(chi_k omega); its largest eigenvalue generates the cumulants. What counts as omega:

- global, partial secular: the (mean) frequency of the group that the jump operator A_k(omega) is made
  of;
- local: the frequency of H_0, which leaves the energy of the interactions out;
- Redfield: gamma_k(omega) becomes gamma_k(omega) e^(chi_k omega) in what feeds rho, as counting the
  bath's energy does in second order (Esposito, Harbola & Mukamel, Rev. Mod. Phys. 81, 1665 (2009), Sec.
  IV). Its jumps are no events: the cumulants may come out as no random number's.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Inexact

from qthermo_jax.eigenbasis import Eigenbasis
from qthermo_jax.master_equations import Generator, Kept, block_generator, kept_elements
from qthermo_jax.master_equations.local import Local, seen_from_H
from qthermo_jax.master_equations.redfield import Redfield
from qthermo_jax.master_equations.secular import Secular
from qthermo_jax.structure import Index
from qthermo_jax.system import OpenSystem
from qthermo_jax.transitions import Transitions

Weights = Inexact[Array, "K d d"]


class Tilted(NamedTuple):
    """A generator among the elements that are kept, and its jumps.

    Attributes:
        basis: of H.
        kept: which elements, n of them (static).
        generator: without counting fields, (n, n).
        energies: what the jump c -> a gives to a bath, (d, d) as [a, c].
        energy_error: bound of the error of each.
        n_baths: K (static).
        jumps: from a weight of each jump, (K, d, d), to the part of the generator that the jumps are,
            each times its weight, summed over the baths, (n, n), and a bound of its error.
    """

    basis: Eigenbasis
    kept: Kept
    generator: Generator
    energies: Float[Array, "d d"]
    energy_error: Float[Array, "d d"]
    n_baths: int
    jumps: Callable[[Weights], tuple[Complex[Array, "n n"], Float[Array, "n n"]]]


def tilted(system: OpenSystem, basis: Eigenbasis, levels: tuple[Index, ...] | None) -> Tilted:
    """The system's generator and its jumps.

    Args:
        basis: of H.
        levels: outside of which there are no coherences; None to keep all elements.

    Raises:
        ValueError: the master equation says of none of its jumps which energy it has.
    """
    ways = [way for kind, way in _JUMPS.items() if isinstance(system.equation, kind)]
    if not ways:
        raise ValueError(f"generator {system.generator!r} does not say which energy its jumps carry")
    jumps = ways[0]
    transitions, d = system.transitions(basis), system.dimension
    kept = kept_elements((tuple(range(d)),) if levels is None else levels)
    if levels is None:
        whole = system.equation.generator(transitions, basis)
        generator = whole.map(lambda own: own.reshape(d * d, d * d))
    else:
        generator = block_generator(transitions, levels)
    energies, error = energies_of(transitions)
    of_weights = partial(jumps, transitions, basis, kept)
    return Tilted(basis, kept, generator, energies, error, system.n_baths, of_weights)


def energies_of(transitions: Transitions) -> tuple[Float[Array, "d d"], Float[Array, "d d"]]:
    """What the jump c -> a gives to its bath, as [a, c], and a bound of its error."""
    table = transitions.pairs.frequency_table
    omega = jnp.concatenate([transitions.omega, -transitions.omega])
    energies = jnp.where(table < 0, 0.0, omega[table])
    eps = jnp.finfo(energies.dtype).eps
    return energies, 2 * transitions.basis.energy_error + 2 * eps * jnp.abs(energies)


def _summed(
    transitions: Transitions, weights: Weights, a: np.ndarray, b: np.ndarray
) -> tuple[Complex[Array, "n n"], Float[Array, "n n"]]:
    """sum_k w_k,ac gamma_k,ac S_k,ac S*_k,bd from rho_cd to rho_ab, and a bound of its error."""
    S, rates, _ = transitions.matrices()
    size, (amplitude, relative) = jnp.abs(S), transitions.errors()
    weighted, gross = weights * rates.astype(weights.dtype), jnp.abs(weights) * rates
    left, right = np.ix_(a, a), np.ix_(b, b)

    def product(first: Inexact[Array, "K d d"], second: Inexact[Array, "K d d"]) -> Array:
        return jnp.einsum("kxy,kxy->xy", first[:, left[0], left[1]], second[:, right[0], right[1]])

    dtype = np.promote_types(np.promote_types(S.dtype, weights.dtype), np.complex64)
    elements = product((weighted.astype(dtype) * S.astype(dtype)), S.conj().astype(dtype))
    eps = jnp.finfo(size.dtype).eps
    first = gross * (size * (relative + 8 * eps) + amplitude)
    return elements, product(first, size + amplitude) + product(gross * size, amplitude)


def secular_jumps(
    transitions: Transitions, basis: Eigenbasis, kept: Kept, weights: Weights
) -> tuple[Complex[Array, "n n"], Float[Array, "n n"]]:
    """Those of the secular equations: two transitions act together in one group of frequencies."""
    a, b = kept.a, kept.b
    group = transitions.matrices()[2]
    together = group[a[:, None], a[None]] == group[b[:, None], b[None]]
    elements, error = _summed(transitions, weights, a, b)
    return jnp.where(together, elements, 0.0), jnp.where(together, error, 0.0)


def local_jumps(
    transitions: Transitions, basis: Eigenbasis, kept: Kept, weights: Weights
) -> tuple[Complex[Array, "n n"], Float[Array, "n n"]]:
    """Those between eigenstates of H_0, seen from the eigenbasis of H."""
    d = transitions.pairs.dimension
    every = kept_elements((tuple(range(d)),))
    bare, doubt = (own.reshape(d, d, d, d) for own in secular_jumps(transitions, basis, every, weights))
    elements, error = seen_from_H(transitions, basis, bare, doubt)
    n = kept.size
    return elements.reshape(n, n), error.reshape(n, n)


def redfield_jumps(
    transitions: Transitions, basis: Eigenbasis, kept: Kept, weights: Weights
) -> tuple[Complex[Array, "n n"], Float[Array, "n n"]]:
    """What feeds rho in the Redfield equation: half of it at omega_ac, half at omega_bd."""
    left, left_error = _summed(transitions, weights / 2, kept.a, kept.b)
    right, right_error = _summed(transitions, weights.conj() / 2, kept.b, kept.a)
    return left + right.conj(), left_error + right_error


_JUMPS = {Secular: secular_jumps, Local: local_jumps, Redfield: redfield_jumps}
