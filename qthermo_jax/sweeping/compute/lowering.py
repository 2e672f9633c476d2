"""The programs of a sweep as one device of a platform would run them, which need not be there."""

import math
from dataclasses import replace
from typing import NamedTuple

import jax
import numpy as np
from jax.sharding import Sharding
from jax.stages import Traced

from qthermo_jax.precision import compiled
from qthermo_jax.sweeping.compute.contents import Contents, contents_of
from qthermo_jax.sweeping.compute.engine import Engine
from qthermo_jax.sweeping.compute.programs import Recipe
from qthermo_jax.sweeping.plan.record import Plan


class LoweredProgram(NamedTuple):
    """A program of a sweep.

    Attributes:
        solver: name of the solver in it.
        points: how many it solves in a call.
        contents: what it consists of.
    """

    solver: str
    points: int
    contents: Contents


def planned_for(plan: Plan, platform: str) -> Plan:
    """The plan as it would be made for one device of another platform: tiles and chunks are others."""
    return replace(plan, on_cpu=platform == "cpu", devices=1)


def lowered_programs(plan: Plan, platform: str) -> list[LoweredProgram]:
    """What a run of the plan on one device of the platform would compile; here nothing is compiled.

    Args:
        platform: "cpu" or "cuda"; this machine needs no such device.

    Returns:
        the program of the tiles; with method "auto", then one for each solver that takes over the points
        where those before it are not exact.
    """
    plan = planned_for(plan, platform)
    found = []
    for solver, recipe in Engine(plan).recipes:
        with jax.enable_x64(plan.dtype == np.float64):
            traced = traced_recipe(recipe)
            contents = contents_of(traced, platform)
        found.append(LoweredProgram(solver, points_of(traced), contents))
    return found


def traced_recipe(recipe: Recipe, sharding: Sharding | None = None) -> Traced:
    """The function of a program, traced for its inputs.

    Args:
        sharding: on which devices they are; None: on those that JAX finds.
    """

    def shape_of(array: np.ndarray) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(array.shape, array.dtype, sharding=sharding)

    traced: Traced = compiled(recipe.function).trace(*jax.tree.map(shape_of, recipe.inputs))
    return traced


def points_of(traced: Traced) -> int:
    """How many points a program solves in a call."""
    return math.prod(traced.out_info["status"].shape)
