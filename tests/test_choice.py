"""A choice under `vmap`: each point has its own, and what no point asks for is not computed."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import qthermo_jax as qj
from qthermo_jax.choice import chosen


def root_of_negative(x: jax.Array, computed: list[int]) -> jax.Array:
    """sqrt(-x) below 0, x elsewhere. The root, which has no derivative at 0, is noted when computed."""

    def root(number: np.ndarray) -> np.ndarray:
        computed.append(number.size)
        return np.asarray(number)

    def by() -> jax.Array:
        jax.debug.callback(root, x)
        return jnp.sqrt(-x)

    return chosen(x < 0, by, lambda: x)


GRIDS = [[1.0], [-4.0], [0.0, 1.0, 4.0], [-4.0, 0.0, 9.0], [-1.0, -4.0]]


@pytest.mark.parametrize("x", GRIDS)
def test_each_point_has_its_own(x: list[float]) -> None:
    points = jnp.array(x)
    computed: list[int] = []
    found = jax.jit(jax.vmap(lambda x: root_of_negative(x, computed)))(points)
    jax.effects_barrier()
    np.testing.assert_array_equal(found, np.where(points < 0, np.sqrt(np.abs(points)), points))
    assert bool(computed) == any(number < 0 for number in x)


def test_of_a_plane_of_points_all_are_asked() -> None:
    plane = jnp.array([[1.0, 4.0], [9.0, 16.0]])
    computed: list[int] = []
    f = jax.jit(jax.vmap(jax.vmap(lambda x: root_of_negative(x, computed))))
    np.testing.assert_array_equal(f(plane), plane)
    jax.effects_barrier()
    assert computed == []
    np.testing.assert_array_equal(f(plane.at[1, 0].set(-9.0)), plane.at[1, 0].set(3.0))
    jax.effects_barrier()
    assert computed


@pytest.mark.parametrize("derivative", [jax.jacfwd, jax.jacrev])
@pytest.mark.parametrize("x", GRIDS)
def test_what_is_not_chosen_has_no_derivative_that_counts(x: list[float], derivative) -> None:
    points = jnp.array(x)
    found = derivative(jax.vmap(lambda x: root_of_negative(x, [])))(points)
    slope = [-0.5 / np.sqrt(-own) if own < 0 else 1.0 for own in x]
    np.testing.assert_allclose(found, np.diag(slope), rtol=1e-14)


def outside_of_conditionals(jaxpr: jax.extend.core.Jaxpr) -> Iterator[str]:
    """The primitives that are computed whatever the numbers are."""
    for equation in jaxpr.eqns:
        yield equation.primitive.name
        if equation.primitive.name == "cond":
            continue
        for parameter in jax.tree.leaves(equation.params, is_leaf=lambda own: hasattr(own, "eqns")):
            inside = getattr(parameter, "jaxpr", parameter)
            if hasattr(inside, "eqns"):
                yield from outside_of_conditionals(inside)


def atom_of_three(x: jax.Array, T: jax.Array) -> qj.OpenSystem:
    """Three levels, of which the upper two are degenerate at x = 0: the baths drive their coherence."""
    S, weak = np.zeros((3, 3)), np.zeros((3, 3))
    S[0, 1:] = S[1:, 0] = 1.0
    weak[0, 1] = weak[1, 0] = 1.0
    H = jnp.diag(jnp.stack([0.0 * x, 1.0 + 0.0 * x, 1.0 + x]))
    return qj.OpenSystem(H, [qj.Bath(S, T, qj.Ohmic(0.1)), qj.Bath(weak, 0.5, qj.Ohmic(0.1))])


@pytest.mark.parametrize("axes", [(0, None), (None, 0), (0, 0)])
def test_steady_states_that_are_mapped_are_solved_densely_where_a_point_asks(axes) -> None:
    x, T = jnp.array([0.2, 0.3, 0.4]), jnp.array([0.3, 0.7, 1.1])
    given = [own if axis == 0 else own[0] for own, axis in zip((x, T), axes, strict=True)]

    def populations(x: jax.Array, T: jax.Array) -> tuple[jax.Array, jax.Array]:
        state = qj.steadystate(atom_of_three(x, T))
        return state.populations, state.method

    program = jax.make_jaxpr(jax.vmap(populations, in_axes=axes))(*given)
    assert "cond" in {*outside_of_conditionals(program.jaxpr)}
    assert "lu" not in {*outside_of_conditionals(program.jaxpr)}


@pytest.mark.long
def test_a_mapped_point_that_asks_is_solved_as_it_is_alone() -> None:
    x = jnp.array([0.2, 0.0, 0.4])

    def state(x: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        own = qj.steadystate(atom_of_three(x, jnp.asarray(0.7)))
        return own.rho, own.method, own.status

    rho, method, status = jax.jit(jax.vmap(state))(x)
    assert status.tolist() == 3 * [qj.Status.OK]
    assert method.tolist() == [qj.Method.POPULATIONS, qj.Method.DENSE, qj.Method.POPULATIONS]
    for own, point in zip(rho, x, strict=True):
        alone = qj.steadystate(atom_of_three(float(point), 0.7))
        np.testing.assert_allclose(own, alone.rho, rtol=0, atol=1e-14)
