"""Systems of one state, functions that are not compiled, observables that are infinite."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import qthermo_jax as qj

GENERATORS = [("global", method) for method in ("auto", "populations", "secular_block", "dense")] + [
    ("redfield", "dense"),
    ("local", "dense"),
]


@pytest.mark.long
@pytest.mark.parametrize("coupling", [0.0, 1.0])
@pytest.mark.parametrize(("generator", "method"), GENERATORS)
def test_a_system_of_one_state_is_in_it(generator: str, method: str, coupling: float) -> None:
    S, H = np.array([[coupling]]), np.array([[0.3]])
    bath = qj.Bath(S, 0.5, qj.Ohmic(1.0))
    system = qj.OpenSystem(H, [bath], local=H).with_generator(generator)
    state = qj.steadystate(system, method=method)
    assert state.status == qj.Status.OK
    np.testing.assert_array_equal(state.populations, [1.0])
    np.testing.assert_array_equal(qj.heat_currents(system, state), [0.0])


@pytest.mark.long
@pytest.mark.parametrize(
    "system",
    [
        pytest.param(qj.models.lambda_system(T_1=0.5, T_2=0.3), id="lambda_system"),
        pytest.param(qj.models.chain(sites=2, T_L=0.8, T_R=0.4), id="chain", marks=pytest.mark.slow),
    ],
)
def test_what_is_not_compiled_gives_the_same(system: qj.OpenSystem) -> None:
    expected = qj.steadystate(system, method="populations")
    currents = qj.heat_currents(system, expected)
    # Strict promotion takes no enumerations where nothing is compiled.
    with jax.disable_jit(), jax.numpy_dtype_promotion("standard"):
        state = qj.steadystate(system, method="populations")
        found = qj.heat_currents(system, state)
    np.testing.assert_allclose(state.populations, expected.populations, rtol=1e-12)
    np.testing.assert_allclose(found, currents, rtol=1e-10, atol=1e-14)


def infinite(system: qj.OpenSystem, state: qj.SteadyState) -> jax.Array:
    return jnp.full(2, jnp.inf)


def degenerate_atom(T: float) -> qj.OpenSystem:
    """Two degenerate upper levels, driven together: there is a coherence between them."""
    S = np.zeros((3, 3))
    S[0, 1:] = S[1:, 0] = [1.0, 0.5]
    own = np.diag([1.0], 2) + np.diag([1.0], -2)
    baths = [qj.Bath(S, T, qj.Flat(1.0)), qj.Bath(own, 0.4, qj.Flat(1.0))]
    half = qj.Dimension("half", ("1", "2"))
    huge = qj.ComputedObservable(infinite, qj.Quantity("without bound", "x", 0), [half])
    return qj.OpenSystem(np.diag([0.0, 1.0, 1.0]), baths).with_observables({"huge": huge})


@pytest.mark.long
def test_an_infinite_observable_leaves_the_others_alone() -> None:
    both = qj.sweep(degenerate_atom, axes={"T": [0.5]}, observables=["huge", "heat_currents"])
    alone = qj.sweep(degenerate_atom, axes={"T": [0.5]}, observables=["heat_currents"])
    assert np.isinf(both.huge).all()
    assert np.isfinite(alone.heat_currents).all()
    np.testing.assert_allclose(both.heat_currents, alone.heat_currents, rtol=1e-12)
