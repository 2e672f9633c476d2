"""Friction: the coherence that a stroke leaves between the levels of H, with a bound of its error.

It is the relative entropy of coherence, C = S(Delta rho) - S(rho) = D(rho || Delta rho), with Delta rho
the blocks of rho in the levels of H (Baumgratz, Cramer & Plenio, Phys. Rev. Lett. 113, 140401 (2014)).
The difference of the entropies is of second order in the coherences, and loses its digits where they
are small. With the eigenvalues r of rho and s of Delta rho, and the overlaps U of their eigenvectors,

    C = sum_ij |U_ij|^2 (r_i ln(r_i/s_j) - r_i + s_j)

has no term below 0. Levels that only round-off tells apart count as one, as everywhere (`Eigenbasis`).

An error delta of rho changes C by Tr[delta G] in first order, with G = ln rho -
ln Delta rho, which vanishes with the coherences.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Complex, Float, Inexact

from qthermo_jax.eigenbasis import Eigenbasis, diagonalised
from qthermo_jax.precision import precise

# Round-off of a product of matrices, and that of an eigenvector, in units of eps and d.
_ROUND_OFF = 4.0

# Terms of (1 + t) ln(1 + t) - t = sum_k (-t)^k/(k (k - 1)), and up to which |t| they are taken.
_TERMS, _SMALL = 14, 0.05


class Friction(NamedTuple):
    """The relative entropy of coherence, and a bound of its error."""

    value: Float[Array, ""]
    bound: Float[Array, ""]


def friction(
    H: Inexact[Array, "d d"],
    rho: Complex[Array, "d d"],
    off: Float[Array, "d d"],
    distance: Float[Array, ""],
) -> Friction:
    """Coherence of rho between the levels of H.

    Args:
        off: bound of the error of each element of rho.
        distance: bound of that error in the trace norm.
    """
    finite = jnp.all(jnp.isfinite(rho))
    basis = diagonalised(H, (tuple(range(len(rho))),), None)
    rho = jnp.where(finite, rho, jnp.eye(len(rho), dtype=rho.dtype))
    inside = basis.rotate_in((rho + rho.conj().T) / 2)
    found = coherence(inside, basis.degenerate)
    return Friction(found.value, jax.lax.stop_gradient(_bound(basis, found, inside, rho, off, distance)))


class Coherence(NamedTuple):
    """The relative entropy of coherence, and what its error is made of.

    Attributes:
        value: D(rho || Delta rho).
        gradient: G, by which it changes as Tr[d rho G].
        least: the smallest eigenvalue of rho.
        dephased: the eigenvalues of Delta rho.
    """

    value: Float[Array, ""]
    gradient: Complex[Array, "d d"]
    least: Float[Array, ""]
    dephased: Float[Array, " d"]


@jax.custom_jvp
@precise
def coherence(rho: Complex[Array, "d d"], kept: Bool[Array, "d d"]) -> Coherence:
    """Of a state rho, Delta rho the elements of it that are kept. The value has a first derivative.

    A second one, which is one of the gradient, is NaN.
    """
    whole, dephased = (r, R), (s, S) = _both(rho, kept)
    overlap = jnp.abs(R.conj().T @ S) ** 2
    value = jnp.sum(overlap * _terms(r[:, None], s[None, :]))
    return Coherence(value, _gradient(whole, dephased), r[0], s)


@coherence.defjvp
@precise
def _(
    values: tuple[Complex[Array, "d d"], Bool[Array, "d d"]],
    steps: tuple[Complex[Array, "d d"], Any],
) -> tuple[Coherence, Coherence]:
    found = coherence(*values)
    nothing = jax.tree.map(jnp.zeros_like, found)
    slope = jnp.einsum("ij,ji->", steps[0], found.gradient).real
    return found, nothing._replace(value=slope, gradient=jnp.nan * steps[0])


Decomposed = tuple[Float[Array, " d"], Complex[Array, "d d"]]


def _both(rho: Complex[Array, "d d"], kept: Bool[Array, "d d"]) -> tuple[Decomposed, Decomposed]:
    """Eigenvalues and eigenvectors of rho and of Delta rho."""
    (r, R), (s, S) = jnp.linalg.eigh(rho), jnp.linalg.eigh(jnp.where(kept, rho, 0.0))
    return (r, R), (s, S)


def _terms(r: Float[Array, "d 1"], s: Float[Array, "1 d"]) -> Float[Array, "d d"]:
    """r ln(r/s) - r + s, without subtraction where r is nearly s; 0 where s is none."""
    sound = s > 0
    s = jnp.where(sound, s, 1.0)
    r = jnp.where(sound, jnp.maximum(r, 0.0), 1.0)
    t = (r - s) / s
    near = jnp.abs(t) < _SMALL
    small = jnp.where(near, t, 0.0)
    series = jnp.zeros_like(small)
    for k in range(_TERMS, 1, -1):
        series = 1.0 / (k * (k - 1)) - small * series
    some = r > 0
    plain = r * jnp.log(jnp.where(some, r / s, 1.0)) - r + s
    return jnp.where(near, s * small**2 * series, plain)


def _gradient(whole: Decomposed, dephased: Decomposed) -> Complex[Array, "d d"]:
    """G = ln rho - ln Delta rho, on the eigenvalues above 0."""

    def logarithm(own: Decomposed) -> Complex[Array, "d d"]:
        p, V = own
        some = p > 0
        logs = jnp.where(some, jnp.log(jnp.where(some, p, 1.0)), 0.0)
        return (V * logs.astype(V.dtype)[None, :]) @ V.conj().T

    return logarithm(whole) - logarithm(dephased)


def _bound(
    basis: Eigenbasis,
    found: Coherence,
    inside: Complex[Array, "d d"],
    rho: Complex[Array, "d d"],
    off: Float[Array, "d d"],
    distance: Float[Array, ""],
) -> Float[Array, ""]:
    """Of the error of the coherence, by those of rho, of the eigenvectors of H and of round-off."""
    d = len(rho)
    eps = jnp.finfo(off.dtype).eps
    unit = float(_ROUND_OFF * d * eps)
    sizes, V = jnp.abs(inside), jnp.abs(basis.vectors).astype(off.dtype)
    # Eigenvectors of different levels mix; within a level nothing depends on them.
    mixed = jnp.minimum(basis.amplification[:, None], basis.amplification[None, :])
    mixed = jnp.where(basis.degenerate, 0.0, unit * mixed)
    here = unit * (V.T @ jnp.abs(rho) @ V + 1.0) + mixed @ sizes + sizes @ mixed
    total = V.T @ off @ V + here
    size = distance + jnp.sqrt(d * jnp.sum(here**2))
    # Tr[delta G], and by how much G changes: the logarithm's derivative is at most 1/(r_min - size).
    known = 4 * size < found.least
    first = jnp.sum(total * jnp.abs(found.gradient))
    fine = first + 8 * size**2 / jnp.where(known, found.least, 1.0)
    coarse = _coarse(size, found.dephased, unit)
    return jnp.where(known, jnp.minimum(fine, coarse), coarse) + unit * found.value


def _coarse(size: Float[Array, ""], s: Float[Array, " d"], unit: float) -> Float[Array, ""]:
    """Where rho has an eigenvalue that is not known: continuity of relative entropies.

    |C - C'| <= e ln d + (1 + e) h(e/(1 + e)), e half the trace norm, h the binary entropy (Winter,
    Commun. Math. Phys. 347, 291 (2016), Lemma 7), twice for rho and for the eigenvalues that are left
    out; and round-off times the logarithms.
    """
    e = jnp.minimum(size / 2, 1.0)
    x = jnp.where(e > 0, e / (1 + e), 0.5)
    h = jnp.where(e > 0, -x * jnp.log(x) - (1 - x) * jnp.log1p(-x), 0.0)
    logs = jnp.where(s > 0, jnp.abs(jnp.log(jnp.where(s > 0, s, 1.0))), 0.0)
    return 2 * (e * jnp.log(len(s)) + (1 + e) * h) + unit * jnp.sum(logs)
