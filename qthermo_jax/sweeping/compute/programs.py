"""Compiled programs, known by what they are made of: one serves every sweep that differs in numbers."""

import pickle
import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.experimental import serialize_executable
from jaxlib import lapack

from qthermo_jax.precision import compiled
from qthermo_jax.sweeping.compute.kept import Kept
from qthermo_jax.sweeping.plan.record import Plan

# XLA's cheap passes: programs are compiled in half the time, and need more for each point.
_CHEAP = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


class Recipe(NamedTuple):
    """What a program is made of, beside its plan.

    Attributes:
        what: plain, and different for each of a plan's programs.
        function: of arrays.
        inputs: the arrays that it is compiled for.
    """

    what: dict[str, Any]
    function: Callable[..., Any]
    inputs: list[Any]


class Program(NamedTuple):
    """A compiled program.

    Attributes:
        compiled: to call.
        calls_lapack: which has to be registered before a program is loaded that calls it.
        is_whole: whether it was compiled here: what JAX's own cache has loaded lacks parts when saved.
    """

    compiled: jax.stages.Compiled
    calls_lapack: bool
    is_whole: bool


def compiler_options(plan: Plan) -> dict[str, Any] | None:
    """Those that XLA compiles the programs of a plan with."""
    return _CHEAP if plan.is_small else None


def _saved(program: Program) -> bytes | None:
    if not program.is_whole:
        return None
    try:
        executable = serialize_executable.serialize(program.compiled)
        return pickle.dumps((program.calls_lapack, executable))
    except Exception:  # noqa: BLE001 - a program that calls Python back, a device whose programs stay on it
        return None


def _loaded(content: bytes) -> Program:
    calls_lapack, executable = pickle.loads(content)
    if calls_lapack:
        _register_lapack()
    loaded = serialize_executable.deserialize_and_load(*executable)
    return Program(loaded, calls_lapack, is_whole=False)


class _Loads(threading.local):
    """How many programs JAX's own cache has loaded in this thread."""

    number = 0


@lru_cache(1)
def _loads_of_jax() -> _Loads:
    loads = _Loads()

    def heard(event: str, **_: object) -> None:
        loads.number += event == "/jax/compilation_cache/cache_hits"

    jax.monitoring.register_event_listener(heard)
    return loads


@lru_cache(1)
def _register_lapack() -> None:
    lapack.prepare_lapack_call("syevd", np.float64)


# Each takes a megabyte or a few, and some of the memory maps that a process may have.
_PROGRAMS = Kept("program", 64, _saved, _loaded)


def program(
    plan: Plan, what: dict[str, Any], function: Callable[..., Any], *shapes: Any
) -> jax.stages.Compiled:
    """The compiled function, made now if nobody has made it before.

    Args:
        plan: that the function was made of.
        what: the function is made of besides, plain.
        function: of arrays.
        shapes: the arrays, or their shapes, that it is compiled for.
    """

    def make() -> Program:
        with jax.enable_x64(plan.dtype == np.float64):
            lowered = compiled(function).lower(*shapes)
            before = _loads_of_jax().number
            executable = lowered.compile(compiler_options(plan))
        whole = _loads_of_jax().number == before
        return Program(executable, "lapack" in lowered.as_text(), whole)

    shaped = jax.tree.map(lambda array: [array.shape, str(array.dtype)], shapes)
    made_of = {**plan.statics, **what, "small": plan.is_small, "shapes": shaped}
    return _PROGRAMS.get(made_of, make).compiled
