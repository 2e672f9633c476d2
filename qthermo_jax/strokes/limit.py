"""From a cycle to its limit cycle, with a status instead of an exception at every point."""

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Inexact

from qthermo_jax.cycle import Cycle, Stroke
from qthermo_jax.driven import Currents, fields_of
from qthermo_jax.driven.verdict import largest_error
from qthermo_jax.eigenbasis import as_given
from qthermo_jax.master_equations import Generator, kept_elements
from qthermo_jax.precision import compiled
from qthermo_jax.registry import Method
from qthermo_jax.solvers import NO_DIGITS, Solution
from qthermo_jax.solvers.linear import solve_kept
from qthermo_jax.steady import Status
from qthermo_jax.steady.faults import (
    Fault,
    faults_of_values,
    first_fault,
    is_hermitian,
    is_negative,
    nan_unless_ok,
)
from qthermo_jax.strokes.exponential import followed
from qthermo_jax.strokes.friction import friction
from qthermo_jax.strokes.motion import StrokeMap, stroke_map
from qthermo_jax.strokes.record import CycleState


@compiled
def limit_cycle(cycle: Cycle) -> CycleState:
    """The state of a cycle that returns to itself, with heat and work of each stroke.

    It is the fixed point of the map of a cycle, found as the solution of a linear system. Pure: maps,
    differentiates and compiles. Nothing raises for a value: look at `.status`. Where it is not OK,
    populations, currents and what is made of them are NaN.

    Args:
        cycle: of a system of dimension d; the linear system has d^2 unknowns.

    >>> import qthermo_jax as qj
    >>> flip = jnp.array([[0.0, 1.0], [1.0, 0.0]])
    >>> gap = lambda w: jnp.diag(jnp.array([-w / 2, w / 2]))
    >>> strokes = [
    ...     qj.Stroke(gap(2.0), 50.0, baths=["hot"]),
    ...     qj.Stroke(gap(1.0), 50.0, baths=["cold"]),
    ... ]
    >>> baths = {"hot": qj.Bath(flip, 4.0, qj.Flat(1.0)), "cold": qj.Bath(flip, 1.0, qj.Flat(1.0))}
    >>> state = limit_cycle(qj.Cycle(strokes, baths))
    >>> round(float(state.work / state.heat[0]), 6)  # efficiency of an Otto cycle, 1 - 1/2
    0.5
    """
    sound, durations = _durations(cycle)
    maps = [
        stroke_map(cycle, stroke, duration)
        for stroke, duration in zip(cycle.strokes, durations, strict=True)
    ]
    whole, error = _composed(maps)
    d = cycle.dimension
    sizes = [jnp.max(own.step_error) for own in maps]
    step_error = jax.lax.stop_gradient(jnp.max(jnp.stack(sizes)))
    basis = as_given(cycle.strokes[0].path.start.astype(whole.dtype))
    finite = jnp.all(jnp.isfinite(whole)) & jnp.all(jnp.isfinite(error))
    solution = _fixed_point(cycle, whole, error, finite)
    p, coherences = solution.populations, solution.coherences
    assert coherences is not None
    rho = (jnp.diag(p).astype(coherences.dtype) + coherences).reshape(-1)
    off = jnp.full((d, d), solution.coherence_error)
    off = off.at[jnp.diag_indices(d)].set(solution.population_errors)
    off = jax.lax.stop_gradient(off.reshape(-1))
    # The trace norm is at most the square root of d times the root of the sum of squares.
    moments = [_Moment(rho, off, jnp.sqrt(d * jnp.sum(off**2)))]
    for own in maps:
        moments.append(_after(own, moments[-1]))
    error_of_rho = jnp.max(jnp.stack([moment.off for moment in moments]))
    strokes = _strokes(cycle, maps, moments)
    currents = _currents(cycle, strokes, jnp.sum(jnp.stack(durations)))
    rho_at = jnp.stack([moment.rho for moment in moments]).reshape(-1, d, d)
    frictions, friction_bounds = _frictions(cycle, moments[1:])
    status = first_fault(
        [
            *_faults_of_cycle(cycle, sound),
            (jnp.any(jnp.stack([own.divergent for own in maps])), Status.DIVERGENT_RATE),
            (~(step_error <= largest_error(step_error.dtype)), Status.TOO_FEW_STEPS),
            (~solution.unique, Status.NOT_UNIQUE),
            *_faults_after(solution, step_error),
        ]
    )
    p, coherences, rho_at, currents, strokes, frictions, friction_bounds = nan_unless_ok(
        status, (p, coherences, rho_at, currents, strokes, frictions, friction_bounds)
    )
    fields = fields_of(basis, (p, coherences), status, solution, currents, (error_of_rho, step_error))
    return CycleState(
        **fields,
        rho_at=rho_at,
        stroke_heat=strokes.heat,
        stroke_heat_bounds=strokes.heat_bounds,
        stroke_work=strokes.work,
        stroke_work_bounds=strokes.work_bounds,
        stroke_balance=strokes.balance,
        friction=frictions,
        friction_bounds=friction_bounds,
        cycle_map=whole,
    )


def _durations(cycle: Cycle) -> tuple[Bool[Array, ""], list[Float[Array, ""]]]:
    """Whether the durations are of use, and harmless numbers where they are not."""
    given = jnp.stack(
        [stroke.duration.astype(cycle.host.temperatures.dtype) for stroke in cycle.strokes]
    )
    sound = jnp.all(jnp.isfinite(given) & (given >= 0)) & (jnp.sum(given) > 0)
    return sound, list(jnp.where(sound, given, 1.0))


def _composed(
    maps: Sequence[StrokeMap],
) -> tuple[Complex[Array, "dd dd"], Float[Array, "dd dd"]]:
    """The map of a cycle less one, and the bound of the error of its elements."""
    whole, error = maps[0].change, maps[0].error
    for own in maps[1:]:
        before, later = (jnp.abs(jax.lax.stop_gradient(change)) for change in (whole, own.change))
        error = error + own.error + later @ error + own.error @ (before + error)
        whole = followed(whole, own.change)
    return whole, jax.lax.stop_gradient(error)


def _fixed_point(
    cycle: Cycle, whole: Complex[Array, "n n"], error: Float[Array, "n n"], finite: Bool[Array, ""]
) -> Solution:
    d = cycle.dimension
    generator = Generator(
        jnp.where(finite, whole, 0.0), jnp.where(finite, error, 1.0), jnp.zeros((d, d), error.dtype)
    )
    nothing = jnp.zeros((), error.dtype)
    basis = as_given(cycle.strokes[0].path.start.astype(whole.dtype))
    everything = kept_elements((tuple(range(d)),))
    found = solve_kept(basis, everything, generator, Method.DENSE, (nothing, nothing > 0))
    return found.with_coherences()


class _Strokes(eqx.Module):
    """Heat and work of n strokes, their bounds, and what the first law leaves over."""

    heat: Float[Array, "n K"]
    heat_bounds: Float[Array, "n K"]
    work: Float[Array, " n"]
    work_bounds: Float[Array, " n"]
    balance: Float[Array, " n"]


class _Moment(NamedTuple):
    """rho between two strokes, rows one after the other.

    Attributes:
        off: bound of the error of each element.
        distance: bound of the error in the trace norm, which no stroke lets grow.
    """

    rho: Complex[Array, " dd"]
    off: Float[Array, " dd"]
    distance: Float[Array, ""]


def _after(own: StrokeMap, before: _Moment) -> _Moment:
    size = jnp.abs(jax.lax.stop_gradient(before.rho))
    passed = jnp.abs(jax.lax.stop_gradient(own.change) + jnp.eye(len(size), dtype=own.change.dtype))
    made = own.error @ (size + before.off)
    distance = before.distance + jnp.sqrt(len(size) ** 0.5 * jnp.sum(made**2))
    off = jnp.minimum(passed @ before.off + made, distance)
    return _Moment(before.rho + own.change @ before.rho, *jax.lax.stop_gradient((off, distance)))


def _strokes(cycle: Cycle, maps: Sequence[StrokeMap], moments: Sequence[_Moment]) -> _Strokes:
    """What each stroke moves.

    Args:
        moments: at the beginning of each stroke, and after the last one.
    """
    rows = []
    before_start = cycle.strokes[-1].path.end
    for stroke, own, before, after in zip(cycle.strokes, maps, moments[:-1], moments[1:], strict=True):
        path = stroke.path
        change = own.change @ before.rho
        jump = _energy(path.start - before_start, before.rho)
        # Energy changes of one Hamiltonian are made of changes of rho, which keep their digits.
        gained = _energy(path.end - path.start, before.rho) + _energy(path.end, change)
        heat, heat_bound = _moved(own.heat, own.heat_error, before)
        if own.work is None:
            within = gained
            bound = _doubt(path.end - path.start, before.off) + _doubt(_centred(path.end), after.off)
        else:
            within, bound = _moved(own.work, own.work_error, before)
            within = within + _of_unitary(stroke, after.rho)
            if stroke.unitary is not None:
                bound = bound + 2 * _doubt(_centred(path.end), after.off)
        work = jump + within
        bound = bound + _doubt(path.start - before_start, before.off)
        rows.append((heat, heat_bound, work, bound, gained + jump - work + jnp.sum(heat)))
        before_start = path.end
    heat, heat_bounds, work, work_bounds, balance = (jnp.stack(own) for own in zip(*rows, strict=True))
    heat_bounds, work_bounds = jax.lax.stop_gradient((heat_bounds, work_bounds))
    return _Strokes(heat, heat_bounds, work, work_bounds, balance)


def _moved(
    rows: Complex[Array, "*k dd"], error: Float[Array, "*k"], before: _Moment
) -> tuple[Float[Array, "*k"], Float[Array, "*k"]]:
    """What rows make of a state, and the bound of its error.

    Args:
        error: bound of that of the rows' elements.
    """
    size = jnp.abs(before.rho) + before.off
    bound = jnp.abs(rows) @ before.off + error * jnp.sum(size)
    return jnp.real(rows @ before.rho), bound


def _doubt(H: Inexact[Array, "d d"], off: Float[Array, " dd"]) -> Float[Array, ""]:
    """What the error of a state's elements, and that of the sum, does to its energy."""
    eps = jnp.finfo(off.dtype).eps
    size = jnp.abs(H.T.reshape(-1))
    return jnp.dot(size, off) + 8 * eps * jnp.max(size, initial=0.0)


def _centred(H: Inexact[Array, "d d"]) -> Inexact[Array, "d d"]:
    """H without its mean energy, which changes of rho do not see."""
    d = len(H)
    return H - (jnp.trace(H).real / d).astype(H.dtype) * jnp.eye(d, dtype=H.dtype)


def _energy(H: Inexact[Array, "d d"], rho: Complex[Array, " dd"]) -> Float[Array, ""]:
    return jnp.real(jnp.dot(H.T.reshape(-1).astype(rho.dtype), rho))


def _of_unitary(stroke: Stroke, after: Complex[Array, " dd"]) -> Float[Array, ""]:
    """Work of the sudden operation at the end of a stroke with baths."""
    if stroke.unitary is None:
        return jnp.zeros((), after.real.dtype)
    U, d = stroke.unitary.astype(after.dtype), stroke.dimension
    rho = after.reshape(d, d)
    change = rho - U.conj().T @ rho @ U
    return _energy(stroke.path.end, change.reshape(-1))


def _frictions(
    cycle: Cycle, moments: Sequence[_Moment]
) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
    """Friction of each stroke, and the bounds of their errors.

    Args:
        moments: at the end of each stroke.
    """
    d = cycle.dimension
    ends = [stroke.path.end for stroke in cycle.strokes]
    kind = np.result_type(*ends)
    H = jnp.stack([end.astype(kind) for end in ends])
    rho, off, distance = (jnp.stack(own) for own in zip(*moments, strict=True))
    found = jax.vmap(friction)(H, rho.reshape(-1, d, d), off.reshape(-1, d, d), distance)
    return found.value, found.bound


def _currents(cycle: Cycle, strokes: _Strokes, period: Float[Array, ""]) -> Currents:
    heat = jnp.sum(strokes.heat, axis=0) / period
    bounds = jnp.sum(strokes.heat_bounds, axis=0) / jax.lax.stop_gradient(period)
    gross = jax.lax.stop_gradient(jnp.sum(jnp.abs(strokes.heat), axis=0) / period)
    power = jnp.sum(strokes.work) / period
    T = cycle.temperatures
    # A bath at T = 0 that may take up nothing adds nothing.
    still = (heat == 0) | ((T == 0) & (jnp.abs(heat) <= bounds))
    entropy = jnp.sum(jnp.where(still, 0.0, heat / jnp.where(still, 1.0, T)))
    return Currents(heat, bounds, gross, jnp.zeros_like(gross), power, entropy)


def _faults_of_cycle(cycle: Cycle, sound: Bool[Array, ""]) -> list[Fault]:
    (host_out, _), (host_skew, _) = faults_of_values(cycle.host)
    out, skew = [~sound, host_out], [host_skew]
    for stroke in cycle.strokes:
        for path in (stroke.path, stroke.local):
            if path is not None:
                out.append(~jnp.all(jnp.isfinite(path.nodes)))
                skew.append(~is_hermitian(path.nodes))
        if stroke.unitary is not None:
            U = stroke.unitary
            off = jnp.max(jnp.abs(U @ U.conj().T - jnp.eye(len(U), dtype=U.dtype)))
            out.append(~(off <= 64 * len(U) * jnp.finfo(U.dtype).eps))
    return [
        (jnp.any(jnp.stack(out)), Status.PARAMETER_OUT_OF_RANGE),
        (jnp.any(jnp.stack(skew)), Status.NOT_HERMITIAN),
    ]


def _faults_after(solution: Solution, step_error: Float[Array, ""]) -> list[Fault]:
    dtype = solution.residual.dtype
    limit = largest_error(dtype)
    of_steps = step_error > jnp.finfo(dtype).eps ** 0.75
    negative = is_negative(solution.populations, solution.coherences, solution.error)
    return [
        (~(solution.error <= limit) & of_steps, Status.TOO_FEW_STEPS),
        (~(solution.residual < jnp.sqrt(jnp.finfo(dtype).eps)), Status.LARGE_RESIDUAL),
        (negative, Status.NOT_POSITIVE),
        (~(solution.error < NO_DIGITS), Status.INACCURATE),
    ]
