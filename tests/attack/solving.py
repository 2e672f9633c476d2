"""What the package makes of drawn systems: batches of one structure, one compiled program each."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Num

import qthermo_jax as qj
from attack.systems import Draw
from qthermo_jax.couplings import SparseCoupling
from qthermo_jax.steady import Change, derivative_status, footing

# Points that one call solves; a batch that is not full repeats its first point.
BATCH = 32

METHODS = ("auto", "populations", "secular_block", "dense")

Found = dict[str, dict[str, np.ndarray]]


class AnyDensity(qj.SpectralDensity):
    """One of the package's spectral densities, chosen by a number, so that a batch may hold them all."""

    kind: Num[Array, "*K"]
    a: Num[Array, "*K"]
    b: Num[Array, "*K"]
    c: Num[Array, "*K"]

    def _each(self) -> tuple[qj.SpectralDensity, ...]:
        return (
            qj.Flat(self.a),
            qj.Ohmic(self.a),
            qj.OhmicFamily(self.a, self.b, self.c),
            qj.DrudeLorentz(self.a, self.b),
            qj.UnderDamped(self.a, self.b, self.c),
        )

    def _chosen(self, values: Sequence[Array]) -> Array:
        wanted = [self.kind == float(number) for number in range(len(values))]
        return jnp.select(wanted, list(values), values[0])

    def __call__(self, omega: Float[Array, "*s"]) -> Float[Array, "*s"]:
        return self._chosen([density(omega) for density in self._each()])

    def zero_frequency_rate(self, T: Float[Array, ""]) -> Float[Array, ""]:
        return self._chosen([density.zero_frequency_rate(T) for density in self._each()])

    def in_range(self) -> Bool[Array, ""]:
        return self._chosen([density.in_range() for density in self._each()])


Arrays = dict[str, Any]


def arrays_of(draw: Draw) -> Arrays:
    """The numbers that a compiled program takes."""
    parameters = np.array([bath.parameters for bath in draw.baths])
    return {
        "H": draw.H,
        "couplings": np.stack([bath.coupling for bath in draw.baths]),
        "T": np.array([bath.T for bath in draw.baths]),
        "kind": np.array([float(bath.kind) for bath in draw.baths]),
        "parameters": parameters,
        "secular_tol": np.array(0.0 if draw.secular_tol is None else draw.secular_tol),
        "local": np.zeros_like(draw.H) if draw.local is None else draw.local,
    }


def system_of(draw: Draw, arrays: Arrays | None = None) -> qj.OpenSystem:
    """The system of a draw; of other numbers of the same structure if they are given."""
    given = {name: jnp.asarray(value) for name, value in (arrays or arrays_of(draw)).items()}
    baths = _baths(given, draw)
    options: dict[str, Any] = {"generator": draw.generator}
    if draw.secular_tol is not None:
        options["secular_tol"] = given["secular_tol"]
    if draw.generator == "local":
        options["local"] = given["local"]
    return qj.OpenSystem(given["H"], baths, sectors=draw.sectors, levels=draw.levels, **options)


def _baths(given: dict[str, Array], draw: Draw) -> qj.Bath | list[qj.Bath]:
    """One bank, or each bath by itself."""
    kinds, parameters = given["kind"], given["parameters"]
    if draw.storage != "separate":
        density = AnyDensity(kinds, *parameters.T)
        return qj.Bath(_stored(given["couplings"], draw.storage), given["T"], density)
    return [
        qj.Bath(S, T, AnyDensity(kind, *own), bath.spontaneous)
        for S, T, kind, own, bath in zip(
            given["couplings"], given["T"], kinds, parameters, draw.baths, strict=True
        )
    ]


def _stored(couplings: Array, storage: str) -> Array | SparseCoupling:
    if storage == "dense":
        return couplings
    n_baths, d, _ = couplings.shape
    rows, columns = np.triu_indices(d)
    if storage == "neighbours":
        keep = columns == rows + 1
        rows, columns = rows[keep], columns[keep]
    values = couplings[:, rows, columns]
    return SparseCoupling(d, [rows.tolist()] * n_baths, [columns.tolist()] * n_baths, values)


def methods_of(draw: Draw) -> tuple[str, ...]:
    return METHODS if draw.generator in ("global", "partial_secular") else ("auto", "dense")


@cache
def _program(signature: tuple[object, ...], method: str) -> Any:
    example = _EXAMPLES[signature]

    def solved(arrays: Arrays) -> dict[str, Array]:
        system = system_of(example, arrays)
        state = qj.steadystate(system, method=method)
        return {
            "status": state.status,
            "error": state.error,
            "rho": state.rho,
            "populations": state.populations,
            "energies": state.basis.energies,
            "method": state.method,
            "note": state.note,
            "currents": qj.heat_currents(system, state),
            "bounds": qj.heat_current_bounds(system, state),
        }

    return jax.jit(jax.vmap(solved))


@cache
def _slopes_program(signature: tuple[object, ...], method: str) -> Any:
    example = _EXAMPLES[signature]

    def solved(arrays: Arrays, steps: Arrays) -> dict[str, Array]:
        def values(arrays: Arrays) -> tuple[Any, tuple[qj.OpenSystem, qj.SteadyState]]:
            system = system_of(example, arrays)
            state = qj.steadystate(system, method=method)
            found = state.rho, qj.heat_currents(system, state), footing(system, state)
            return found, (system, state)

        _, (rho, currents, slope), (system, state) = jax.jvp(values, (arrays,), (steps,), has_aux=True)
        change = Change(steps["H"], jnp.zeros_like(steps["H"]), None, None)
        return {
            "status": state.status,
            "error": state.error,
            "rho": rho,
            "currents": currents,
            # As a sweep decides it. The directions are of size 1.
            "flag": derivative_status(system, state, change, slope, jnp.array(1.0)),
        }

    return jax.jit(jax.vmap(solved))


# A draw of each structure, which the program of that structure is made from.
_EXAMPLES: dict[tuple[object, ...], Draw] = {}


Inputs = tuple[Arrays, ...]

# Structures whose compiled programs are kept: each maps memory, of which a process may map so much.
KEPT = 8


def _batch(draws: Sequence[Draw], inputs: Sequence[Inputs], method: str) -> list[dict[str, np.ndarray]]:
    """Results of draws of one structure, or of their derivatives if directions are given."""
    signature = draws[0].signature
    _EXAMPLES.setdefault(signature, draws[0])
    filled = [*inputs, *[inputs[0]] * (BATCH - len(draws))]
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *filled)
    program = _program if len(stacked) == 1 else _slopes_program
    try:
        found = jax.device_get(program(signature, method)(*stacked))
    except ValueError as error:
        return [{"raised": np.array(str(error))} for _ in draws]
    return [{name: values[n] for name, values in found.items()} for n in range(len(draws))]


def solved(
    draws: Sequence[Draw],
    steps: Sequence[Arrays] | None = None,
    methods: Sequence[str] = METHODS,
) -> list[Found]:
    """For each draw and method, what the package finds.

    Args:
        steps: as `arrays_of`, how fast each number changes: derivatives are found then.
        methods: those that are asked.
    """
    inputs: list[Inputs] = [(arrays_of(draw),) for draw in draws]
    if steps is not None:
        inputs = [(*own, step) for own, step in zip(inputs, steps, strict=True)]
    alike: dict[tuple[object, ...], list[int]] = {}
    for n, draw in enumerate(draws):
        alike.setdefault(draw.signature, []).append(n)
    results: list[Found] = [{} for _ in draws]
    for number, members in enumerate(alike.values(), start=1):
        for start in range(0, len(members), BATCH):
            some = members[start : start + BATCH]
            chosen, given = [draws[n] for n in some], [inputs[n] for n in some]
            for method in [name for name in methods_of(chosen[0]) if name in methods]:
                for n, found in zip(some, _batch(chosen, given, method), strict=True):
                    results[n][method] = found
        if number % KEPT == 0:
            _program.cache_clear()
            _slopes_program.cache_clear()
            jax.clear_caches()
    return results
