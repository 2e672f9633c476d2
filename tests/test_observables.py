"""Observables against explicit projectors and closed forms."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import qutip
from hypothesis import assume, given
from hypothesis import strategies as st

import oracles
import qthermo_jax as qj
from matrices import hermitian, random_matrix
from problems import atom, occupation
from qthermo_jax.observables import AvailableObservable
from systems import DRAWS, Draw, draws, solved

pytestmark = pytest.mark.accuracy

GENERAL = {
    "heat_currents": (2,),
    "entropy_production": (),
    "energy_balance": (),
    "level_populations": (3,),
    "min_eigenvalue": (),
    "liouvillian_gap": (),
    "secular_ratio": (),
    "coherence": (),
    "purity": (),
    "von_neumann_entropy": (),
    "bath_temperatures": (2,),
    "residual": (),
    "error": (),
}


@pytest.mark.thorough
@given(draw=DRAWS)
def test_heat_currents_are_the_energy_that_each_explicit_generator_takes(draw: Draw) -> None:
    result = solved(draw.system)
    assume(result["status"] == qj.Status.OK)
    expected = oracles.projected_heat_currents(
        draw.H, list(draw.couplings), draw.rates, np.asarray(result["rho"])
    )
    np.testing.assert_allclose(result["heat_currents"], expected, atol=1e-11)
    np.testing.assert_allclose(result["entropy_production"], (expected / draw.T).sum(), atol=1e-10)


@pytest.mark.long
@given(
    T_1=st.floats(0.1, 3.0),
    T_2=st.floats(0.1, 3.0),
    J_1=st.floats(0.1, 2.0),
    J_2=st.floats(0.1, 2.0),
)
def test_heat_through_an_atom_has_its_closed_form(
    T_1: float, T_2: float, J_1: float, J_2: float
) -> None:
    """Into bath 1: omega J_1 J_2 (n_2 - n_1)/(J_1 (2 n_1 + 1) + J_2 (2 n_2 + 1))."""
    n_1, n_2 = occupation(1.3, T_1), occupation(1.3, T_2)
    expected = 1.3 * J_1 * J_2 * (n_2 - n_1) / (J_1 * (2 * n_1 + 1) + J_2 * (2 * n_2 + 1))
    currents = solved(atom((T_1, qj.Flat(J_1)), (T_2, qj.Flat(J_2))))["heat_currents"]
    np.testing.assert_allclose(currents, [expected, -expected], atol=1e-12)


@pytest.mark.long
def test_heat_of_the_lambda_system_is_the_papers() -> None:
    """J_k = omega_k Gamma ((n_k + 1) P_e - n_k P_k), for any state: here one out of balance."""
    system = qj.models.lambda_system(1.5, 0.6, 0.8, 0.4, 0.7)
    state = jax.jit(qj.steadystate)(system)
    P = np.array([0.2, 0.5, 0.3])
    np.testing.assert_array_equal(state.basis.vectors, np.eye(3))  # each level is a sector by itself
    skewed = eqx.tree_at(lambda s: s.populations, state, jnp.asarray(P))
    expected = [
        omega * 0.7 * ((occupation(omega, T) + 1) * P[2] - occupation(omega, T) * P[k])
        for k, (omega, T) in enumerate([(1.5, 0.8), (0.6, 0.4)])
    ]
    np.testing.assert_allclose(jax.jit(qj.heat_currents)(system, skewed), expected, atol=1e-14)


@pytest.mark.long
def test_a_link_below_round_off_may_close_a_cycle() -> None:
    """The second bath drives the rotated atom by 6e-17: its current is tiny, and not exactly 0."""
    H = np.array([[0.08942715, -0.38535737], [-0.38535737, 1.66057285]])
    first = np.array([[0.44040842, -0.89779754], [-0.89779754, -0.44040842]])
    second = np.array([[1.12969169, 6.25304928e-17], [6.25304928e-17, 1.12969169]])
    system = qj.OpenSystem(
        H, [qj.Bath(first, 0.14, qj.Ohmic(4e-6)), qj.Bath(second, 0.06, qj.Ohmic(1e-3))]
    )
    state = qj.steadystate(system, method="populations")
    assert state.status == qj.Status.OK
    assert np.isnan(qj.heat_currents(system, state)).all()
    assert (qj.heat_current_bounds(system, state) > 0).all()


@pytest.mark.long
def test_heat_into_a_bath_at_zero_temperature_is_infinite_entropy() -> None:
    result = solved(atom((0.0, qj.Flat(1.0)), (0.5, qj.Flat(1.0))))
    assert result["heat_currents"][0] > 0
    assert result["entropy_production"] == np.inf


@pytest.mark.long
@pytest.mark.parametrize(
    "system",
    [
        qj.models.lambda_system(T_1=0.5, T_2=0.0),
        atom((0.0, qj.Flat(1.0))),
        qj.models.v_system(T_1=0.0, T_2=0.0),
    ],
    ids=["Lambda", "atom", "V"],
)
def test_a_bath_at_zero_temperature_that_takes_no_heat_adds_no_entropy(
    system: qj.OpenSystem,
) -> None:
    result = solved(system, "populations")  # the others know no 0 of a population
    np.testing.assert_array_equal(result["heat_currents"], 0.0)
    assert result["entropy_production"] == 0.0


# --- expectation values

QUANTITY = qj.Quantity("a number", "q", 0)
ROW = qj.Dimension("row", ("a", "b"))


def qutrit(**observables: qj.Observable) -> tuple[qj.OpenSystem, qj.SteadyState]:
    """A complex system whose state has coherences in the basis in which it is given."""
    rng = np.random.default_rng(8)
    S = hermitian(random_matrix(rng, 3, True))
    T = np.array([0.4, 1.2])
    system = qj.OpenSystem(
        hermitian(random_matrix(rng, 3, True)),
        qj.Bath(np.stack([S, S.T]), T, qj.Ohmic(0.5)),
        observables=observables,
    )
    return system, jax.jit(qj.steadystate)(system)


@pytest.mark.long
def test_an_operator_gives_its_expectation_value() -> None:
    operator = hermitian(random_matrix(np.random.default_rng(9), 3, True))
    system, state = qutrit(q=qj.Observable(operator, QUANTITY))
    rho = np.asarray(state.rho)
    assert np.abs(rho - np.diag(rho.diagonal())).max() > 1e-3
    np.testing.assert_allclose(qj.observe(system, state, "q"), np.trace(operator @ rho).real, atol=1e-14)


@pytest.mark.long
def test_a_real_operator_serves_a_complex_system() -> None:
    operator = hermitian(random_matrix(np.random.default_rng(9), 3, False))
    system, state = qutrit(q=qj.Observable(operator, QUANTITY))
    np.testing.assert_allclose(
        qj.observe(system, state, "q"), np.trace(operator @ np.asarray(state.rho)).real, atol=1e-14
    )


def test_a_diagonal_is_the_operator_it_stands_for() -> None:
    diagonals = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]])
    system, state = qutrit(
        short=qj.Observable(diagonals, QUANTITY, [ROW]),
        full=qj.Observable(np.stack([np.diag(row) for row in diagonals]), QUANTITY, [ROW]),
    )
    short, full = (qj.observe(system, state, name) for name in ("short", "full"))
    assert short.shape == full.shape == (2,)
    np.testing.assert_allclose(short, full, atol=1e-14)


def test_coherence_purity_and_entropy_are_numpys_and_qutips() -> None:
    system, state = qutrit()
    rho = np.asarray(state.rho)
    expected = qutip.entropy_vn(qutip.Qobj(rho))
    np.testing.assert_allclose(qj.observe(system, state, "von_neumann_entropy"), expected, atol=1e-13)
    np.testing.assert_allclose(qj.observe(system, state, "purity"), np.trace(rho @ rho).real, atol=1e-14)
    off_diagonal = np.abs(rho - np.diag(rho.diagonal())).sum()
    np.testing.assert_allclose(qj.observe(system, state, "coherence"), off_diagonal, atol=1e-14)


def test_a_pure_state_has_no_entropy_and_populations_alone_have_theirs() -> None:
    system = qj.models.lambda_system(T_1=0.5, T_2=0.0)
    cold = qj.steadystate(system, method="populations")
    assert qj.observe(system, cold, "von_neumann_entropy") == 0.0
    warm = qj.models.lambda_system(T_1=0.5, T_2=0.5)
    state = qj.steadystate(warm, method="populations")
    p = np.exp([2.0, 2.0, 0.0]) / np.exp([2.0, 2.0, 0.0]).sum()
    expected = -(p * np.log(p)).sum()
    np.testing.assert_allclose(qj.observe(warm, state, "von_neumann_entropy"), expected, rtol=1e-14)


@pytest.mark.long
def test_the_secular_ratio_of_a_pair_of_close_lines() -> None:
    """Lines at 1 - g and 1 + g, each with half of the atom's rate (n + 1)."""
    x, lower, up = np.array([[0, 1.0], [1, 0]]), np.array([[0, 0], [1.0, 0]]), np.diag([1.0, 0.0])
    one, g, T = np.eye(2), 0.05, np.array([0.9, 0.3])
    hop = np.kron(lower.T, lower)
    H = np.kron(up, one) + np.kron(one, up) + g * (hop + hop.T)
    couplings = np.stack([np.kron(x, one), np.kron(one, x)])
    system = qj.OpenSystem(H, qj.Bath(couplings, T, qj.Flat(0.2)))
    found = qj.observe(system, qj.steadystate(system), "secular_ratio")
    fastest = 0.2 * (occupation(1 - g, 0.9) + 1) / 2
    np.testing.assert_allclose(found, fastest / (2 * g), rtol=1e-12)


def times(system: qj.OpenSystem, state: qj.SteadyState, factor: jax.Array) -> jax.Array:
    return factor * state.level_populations


@pytest.mark.long
def test_an_observable_may_be_any_function_and_is_differentiated_like_another() -> None:
    @jax.jit
    def found(factor: jax.Array) -> jax.Array:
        level = qj.Dimension("level", ("1", "2", "e"))
        tripled = qj.ComputedObservable(times, QUANTITY, [level], [factor])
        system = qj.models.lambda_system(T_1=0.9, T_2=0.3).with_observables({"tripled": tripled})
        return qj.observe(system, qj.steadystate(system, method="populations"), "tripled")

    plain = qj.models.lambda_system(T_1=0.9, T_2=0.3)
    p = qj.steadystate(plain).level_populations
    np.testing.assert_allclose(found(jnp.array(3.0)), 3 * p, rtol=1e-12)
    np.testing.assert_allclose(jax.jacfwd(found)(jnp.array(3.0)), p, rtol=1e-12)


def test_an_unknown_observable_is_refused_with_the_known_ones() -> None:
    system, state = qutrit(mine=qj.Observable(np.ones(3), QUANTITY))
    with pytest.raises(ValueError, match=r"'yours' is not one of heat_currents, .*, mine"):
        qj.observe(system, state, "yours")


def test_site_populations_need_a_model_with_sites() -> None:
    system, state = qutrit()
    with pytest.raises(ValueError, match="'site_populations' is not one of"):
        qj.site_populations(system, state)


def test_the_slope_of_the_site_populations_is_numpys_straight_line() -> None:
    system = qj.models.chain(sites=4, g=0.4)
    state = qj.steadystate(system, method="populations")
    expected, _ = np.polyfit(np.arange(4.0), qj.site_populations(system, state), 1)
    np.testing.assert_allclose(qj.population_slope(system, state), expected, rtol=1e-12)


@pytest.mark.long
@pytest.mark.parametrize("name", GENERAL)
def test_a_measure_has_the_shape_that_its_dimensions_say(name: str) -> None:
    system, state = qutrit()
    own = qj.available_observables(system)[name]
    assert isinstance(own, AvailableObservable)
    assert tuple(len(dim.labels) for dim in own.dims) == GENERAL[name]
    assert own.compute(system, state).shape == GENERAL[name]
    assert own.quantity.long_name


@pytest.mark.thorough
def test_a_change_of_the_unit_of_energy_multiplies_each_observable_as_its_unit_says() -> None:
    """All energies and temperatures times 2, which costs no digit, multiply it by 2 to that power."""
    numbers = {"h_L": 1.0, "h_R": 0.7, "Delta": 0.5, "T_L": 1.0, "T_R": 0.4}

    @jax.jit
    def results(size: jax.Array) -> dict[str, jax.Array]:
        system = qj.models.thermal_diode(**{name: size * value for name, value in numbers.items()})
        state = qj.steadystate(system, method="populations")
        return {name: own.compute(system, state) for name, own in known.items()}

    known = qj.available_observables(qj.models.thermal_diode())
    once, twice = results(jnp.array(1.0)), results(jnp.array(2.0))
    for name, own in known.items():
        power = own.quantity.energy_power
        if power is None:  # that of the n-th cumulant is n + 1
            assert name == "current_cumulants"
            power = np.arange(2, 6)[:, None]
        factor = np.exp2(np.asarray(power, float))
        np.testing.assert_allclose(twice[name], factor * np.asarray(once[name]), rtol=1e-9, atol=1e-15)


# --- the gap


@jax.jit
def gap(system: qj.OpenSystem) -> jax.Array:
    return qj.liouvillian_gap(system, qj.steadystate(system, method="populations"))


@pytest.mark.long
@given(draw=draws(3))
def test_the_gap_is_the_smallest_decay_rate_of_explicit_projectors(draw: Draw) -> None:
    expected = np.sort(-np.linalg.eigvals(draw.generator).real)[1]
    size = np.abs(draw.generator).max()
    np.testing.assert_allclose(gap(draw.system), max(expected, 0.0), atol=1e-9 * size)


def test_the_gap_of_an_atom_is_half_of_its_relaxation_rate() -> None:
    """The coherence decays with sum_k J_k (2 n_k + 1)/2, the population twice as fast."""
    system = atom((0.4, qj.Flat(0.3)), (1.1, qj.Flat(0.7)))
    expected = 0.3 * (occupation(1.3, 0.4) + 0.5) + 0.7 * (occupation(1.3, 1.1) + 0.5)
    np.testing.assert_allclose(gap(system), expected, rtol=1e-12)


def test_a_gap_is_nan_where_a_rate_diverges() -> None:
    assert np.isnan(gap(qj.OpenSystem(np.diag([0.0, 1.0]), qj.Bath(np.eye(2), 0.5, qj.Flat(1.0)))))


@pytest.mark.long
def test_min_eigenvalue_is_numpys() -> None:
    system, state = qutrit()
    expected = np.linalg.eigvalsh(np.asarray(state.rho))[0]
    np.testing.assert_allclose(qj.min_eigenvalue(system, state), expected, atol=1e-14)
