"""Time evolution where the generator changes: baths that warm up, systems that are driven.

An ODE of a library (diffrax): an explicit method of order 8 with steps that follow its error estimate.
It keeps every linear invariant to round-off, the trace and the total energy among them.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, Num

from qthermo_jax.couplings import Qobj
from qthermo_jax.dynamics.reduced import (
    EXACT,
    as_state,
    faults_at_start,
    in_turn,
    packed,
    reduced_generator,
    start_of,
    unpacked,
)
from qthermo_jax.liouvillian import liouvillian
from qthermo_jax.master_equations import InEigenbasis
from qthermo_jax.precision import compiled
from qthermo_jax.steady import State, Status
from qthermo_jax.superoperators import operator_to_vector, vector_to_operator
from qthermo_jax.system import OpenSystem

_MAX_STEPS = 100_000

Solution = tuple[Array, Array]


class Warming(NamedTuple):
    """A system and its baths on their way to a common temperature.

    Attributes:
        states: of the system, at each time.
        temperatures: of the baths, (t, K).
    """

    states: State
    temperatures: Float[Array, "t K"]


class _Sampled(diffrax.Dopri8):
    """The method of order 8 by Dormand and Prince, which keeps the solution at given times in its state.

    diffrax's `SaveAt(ts=...)` does the same, and calls the host from the device to raise where the times
    are not in order. Such a program cannot be lowered for a GPU.
    """

    times: Float[Array, " t"] = eqx.field(kw_only=True)

    def init(self, terms: Any, t0: Any, t1: Any, y0: Solution, args: Any) -> Any:
        at_start = [jnp.broadcast_to(own, (self.times.size, *own.shape)) for own in y0]
        return super().init(terms, t0, t1, y0, args), tuple(at_start)

    def step(
        self, terms: Any, t0: Any, t1: Any, y0: Solution, args: Any, solver_state: Any, made_jump: Any
    ) -> Any:
        own, samples = solver_state
        y1, error, dense, own, result = super().step(terms, t0, t1, y0, args, own, made_jump)
        # Outside of the step the interpolation may overflow, and its derivative would be NaN.
        within = jnp.clip(self.times, t0, t1)
        found = jax.vmap(self.interpolation_cls(t0=t0, t1=t1, **dense).evaluate)(within)
        passed = (t0 < self.times) & (self.times <= t1)

        def sampled(before: Array, now: Array) -> Array:
            return jnp.where(passed.reshape(-1, *(1,) * (now.ndim - 1)), now, before)

        return y1, error, dense, (own, jax.tree.map(sampled, samples, found)), result


def _integrated(
    field: Callable[[Any, Solution], Solution], start: Solution, times: Float[Array, " t"]
) -> tuple[Solution, Bool[Array, ""]]:
    """The solution of dy/dt = field(t, y) at each time, and whether it was found."""
    eps = float(jnp.finfo(times.dtype).eps)
    begin, end = jnp.zeros((), times.dtype), jnp.ones((), times.dtype)
    # In units of the last time: so there is a derivative by it at 0 too. Times that are not in order get
    # a status that says so, and what is found for them is not used.
    last = times[-1]
    usable = _in_order(times) & (last > 0)
    shares = jnp.where(usable, times / jnp.where(usable, last, 1.0), 1.0)
    last = jnp.where(_in_order(times), last, 0.0)
    found = diffrax.diffeqsolve(
        diffrax.ODETerm(lambda share, y, _: jax.tree.map(lambda v: last * v, field(share * last, y))),
        _Sampled(times=shares),
        begin,
        end,
        None,
        start,
        saveat=diffrax.SaveAt(t1=True, solver_state=True),
        stepsize_controller=diffrax.PIDController(rtol=1e5 * eps, atol=1e3 * eps),
        max_steps=_MAX_STEPS,
        adjoint=diffrax.DirectAdjoint(),
        throw=False,
    )
    _, samples = found.solver_state
    return samples, found.result == diffrax.RESULTS.successful


def _in_order(times: Float[Array, " t"]) -> Bool[Array, ""]:
    return jnp.all(jnp.isfinite(times)) & (times[0] >= 0) & jnp.all(jnp.diff(times) >= 0)


def evolve_with_baths(
    system: OpenSystem,
    times: Num[ArrayLike, " t"] | Sequence[float],
    heat_capacities: Num[ArrayLike, "*#K"] | Sequence[float],
    initial: Num[ArrayLike, "*s d"] | Qobj | Sequence[float] | None = None,
    *,
    method: str = "auto",
) -> Warming:
    """System and baths of finite heat capacity together, C_k dT_k/dt = J_k (paper, "Dufour effect").

    Tr[H rho] + sum_k C_k T_k stays what it is at the beginning.

    Args:
        system: dimension d; its baths' temperatures are those at time 0.
        times: >= 0, ascending, (t,), in units of 1/energy.
        heat_capacities: of the baths, > 0, () or (K,), in units of k_B.
        initial, method: as for `evolve`.

    Raises:
        ValueError: no initial state, a shape that does not fit, or an unknown method.

    >>> from qthermo_jax.models import lambda_system
    >>> system = lambda_system(T_1=0.5, T_2=0.5)
    >>> warming = evolve_with_baths(system, jnp.array([0.0, 1.0]), 5.0, [0.1, 0.3, 0.6])
    >>> T = warming.temperatures[-1]
    >>> bool(T[0] > T[1] > 0.5)  # the bath of the emptier level warms up faster
    True
    """
    if initial is not None:
        system = system.with_initial(initial)
    own, capacities = jnp.asarray(times, float), jnp.asarray(heat_capacities, float)
    if capacities.shape not in ((), (system.n_baths,)):
        raise ValueError(f"heat_capacities are () or ({system.n_baths},), not {capacities.shape}")
    capacities = jnp.broadcast_to(capacities, (system.n_baths,))
    first, *others = in_turn(method, system, own, capacities)
    warming: Warming = _warming(system, own, capacities, first)
    if others and bool(jnp.any(warming.states.status == Status.METHOD_NOT_EXACT)):
        warming = _warming(system, own, capacities, *others)
    return warming


@partial(compiled, static_argnames="method")
def _warming(
    system: OpenSystem, times: Float[Array, " t"], capacities: Float[Array, " K"], method: str
) -> Warming:
    basis = system.eigenbasis()
    transitions, start = system.transitions(basis), start_of(system, basis)
    faults, leaking = faults_at_start(system, transitions, start, method)
    d = system.dimension

    def field(_: Array, y: tuple[Array, Array]) -> tuple[Array, Array]:
        unknowns, T = y
        warmed = system.with_temperatures(T)
        transitions = warmed.transitions(basis)
        L = reduced_generator(warmed, transitions, basis, method)
        rho = InEigenbasis.exactly(*unpacked(unknowns, method, d))
        return L @ unknowns, warmed.equation.heat(transitions, basis, rho).currents / capacities

    (unknowns, T), solved = _integrated(field, (packed(start.rho, method), system.temperatures), times)
    bad_numbers = ~(jnp.all(jnp.isfinite(capacities) & (capacities > 0)) & _in_order(times))
    faults += [(bad_numbers, Status.PARAMETER_OUT_OF_RANGE), (~solved, Status.LARGE_RESIDUAL)]

    def state(unknowns: Array) -> State:
        return as_state(basis, unpacked(unknowns, method, d), faults, leaking, method)

    states: State = jax.vmap(state)(unknowns)
    return Warming(states, jnp.where((states.status == Status.OK)[:, None], T, jnp.nan))


def evolved_with_baths(
    system: OpenSystem, time: Float[Array, ""], capacities: Float[Array, " K"], method: str
) -> tuple[State, Float[Array, " K"]]:
    """`evolve_with_baths` to one time, for callers that know the method: the state, the temperatures."""
    warming: Warming = _warming(system, time[None], capacities, method)
    first: tuple[State, Array] = jax.tree.map(lambda batch: batch[0], tuple(warming))
    return first


def evolve_driven(
    system_at: Callable[[Float[Array, ""]], OpenSystem],
    times: Num[ArrayLike, " t"] | Sequence[float],
    initial: Num[ArrayLike, "*s d"] | Qobj | Sequence[float] | None = None,
) -> State:
    """rho(t) where Hamiltonian, couplings or baths change slowly with time.

    At each time the jumps are those between the eigenstates of the moment: the adiabatic master equation
    (Albash et al., New J. Phys. 14, 123016 (2012)).

    Args:
        system_at: time -> system; a pure function.
        times: >= 0, ascending, (t,), in units of 1/energy.
        initial: as for `evolve`; default: that of `system_at(0)`.

    Raises:
        ValueError: no initial state.

    >>> from qthermo_jax.models import lambda_system
    >>> def warming_up(t):
    ...     return lambda_system(T_1=0.5 + 0.1 * t, T_2=0.5)
    >>> states = evolve_driven(warming_up, jnp.array([0.0, 1.0]), [0.5, 0.5, 0.0])
    >>> bool(states.level_populations[1, 0] < states.level_populations[1, 1])
    True
    """
    own = jnp.asarray(times, float)
    system = system_at(jnp.zeros((), own.dtype))
    if initial is not None:
        system = system.with_initial(initial)
    states: State = compiled(partial(_driven, system_at))(system, own)
    return states


def _driven(
    system_at: Callable[[Float[Array, ""]], OpenSystem], system: OpenSystem, times: Float[Array, " t"]
) -> State:
    basis = system.eigenbasis()
    start = start_of(system, basis)
    rho = operator_to_vector(basis.rotate_out(start.rho))

    def field(t: Array, y: tuple[Array, Array]) -> tuple[Array, Array]:
        change = liouvillian(system_at(t)) @ jax.lax.complex(*y)
        return change.real, change.imag

    (real, imaginary), solved = _integrated(field, (rho.real, rho.imag), times)
    faults = [(~_in_order(times), Status.PARAMETER_OUT_OF_RANGE), (~solved, Status.LARGE_RESIDUAL)]

    def state(time: Array, real: Array, imaginary: Array) -> State:
        now = system_at(time)
        own = now.eigenbasis()
        rho = own.rotate_in(vector_to_operator(jax.lax.complex(real, imaginary)))
        found, leaking = faults_at_start(now, now.transitions(own), start, EXACT)
        parts = unpacked(packed(rho, EXACT), EXACT, now.dimension)
        return as_state(own, parts, [*found, *faults], leaking, EXACT)

    states: State = jax.vmap(state)(times, real, imaginary)
    return states
