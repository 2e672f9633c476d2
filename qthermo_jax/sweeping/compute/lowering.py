"""The programs of a sweep as one device of a platform would run them, which need not be there."""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import jax
import numpy as np
from jax.sharding import Sharding
from jax.stages import Traced

from qthermo_jax.precision import compiled
from qthermo_jax.sweeping.compute.contents import Contents, contents_of, equations_of
from qthermo_jax.sweeping.compute.engine import NET_FLUXES, Engine
from qthermo_jax.sweeping.plan.record import Plan


class LoweredProgram(NamedTuple):
    """A program of a sweep.

    Attributes:
        solver: name of the solver in it, followed by ", net fluxes" if it makes currents of those, and
            by " at single points" if only for some.
        points: how many it solves in a call.
        contents: what it consists of.
    """

    solver: str
    points: int
    contents: Contents


def planned_for(plan: Plan, platform: str, room: int | None = None) -> Plan:
    """The plan as it would be made for one device of another platform: tiles and chunks are others.

    Args:
        room: bytes that the device has for a tile; as many as those of the plan if not told.
    """
    return replace(plan, on_cpu=platform == "cpu", devices=1, room=room or plan.room)


def lowered_programs(plan: Plan, platform: str) -> Iterator[LoweredProgram]:
    """What a run of the plan on one device of the platform would compile; here nothing is compiled.

    Args:
        platform: "cpu" or "cuda"; this machine needs no such device.

    Yields:
        the program of the tiles; where results are made of currents, those with net fluxes, for chunks
        and points where subtracting costs digits; with method "auto", one for each solver that is given
        the points where those before it are not exact.
    """
    plan = planned_for(plan, platform)
    for name, traced in traced_programs(plan):
        with jax.enable_x64(plan.dtype == np.float64):
            contents = contents_of(traced, platform)
        yield LoweredProgram(name, points_of(traced), contents)


def traced_programs(plan: Plan, sharding: Sharding | None = None) -> Iterator[tuple[str, Traced]]:
    """The function of each program that a run may need, traced for its inputs, and its name.

    Args:
        sharding: on which devices the inputs are; None: on those that JAX finds.
    """

    def shape_of(array: np.ndarray) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(array.shape, array.dtype, sharding=sharding)

    first, asked_for = 0, True
    for name, recipe in Engine(plan).recipes:
        if NET_FLUXES in name and not asked_for:
            continue
        with jax.enable_x64(plan.dtype == np.float64):
            traced = compiled(recipe.function).trace(*jax.tree.map(shape_of, recipe.inputs))
        # Net fluxes add steps where a result is made of currents; where none is, nothing asks for them.
        size = equations_of(traced)
        if name.endswith(NET_FLUXES):
            asked_for = size > first
        if NET_FLUXES not in name or asked_for:
            yield name, traced
        first = first or size


def points_of(traced: Traced) -> int:
    """How many points a program solves in a call."""
    return math.prod(traced.out_info["status"].shape)
