"""Operators against QuTiP's."""

import numpy as np
import pytest
import qutip

from qthermo_jax import operators as op


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (op.sigma_x(), qutip.sigmax()),
        (op.sigma_y(), qutip.sigmay()),
        (op.sigma_z(), qutip.sigmaz()),
        (op.sigma_plus(), qutip.sigmap()),
        (op.sigma_minus(), qutip.sigmam()),
        (op.destroy(5), qutip.destroy(5)),
        (op.create(5), qutip.create(5)),
        (op.number(5), qutip.num(5)),
    ],
    ids=["x", "y", "z", "plus", "minus", "destroy", "create", "number"],
)
def test_operators_are_those_of_qutip(ours: np.ndarray, theirs: qutip.Qobj) -> None:
    np.testing.assert_allclose(ours, theirs.full(), rtol=1e-15, atol=0.0)


def test_products_are_those_of_qutip() -> None:
    expected = qutip.tensor(qutip.destroy(3), qutip.sigmay(), qutip.sigmap())
    np.testing.assert_array_equal(
        op.tensor(op.destroy(3), op.sigma_y(), op.sigma_plus()), expected.full()
    )


@pytest.mark.parametrize("position", [0, 1, 2])
def test_an_embedded_operator_acts_on_its_factor_alone(position: int) -> None:
    dimensions = (3, 2, 4)
    ours = op.embed(op.destroy(dimensions[position]), position, dimensions)
    factors = [qutip.qeye(n) for n in dimensions]
    factors[position] = qutip.destroy(dimensions[position])
    np.testing.assert_array_equal(ours, qutip.tensor(factors).full())


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="position 2 is not one of 0 to 1"):
        op.embed(op.sigma_x(), 2, (2, 2))
    with pytest.raises(ValueError, match=r"shape \(2, 2\) does not act on a factor of dimension 3"):
        op.embed(op.sigma_x(), 1, (2, 3))
