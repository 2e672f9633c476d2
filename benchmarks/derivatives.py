"""What derivatives of the populations cost beside the values."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.chains import even, mean_position, points, site_populations
from benchmarks.one_size import T_L, G, direct, sites_by_qutip
from benchmarks.report import Cell, Report, megabytes
from benchmarks.timing import Program, Spread, compiled, in_turns

# Of the central differences: the round-off of QuTiP's solve and the third derivative are alike here.
_STEP = 1e-4


def _with_forward(f: Callable[[jax.Array], jax.Array]) -> Callable[[jax.Array], tuple[Any, Any]]:
    """Values and derivatives by every component of x, the values once."""

    def both(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        push = jax.vmap(lambda v: jax.jvp(f, (x,), (v,)), out_axes=(None, 0))
        values, tangents = push(jnp.eye(x.size))
        return values, tangents

    return both


def _by_qutip(sites: int) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """One point by QuTiP: the values; these and their central differences by T_L and g."""

    def values(T: float = T_L, g: float = G) -> np.ndarray:
        return sites_by_qutip(sites, direct, T, g)

    def differences() -> tuple[np.ndarray, np.ndarray]:
        along_T = (values(T_L + _STEP, G) - values(T_L - _STEP, G)) / (2 * _STEP)
        along_g = (values(T_L, G + _STEP) - values(T_L, G - _STEP)) / (2 * _STEP)
        return values(), np.stack([along_T, along_g])

    return values, differences


def _in_chunks(f: Callable[..., Any], chunk: int) -> Callable[..., Any]:
    return lambda *batch: jax.lax.map(lambda point: f(*point), batch, batch_size=chunk)


def measure(sites: int, count: int, chunk: int, repeats: int) -> Report:
    """Of `count` points of a chain of `sites`, `chunk` at a time."""
    batch, chunk = points(count), even(count, chunk)
    left, g = batch[:, 0], batch[:, 1]
    fraction = jnp.linspace(0.0, 1.0, sites)
    temperatures = left[:, None] + (0.4 - left)[:, None] * fraction[None, :]
    f, position = site_populations(sites, "populations"), mean_position(sites)

    def at_both(x: jax.Array) -> jax.Array:
        return f(x[0], x[1])

    # Nothing that H depends on varies: one eigendecomposition serves all points.
    one_g = jnp.asarray(0.3)

    def at_one_g(T: jax.Array) -> jax.Array:
        return f(T[0], one_g)

    def of_temperatures(g: jax.Array) -> Callable[[jax.Array], jax.Array]:
        return lambda T: position(T, g)

    pairs: dict[str, tuple[Callable[..., Any], Callable[..., Any], tuple[jax.Array, ...], str]] = {
        "site populations by T_L and g, forward": (at_both, _with_forward(at_both), (batch,), "<= 3"),
        "the same by T_L at one g": (at_one_g, _with_forward(at_one_g), (left[:, None],), "<= 3"),
        f"mean position by {sites} temperatures, reverse": (
            position,
            lambda T, g: jax.value_and_grad(of_temperatures(g))(T),
            (temperatures, g),
            "<= 4",
        ),
        "the same at one g": (
            of_temperatures(one_g),
            jax.value_and_grad(of_temperatures(one_g)),
            (temperatures,),
            "<= 4",
        ),
    }
    rows: list[dict[str, Cell]] = []
    for name, (values, derived, arguments, target) in pairs.items():
        programs: dict[str, Program] = {
            "values": compiled(_in_chunks(values, chunk), *arguments),
            "derived": compiled(_in_chunks(derived, chunk), *arguments),
        }
        taken = in_turns({key: program.run for key, program in programs.items()}, repeats)
        per_point = {key: Spread.of(1e6 * times / count) for key, times in taken.items()}
        rows.append(
            {
                "derivative": name,
                "values, us a point": per_point["values"],
                "with derivatives, us a point": per_point["derived"],
                "ratio": Spread.of(taken["derived"] / taken["values"]),
                "target": target,
                "compile values, s": programs["values"].compile_s,
                "compile both, s": programs["derived"].compile_s,
                "temporary, both, MB": megabytes(programs["derived"].temporary_bytes),
            }
        )
    values, differences = _by_qutip(sites)
    exact = _with_forward(at_both)(jnp.array([T_L, G]))
    off = max(float(np.abs(a - b).max()) for a, b in zip(differences(), exact, strict=True))
    if off > 1e-5:
        raise RuntimeError(f"{sites} sites: QuTiP's central differences are off by {off}")
    taken = in_turns({"values": values, "derived": differences}, repeats)
    rows.append(
        {
            **dict.fromkeys(rows[0]),
            "derivative": "site populations by T_L and g, QuTiP's central differences",
            "values, us a point": Spread.of(1e6 * taken["values"]),
            "with derivatives, us a point": Spread.of(1e6 * taken["derived"]),
            "ratio": Spread.of(taken["derived"] / taken["values"]),
        }
    )
    title = f"Derivatives of the populations, chain of {sites} sites"
    remarks = {
        "points": count,
        "points at a time": chunk,
        "QuTiP: one point, largest difference from ours": off,
        "runs of each": repeats,
    }
    return Report("derivatives", title, ["derivative"], rows, remarks)
