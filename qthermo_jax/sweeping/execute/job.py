"""A sweep that is to be run: its plan, and what another process needs to make the plan anew."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from qthermo_jax.declared import ComputedObservable
from qthermo_jax.sweeping.plan.record import Plan
from qthermo_jax.system import OpenSystem


@dataclass(frozen=True)
class Sweep:
    """A plan and what it came from.

    Attributes:
        source: the spec verbatim.
        model, observables: as they were asked for; another process finds them again with `folder`.
        folder: what a relative path of the model starts from.
    """

    plan: Plan
    source: str
    model: str | Callable[..., OpenSystem]
    folder: Path
    observables: tuple[str | ComputedObservable, ...] = ()
