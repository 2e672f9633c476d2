"""Maps of machines: a driven qubit between two baths, and Otto cycles, beside other packages' points."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
import qthermo
import qutip
import xarray as xr

import qthermo_jax as qj
from benchmarks.report import Cell, Report
from benchmarks.timing import Spread, in_turns

_OURS = "qthermo_jax"
_QUBIT, _CYCLE = "driven qubit between two baths", "Otto cycles of a qubit"
_X, _Z = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[-1.0, 0.0], [0.0, 1.0]])

# Couplings to the baths, and three points of each map that all solve.
_HOT, _COLD = 0.01, 0.02
_ONE_T = 0.5
_DRIVES = [(0.2, 0.9), (0.4, 1.3), (0.8, 1.7)]  # amplitude, frequency
_OTTO = {"omega_h": 2.0, "T_c": 0.5, "ramp": 2.0, "contact": 10.0, "transverse": 0.3, "rate": 0.2}
_CYCLES = [(0.8, 2.0), (1.0, 3.0), (1.4, 4.0)]  # omega_c, T_h

# Of the states, with the tolerances that the other packages have by default.
_APART = 1e-5


def driven_qubit(
    amplitude: float = 0.3, frequency: float = 1.3, T_hot: float = 1.0, T_cold: float = 0.3
) -> qj.DrivenSystem:
    """H = sigma_z/2 + amplitude cos(frequency t) sigma_x; the baths couple to sigma_x and sigma_z."""
    baths = [qj.Bath(_X, T_hot, qj.Ohmic(_HOT)), qj.Bath(_Z, T_cold, qj.Ohmic(_COLD))]
    half = jnp.asarray(amplitude, float) / 2
    return qj.DrivenSystem([jnp.asarray(_Z / 2), half * _X], 2 * math.pi / frequency, baths)


def driven_by_qutip(amplitude: float, frequency: float) -> np.ndarray:
    """The state at time 0 of the driven qubit by FMESolver, whose baths have one temperature."""
    H = [qutip.Qobj(_Z / 2), [amplitude * qutip.sigmax(), lambda t: np.cos(frequency * t)]]
    basis = qutip.FloquetBasis(H, 2 * math.pi / frequency)
    baths = [
        (qutip.Qobj(S), lambda w, eta=eta: eta * w / (2 * math.pi) * (w > 0))
        for S, eta in ((_X, _HOT), (_Z, _COLD))
    ]
    R = qutip.FMESolver(basis, baths, w_th=_ONE_T).rhs(0.0).full()
    R[0] = np.eye(2).reshape(-1)
    rho = np.linalg.solve(R, np.array([1.0, 0, 0, 0], complex)).reshape(2, 2).T
    return basis.from_floquet_basis(qutip.Qobj(rho)).full()


def otto_by_qthermo(omega_c: float, T_h: float) -> np.ndarray:
    """The state at the beginning of the model `otto` by `Cycle.limit_cycle` of PyPI's qthermo."""
    high, contact, ramp = _OTTO["omega_h"], _OTTO["contact"], _OTTO["ramp"]

    def H(omega: float) -> np.ndarray:
        return omega / 2 * _Z + _OTTO["transverse"] / 2 * _X

    def isochore(name: str, omega: float, T: float) -> qthermo.Stroke:
        spectrum = qthermo.baths.ohmic_spectrum(_OTTO["rate"])
        return qthermo.Stroke(
            name, H(omega), contact, [qthermo.davies_bath(H(omega), _X, T, spectrum=spectrum)]
        )

    cycle = qthermo.Cycle(
        [
            isochore("heating", high, T_h),
            qthermo.Stroke("expansion", lambda t: H(high + (omega_c - high) * t / ramp), ramp),
            isochore("cooling", omega_c, _OTTO["T_c"]),
            qthermo.Stroke("compression", lambda t: H(omega_c + (high - omega_c) * t / ramp), ramp),
        ]
    )
    found, _, _ = cycle.limit_cycle(np.eye(2) / 2)
    return found.strokes[0].rho_initial


def _maps(side: int, cycles: int) -> dict[str, tuple[int, Callable[[], xr.Dataset]]]:
    """Points and sweep of each map."""
    driven = partial(
        qj.sweep,
        driven_qubit,
        axes={
            "amplitude": np.linspace(0.05, 0.8, side),
            "frequency": np.linspace(0.8, 2.0, side),
        },
        observables=["power", "heat_currents", "mode"],
    )
    otto = partial(
        qj.sweep,
        "otto",
        axes={
            "omega_c": np.linspace(0.4, 1.6, cycles),
            "T_h": np.linspace(1.0, 4.0, cycles),
        },
        parameters=_OTTO,
        observables=["work", "heat", "efficiency", "mode", "friction"],
    )
    return {
        _QUBIT: (side**2, driven),
        _CYCLE: (cycles**2, otto),
    }


Point = tuple[float, float]


def _apart(ours: Callable[..., Any], theirs: Callable[..., np.ndarray], points: list[Point]) -> float:
    """The largest difference of their states from ours."""
    off = max(float(np.abs(np.asarray(ours(*own)) - theirs(*own)).max()) for own in points)
    if not off < _APART:
        raise RuntimeError(f"the states do not agree: {off}")
    return off


def _each(function: Callable[..., Any], points: list[Point]) -> list[Any]:
    return [function(*own) for own in points]


def _driven(amplitude: float, frequency: float) -> Any:
    return qj.periodic_state(driven_qubit(amplitude, frequency, _ONE_T, _ONE_T)).rho


def _otto(omega_c: float, T_h: float) -> Any:
    return qj.limit_cycle(qj.models.otto(omega_c=omega_c, T_h=T_h, **_OTTO)).rho


def measure(side: int, cycles: int, repeats: int) -> Report:
    """Maps of `side` x `side` qubits and of `cycles` x `cycles` cycles; three points by others."""
    peers: dict[str, tuple[str, Callable[..., np.ndarray], list[Point], float]] = {}
    for name, by, ours, theirs, points in (
        (_QUBIT, "QuTiP, FMESolver, one temperature", _driven, driven_by_qutip, _DRIVES),
        (_CYCLE, "qthermo (PyPI), Cycle.limit_cycle", _otto, otto_by_qthermo, _CYCLES),
    ):
        peers[name] = by, theirs, points, _apart(ours, theirs, points)
    rows: list[dict[str, Cell]] = []
    for name, (count, sweep) in _maps(side, cycles).items():
        peer, theirs, points, off = peers[name]
        solved = float((sweep()["status"] == 0).mean())
        taken = in_turns({_OURS: sweep, peer: partial(_each, theirs, points)}, repeats)
        counts = {_OURS: count, peer: len(points)}
        per_point = {by: seconds / counts[by] for by, seconds in taken.items()}
        rows += [
            {
                "map": name,
                "by": by,
                "points": counts[by],
                "s": Spread.of(taken[by]),
                "a point, us": Spread.of(1e6 * seconds),
                "times ours": Spread.of(seconds / per_point[_OURS]),
                "share with a state": solved if by == _OURS else None,
                "largest difference": None if by == _OURS else off,
            }
            for by, seconds in per_point.items()
        ]
    return Report(
        "machines",
        "Maps of machines by qj.sweep, and points by others",
        ["map", "by"],
        rows,
        {"runs of each, in turns in one process, after one that compiles": repeats},
    )
