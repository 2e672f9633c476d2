"""The kinds of systems that a model may return, one file each."""

from typing import Any

from qthermo_jax.sweeping.compute.kinds.base import Kind, Levels, PointSolver
from qthermo_jax.sweeping.compute.kinds.cyclic import Cyclic
from qthermo_jax.sweeping.compute.kinds.driven import Driven
from qthermo_jax.sweeping.compute.kinds.evolving import Evolving
from qthermo_jax.sweeping.compute.kinds.steady import Steady
from qthermo_jax.sweeping.errors import Issue, SpecError, of_model
from qthermo_jax.sweeping.spec.declared import Spec

KINDS: dict[str, Kind[Any]] = {own.name: own for own in (Steady(), Evolving(), Driven(), Cyclic())}


def kind_of(system: Any, spec: Spec, model: str) -> Kind[Any]:
    """The kind of what a model returned.

    Args:
        model: its name.

    Raises:
        SpecError: it is no system, or one that has no time evolution.
    """
    returned = type(system).__name__
    able = [kind for kind in KINDS.values() if isinstance(system, kind.system)]
    if not able:
        known = list(dict.fromkeys(kind.system.__name__ for kind in KINDS.values()))
        raise SpecError(of_model(model, f"returns {returned}, not {_one_of(known)}"))
    for kind in able:
        if kind.evolves == bool(spec.evolution):
            return kind
    periodic = f"the model {model} returns {returned}: its state is periodic, and starts from nothing"
    raise SpecError(Issue(("evolution",), periodic))


def _one_of(names: list[str]) -> str:
    *others, last = (f"{'an' if name[0] in 'AEIOU' else 'a'} {name}" for name in names)
    return f"{', '.join(others)} or {last}" if others else last


__all__ = ["KINDS", "Kind", "Levels", "PointSolver", "kind_of"]
