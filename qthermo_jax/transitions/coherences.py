"""Which coherences the populations drive, and which they would drive once a coupling changes."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Inexact, Int

from qthermo_jax.gathers import Groups, padded
from qthermo_jax.structure import Pairs
from qthermo_jax.transitions.record import Transitions

# What counts as round-off of how fast an amplitude changes, relative to the fastest.
_STILL = 1e-9


def leak(
    transitions: Transitions, kept: Int[Array, " d"] | None = None
) -> tuple[Float[Array, ""], Bool[Array, ""]]:
    """How strongly the elements rho_cd with kept[c] = kept[d] drive those with kept[a] != kept[b].

    A bath drives a -> c and b -> d at one Bohr frequency: the matrix element is gamma S_ac S*_bd.
    However small, it counts: inside a degenerate level nothing but the baths acts on a coherence, so
    that a weak drive against a weak decay makes a large one. At every temperature the answer is the
    same; so the states are searched once for all temperatures.

    Args:
        kept: label of the block that each eigenstate belongs to; None for populations alone.

    Returns:
        an upper bound of the matrix elements, in units of energy: each bath's largest |S_ac S_bd| times
        its largest rate, summed over the baths, once for the gain and d/2 times for the loss; and
        whether any of it is more than round-off of eigenvectors.
    """
    pairs = transitions.pairs
    largest, relative = _sizes(transitions)
    product, lesser = _strongest(transitions, kept, relative)
    fastest = pairs.by_bath.max(jnp.maximum(transitions.rate_down, transitions.rate_up))
    elements = product * largest**2
    bound = (1 + pairs.dimension / 2) * jnp.sum(jnp.where(elements > 0, elements * fastest, 0.0))
    return bound, lesser > 0


def newly_driven(
    transitions: Transitions, change: Inexact[Array, " P"], rotation: Float[Array, ""]
) -> Bool[Array, ""]:
    """Whether populations drive a coherence to first order once the amplitudes change.

    Args:
        change: derivative of `Transitions.amplitudes` along a direction.
        rotation: how fast the eigenvectors may turn along it.

    A small step along the direction makes products S dS of the first order and dS dS of the second, so
    much smaller that the largest product tells whether there is one of the first.
    """
    _, size = _sizes(transitions)
    step = float(jnp.finfo(size.dtype).tiny) ** 0.2
    product, _ = _strongest(transitions, None, size + step * _speed(transitions, change, rotation))
    return jnp.any(product > step**1.5)


def newly_divergent(
    transitions: Transitions, change: Inexact[Array, " P"], rotation: Float[Array, ""]
) -> Bool[Array, ""]:
    """Whether an element that a divergent rate meets stops being zero once the amplitudes change.

    Args:
        change, rotation: as for `newly_driven`.
    """
    return jnp.any(transitions.infinite & (_speed(transitions, change, rotation) > 0))


def _sizes(transitions: Transitions) -> tuple[Float[Array, " K"], Float[Array, " P"]]:
    """The largest amplitude of each bath, and each over that of its bath; 0 where it is round-off."""
    pairs = transitions.pairs
    largest = pairs.by_bath.max(jnp.abs(transitions.acting))
    size = jnp.where(transitions.driven, jnp.abs(transitions.acting), 0.0)
    return largest, size / jnp.where(largest > 0, largest, 1.0)[pairs.bath]


def _speed(
    transitions: Transitions, change: Inexact[Array, " P"], rotation: Float[Array, ""]
) -> Float[Array, " P"]:
    """How fast each amplitude changes relative to its bath's fastest, 0 where it is round-off.

    Where turning eigenvectors could change them faster than anything does, that size counts.
    """
    pairs = transitions.pairs
    largest = pairs.by_bath.max(jnp.abs(transitions.amplitudes))
    fastest = jnp.maximum(pairs.by_bath.max(jnp.abs(change)), largest * rotation)
    speed = jnp.abs(change) / jnp.where(fastest > 0, fastest, 1.0)[pairs.bath]
    return jnp.where(speed > _STILL, speed, 0.0)


# Of two transitions of each bath with one Bohr frequency, from one block of states to different ones:
# the largest product of their amplitudes, and the largest that the lesser of two is, of all baths.
_Strongest = tuple[Float[Array, " K"], Float[Array, ""]]


def _strongest(
    transitions: Transitions, kept: Int[Array, " d"] | None, sizes: Float[Array, " P"]
) -> _Strongest:
    """Of numbers that each transition has in both directions."""
    pairs = transitions.pairs
    _, _, frequency = transitions.directed()
    sizes = sizes[pairs.directed_transitions[0]]
    if kept is None and pairs.competing is not None:
        return _compared(pairs, *pairs.competing, frequency, sizes)
    block = jnp.arange(pairs.dimension) if kept is None else kept
    return _sorted(pairs, block, frequency, sizes)


def _compared(
    pairs: Pairs,
    table: np.ndarray,
    different: np.ndarray,
    frequency: Int[Array, " A"],
    relative: Float[Array, " A"],
) -> _Strongest:
    """By comparing each two of those that `Pairs.competing` has in one row."""
    group, size = padded(frequency)[table], padded(relative)[table]
    same = different & (group[:, :, None] == group[:, None, :])
    one, other = size[:, :, None], size[:, None, :]
    product = jnp.max(jnp.where(same, one * other, 0.0), axis=(1, 2), initial=0.0)
    lesser = jnp.max(jnp.where(same, jnp.minimum(one, other), 0.0), initial=0.0)
    bath = pairs.bath[pairs.directed_transitions[0][table[:, 0]]]
    return Groups.of(bath, pairs.n_baths).max(product), lesser


def _sorted(
    pairs: Pairs, kept: Int[Array, " d"], frequency: Int[Array, " A"], relative: Float[Array, " A"]
) -> _Strongest:
    """By sorting them."""
    position, _, origin, target = pairs.directed_transitions
    keys = (jnp.asarray(pairs.bath[position]), kept[origin], frequency)
    *sorted_keys, arrived, strength = jax.lax.sort(
        (*keys, kept[target], relative), num_keys=len(keys), is_stable=False
    )
    fresh = jnp.any(jnp.stack([jnp.diff(key) != 0 for key in sorted_keys]), axis=0)
    run = jnp.concatenate([jnp.zeros(1, int), jnp.cumsum(fresh.astype(int))])
    n = run.size
    strongest = jax.ops.segment_max(strength, run, n)
    owner = jax.ops.segment_max(jnp.where(strength == strongest[run], arrived, -1), run, n)
    rival = jnp.where(arrived != owner[run], strength, 0.0)
    second = jnp.maximum(jax.ops.segment_max(rival, run, n), 0.0)
    product = jnp.maximum(strongest, 0.0) * second
    of_bath = jnp.maximum(jax.ops.segment_max(product[run], sorted_keys[0], pairs.n_baths), 0.0)
    return of_bath, jnp.max(jnp.minimum(strongest, second), initial=0.0)
