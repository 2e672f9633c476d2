"""Eigenvectors and phases of a unitary matrix, with derivatives that hold where phases are degenerate.

A unitary X = U e^{-ic} is turned into the Hermitian matrix i (1 - X)(1 + X)^-1, its Cayley transform,
which has the same eigenvectors and the eigenvalues tan(beta/2) for the phases beta of X. Unlike (U +
U^dag)/2 it never gives two phases one eigenvalue, and unlike a general eigensolver it gives orthogonal
eigenvectors at degenerate phases and runs on every device. The cut, where beta = pi and the transform
diverges, must keep away from all phases: of d + 1 equally spaced cuts at least one is pi/(d + 1) from
each of d phases, and the one with the smallest inverse of 1 + X is taken.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from qthermo_jax.eigenbasis import cluster
from qthermo_jax.precision import precise


def _dagger(matrix: Complex[Array, "*b d d"]) -> Complex[Array, "*b d d"]:
    return jnp.swapaxes(matrix, -1, -2).conj()


def on_circle(angle: Float[Array, "*s"]) -> Complex[Array, "*s"]:
    """e^{i angle}."""
    return jax.lax.complex(jnp.cos(angle), jnp.sin(angle))


def _turned(
    U: Complex[Array, "d d"],
) -> tuple[Complex[Array, "d d"], Complex[Array, "d d"], Float[Array, ""]]:
    """X = e^{-i cut} U with a cut that is far from all phases, (1 + X)^-1 and the cut."""
    d = U.shape[0]
    one = jnp.eye(d, dtype=U.dtype)
    cuts = 2 * np.pi * np.arange(d + 1) / (d + 1)
    turned = jnp.asarray(np.exp(-1j * cuts), U.dtype)[:, None, None] * U[None]
    inverses = jax.vmap(jnp.linalg.inv)(one[None] + turned)
    size = jnp.sum(jnp.abs(jax.lax.stop_gradient(inverses)) ** 2, axis=(1, 2))
    best = jnp.argmin(jnp.where(jnp.isfinite(size), size, jnp.inf))
    return turned[best], inverses[best], jnp.asarray(cuts, inverses.real.dtype)[best]


def _cayley(X: Complex[Array, "d d"], inverse: Complex[Array, "d d"]) -> Complex[Array, "d d"]:
    transform = 1j * ((jnp.eye(len(X), dtype=X.dtype) - X) @ inverse)
    return (transform + _dagger(transform)) / 2


def cayley(U: Complex[Array, "d d"]) -> Complex[Array, "d d"]:
    """The Hermitian matrix i (1 - X)/(1 + X), X = e^{-i cut} U, with the eigenvectors of a unitary U.

    Phases are equal where its eigenvalues tan((beta - cut)/2) are.
    """
    X, inverse, _ = _turned(U)
    return _cayley(X, inverse)


@jax.custom_jvp
def eigenphases(
    U: Complex[Array, "d d"], tolerance: Float[Array, ""]
) -> tuple[Float[Array, " d"], Complex[Array, "d d"]]:
    """Phases beta and orthonormal eigenvectors (columns) with U v = e^{i beta} v.

    Args:
        tolerance: phases closer than this are degenerate, for the derivatives.

    Returns:
        the phases ascend from a cut that is far from all of them: they lie within 2 pi, and close
        phases are close numbers.
    """
    X, inverse, cut = _turned(U)
    cayley = _cayley(X, inverse)
    _, vectors = jnp.linalg.eigh(cayley)
    # Its error is the square of that of the eigenvector.
    values = jnp.einsum("ia,ij,ja->a", vectors.conj(), X, vectors)
    phases = jnp.angle(values) + cut
    return phases, vectors


@eigenphases.defjvp
@precise
def _(primals: tuple[Array, Array], tangents: tuple[Array, Array]):  # type: ignore[no-untyped-def]
    """First-order perturbation theory that holds at degenerate phases.

    As for the eigenvectors of a Hamiltonian: those of one phase move together, their phases by the mean.
    """
    U, tolerance = primals
    phases, vectors = eigenphases(U, tolerance)
    level, _ = cluster(phases, tolerance)
    together = level[:, None] == level[None, :]
    change = _dagger(vectors) @ tangents[0] @ vectors
    values = on_circle(phases)
    shares = together.astype(phases.dtype)
    shares = shares / jnp.sum(shares, axis=1, keepdims=True)
    moved = (values.conj() * change.diagonal()).imag
    spacing = jnp.where(together, 1.0, values[None, :] - values[:, None])
    rotation = jnp.where(together, 0.0, change / spacing)
    return (phases, vectors), (shares @ moved, vectors @ rotation)
