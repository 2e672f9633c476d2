"""What the variables of a result say about themselves."""

import jax.numpy as jnp
import pytest

import qthermo_jax as qj
from qthermo_jax.plotting import drawable, status_of
from qthermo_jax.results.schema import DIAGNOSTICS, STATUS
from qthermo_jax.steady import Status


def named_like_a_derivative(T: float) -> qj.OpenSystem:
    excited = qj.Observable(jnp.diag(jnp.array([0.0, 1.0])), qj.Quantity("excited"))
    bath = qj.Bath(jnp.array([[0.0, 1.0], [1.0, 0.0]]), T, qj.Flat(1.0))
    return qj.OpenSystem(
        jnp.diag(jnp.array([0.0, 1.0])), [bath], observables={"d_x_d_T": excited, "status_d_x": excited}
    )


@pytest.mark.long
def test_each_variable_says_its_role() -> None:
    by = ["T_1", "T_2", "temperatures"]
    data = qj.sweep("lambda_system", axes={"T_1": [0.2, 0.4]}, derivatives=by)
    roles = {name: own.attrs["role"] for name, own in data.items()}
    own = list(qj.sweep("lambda_system", axes={"T_1": [0.2]}).data_vars)
    observables = [name for name in own if name not in DIAGNOSTICS]
    for name in observables:
        assert roles.pop(name) == "observable"
        for parameter in by:
            assert roles.pop(f"d_{name}_d_{parameter}") == "derivative"
    assert roles == dict.fromkeys([*DIAGNOSTICS, "status_d_T_1", "status_d_T_2"], "diagnostic")


@pytest.mark.long
def test_a_derivative_names_its_status() -> None:
    data = qj.sweep("lambda_system", axes={"T_1": [0.2]}, derivatives=["T_1", "temperatures"])
    assert status_of(data, "d_unbalance_d_T_1").name == "status_d_T_1"
    # By all temperatures at once there is no splitting, and no status but that of the point.
    assert status_of(data, "d_unbalance_d_temperatures").name == STATUS.name
    assert status_of(data, "unbalance").name == STATUS.name


@pytest.mark.long
def test_names_tell_nothing() -> None:
    data = qj.sweep(named_like_a_derivative, axes={"T": [0.2, 0.4]})
    assert drawable(data) == ["d_x_d_T", "status_d_x"]
    assert status_of(data, "d_x_d_T").name == STATUS.name


def test_what_is_not_computed_yet_is_pending() -> None:
    assert STATUS.fill_value == Status.PENDING
