"""Plans: plain data, made of a grid and of what tracing its model told."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import qthermo_jax as qj
from qthermo_jax.sweeping import SpecError
from qthermo_jax.sweeping.compute.tracing import traced
from qthermo_jax.sweeping.plan.grid import Grid, make_grid
from qthermo_jax.sweeping.plan.making import resolved
from qthermo_jax.sweeping.plan.model import find_model
from qthermo_jax.sweeping.spec.reading import parse_spec

AXES = {"g": [0.2, 0.4], "T_L": [0.5, 0.6, 0.7]}


def grid_of(**asked: Any) -> Grid:
    spec = parse_spec({"model": "chain", "axes": AXES, "parameters": {"sites": 3}, **asked}, "here")
    return make_grid(spec, find_model("chain", Path()))


def never(**_: Any) -> qj.OpenSystem:
    raise AssertionError("the model is called")


def test_a_plan_is_made_without_calling_the_model() -> None:
    grid = grid_of(derivatives=["T_R"])
    system = traced(grid)
    untraceable = replace(grid, model=replace(grid.model, function=never))
    plan = resolved(untraceable, system, memory=10**9, devices=1, on_cpu=True)
    assert plan.tiling.shape == (2, 3)
    assert len(plan.digest) == 64


def test_a_plan_leaves_its_grid_as_it_is() -> None:
    grid = grid_of(derivatives=["T_R"])
    before = dict(grid.numbers)
    plan = resolved(grid, traced(grid), memory=10**9, devices=1, on_cpu=True)
    assert plan.numbers.keys() == {"T_R"}
    assert grid.numbers == before == {}


@pytest.mark.parametrize(
    ("told", "room", "most"),
    [
        (None, 1 << 30, 1 << 30),
        (None, 1 << 31, 1 << 31),
        (None, 1 << 50, None),  # as many as keep a GPU busy
        (1 << 20, 1 << 50, 1 << 20),
    ],
)
def test_a_tile_has_the_points_that_a_device_has_room_for(
    told: int | None, room: int, most: int | None
) -> None:
    grid = grid_of(axes={"T_L": {"start": 0.1, "stop": 1.0, "num": 3_000_000}}, parameters={"sites": 10})
    plan = resolved(grid, system := traced(grid), told, devices=1, on_cpu=False, room=room)
    expected = most // system.bytes_per_point if most else 1 << 20
    assert expected / 2 < plan.tiling.tile[0] <= expected


def test_the_Hamiltonian_changes_along_its_parameters_alone() -> None:
    system = traced(grid_of())
    assert (system.dimension, system.n_baths) == (6, 3)
    assert system.changes_H == (True, False)


def test_a_solver_that_the_models_own_equation_does_not_take_is_one_line() -> None:
    sigma_x = np.array([[0.0, 1.0], [1.0, 0.0]])

    def qubit(T: float = 1.0) -> qj.OpenSystem:
        bath = qj.Bath(sigma_x, T, qj.Flat(0.1))
        return qj.OpenSystem(np.diag([0.0, 1.0]), [bath], generator="redfield")

    with pytest.raises(SpecError, match=r"solver\.method: .*'redfield' takes method 'dense'"):
        qj.sweep(qubit, axes={"T": [0.5]}, method="populations")


def test_a_plan_knows_which_observables_are_functions() -> None:
    system = traced(grid_of())
    assert system.computed_observables == frozenset()
    spec = parse_spec({"model": "chain", "observables": ["p_max"]}, "here")
    largest = qj.observable(qj.Quantity("largest population", "p_max", 0))(p_max)
    with_one = traced(make_grid(spec, find_model("chain", Path(), [largest])))
    assert with_one.computed_observables == {"p_max"}


def p_max(system: qj.OpenSystem, state: qj.SteadyState) -> jax.Array:
    return jnp.max(state.populations)
