"""Coherence lets the three-level maser go below the thermodynamic uncertainty relation."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from qthermo_jax.baths import Bath, Flat
from qthermo_jax.catalogue import observe
from qthermo_jax.couplings import SparseCoupling
from qthermo_jax.models import maser
from qthermo_jax.papers.record import Paper, Relation, Statement, farthest, occupation
from qthermo_jax.precision import compiled
from qthermo_jax.steady import steadystate
from qthermo_jax.system import OpenSystem

# Quanta, temperatures and rates of the hot and of the cold bath; they are ours, not the paper's.
_HOT, _COLD, _T, _RATES = 3.0, 1.0, (29.0, 0.93), (0.026, 0.32)

# So hot that a jump up is as likely as one down, to 15 digits: its heat makes no entropy.
_WORK = 1e15


def _maser(drive: Float[Array, ""], detuning: Float[Array, ""]) -> OpenSystem:
    """The coherent maser."""
    return maser(
        drive=drive,
        omega_c=_COLD,
        omega_h=_HOT,
        T_c=_T[1],
        T_h=_T[0],
        rate=jnp.array(_RATES),
        detuning=detuning,
    )


def _reference(drive: Float[Array, ""], detuning: Float[Array, ""]) -> OpenSystem:
    """The maser as a rate equation, with the rate between 1 and 2 that its coherence would lead to.

    This is 2 drive^2 Gamma/(Gamma^2 + detuning^2), and Gamma, the mean of the rates of emission, the
    decay of the coherence.
    """
    emission = [
        own * (1 + float(occupation(omega, T)))
        for own, omega, T in zip(_RATES, (_HOT, _COLD), _T, strict=True)
    ]
    decay = sum(emission) / 2
    rate = 2 * drive**2 * decay / (decay**2 + detuning**2) * (_HOT - _COLD) / _WORK
    coupling = SparseCoupling(3, rows=[0, 0, 1], columns=[2, 1, 2])
    spectrum = Flat(jnp.stack([*map(jnp.asarray, _RATES), rate]))
    baths = Bath(coupling, jnp.array([*_T, _WORK]), spectrum)
    return OpenSystem(jnp.diag(jnp.array([0.0, _COLD, _HOT])), baths)


def _ratio(system: OpenSystem) -> tuple[Array, Array]:
    """The ratio of the heat into the hot bath, and the state's populations."""
    state = steadystate(system, method="dense")
    ratio: Array = observe(system, state, "tur_ratio")[0]
    return ratio, state.level_populations


def compute() -> Iterator[Statement]:
    """S_hh sigma/(2 J_h^2) of the heat into the hot bath, for drives on and off resonance."""
    drives = jnp.array([0.02, 0.1, 0.17, 0.24, 0.35, 0.5, 0.5, 1.0])
    detunings = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.5, 1.5])
    coherent, p = compiled(jax.vmap(lambda *own: _ratio(_maser(*own))))(drives, detunings)
    classical, expected = compiled(jax.vmap(lambda *own: _ratio(_reference(*own))))(drives, detunings)
    claim = "the classical reference has the same populations, and so the same currents"
    yield farthest("classical reference", claim, np.asarray(expected), np.asarray(p), 1e-10)
    claim = "the classical reference obeys the relation: its least ratio"
    yield Statement("classical reference", claim, 1.0, float(classical.min()), relation=Relation.ABOVE)
    claim = "the maser violates the relation: its least ratio"
    yield Statement("abstract", claim, 1.0, float(coherent.min()), relation=Relation.BELOW)
    over = np.asarray(coherent / classical)
    claim = "coherence suppresses fluctuations in one region: on resonance, ratio over the classical one"
    yield Statement("abstract", claim, 1.0, float(over[:6].max()), relation=Relation.BELOW)
    claim = "and enhances them in another: off resonance, ratio over the classical one"
    yield Statement("abstract", claim, 1.0, float(over[6:].min()), relation=Relation.ABOVE)


PAPER = Paper(
    "A. A. S. Kalaee, A. Wacker, P. P. Potts, Violating the thermodynamic uncertainty relation in the "
    "three-level maser, Phys. Rev. E 104, L012103 (2021)",
    "the uncertainty ratio of the maser beside that of a classical reference",
    compute,
)
