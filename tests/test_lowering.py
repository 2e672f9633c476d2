"""Every program is lowered for a GPU: it waits for no host, solves all points at once, keeps all digits.

Lowering needs no GPU and no package of CUDA's, and compiles nothing.
"""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import qthermo_jax as qj
from matrices import SIGMA_X
from problems import lambda_populations, occupation
from qthermo_jax.fluctuations import fluctuation_observables
from qthermo_jax.precision import compiled
from qthermo_jax.sweeping.compute import engine, rest
from qthermo_jax.sweeping.compute.contents import Contents, Loop, contents_of
from qthermo_jax.sweeping.compute.lowering import lowered_programs, planned_for
from qthermo_jax.sweeping.compute.programs import program
from qthermo_jax.sweeping.execute.planning import make_plan
from qthermo_jax.sweeping.plan.model import find_model
from qthermo_jax.sweeping.plan.record import Plan
from qthermo_jax.sweeping.spec.reading import parse_spec

# More points than any table of a small system has entries: so many steps are one for each point.
POINTS = 10_007

SIGMA_Z, ONE = np.diag([1.0, -1.0]), np.eye(2)
X_1, X_2 = np.kron(SIGMA_X, ONE), np.kron(ONE, SIGMA_X)
APART = (np.kron(SIGMA_Z, ONE) + 1.1 * np.kron(ONE, SIGMA_Z)) / 2


def goes_point_by_point(loop: Loop, points: int) -> bool:
    """Whether it takes a step for each of many points, or touches one of them in each of its steps."""
    if loop.steps is not None and loop.steps >= points:
        return True
    return any(math.prod(whole) >= points * math.prod(part) for whole, part in loop.parts)


def assert_is_for_a_gpu(contents: Contents, points: int) -> None:
    """No call of the host, no loop over single points, no product in TF32."""
    assert not contents.callbacks
    assert [loop for loop in contents.loops if goes_point_by_point(loop, points)] == []
    single = {kind for kind in contents.products if "f32" in kind[0]}
    assert single <= {("f32", "HIGHEST"), ("complex<f32>", "HIGHEST")}


def lowered(function: Callable[..., Any], *given: Any) -> Contents:
    return contents_of(compiled(function).trace(*given), "cuda")


# --- what is looked for is found


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("map", lambda x: jax.lax.map(lambda one: 2 * one, x)),
        ("while", lambda x: _summed(x, lambda place, _: place < x.size)),
        ("until a sum is large", lambda x: _summed(x, lambda _, total: total < 1e3)),
        ("cond", lambda x: jax.lax.cond(x[0] > 0, lambda: jax.lax.map(jnp.sin, x), lambda: x)),
    ],
)
def test_a_loop_over_points_is_seen(name: str, function: Callable[[jax.Array], jax.Array]) -> None:
    with pytest.raises(AssertionError, match="Loop"):
        assert_is_for_a_gpu(lowered(function, jnp.ones(POINTS)), POINTS)


def _summed(x: jax.Array, goes_on: Callable[[jax.Array, jax.Array], jax.Array]) -> jax.Array:
    def add(carried: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        place, total = carried
        return place + 1, total + x[place]

    start = (jnp.zeros((), int), jnp.zeros_like(x[0]))
    return jax.lax.while_loop(lambda carried: goes_on(*carried), add, start)[1]


def test_a_loop_over_something_else_may_be() -> None:
    def grown(x: jax.Array) -> jax.Array:
        rows = jnp.stack([x] * 5)
        doubled = jax.lax.map(lambda row: row * 2, rows)
        return doubled[0] + jax.lax.fori_loop(0, 7, lambda _, y: y * y, x)

    contents = lowered(grown, jnp.ones(POINTS))
    assert_is_for_a_gpu(contents, POINTS)
    assert [loop.steps for loop in contents.loops] == [5, 7]


def test_a_call_of_the_host_is_seen() -> None:
    def told(x: jax.Array) -> jax.Array:
        return jax.lax.cond(x > 0, lambda: jax.pure_callback(np.sin, x, x), lambda: x)

    assert lowered(told, jnp.ones(())).callbacks == 1


def test_a_product_that_would_be_of_tf32_is_seen() -> None:
    x = jnp.ones((3, 3), jnp.float32)
    contents = contents_of(
        jax.jit(lambda x: (x @ x, jax.lax.complex(x, x) @ x.astype("c8"))).trace(x), "cuda"
    )
    assert contents.products == {("f32", "DEFAULT"): 1, ("complex<f32>", "DEFAULT"): 1}


def test_every_program_of_the_package_is_compiled_with_all_digits() -> None:
    """What goes to `jax.jit` by itself would multiply in TF32."""
    package = Path(qj.__file__).parent
    own = {
        path.name for path in package.rglob("*.py") if re.search(r"\bjit\(|@jax\.jit", path.read_text())
    }
    assert own == {"precision.py"}


# --- public functions, of many points in 32 bit


def two_qubits(T: jax.Array) -> qj.OpenSystem:
    baths = [qj.Bath(X_1, T, qj.Ohmic(0.01)), qj.Bath(X_2, 0.2, qj.Ohmic(0.01))]
    return qj.OpenSystem(APART + 0.1 * X_1 @ X_2, baths, local=APART)


def chain(T: jax.Array, g: jax.Array | float = 0.4) -> qj.OpenSystem:
    return qj.models.chain(sites=3, T_L=T, T_R=0.3, g=g)


def solved(system: qj.OpenSystem, method: str) -> object:
    state = qj.steadystate(system, method=method)
    return state, state.rho, state.level_populations, qj.heat_currents(system, state)


def responses(T: jax.Array) -> object:
    system = chain(T)
    return qj.soret(system, qj.steadystate(system, method="populations"))


def observed(T: jax.Array) -> object:
    system = two_qubits(T)
    state = qj.steadystate(system, method="dense")
    others = {"liouvillian_gap", *fluctuation_observables(system)}
    named = [
        qj.observe(system, state, name)
        for name in qj.available_observables(system)
        if name not in others
    ]
    return named, qj.liouvillian(system), qj.jump_operators(system), qj.dissipator(system.H)


def evolved(T: jax.Array) -> object:
    return qj.evolve(chain(T), jnp.linspace(0.0, 9.0, 3), jnp.ones(6) / 6, method="populations")


def warming(T: jax.Array) -> object:
    initial = jnp.ones(4) / 4
    return qj.evolve_with_baths(two_qubits(T), [0.0, 1.0], 10.0, initial, method="dense")


def driven(T: jax.Array) -> object:
    return qj.evolve_driven(lambda t: two_qubits(T + t), [0.0, 1.0], jnp.ones(4) / 4)


def periodic(T: jax.Array) -> object:
    baths = [qj.Bath(SIGMA_X, own, qj.Ohmic(0.1)) for own in (T, T / 2)]
    return qj.periodic_state(qj.DrivenSystem([SIGMA_Z, 0.1 * SIGMA_X], 2.0, baths, steps=8, photons=2))


def by_coupling(method: str) -> Callable[[jax.Array], object]:
    """A derivative through the eigenvectors, and through the solver."""

    def current(g: jax.Array) -> jax.Array:
        system = chain(jnp.float32(0.7), g)
        return qj.heat_currents(system, qj.steadystate(system, method=method))[0]

    return jax.grad(current)


FUNCTIONS: dict[str, Callable[[jax.Array], object]] = {
    "three solvers": lambda T: solved(chain(T), "auto"),
    **{
        f"two qubits, {generator}": lambda T, generator=generator, cut_off=cut_off: solved(
            two_qubits(T).with_generator(generator, cut_off), "dense"
        )
        for generator, cut_off in (("partial_secular", 0.3), ("redfield", None), ("local", None))
    },
    "responses": responses,
    "observables": observed,
    "gibbs_state": lambda T: qj.gibbs_state(APART, T),
    "evolve": evolved,
    "evolve_with_baths": warming,
    "evolve_driven": driven,
    "periodic_state": periodic,
    "grad, populations": by_coupling("populations"),
    "grad, dense": by_coupling("dense"),
}


@pytest.fixture
def single() -> Iterator[None]:
    with jax.enable_x64(False):
        yield


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:qthermo_jax computes in 32 bit")
@pytest.mark.usefixtures("single")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_many_points_in_single_precision(name: str) -> None:
    contents = lowered(jax.vmap(FUNCTIONS[name]), jnp.full(POINTS, 0.5))
    assert_is_for_a_gpu(contents, POINTS)
    assert contents.products


# --- sweeps


@pytest.mark.long
def test_they_are_what_a_run_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """A state of one site is coherent between eigenstates: populations alone are not exact."""
    made: list[tuple[dict[str, Any], list[Any]]] = []

    def recorded(plan: Plan, what: dict[str, Any], function: Any, *inputs: Any) -> Any:
        made.append((what, jax.tree.map(np.shape, inputs)))
        return program(plan, what, function, *inputs)

    monkeypatch.setattr(engine, "program", recorded)
    monkeypatch.setattr(rest, "program", recorded)
    spec = {
        "model": "chain",
        "axes": {"time": [0.0, 1.0]},
        "parameters": {"sites": 2, "g": 0.4},
        "evolution": {"initial": "e_1"},
    }
    plan = make_plan(parse_spec(spec, "here"), find_model("chain", Path()))
    own = planned_for(plan, "cpu")
    list(engine.Engine(own).solve(own.tiling.boxes))
    told = [
        (own.what, jax.tree.map(np.shape, tuple(own.inputs))) for _, own in engine.Engine(own).recipes
    ]
    assert [own for own in made if own[0] != {"rest": "levels"}] == told
    assert [own["method"] if "method" in own else own["rest"] for own, _ in told] == [
        "populations",
        "dense",
    ]


def plan_of(model: str, swept: str, **spec: Any) -> Plan:
    """A sweep with all its points in one tile."""
    along = {swept: {"start": 0.2, "stop": 0.9, "num": POINTS}}
    found = parse_spec({"model": model, "axes": along, **spec}, "here")
    return make_plan(found, find_model(found.model, Path()), memory=1 << 50)


WARMING = {"initial": {"1": 0.1, "2": 0.3, "e": 0.6}, "heat_capacity": 2.0}
THREE = {"parameters": {"sites": 3}}

SWEEPS: dict[str, Callable[[], Plan]] = {
    "three solvers": lambda: plan_of("chain", "T_L", **THREE),
    "derivatives": lambda: plan_of(
        "chain",
        "T_L",
        **THREE,
        observables=["heat_currents"],
        derivatives=["g"],
        solver={"method": "populations"},
    ),
    "float32": lambda: plan_of(
        "chain",
        "g",
        **THREE,
        observables=["heat_currents", "conductance", "site_populations", "current_noise"],
        solver={"precision": "float32"},
    ),
    "noise, dense": lambda: plan_of(
        "chain",
        "T_L",
        parameters={"sites": 2},
        observables=["tur_ratio", "fano"],
        solver={"method": "dense"},
    ),
    "noise, local": lambda: plan_of(
        "three_qubit_refrigerator", "T_c", observables=["current_noise"], solver={"generator": "local"}
    ),
    "baths that warm up": lambda: plan_of("lambda_system", "time", evolution=WARMING),
    "optima": lambda: plan_of(
        "chain",
        "T_L",
        **THREE,
        observables=["heat_currents"],
        optimise={
            "maximise": "heat_currents[1]",
            "over": {"g": [0.1, 0.9]},
            "where": ["site_populations[1] <= 0.4"],
            "samples": 5,
        },
    ),
}


# What solves points again. Without an observable that is made of currents nothing needs net fluxes.
MORE = {
    "three solvers": ["secular_block", "dense"],
    "derivatives": ["populations, net fluxes", "populations, net fluxes at single points"],
    "float32": ["populations, net fluxes", "populations, net fluxes at single points"],
    "baths that warm up": ["dense"],
    "optima": ["secular_block", "dense"],
}


@pytest.mark.long
@pytest.mark.parametrize("name", SWEEPS)
def test_sweeps_of_many_points(name: str) -> None:
    tile, *others = lowered_programs(SWEEPS[name](), "cuda")
    assert tile.points == POINTS
    for _, points, contents in (tile, *others):
        assert_is_for_a_gpu(contents, points)
    assert [own.solver for own in others] == MORE.get(name, [])


MODELS = {
    "carnot": "T_c",
    "otto": "T_c",
    "otto_oscillator": "T_c",
    "otto_qubits": "T_c",
    "swap_engine": "T_c",
    "chain": "T_L",
    "fmo": "T_in",
    "lambda_system": "T_1",
    "maser": "T_c",
    "modulated_qubit": "T_c",
    "network": "T_L",
    "spin_chain": "T_L",
    "square_lattice": "T_L",
    "thermal_diode": "T_L",
    "thermal_transistor": "T_L",
    "three_level_refrigerator": "T_c",
    "three_qubit_refrigerator": "T_c",
    "v_system": "T_1",
}


def test_all_models_are_listed() -> None:
    assert set(MODELS) == set(qj.models.__all__)


@pytest.mark.long
@pytest.mark.parametrize("name", MODELS)
def test_models_at_many_points(name: str) -> None:
    sizes = {
        "spin_chain": {"sites": 2},
        "square_lattice": {"rows": 2, "columns": 2},
        "chain": {"sites": 2},
        "otto_oscillator": {"levels": 3},
    }
    # The maser's equation is a local one, and limit cycles are found densely.
    dense = ("maser", "carnot", "otto", "otto_oscillator", "otto_qubits", "swap_engine")
    method = "dense" if name in dense else "populations"
    plan = plan_of(name, MODELS[name], parameters=sizes.get(name, {}), solver={"method": method})
    assert_is_for_a_gpu(next(lowered_programs(plan, "cuda")).contents, POINTS)


# --- tiles as a GPU solves them, here on a CPU


def test_the_next_tile_of_a_gpu_is_given_before_the_last_one_is_fetched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = {
        "model": "lambda_system",
        "axes": {"T_1": [0.3, 0.5, 0.9], "T_2": np.linspace(0.2, 1.0, 70).tolist()},
        "solver": {"method": "populations"},
        "observables": ["level_populations"],
    }
    plan = make_plan(parse_spec(spec, "here"), find_model("lambda_system", Path()))
    own = replace(planned_for(plan, "cuda"), told_memory=70 * plan.system.bytes_per_point)
    assert own.tiling.tile == (1, 70)
    run, get, given = engine.Engine._run, jax.device_get, []  # noqa: SLF001
    second = Event()

    def noted(solver: engine.Engine, *batch: Any) -> Any:
        found = run(solver, *batch)
        given.append(found)
        if len(given) == 2:
            second.set()
        return found

    def fetched(values: Any) -> Any:
        assert second.wait(timeout=60)
        return get(values)

    monkeypatch.setattr(engine.Engine, "_run", noted)
    monkeypatch.setattr(jax, "device_get", fetched)
    tiles = list(engine.Engine(own).solve(own.tiling.boxes))
    assert len(tiles) == 3
    hot, cold = (axis.parameters[f"T_{number}"] for number, axis in enumerate(own.axes, 1))
    for (side, _), tile in tiles:
        expected = [lambda_populations(occupation(1.0, hot[side][0]), occupation(1.0, T)) for T in cold]
        np.testing.assert_allclose(tile["level_populations"][0], expected, rtol=1e-12)
