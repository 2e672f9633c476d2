"""A sweep says of each derivative whether it exists and whether it is known."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import qthermo_jax as qj
from qthermo_jax.steady import Status
from qthermo_jax.sweeping import SpecWarning

Model = Callable[[float], qj.OpenSystem]


def lifted(x: float) -> qj.OpenSystem:
    """|0> below a degenerate level; the bath of |1> takes hold of |2> as x grows."""
    couplings = jnp.zeros((2, 3, 3)).at[:, 0, 1].set(1.0).at[0, 0, 2].set(x).at[1, 0, 2].set(1.0)
    couplings = couplings.at[1, 0, 1].set(0.0)
    couplings = couplings + jnp.swapaxes(couplings, 1, 2)
    return qj.OpenSystem(
        jnp.diag(jnp.array([0.0, 1.0, 1.0])),
        [qj.Bath(couplings[0], 0.5, qj.Ohmic(1.0)), qj.Bath(couplings[1], 0.9, qj.Ohmic(1.0))],
        sectors=[(0,), (1,), (2,)],
    )


def dephased(x: float) -> qj.OpenSystem:
    """A flat bath, whose rate at frequency 0 diverges, begins to dephase an atom."""
    coupling = jnp.array([[0.0, 1.0], [1.0, 0.0]]) + x * jnp.array([[1.0, 0.0], [0.0, -1.0]])
    return qj.OpenSystem(jnp.diag(jnp.array([0.0, 1.0])), [qj.Bath(coupling, 0.5, qj.Flat(1.0))])


def hidden(x: float) -> qj.OpenSystem:
    """Jumps 13 decades slower than the dephasing beside them, and an element that grows fast."""
    dephasing = jnp.array([[0.75, -4e-7], [-4e-7, 4e-7]]) + x * jnp.array([[0.0, -0.5], [-0.5, 0.0]])
    weak = 0.0166 * jnp.array([[0.0, 1.0], [1.0, 0.0]])
    return qj.OpenSystem(
        jnp.diag(jnp.array([0.0, 3e-8])),
        [qj.Bath(weak, 0.17, qj.Ohmic(1.25e-9)), qj.Bath(dephasing, 8.0, qj.Ohmic(1.35e-4))],
    )


@pytest.mark.long
@pytest.mark.parametrize(
    ("model", "method", "status"),
    [
        (lifted, "populations", Status.METHOD_NOT_EXACT),
        (lifted, "dense", Status.OK),
        (dephased, "populations", Status.NO_DERIVATIVE),
        (dephased, "dense", Status.NO_DERIVATIVE),
        (hidden, "populations", Status.OK),
        (hidden, "dense", Status.INACCURATE),
    ],
)
def test_a_derivative_has_a_status(model: Model, method: str, status: Status) -> None:
    data = qj.sweep(
        model, axes={"x": [0.0]}, observables=["level_populations"], derivatives=["x"], method=method
    )
    assert data.status.item() == Status.OK
    assert data.status_d_x.item() == status
    assert np.isnan(data.d_level_populations_d_x).all() == (status != Status.OK)


@pytest.mark.long
def test_what_is_flagged_is_wrong() -> None:
    """rho_12 grows with x; without coherences its derivative would be 0."""
    step = 1e-5
    ahead, behind = (qj.steadystate(lifted(x), method="dense").rho[1, 2] for x in (step, -step))
    assert abs(ahead - behind) / (2 * step) > 0.01


@pytest.mark.long
def test_info_counts_the_derivatives_that_are_not_known(
    tmp_path: Path, qthermo: Callable[..., tuple[int, str, str]]
) -> None:
    out = tmp_path / "r.h5"
    with pytest.warns(SpecWarning, match="axes.x: a value stands more than once"):
        qj.sweep(dephased, axes={"x": [0.0, 0.0]}, derivatives=["x"], out=out).close()
    code, told, _ = qthermo("info", out)
    (line,) = [line for line in told.splitlines() if line.startswith("points by status_d_x")]
    assert (code, line.split(maxsplit=3)[3].rstrip()) == (0, f"2 {Status.NO_DERIVATIVE.meaning}")


def two_sectors(x: float) -> qj.OpenSystem:
    """Two levels of sectors of their own, which meet at x = 0."""
    flip = jnp.array([[0.0, 1.0], [1.0, 0.0]])
    return qj.OpenSystem(
        jnp.diag(jnp.array([0.0, 1.0]) * x), [qj.Bath(flip, 0.5, qj.Ohmic(0.1))], sectors=[(0,), (1,)]
    )


@pytest.mark.long
def test_the_slope_of_a_rate_at_zero_frequency_is_not_known() -> None:
    """Populations of Gibbs' state change by -1/(4 T) there, and the rate alone does not tell it."""
    found = qj.sweep(two_sectors, axes={"x": [0.0, 0.1]}, derivatives=["x"])
    assert found.status_d_x.values.tolist() == [Status.NO_DERIVATIVE, Status.OK]
    ratio = np.exp(0.1 / 0.5)
    expected = -ratio / (0.5 * (1 + ratio) ** 2)
    np.testing.assert_allclose(found.d_level_populations_d_x[1, 1], expected, rtol=1e-10)
    middle = qj.sweep("thermal_transistor", axes={}, derivatives=["omega_M", "omega_LM"])
    assert int(middle.status_d_omega_M) == int(middle.status_d_omega_LM) == Status.NO_DERIVATIVE


def turned(x: float) -> qj.Cycle:
    """A hot state without coherence, then nothing, whose levels at the end are those of x sigma_x."""
    flip = jnp.array([[0.0, 1.0], [1.0, 0.0]])
    hot = qj.Stroke(jnp.diag(jnp.array([0.0, 1.0])), 200.0, baths=["h"])
    return qj.Cycle([hot, qj.Stroke(x * flip, 0.0)], {"h": qj.Bath(flip, 0.5, qj.Ohmic(1.0))})


@pytest.mark.long
def test_friction_jumps_where_a_stroke_without_baths_ends_at_a_level_that_splits() -> None:
    """From 0 to ln 2 - S(p): all elements count as inside one level, and then none does."""
    found = qj.sweep(turned, axes={"x": [0.0, 0.3]}, observables=["friction"], derivatives=["x"])
    p = 1 / (1 + np.exp(-1 / 0.5))
    jump = np.log(2) + p * np.log(p) + (1 - p) * np.log(1 - p)
    np.testing.assert_allclose(found.friction.values[:, 1], [0.0, jump], rtol=1e-10, atol=1e-15)
    assert found.status_d_x.values.tolist() == [Status.NO_DERIVATIVE, Status.OK]
    assert np.isnan(found.d_friction_d_x[0]).all()
    np.testing.assert_allclose(found.d_friction_d_x[1], [0.0, 0.0], atol=1e-12)


def second_bath(r: float) -> qj.OpenSystem:
    """An atom between two baths, the second of which begins to act as r grows."""
    flip = np.array([[0.0, 1.0], [1.0, 0.0]])
    hot, cold = qj.Bath(flip, 1.0, qj.Flat(1.0)), qj.Bath(flip, 0.3, qj.Flat(r))
    return qj.OpenSystem(jnp.diag(jnp.array([0.0, 1.0])), [hot, cold])


@pytest.mark.long
def test_a_bath_that_begins_to_act_carries_heat_in_first_order() -> None:
    """J = r k (n_2 - n_1)/(...): there is no cycle at r = 0, and one is closed as r grows."""
    hot, cold = 1 / np.expm1(1.0), 1 / np.expm1(1 / 0.3)
    excited = hot / (1 + 2 * hot)
    expected = excited * (cold + 1) - (1 - excited) * cold  # into the cold bath, per rate

    def asked(r: float) -> Any:
        system = second_bath(r)
        state = qj.steadystate(system, method="populations")
        known = qj.heat_currents, qj.current_noise, qj.entropy_production
        return [function(system, state) for function in known]

    slope = jax.jit(jax.jacfwd(asked))
    (current, noise, entropy), near = slope(0.0), slope(1e-9)
    np.testing.assert_allclose(current, [-expected, expected], rtol=1e-9)
    np.testing.assert_allclose(noise, near[1], rtol=1e-6)
    np.testing.assert_allclose(entropy, near[2], rtol=1e-6)
    assert entropy > 0.1
