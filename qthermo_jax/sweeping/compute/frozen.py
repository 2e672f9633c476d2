"""Grids on which no bath excites anything, which is how temperatures in a wrong unit look."""

import math
from collections.abc import Iterator
from itertools import product
from typing import Any

import jax
import numpy as np

from qthermo_jax.couplings import SparseCoupling
from qthermo_jax.sweeping.compute.cold import is_a_temperature
from qthermo_jax.sweeping.compute.kinds import KINDS
from qthermo_jax.sweeping.compute.setting import system_function
from qthermo_jax.sweeping.errors import Issue, Steps
from qthermo_jax.sweeping.plan.record import Plan

# Beyond this omega / T a bath excites less than once in 5e21 times that it takes energy.
_FROZEN = 50.0

# Grids with up to so many corners are looked at, and systems up to this dimension.
_CORNERS, _LARGEST = 64, 256

# What is smaller by this factor than the largest is round-off, of energies and of couplings.
_ROUND_OFF = 1e-10

# Where the largest temperature is above this part of the largest energy, nothing is computed.
_WARM = 0.1


def frozen_out(plan: Plan) -> Iterator[Issue]:
    """An issue if omega / T > 50 for all transitions at every corner of the grid.

    A bath at T = 0 says nothing about units and is left out.
    """
    if not KINDS[plan.system.kind].examined_when_cold or plan.system.dimension > _LARGEST:
        return
    if not _is_suspicious(plan):
        return
    smallest = np.inf
    ends = [sorted({0, axis.size - 1}) for axis in plan.axes]
    if math.prod(map(len, ends)) > _CORNERS:
        return
    for corner in product(*ends):
        point = {
            name: np.asarray(values[at])
            for axis, at in zip(plan.axes, corner, strict=True)
            for name, values in axis.parameters.items()
        }
        smallest = min(smallest, _smallest_ratio(plan, point))
        if not smallest > _FROZEN:
            return
    if np.isfinite(smallest):
        where = "at all corners of the grid" if plan.axes else "here"
        told = f"omega / T is above {_FROZEN:.0f} for all transitions {where} ({smallest:.3g} or more)"
        yield Issue(
            _place(plan), f"{told}: are temperatures and energies in one unit? The key units converts"
        )


def _values_of(plan: Plan) -> dict[str, np.ndarray]:
    """Everything that is known of each parameter that is a number, defaults included."""
    found = {
        name: np.asarray(value, float).ravel()
        for name, parameter in plan.model.parameters.items()
        if parameter.structure is None and isinstance(value := parameter.default, int | float)
    }
    found |= {name: np.ravel(value) for name, value in plan.numbers.items()}
    for axis in plan.axes:
        found |= axis.parameters
    return found


def _is_suspicious(plan: Plan) -> bool:
    """Whether the numbers leave it open that all transitions are frozen: nothing is computed for it."""
    temperatures, energies = 0.0, 0.0
    for name, values in _values_of(plan).items():
        finite = np.abs(values[np.isfinite(values)])
        largest = float(finite.max()) if finite.size else 0.0
        if is_a_temperature(plan, name):
            temperatures = max(temperatures, largest)
        elif plan.model.parameters[name].quantity.energy_power in (None, 1):
            energies = max(energies, largest)
    return temperatures > 0.0 and (energies == 0.0 or temperatures < _WARM * energies)


def _smallest_ratio(plan: Plan, point: dict[str, np.ndarray]) -> float:
    """The smallest omega / T of the transitions that baths above T = 0 drive; infinite without any.

    By numpy: the engine's own transitions take seconds to compile. Of a point that the model refuses
    when it sees the numbers nothing is known: 0.
    """
    with jax.enable_x64(True):
        try:
            system = system_function(plan)(**plan.numbers, **point)
        except (ValueError, TypeError, ArithmeticError):
            return 0.0
        H = np.asarray(system.local if system.equation.between_bare_states else system.H)
        couplings = np.concatenate([_dense(bath.coupling) for bath in system.baths])
        temperatures = np.asarray(system.temperatures)
    if not (np.isfinite(H).all() and np.isfinite(couplings).all()):
        return np.inf
    energies, vectors = np.linalg.eigh(H)
    omega = np.abs(energies[:, None] - energies[None, :])
    # Within a degenerate level there is nothing to excite.
    apart = omega > _ROUND_OFF * max(np.abs(energies).max(), np.finfo(float).tiny)
    smallest = np.inf
    for coupling, T in zip(couplings, temperatures, strict=True):
        amplitudes = np.abs(vectors.conj().T @ coupling @ vectors)
        driven = apart & (amplitudes > _ROUND_OFF * amplitudes.max())
        if T > 0.0 and driven.any():
            smallest = min(smallest, float(omega[driven].min() / T))
    return smallest


def _dense(coupling: Any) -> np.ndarray:
    """A bank of couplings as matrices, (K, d, d)."""
    return np.asarray(coupling.dense() if isinstance(coupling, SparseCoupling) else coupling)


def _place(plan: Plan) -> Steps:
    """Where the spec gives a temperature."""
    for axis in plan.axes:
        for name in axis.parameters:
            if is_a_temperature(plan, name):
                return ("axes", axis.name) if name == axis.name else ("axes", axis.name, name)
    given = (name for name in plan.spec.parameters if name in plan.numbers)
    return next((("parameters", name) for name in given if is_a_temperature(plan, name)), ("model",))
