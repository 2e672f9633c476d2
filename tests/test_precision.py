"""In 32 bit a GPU multiplies matrices with all digits: what is lowered for it says so."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import qthermo_jax as qj
from matrices import SIGMA_X
from qthermo_jax.precision import compiled
from qthermo_jax.sweeping.compute import programs
from qthermo_jax.sweeping.compute.kept import Kept

SIGMA_Z, ONE = np.diag([1.0, -1.0]), np.eye(2)
X_1, X_2 = np.kron(SIGMA_X, ONE), np.kron(ONE, SIGMA_X)
APART = (np.kron(SIGMA_Z, ONE) + 1.1 * np.kron(ONE, SIGMA_Z)) / 2


@pytest.fixture(autouse=True)
def _single() -> Iterator[None]:
    with jax.enable_x64(False):
        yield


def two_qubits(T: jax.Array) -> qj.OpenSystem:
    baths = [qj.Bath(X_1, T, qj.Ohmic(0.01)), qj.Bath(X_2, 0.2, qj.Ohmic(0.01))]
    return qj.OpenSystem(APART + 0.1 * X_1 @ X_2, baths, local=APART)


def chain(T: jax.Array, g: jax.Array | float = 0.4) -> qj.OpenSystem:
    return qj.models.chain(sites=3, T_L=T, T_R=0.3, g=g)


def products_of(traced: Any, platform: str = "cuda") -> list[str]:
    """The matrix products that a GPU would be given."""
    text = traced.lower(lowering_platforms=(platform,)).as_text()
    return [line for line in text.splitlines() if "stablehlo.dot" in line]


def assert_keeps_all_digits(products: list[str]) -> None:
    assert products
    assert [line for line in products if not re.search(r"precision = \[HIGHEST, HIGHEST\]", line)] == []


def solved(system: qj.OpenSystem, method: str) -> object:
    state = qj.steadystate(system, method=method)
    return state, state.rho, state.level_populations, qj.heat_currents(system, state)


def responses(T: jax.Array) -> object:
    system = chain(T)
    state = qj.steadystate(system, method="populations")
    diode = qj.models.thermal_diode(T_L=T)
    rectification = qj.rectification(diode, qj.steadystate(diode, method="dense"))
    names = ("conductance", "onsager", "amplification", "soret")
    return rectification, [getattr(qj, name)(system, state) for name in names]


def observed(T: jax.Array) -> object:
    system = two_qubits(T)
    state = qj.steadystate(system, method="dense")
    named = [
        qj.observe(system, state, name)
        for name in qj.available_observables(system)
        if name != "liouvillian_gap"
    ]
    return named, qj.liouvillian(system), qj.jump_operators(system), qj.dissipator(system.H)


def evolved(T: jax.Array) -> object:
    return qj.evolve(chain(T), jnp.linspace(0.0, 9.0, 3), jnp.ones(6) / 6, method="populations")


def warming(T: jax.Array) -> object:
    initial = jnp.ones(4) / 4
    return qj.evolve_with_baths(two_qubits(T), [0.0, 1.0], 10.0, initial, method="dense")


def driven(T: jax.Array) -> object:
    return qj.evolve_driven(lambda t: two_qubits(T + t), [0.0, 1.0], jnp.ones(4) / 4)


def by_coupling(method: str) -> Callable[[jax.Array], object]:
    """A derivative through the eigenvectors, and through the solver."""

    def current(g: jax.Array) -> jax.Array:
        system = chain(jnp.float32(0.7), g)
        return qj.heat_currents(system, qj.steadystate(system, method=method))[0]

    return jax.grad(current)


FUNCTIONS: dict[str, Callable[[jax.Array], object]] = {
    **{
        f"chain, {method}": lambda T, method=method: solved(chain(T), method)
        for method in ("auto", "populations", "secular_block", "dense")
    },
    **{
        f"two qubits, {generator}": lambda T, generator=generator, cut_off=cut_off: solved(
            two_qubits(T).with_generator(generator, cut_off), "dense"
        )
        for generator, cut_off in (("partial_secular", 0.3), ("redfield", None), ("local", None))
    },
    "many points": jax.vmap(lambda T: solved(chain(T), "populations")),
    "responses": responses,
    "observables": observed,
    "gibbs_state": lambda T: qj.gibbs_state(APART, T),
    "evolve": evolved,
    "grad, populations": by_coupling("populations"),
    "grad, dense": by_coupling("dense"),
}


@pytest.mark.filterwarnings("ignore:qthermo_jax computes in 32 bit")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_products_in_single_precision_keep_all_digits(name: str) -> None:
    T = jnp.full(100, 0.5) if name == "many points" else jnp.float32(0.5)
    assert_keeps_all_digits(products_of(jax.jit(FUNCTIONS[name]).trace(T)))


@pytest.mark.filterwarnings("ignore:qthermo_jax computes in 32 bit")
@pytest.mark.parametrize("function", [warming, driven])
def test_products_of_an_ode_in_single_precision_keep_all_digits(function) -> None:
    """Lowered for a CPU: diffrax calls the host, which JAX lowers only where there is such a device."""
    assert_keeps_all_digits(products_of(jax.jit(function).trace(jnp.float32(0.5)), "cpu"))


@pytest.mark.filterwarnings("ignore:qthermo_jax computes in 32 bit")
def test_a_sweep_in_single_precision_keeps_all_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    products: list[str] = []

    class Recorded:
        def __init__(self, function: Callable[..., Any]) -> None:
            self.program = compiled(function)

        def lower(self, *given: Any) -> Any:
            products.extend(products_of(self.program.trace(*given)))
            return self.program.lower(*given)

    monkeypatch.setattr(programs, "compiled", Recorded)
    monkeypatch.setenv("QTHERMO_CACHE_DIR", "")
    Kept.forget()
    qj.sweep(
        "chain",
        axes={"g": [0.2, 0.3], "T_L": np.linspace(0.4, 0.9, 4)},
        parameters={"sites": 3},
        observables=["heat_currents", "conductance", "site_populations"],
        derivatives=["g"],
        precision="float32",
    )
    assert_keeps_all_digits(products)


def test_every_program_of_the_package_is_compiled_with_all_digits() -> None:
    """What goes to `jax.jit` by itself would multiply in TF32."""
    package = Path(qj.__file__).parent
    own = {
        path.name for path in package.rglob("*.py") if re.search(r"\bjit\(|@jax\.jit", path.read_text())
    }
    assert own == {"precision.py"}
