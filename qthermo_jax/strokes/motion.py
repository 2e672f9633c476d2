"""What a stroke does to every state: the map of rho, the heat into each bath and the work on the way.

Heat and work are linear in the state that the stroke begins with. They are integrated together with
rho, as further rows of one linear equation in the share s of the stroke that has passed,

    d rho/ds = tau L(s) rho,   d q_k/ds = -tau Tr[D_k(rho) H],   d w/ds = Tr[rho dH/ds] .

Where H stays, one exponential solves it. Where it changes while baths are on, each step is a product of
three: e^{A/6} at the end of the step, e^{4 A/6} in its middle, e^{A/6} at its beginning. Where the baths
are much faster than a step, this leaves the state that belongs to H at the end, and heat and work by
Simpson's rule. The product is symmetric, so that its error has even powers of the step alone, and
Romberg's extrapolation from N, N/2 and N/4 steps is of order 6. The difference from that of half as many
steps bounds the error. Without baths the propagator of the Schroedinger equation comes of Magnus
exponentials of order 6.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Inexact

from qthermo_jax.cycle import Cycle, Stroke
from qthermo_jax.driven.propagator import products_of_exponentials
from qthermo_jax.liouvillian import dissipators
from qthermo_jax.master_equations.secular import dissipation
from qthermo_jax.strokes.exponential import REACH, Kept, exponential_less_one, followed

# Squarings of the exponential of a whole stroke, and of a step: |tau L| up to 2e14 and 3e3; of a step
# without baths, which is as good as its size is small.
_WHOLE, _STEP, _SQUARINGS = 48, 12, 2

# What the error of Magnus' method is in units of its change from half the steps, at most.
_OF_MAGNUS = 1.0 / 16.0

# Round-off of a map, in units of eps and of the size of what is exponentiated.
_ROUND_OFF = 8.0


class StrokeMap(eqx.Module):
    """A stroke as linear maps of the rho that it begins with, whose rows stand one after the other.

    Attributes:
        change: the map of rho less one, (d^2, d^2).
        heat: into each bath of the cycle, (K, d^2).
        work: done on the system while H changes, (d^2,); None where the evolution is unitary and
            energy tells it.
        error: bound of the error of the elements of `change`, (d^2, d^2).
        heat_error, work_error: of those of the others, (K,) and ().
        step_error: bound of what the finite number of steps does to an element of `change`.
        divergent: whether a bath drives a transition whose rate diverges.
    """

    change: Complex[Array, "dd dd"]
    heat: Complex[Array, "K dd"]
    work: Complex[Array, " dd"] | None
    error: Float[Array, "dd dd"]
    heat_error: Float[Array, " K"]
    work_error: Float[Array, ""]
    step_error: Float[Array, ""]
    divergent: Bool[Array, ""]


def stroke_map(cycle: Cycle, stroke: Stroke, duration: Float[Array, ""]) -> StrokeMap:
    """The maps of a stroke.

    Args:
        duration: that of the stroke, or a harmless number where it is none.
    """
    found = _with_baths(cycle, stroke, duration) if stroke.baths else _unitary(cycle, stroke, duration)
    if stroke.unitary is None:
        return found
    U = stroke.unitary.astype(found.change.dtype)
    sudden = _superoperator_less_one(U - jnp.eye(len(U), dtype=U.dtype))
    eps = jnp.finfo(sudden.dtype).eps
    error = _spread(found.error, sudden) + _ROUND_OFF * eps
    changed: StrokeMap = eqx.tree_at(
        lambda own: (own.change, own.error), found, (followed(found.change, sudden), error)
    )
    return changed


def _spread(error: Float[Array, "n n"], later: Complex[Array, "n n"]) -> Float[Array, "n n"]:
    """The error of elements after 1 + later."""
    return error + jnp.abs(later) @ error


def _superoperator_less_one(E: Complex[Array, "d d"]) -> Complex[Array, "dd dd"]:
    """rho -> U rho U^dag less rho, U = 1 + E."""
    d = len(E)
    one = jnp.eye(d, dtype=E.dtype)
    left = jnp.einsum("ac,bd->abcd", E, one) + jnp.einsum("ac,bd->abcd", one, E.conj())
    whole = left + jnp.einsum("ac,bd->abcd", E, E.conj())
    return whole.reshape(d * d, d * d)


def _unitary(cycle: Cycle, stroke: Stroke, duration: Float[Array, ""]) -> StrokeMap:
    """Without baths: the propagator of the Schroedinger equation."""
    path, d, n_baths = stroke.path, stroke.dimension, cycle.n_baths
    kind = np.promote_types(path.nodes.dtype, jnp.complex64)
    A = -1j * duration.astype(kind) * _centred(path.nodes.astype(kind))
    E, apart, size = _magnus(A) if path.steps else _constant(A[0])
    eps = jnp.finfo(kind).eps
    round_off = _ROUND_OFF * eps * (max(path.steps, 1) ** 0.5 + size)
    off = 2 * d * jnp.max(apart)
    change = _superoperator_less_one(E)
    zero = jnp.zeros((), change.real.dtype)
    error = jnp.full((d * d, d * d), off + round_off)
    return StrokeMap(
        change,
        jnp.zeros((n_baths, d * d), kind),
        None,
        jax.lax.stop_gradient(error),
        jnp.zeros((n_baths,), zero.dtype),
        zero,
        jax.lax.stop_gradient(off),
        jnp.array(False),
    )


def _centred(H: Inexact[Array, "n d d"]) -> Inexact[Array, "n d d"]:
    """H without its mean energy, which moves nothing."""
    d = H.shape[-1]
    mean = jnp.einsum("naa->n", H).real / d
    return H - mean[:, None, None].astype(H.dtype) * jnp.eye(d, dtype=H.dtype)[None]


def _with_baths(cycle: Cycle, stroke: Stroke, duration: Float[Array, ""]) -> StrokeMap:
    path, d = stroke.path, stroke.dimension
    n, on = d * d, cycle.bath_numbers(stroke)
    rows = n + len(on) + (path.steps > 0)

    def at(
        H: Array, slope: Array | None, local: Array | None
    ) -> tuple[Complex[Array, "r r"], Float[Array, ""], Bool[Array, ""]]:
        """The generator of rho, heat and work by the share of the stroke, and the doubt of its rates."""
        system = cycle.system(stroke, H, local)
        transitions = system.transitions(system.eigenbasis())
        D = dissipators(transitions)
        centred = _centred(H[None])[0].astype(D.dtype)
        one = jnp.eye(d, dtype=D.dtype)
        turning = jnp.einsum("ac,bd->abcd", centred, one) - jnp.einsum("ac,db->abcd", one, centred)
        L = (jnp.sum(D, axis=0) - 1j * turning).reshape(n, n)
        heat = -jnp.einsum("kabcd,ba->kcd", D, centred).reshape(len(on), n)
        found = jnp.zeros((rows, rows), D.dtype)
        tau = duration.astype(D.dtype)
        found = found.at[:n, :n].set(tau * L).at[n : n + len(on), :n].set(tau * heat)
        if slope is not None:
            found = found.at[-1, :n].set(slope.T.reshape(n).astype(D.dtype))
        # Near a degeneracy eigenvectors are known less well than H: so are the rates made of them.
        doubt = jnp.max(jnp.sum(dissipation(transitions).error, axis=(2, 3)))
        return found, d * duration * doubt, transitions.divergent

    local = None if stroke.local is None else stroke.local.nodes
    A, doubt, divergent = jax.vmap(at)(path.nodes, path.slopes, local)
    sound = jnp.all(jnp.isfinite(A))
    A = jnp.where(sound, A, 0.0)
    E, apart, size = _romberg(A) if path.steps else _constant(A[0], _conserved(path.start, len(on)))
    eps = jnp.finfo(E.dtype).eps
    own = jax.lax.stop_gradient(jnp.abs(E))
    # Elements of rho are of order 1; heat and work are as large as their rows.
    scale = jnp.concatenate([jnp.ones(n), jnp.max(own[n:, :n], axis=1)]).astype(size.dtype)
    grown = _ROUND_OFF * eps * (max(path.steps, 1) ** 0.5 + size)
    round_off = grown * jnp.where(jnp.arange(rows) < n, jnp.minimum(jnp.max(own[:n, :n]), 1.0), scale)
    scale = jnp.maximum(scale, jnp.where(jnp.arange(rows) < n, 1.0, jnp.max(jnp.abs(path.nodes))))
    of_rates = jax.lax.stop_gradient(jnp.max(doubt)) * scale
    error = (apart + (round_off + of_rates)[:, None])[:, :n]
    heat = jnp.zeros((cycle.n_baths, n), E.dtype).at[np.array(on)].add(E[n : n + len(on), :n])
    heat_error = jnp.zeros((cycle.n_baths,), error.dtype)
    heat_error = heat_error.at[np.array(on)].add(jnp.max(error[n : n + len(on)], axis=1))
    moving = path.steps > 0
    zero = jnp.zeros((), error.dtype)
    error, heat_error = jax.lax.stop_gradient((error, heat_error))
    return StrokeMap(
        E[:n, :n],
        heat,
        E[-1, :n] if moving else jnp.zeros((n,), E.dtype),
        error[:n],
        heat_error,
        jnp.max(error[-1]) if moving else zero,
        jax.lax.stop_gradient(jnp.max(apart[:n, :n])),
        jnp.any(divergent) | ~sound,
    )


def _conserved(H: Inexact[Array, "d d"], n_baths: int) -> tuple[Kept, Kept]:
    """Where H stays: the trace of rho, and the energy of the system with what the baths got."""
    d = len(H)
    kind = np.promote_types(H.dtype, jnp.complex64)
    one, nothing = jnp.eye(d, dtype=kind).reshape(-1), jnp.zeros((n_baths,), kind)
    got = jnp.ones((n_baths,), kind)
    energy = _centred(H[None])[0].T.reshape(-1).astype(kind)
    return (
        Kept(jnp.concatenate([one, nothing]), jnp.concatenate([one / d, nothing])),
        Kept(jnp.concatenate([energy, got]), jnp.concatenate([0 * one, got / n_baths])),
    )


# Y - 1 with dY/ds = A(s) Y and Y = 1 at s = 0, at s = 1; a bound of the error that the steps make in its
# elements; the size of the integral of A.
_Solved: TypeAlias = tuple[Complex[Array, "n n"], Float[Array, "n n"], Float[Array, ""]]


def _constant(A: Complex[Array, "n n"], kept: Sequence[Kept] = ()) -> _Solved:
    """By one exponential; `kept` as there."""
    size = _size(A)
    apart = jnp.where(size > REACH * 2**_WHOLE, jnp.inf, jnp.zeros(A.shape, size.dtype))
    return exponential_less_one(A, _WHOLE, kept), apart, size


def _size(A: Complex[Array, "*m n n"]) -> Float[Array, "*m"]:
    return jnp.max(jnp.sum(jnp.abs(jax.lax.stop_gradient(A)), axis=-1), axis=-1)


def _romberg(A: Complex[Array, "m n n"]) -> _Solved:
    """By products of exponentials, extrapolated; A at the 2 N + 1 nodes of a `Path`."""
    largest = len(A) // 2
    steps = [largest, largest // 2, largest // 4, largest // 8]
    exponents = [_exponents(A[:: largest // own], own) for own in steps]
    moves = exponential_less_one(jnp.concatenate(exponents), _STEP)
    ends = np.cumsum([len(own) for own in exponents])[:-1]
    found = [_one_after_other(own) for own in jnp.split(moves, ends)]
    fourth = [(4 * fine - coarse) / 3 for fine, coarse in pairwise(found)]
    sixth = [(16 * fine - coarse) / 15 for fine, coarse in pairwise(fourth)]
    return _checked(A, sixth[0], sixth[0] - sixth[1], largest // 8)


def _exponents(A: Complex[Array, "m n n"], steps: int) -> Complex[Array, "m n n"]:
    """Those of so many steps of order 2; two steps share the exponential between them."""
    weights = np.where(np.arange(2 * steps + 1) % 2, 4.0, 2.0) / (6 * steps)
    weights[[0, -1]] /= 2
    return A * jnp.asarray(weights, A.dtype)[:, None, None]


def _one_after_other(moves: Complex[Array, "m n n"]) -> Complex[Array, "n n"]:
    """Y - 1 from the e^X - 1 that it is made of."""

    def on(E: Array, move: Array) -> tuple[Array, None]:
        return followed(E, move), None

    found, _ = jax.lax.scan(on, moves[0], moves[1:])
    return found


def _magnus(A: Complex[Array, "m n n"]) -> _Solved:
    """By Magnus exponentials of order 6; A at the 2 N + 1 nodes of a `Path`, N/2 steps."""
    steps = len(A) // 4
    one = jnp.eye(A.shape[-1], dtype=A.dtype)
    fine, coarse = products_of_exponentials(A, jnp.ones(()), (steps, steps // 2), _SQUARINGS)
    fine, coarse = fine[-1] - one, coarse[-1] - one
    return _checked(A, fine, _OF_MAGNUS * (fine - coarse), steps // 2)


def _checked(
    A: Complex[Array, "m n n"],
    found: Complex[Array, "n n"],
    off: Complex[Array, "n n"],
    fewest: int,
) -> _Solved:
    """What was found, harmless numbers where that is not finite.

    Args:
        off: bounds its error.
        fewest: the number of the longest steps that were taken.
    """
    sizes = _size(A)
    known = jnp.isfinite(off) & (jnp.max(sizes) <= fewest * REACH * 2**_STEP)
    apart = jnp.where(known, jnp.abs(jax.lax.stop_gradient(off)), jnp.inf)
    return jnp.where(jnp.isfinite(found), found, 0.0), apart, jnp.mean(sizes)
