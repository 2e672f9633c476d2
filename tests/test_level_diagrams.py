"""Level diagrams: what `system.plot()` draws."""

import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
import pytest

import qthermo_jax as qj
from qthermo_jax.plotting import PlotError


def drawn(figure):
    """Ends of the levels, their populations, and the arrows as {(bath's colour, from, to)}."""
    canvas = figure.axes[0]
    (levels,) = canvas.collections
    arrows = [each for each in canvas.texts if getattr(each, "arrow_patch", None) is not None]
    jumps = sorted((float(each.xyann[1]), float(each.xy[1])) for each in arrows)
    return np.array(levels.get_segments()), levels.get_array(), jumps


@pytest.mark.long
def test_levels_stand_at_their_energies_with_populations_and_rates():
    # Two levels 2 apart at T = 1.5: rates (n + 1) and n, populations in the ratio exp(-2 / 1.5).
    bath = qj.Bath(np.array([[0.0, 1.0], [1.0, 0.0]]), 1.5, qj.Flat(0.3))
    system = qj.OpenSystem(np.diag([3.0, 1.0]), [bath], labels=["e", "g"])
    figure = system.plot()
    segments, populations, jumps = drawn(figure)
    np.testing.assert_allclose(segments[:, :, 1], [[1.0, 1.0], [3.0, 3.0]])
    boltzmann = np.exp(-2.0 / 1.5)
    np.testing.assert_allclose(populations, [1 / (1 + boltzmann), boltzmann / (1 + boltzmann)])
    assert jumps == [(1.0, 3.0), (3.0, 1.0)]
    texts = {text.get_text() for text in figure.axes[0].texts}
    n = boltzmann / (1 - boltzmann)
    assert {f"{0.3 * (n + 1):.3g}", f"{0.3 * n:.3g}"} <= texts
    assert {f"g\n{populations[0]:.2g}", f"e\n{populations[1]:.2g}"} <= texts
    assert figure.axes[1].get_ylabel() == "population"
    assert figure.axes[0].get_title() == ""


@pytest.mark.long
def test_a_cold_bath_lifts_nothing_and_each_bath_has_a_colour():
    figure = qj.models.lambda_system(omega_1=1.0, omega_2=0.7, T_1=0.5, T_2=0.0).plot()
    segments, _, jumps = drawn(figure)
    # Levels at -1, -0.7 and 0: no jump from -0.7 upwards at T_2 = 0.
    np.testing.assert_allclose(np.sort(segments[:, 0, 1]), [-1.0, -0.7, 0.0])
    np.testing.assert_allclose(jumps, [(-1.0, 0.0), (0.0, -1.0), (0.0, -0.7)])
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["bath 1", "bath 2"]


def test_degenerate_levels_stand_side_by_side():
    segments, _, _ = drawn(qj.models.lambda_system(omega_1=1.0, omega_2=1.0).plot())
    low = segments[np.isclose(segments[:, 0, 1], -1.0)]
    assert low.shape[0] == 2
    left, right = sorted(low[:, :, 0].tolist())
    assert left[1] < right[0]


def test_the_local_equation_shows_the_eigenstates_of_the_bare_hamiltonian():
    bare = np.diag([0.0, 1.0])
    H = bare + np.array([[0.0, 0.4], [0.4, 0.0]])
    bath = qj.Bath(np.array([[0.0, 1.0], [1.0, 0.0]]), 0.5, qj.Flat(1.0))
    system = qj.OpenSystem(H, [bath], local=bare, generator="local")
    segments, populations, _ = drawn(system.plot())
    np.testing.assert_allclose(segments[:, 0, 1], [0.0, 1.0])
    np.testing.assert_allclose(populations, np.diag(qj.steadystate(system).rho).real, atol=1e-12)


def test_a_state_can_be_given():
    system = qj.models.lambda_system()
    other = qj.steadystate(qj.models.lambda_system(T_1=2.0, T_2=0.1))
    _, populations, _ = drawn(system.plot(other))
    np.testing.assert_allclose(populations, other.populations)
    with pytest.raises(PlotError, match="does not fit the 3 levels"):
        system.plot(qj.steadystate(qj.models.chain(sites=2)))


def test_what_has_no_levels_is_refused():
    T = jnp.array([0.5, 0.6])
    batch = jax.vmap(lambda each: qj.models.lambda_system(T_1=each))(T)
    with pytest.raises(PlotError, match="one system is drawn, not a batch"):
        batch.plot()
    with pytest.raises(PlotError, match="H is not finite"):
        qj.models.lambda_system(omega_1=np.nan).plot()


@pytest.mark.long
def test_many_jumps_are_drawn_without_numbers_and_the_title_counts_them():
    figure = qj.models.chain(sites=10).plot()
    segments, _, jumps = drawn(figure)
    assert (len(segments), len(jumps)) == (20, 60)
    assert figure.axes[0].get_title() == "60 fastest of 200 jumps"
    assert {text.get_text() for text in figure.axes[0].texts} == {""}


def test_a_system_without_a_unique_state_says_so():
    system = qj.OpenSystem(np.diag([0.0, 1.0]), [qj.Bath(np.diag([1.0, 0.0]), 1.0, qj.Ohmic(1.0))])
    figure = system.plot()
    _, populations, jumps = drawn(figure)
    assert np.ma.is_masked(populations)
    assert jumps == []
    assert figure.axes[0].get_title() == "no populations: the steady state is not unique"
    assert isinstance(figure, mpl.figure.Figure)
