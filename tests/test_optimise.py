"""[optimise]: the best parameters at each point, against optima that are known in closed form."""

import math

import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import scipy.constants
import xarray as xr

import qthermo_jax as qj
from qthermo_jax.sweeping import SpecError
from qthermo_jax.sweeping.spec.expression import Constraint, Expression, Name


def plane(x: float = 0.0, y: float = 0.0, T: float = 1.0) -> qj.OpenSystem:
    """Two levels that know nothing of x and y: formulas of these alone have optima from textbooks."""
    flip = jnp.array([[0.0, 1.0], [1.0, 0.0]])
    return qj.OpenSystem(jnp.diag(jnp.array([0.0, 1.0])), [qj.Bath(flip, T, qj.Ohmic(0.1))])


def optimum(formula, over=None, **settings):
    bounds = over or {"x": [-2.0, 2.0], "y": [-1.0, 3.0]}
    axes = settings.pop("axes", {"T": [1.0]})
    observables = ["level_populations"]
    return qj.optimise(
        plane, minimise=formula, over=bounds, axes=axes, observables=observables, **settings
    )


def place(found: xr.Dataset, number: int = 0) -> str:
    return found.optimum.attrs["flag_meanings"].split()[int(found.optimum[number])]


@pytest.mark.long
def test_a_narrow_valley_is_followed_to_its_end():
    found = optimum("(1 - x)**2 + 100*(y - x**2)**2")
    error = max(abs(float(found.x[0]) - 1.0), abs(float(found.y[0]) - 1.0))
    assert error <= 2.0 * 4.0 * float(found.optimum_distance[0]) + 1e-12  # the intervals are 4 long
    assert error < 1e-6
    assert place(found) == "inside"


@pytest.mark.long
def test_a_search_traces_its_point_twice_more_than_a_sweep():
    """Where it looks first, where it descends, and at its end."""
    traced = []

    def counted(x: float = 0.0, T: float = 1.0) -> qj.OpenSystem:
        traced.append(x)
        return plane(x, T=T)

    asked = {"axes": {"T": [1.0, 2.0]}, "observables": ["level_populations"]}
    qj.sweep(counted, **asked)
    of_a_sweep = len(traced)
    qj.optimise(counted, minimise="(x - 0.3)**2", over={"x": [-1.0, 1.0]}, **asked)
    assert len(traced) - of_a_sweep == of_a_sweep + 2


@pytest.mark.long
def test_a_condition_holds_at_the_optimum_and_stops_it():
    # Nocedal and Wright's Lagrangian conditions for Rosenbrock's function on the unit disc.
    found = optimum("(1 - x)**2 + 100*(y - x**2)**2", where=["x**2 + y**2 <= 1"])
    x, y = float(found.x[0]), float(found.y[0])
    assert x**2 + y**2 == pytest.approx(1.0, abs=1e-7)
    slope = np.array([-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)])
    assert abs(slope[0] * y - slope[1] * x) <= 1e-5 * np.linalg.norm(slope)  # along the circle
    assert slope @ [x, y] < 0  # outwards it goes on downwards
    assert place(found) == "on_a_constraint"


@pytest.mark.long
@pytest.mark.parametrize(
    ("formula", "where", "over", "best", "where_it_is"),
    [
        ("x + y", [], None, [-2.0, -1.0], "on_a_bound"),
        ("(x-0.5)**2 + (y-0.5)**2", ["x >= 0.7", "y <= 0.2"], None, [0.7, 0.2], "on_a_constraint"),
        ("x*y", ["x + y >= 1"], None, [-2.0, 3.0], "on_a_bound"),
        ("exp(x) + 1/x", [], {"x": {"start": 1e-3, "stop": 1e2, "spacing": "log"}}, None, "inside"),
        ("1e-30*(x - 0.2)**2", [], {"x": [-1.0, 1.5]}, [0.2], "inside"),
        ("-sqrt(x)*(1 - x)", [], {"x": [-1.0, 1.2]}, [1.0 / 3.0], "inside"),
        ("0*x", [], {"x": [-1.0, 1.5]}, None, "flat"),
    ],
)
def test_an_optimum_says_where_it_lies(formula, where, over, best, where_it_is):
    found = optimum(formula, over, where=where)
    if formula.startswith("exp"):
        best = [2.0 * float(mpmath.lambertw(mpmath.mpf(1) / 2))]  # x^2 e^x = 1
    if best is not None:
        np.testing.assert_allclose([found[name][0] for name in ("x", "y")[: len(best)]], best, atol=1e-7)
    assert place(found) == where_it_is


@pytest.mark.long
@pytest.mark.parametrize(
    ("formula", "where", "status"),
    [
        ("x", ["x**2 >= 5"], qj.Status.NOT_FEASIBLE),
        ("abs(x - 0.3)", [], qj.Status.NOT_CONVERGED),  # a kink: no slope that vanishes
    ],
)
def test_what_is_no_optimum_is_not_given(formula, where, status):
    found = optimum(formula, {"x": [-1.0, 1.0]}, where=where)
    assert int(found.status[0]) == status
    assert np.isnan(found.x[0])
    assert np.isnan(found.objective[0])
    assert np.isnan(found.level_populations[0]).all()


@pytest.mark.long
def test_every_point_has_its_own_optimum_and_a_bad_one_its_own_status():
    with pytest.warns(qj.sweeping.SpecWarning):
        found = optimum("x**2 + T*x", {"x": [-1.0, 1.5]}, axes={"T": [0.1, 1.0, 2.5, -1.0]})
    np.testing.assert_allclose(found.x[:3], [-0.05, -0.5, -1.0], atol=1e-9)
    assert found.status.values.tolist() == [0, 0, 0, qj.Status.PARAMETER_OUT_OF_RANGE]
    assert place(found, 2) == "on_a_bound"


@pytest.mark.slow
def test_the_best_frequency_of_an_otto_cycle():
    """(omega_h - omega_c) (p_h - p_c) with Gibbs populations, greatest where its slope vanishes."""
    T_h, T_c, omega_h = 2.0, 0.5, 3.0
    found = qj.optimise(
        "otto",
        minimise="work",
        over={"omega_c": [0.05, 2.9]},
        axes={"T_h": [T_h]},
        parameters={"T_c": T_c, "omega_h": omega_h, "contact": 1e3, "steps": 8},
        observables=["work", "efficiency"],
    )

    def work(omega):
        excited = 1 / (mpmath.exp(omega_h / T_h) + 1) - 1 / (mpmath.exp(omega / T_c) + 1)
        return (omega_h - omega) * excited

    with mpmath.workdps(40):
        best = mpmath.findroot(lambda omega: mpmath.diff(work, omega), 1.2)
        assert float(found.omega_c[0]) == pytest.approx(float(best), rel=1e-6)
        assert float(found.objective[0]) == pytest.approx(-float(work(best)), rel=1e-9)
    assert float(found.efficiency[0]) == pytest.approx(1 - float(best) / omega_h, rel=1e-6)


@pytest.mark.long
def test_what_is_sought_is_found_in_its_unit():
    """The level T at which T - 0.3 GHz is smallest in size, in mK: h 0.3 GHz / k_B."""
    expected = scipy.constants.h * 0.3e9 / scipy.constants.k * 1e3
    found = optimum(
        "(T - 0.3)**2", {"T": [1.0, 100.0]}, axes={"x": [0.0]}, energy_unit="GHz", units={"T": "mK"}
    )
    assert found["T"].attrs["units"] == "mK"
    assert float(found["T"][0]) == pytest.approx(expected, rel=1e-9)


@pytest.mark.slow
def test_a_front_is_an_axis_that_a_condition_mentions():
    """Of the maser, whose efficiency is 1 - omega_c/omega_h: the condition binds above the best one."""
    eta = np.array([0.3, 0.75, 0.9])
    found = qj.optimise(
        "maser",
        maximise="output_power",
        over={"omega_c": [0.1, 2.9]},
        where=["efficiency >= least_efficiency"],
        axes={"least_efficiency": eta},
        parameters={"T_h": 8.0},
        observables=["output_power", "efficiency"],
    )
    alone = qj.sweep(
        "maser",
        axes={"omega_c": np.linspace(0.1, 2.9, 561)},
        parameters={"T_h": 8.0},
        observables=["output_power"],
    ).output_power
    assert float(found.output_power[0]) == pytest.approx(float(alone.max()), rel=1e-5)
    np.testing.assert_allclose(found.omega_c[1:], 3.0 * (1.0 - eta[1:]), rtol=1e-6)
    assert [place(found, k) for k in range(3)] == ["inside", "on_a_constraint", "on_a_constraint"]


@pytest.mark.slow
def test_currents_that_cancel_are_seen_by_the_search():
    """A diode at equal temperatures: the least |J| is 0, which only net fluxes tell."""
    found = qj.optimise(
        "thermal_diode",
        minimise="heat_currents[1]**2",
        over={"T_L": [0.2, 2.0]},
        axes={"T_R": [0.7]},
        observables=["heat_currents"],
    )
    assert float(found.T_L[0]) == pytest.approx(0.7, abs=1e-4)


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ({"maximise": "work"}, "optimise.over: missing"),
        ({"over": {"omega_c": [1.0, 2.0]}}, "optimise: takes either maximise or minimise"),
        (
            {"maximise": "work", "over": {"omega_c": [2.0, 1.0]}},
            "optimise.over.omega_c: takes start < stop, not 2 and 1",
        ),
        ({"maximise": "work", "over": {"omega": [1.0, 2.0]}}, "optimise.over.omega: unknown parameter"),
        ({"maximise": "wrk", "over": {"omega_c": [1.0, 2.0]}}, "did you mean 'work'?"),
        (
            {"maximise": "heat", "over": {"omega_c": [1.0, 2.0]}},
            "takes a label in brackets: bath 'hot', 'cold'",
        ),
        (
            {"maximise": "heat[3]", "over": {"omega_c": [1.0, 2.0]}},
            "has no bath 3; it takes 'hot', 'cold'",
        ),
        ({"maximise": "work[1]", "over": {"omega_c": [1.0, 2.0]}}, "is one number and takes no label"),
        ({"maximise": "work", "over": {"T_h": [1.0, 2.0]}}, "'T_h' moves along axes.T_h"),
        ({"maximise": "work", "over": {"steps": [1.0, 2.0]}}, "shapes the system and cannot be sought"),
        (
            {"maximise": "work", "over": {"omega_c": [1.0, 2.0]}, "where": ["work > 1"]},
            "optimise.where[0]: 'work > 1': a condition takes <= or >=",
        ),
        (
            {"maximise": "__import__('os').getcwd()", "over": {"omega_c": [1.0, 2.0]}},
            "optimise.maximise: ",
        ),
    ],
)
def test_what_cannot_be_sought_is_told_in_one_line(asked, line):
    with pytest.raises(SpecError) as caught:
        qj.sweep("otto", axes={"T_h": [2.0]}, optimise=asked)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_derivatives_and_single_precision_are_refused():
    asked = {"maximise": "work", "over": {"omega_c": [1.0, 2.0]}}
    with pytest.raises(SpecError, match=r"derivatives: an \[optimise\] takes none"):
        qj.sweep("otto", axes={"T_h": [2.0]}, optimise=asked, derivatives=["T_c"])


@pytest.mark.parametrize(
    "text",
    ["a.b", "a()", "eval('1')", "[1]", "a if b else c", "lambda: 1", "'a'", "a[b]", "a[1:2]", "a % 2",
     "1e999", "True", "a and b", "f(a)", "exp(a, b)", "exp(a=1)", "", "a +", "(" * 150 + "1", "a := 1"],
)  # fmt: skip
def test_a_formula_takes_a_few_forms_of_python_and_runs_none(text):
    with pytest.raises(ValueError, match=r"formula|takes"):
        Expression.parsed(text)


def test_a_formula_has_the_value_that_python_gives():
    numbers = {Name("a"): 0.7, Name("b", (1, "x")): -1.3, Name("c", (-2,)): 2.0}
    formula = Expression.parsed("-a**2 + sqrt(abs(b[1, 'x']))/exp(c[-2]) - 2*log(a) + a**-1")
    a, b, c = numbers.values()
    expected = -(a**2) + math.sqrt(abs(b)) / math.exp(c) - 2 * math.log(a) + a**-1
    assert formula.value(numbers, np) == pytest.approx(expected, rel=1e-15)
    assert set(formula.names) == set(numbers)


def test_a_chain_of_comparisons_is_several_conditions():
    low, high = Constraint.parsed("0.1 <= a <= 0.5")
    assert low.margin.value({Name("a"): 0.3}, np) == pytest.approx(0.2)
    assert high.margin.value({Name("a"): 0.3}, np) == pytest.approx(0.2)


@pytest.mark.slow
def test_an_oscillator_at_greatest_work_comes_to_curzon_and_ahlborn_at_the_known_rate():
    """eta = 1 - s + s^3 (1 - s)^2 (omega_h/T_c)^2/24 + ..., s = sqrt(T_c/T_h), at the best omega_c.

    From n + 1/2 = T/omega + omega/(12 T) + ... in W = (omega_h - omega_c) (n_h - n_c): the first order
    of the second term beside the first.
    """
    T_h, T_c, omega_h = 1.0, 0.5, np.array([1.0, 0.7])
    found = qj.optimise(
        "otto_oscillator",
        minimise="work",
        over={"omega_c": (0.4, 0.9)},
        axes={"omega_h": omega_h},
        parameters={"T_c": T_c, "T_h": T_h, "contact": 1e3, "ramp": 0.01, "steps": 16, "levels": 14},
        observables=["efficiency", "tail"],
        samples=4,
        starts=1,
    )
    s = math.sqrt(T_c / T_h)
    beyond = found.efficiency - (1 - s)
    rate = s**3 * (1 - s) ** 2 * (omega_h / T_c) ** 2 / 24
    np.testing.assert_allclose(beyond, rate, rtol=0.2)

    def best(omega, levels=400):
        def quanta(frequency, T):
            weights = [mpmath.exp(-n * frequency / T) for n in range(levels)]
            return mpmath.fdot(range(levels), weights) / mpmath.fsum(weights)

        def work(own):
            return (omega - own) * (quanta(omega, T_h) - quanta(own, T_c))

        return mpmath.findroot(lambda own: mpmath.diff(work, own), omega * s)

    with mpmath.workdps(30):
        cut_off = [float(best(omega, 14)) for omega in omega_h]
        exact = [float(best(omega)) for omega in omega_h]
    np.testing.assert_allclose(found.omega_c, cut_off, rtol=1e-6)
    np.testing.assert_allclose(found.omega_c, exact, rtol=1e-3)
    assert (found["tail"] < 1e-4).all()


def forked(theta: float = 0.5, split: float = 0.0, T: float = 0.5) -> qj.OpenSystem:
    """A bath drives a superposition of two upper levels, another bath one of them."""
    energies = jnp.stack([0.0 * split, 1.0 + 0.0 * split, 1.0 + split])
    one, two = (jnp.zeros((3, 3)).at[[0, k], [k, 0]].set(1.0) for k in (1, 2))
    both = jnp.cos(theta) * one + jnp.sin(theta) * two
    baths = [qj.Bath(both, T, qj.Ohmic(0.1)), qj.Bath(two, 0.3, qj.Ohmic(0.05))]
    return qj.OpenSystem(jnp.diag(energies), baths)


@pytest.mark.slow
def test_a_search_goes_to_the_next_solver_where_populations_are_not_exact():
    """Two degenerate levels that share a bath have a coherence."""
    T, angles = [0.4, 0.8], np.linspace(0.1, 1.2, 221)
    axes = {"T": T}
    found = qj.optimise(
        forked,
        maximise="heat_currents[1]",
        over={"theta": (0.1, 1.2)},
        axes=axes,
        observables=["heat_currents"],
    )
    there = qj.sweep(forked, axes={**axes, "theta": angles}, observables=["heat_currents"])
    J = there.heat_currents.sel(bath=1)
    assert (found.method != qj.Method.POPULATIONS).all()
    assert (found.objective >= J.max("theta") - 1e-9).all()
    np.testing.assert_allclose(found.objective, J.max("theta"), rtol=1e-3)


@pytest.mark.long
@pytest.mark.parametrize(
    ("condition", "expected", "status"),
    [
        ("1/abs(x - 0.5) >= 4", 0.75, qj.Status.OK),
        ("exp(60*(0.5 - x)) >= 1", math.nan, qj.Status.NOT_FEASIBLE),
    ],
)
def test_a_condition_that_is_large_somewhere_is_kept_where_it_is_small(condition, expected, status):
    found = qj.optimise(
        plane, maximise="x", over={"x": (0.1, 0.9000001)}, where=[condition], observables=["purity"]
    )
    assert int(found.status) == status
    assert float(found.x) == pytest.approx(expected, rel=1e-5, nan_ok=True)
