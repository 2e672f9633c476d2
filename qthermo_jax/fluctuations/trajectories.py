"""Quantum jumps as a record: which bath takes or gives how much energy, and when.

Two walks, both without a time step. Where populations suffice, Gillespie's: the system is in one
eigenstate, waits for an exponentially distributed time and jumps (J. Phys. Chem. 81, 2340 (1977)).
Otherwise Monte Carlo wave functions in the jump operators L = sqrt(gamma_k(omega)) A_k(omega) of the
master equation: between jumps |psi> follows H_eff = H - (i/2) sum L^dag L, and the next jump comes
when |psi|^2 has fallen to a uniformly distributed number (Plenio and Knight, Rev. Mod. Phys. 70, 101
(1998), Sec. III).

The time of a jump is found by bisection with the propagators exp(-i H_eff tau), tau = t, t/2, t/4, ...
of the last time t. They come of repeated doubling, which keeps its digits where H_eff has no complete
set of eigenvectors; their error is of the order of |H_eff| t times the precision, as for `evolve`. The
time is known to the last binary digit of t then, 2^-52 t in 64 bit.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import (
    Array,
    ArrayLike,
    Bool,
    Complex,
    Float,
    Int,
    Int8,
    Num,
    PRNGKeyArray,
    Shaped,
)

from qthermo_jax.choice import is_traced
from qthermo_jax.couplings import Qobj
from qthermo_jax.dynamics.reduced import faults_at_start, in_turn, start_of
from qthermo_jax.eigenbasis import Eigenbasis, roundoff
from qthermo_jax.fluctuations.walks import Jump, RateWalk, Walk, WaveFunctions
from qthermo_jax.precision import compiled, precise
from qthermo_jax.registry import SOLVERS, method_of
from qthermo_jax.steady import Status, SteadyState, solved
from qthermo_jax.steady.faults import first_fault, nan_unless_ok
from qthermo_jax.summary import Summary, counted, span
from qthermo_jax.system import OpenSystem

# Memory of the records that the default of `max_jumps` allows, in bytes.
_RECORDS = 2**29


class Trajectories(eqx.Module):
    """Records of n trajectories of up to m jumps each, of a system of dimension d with K baths.

    Attributes:
        times: at which the trajectories were looked at, (t,).
        jump_times: time of each jump, ascending, (n, m); inf where there was none any more.
        baths: which bath each jump is due to, counted from 0, (n, m); -1 where there was none.
        energies: energy that each jump gives to its bath, (n, m), negative where it takes it; 0 where
            there was none, and for the dephasing jumps of wave functions.
        states: after each jump, (n, m): the eigenstate of H, counted from 0; for wave functions
            (n, m, d), their amplitudes on the eigenstates of H.
        initial: the state at time 0 likewise, (n,) or (n, d).
        counts: number of jumps on record, (n,).
        exceeded: whether there were more than the m jumps that fit, (n,). What comes after the first
            jump that is missing is NaN in `heat`, `populations` and `amplitudes`.
        heat: energy given to each bath up to each time, (n, t, K).
        populations: of the eigenstates of H at each time, (n, t, d).
        amplitudes: of the wave functions on the eigenstates of H at each time, (n, t, d); None for
            walks between eigenstates.
        status: of the system and the initial state; unless it is OK, every number is NaN.
        basis: the eigenstates of H.
    """

    times: Float[Array, " t"]
    jump_times: Float[Array, "n m"]
    baths: Int[Array, "n m"]
    energies: Float[Array, "n m"]
    states: Shaped[Array, "n m *d"]
    initial: Shaped[Array, "n *d"]
    counts: Int[Array, " n"]
    exceeded: Bool[Array, " n"]
    heat: Float[Array, "n t K"]
    populations: Float[Array, "n t d"]
    amplitudes: Complex[Array, "n t d"] | None
    status: Int8[Array, ""]
    basis: Eigenbasis

    @property
    @precise
    def level_populations(self) -> Float[Array, "n t d"]:
        """Populations of the basis states in which H was given, of each trajectory at each time."""
        V = self.basis.vectors
        if self.amplitudes is None:
            return self.populations @ (jnp.abs(V) ** 2).T
        return jnp.abs(self.amplitudes @ V.astype(self.amplitudes.dtype).T) ** 2

    def __repr__(self) -> str:
        if not (hasattr(self.heat, "ndim") and self.heat.ndim == 3):
            return super().__repr__()
        n, m = self.jump_times.shape
        walk = "between eigenstates" if self.amplitudes is None else "of wave functions"
        return str(Summary(f"{n} trajectories {walk}, up to {m} jumps each", self._rows()))

    def _rows(self) -> Iterator[tuple[str, str]]:
        yield "status", counted(self.status, Status, "meaning")
        yield "times", span(self.times)
        yield "jumps", span(self.counts)
        yield "exceeded", f"{span(jnp.mean(self.exceeded, dtype=self.times.dtype))} of the trajectories"


def trajectories(
    system: OpenSystem,
    times: Num[ArrayLike, " t"] | Sequence[float],
    key: PRNGKeyArray,
    n: int,
    initial: Num[ArrayLike, "*s d"] | Qobj | Sequence[float] | str | None = None,
    *,
    max_jumps: int | None = None,
    method: str = "auto",
) -> Trajectories:
    """Quantum jumps of n trajectories of the system's master equation, with bath, time and energy.

    Pure: maps over systems and keys and compiles, where `max_jumps` is given. The same key gives the
    same record: the first trajectories of a larger n, and the first jumps of a larger `max_jumps`, are
    those of the smaller.

    Energies are those that the master equation's jumps have. By "global" that is the energy which H
    loses: walks between eigenstates keep each trajectory's balance, and the mean of all is that of
    `heat_currents`. By "partial_secular" it is the mean frequency of the jump's group, by "local" a
    frequency of H_0.

    Args:
        system: dimension d, K baths.
        times: at which the state and the energies given so far are wanted, >= 0, ascending, (t,), in
            units of 1/energy; the trajectories end at the last.
        key: of `jax.random`.
        n: number of trajectories, static.
        initial: density matrix (d, d), populations of the basis states (d,), or the label of one.
            Default: the state that the system starts from, or its steady state if it has none.
        max_jumps: m, how many jumps of a trajectory are kept, static. Default: as many as the
            trajectories have, rounded up, as far as the records take at most 512 MiB.
        method: "populations" for walks between eigenstates, exact where populations drive no coherence
            and the initial state has none; "dense" for wave functions, exact for every system; "auto"
            the first of these that is exact, and "dense" inside a compiled or mapped function.

    Raises:
        ValueError: a master equation without jumps ("redfield"), an unknown label or method, a shape
            that does not fit, n or `max_jumps` below 1, something else than a key, or no `max_jumps`
            inside a compiled or mapped function.

    >>> from qthermo_jax.models import lambda_system
    >>> record = trajectories(lambda_system(), [10.0], jax.random.key(0), n=100)
    >>> record.heat.shape, bool(record.exceeded.any())
    ((100, 1, 2), False)
    """
    _refuse(system, times, key, n, max_jumps)
    if initial is not None:
        system = system.with_initial(_of_label(system, initial) if isinstance(initial, str) else initial)
    own = jnp.asarray(times, float)
    if own.ndim != 1 or not own.size:
        raise ValueError(f"times have the shape (t,) with t > 0, not {own.shape}")
    for name in in_turn(method, system, own, key):
        steady = solved(system, name) if system.initial is None else None
        walk, basis, status = _prepared(system, steady, own, name)
        if isinstance(status, jax.core.Tracer) or status != Status.METHOD_NOT_EXACT:
            break
    room = _room(walk, status, own, key, n) if max_jumps is None else max_jumps
    record: Trajectories = _recorded(walk, basis, status, own, key, n, room)
    return record


def _refuse(system: OpenSystem, times: Any, key: Any, n: int, max_jumps: int | None) -> None:
    """Raise a ValueError for what cannot be recorded."""
    equation = system.equation
    if not (equation.secular or equation.between_bare_states):
        raise ValueError(
            f"generator {equation.name!r} has no jumps to record: it is not of Lindblad's form; "
            '"partial_secular" is'
        )
    if not isinstance(key, jax.Array):
        raise ValueError(f"key is one of jax.random, such as jax.random.key(0), not {key!r}")
    for what, number in (("n", n), ("max_jumps", max_jumps)):
        if number is not None and number < 1:
            raise ValueError(f"{what} = {number}: at least 1")
    if max_jumps is None and is_traced((system, times, key)):
        raise ValueError(
            "inside a compiled or mapped function the length of the records is given: max_jumps="
        )


def _of_label(system: OpenSystem, label: str) -> np.ndarray:
    """The populations of a basis state."""
    if label not in system.labels:
        raise ValueError(f"initial {label!r} is not one of the basis states {', '.join(system.labels)}")
    populations = np.zeros(system.dimension)
    populations[system.labels.index(label)] = 1.0
    return populations


def _room(
    walk: Walk, status: Int8[Array, ""], times: Float[Array, " t"], key: PRNGKeyArray, n: int
) -> int:
    """How many jumps the records hold: as many as there are, as far as the memory goes."""
    fitting = max(_RECORDS // (n * (24 + walk.bytes_per_state)), 1)
    return min(_rounded_up(int(_counted(walk, status, times[-1], key, n, fitting))), fitting)


def _rounded_up(count: int) -> int:
    """At most a quarter more, so that few lengths of records are compiled."""
    grain = 1 << max(count.bit_length() - 3, 0)
    return max(-(-count // grain) * grain, 1)


@partial(compiled, static_argnames="method")
def _prepared(
    system: OpenSystem, steady: SteadyState | None, times: Float[Array, " t"], method: str
) -> tuple[Walk, Eigenbasis, Int8[Array, ""]]:
    """How a trajectory goes on by a method, in which eigenstates, and whether something is wrong."""
    basis = system.eigenbasis() if steady is None else steady.basis
    transitions = system.transitions(basis)
    if steady is None:
        start = start_of(system, basis)
        rho, status = start.rho, jnp.int8(Status.OK)
        faults = faults_at_start(system, transitions, start, method)[0]
    else:
        rho, status = steady.rho_eigen, steady.status
        faults = []
    ascending = jnp.all(jnp.isfinite(times)) & (times[0] >= 0) & jnp.all(jnp.diff(times) >= 0)
    faults.append((~ascending, Status.PARAMETER_OUT_OF_RANGE))
    lowest = jnp.min(rho.diagonal().real)
    walk: Walk
    if SOLVERS[method_of(method)].populations_alone:
        walk = RateWalk.of(transitions, rho)
    else:
        turn = jnp.eye(system.dimension, dtype=rho.dtype)
        H = jnp.diag(basis.relative_energies).astype(rho.dtype)
        if system.equation.between_bare_states:
            turn = (basis.vectors.conj().T @ transitions.basis.vectors).astype(rho.dtype)
            H = turn.conj().T @ H @ turn
        finite = jnp.where(jnp.all(jnp.isfinite(rho)), rho, 0.0)
        weights, states = jnp.linalg.eigh(turn.conj().T @ finite @ turn)
        walk = WaveFunctions.of(H, transitions, (weights, states), turn, times[-1])
        lowest = jnp.min(weights)
        lost = ~jnp.all(jnp.isfinite(walk.propagators))
        faults.append((lost, Status.LARGE_RESIDUAL))
    if steady is None:
        faults.append((lowest < -roundoff(lowest.dtype), Status.BAD_INITIAL_STATE))
    return walk, basis, jnp.where(status == Status.OK, first_fault(faults), status)


def _keys(key: PRNGKeyArray, n: int) -> Any:
    """A pair for each trajectory; those of a smaller n are the first of a larger one."""
    return jax.vmap(lambda number: jax.random.split(jax.random.fold_in(key, number)))(jnp.arange(n))


@partial(compiled, static_argnames=("n", "limit"))
def _counted(
    walk: Walk, status: Int8[Array, ""], end: Float[Array, ""], key: PRNGKeyArray, n: int, limit: int
) -> Int[Array, ""]:
    """The largest number of jumps that one of the trajectories has, `limit` at most."""

    def goes_on(carry: tuple[Any, Array, Array]) -> Bool[Array, ""]:
        _, time, count = carry
        return (time <= end) & (count < limit) & (status == Status.OK)

    def count(keys: Any) -> Int[Array, ""]:
        def step(carry: tuple[Any, Array, Array]) -> tuple[Any, Array, Array]:
            state, time, count = carry
            jump = walk.jump(state, jax.random.fold_in(keys[1], count))
            time = time + jump.wait
            return jump.state, time, count + (time <= end).astype(count.dtype)

        begin = (walk.begin(keys[0]), jnp.zeros_like(end), jnp.zeros((), jnp.int32))
        found: Int[Array, ""] = jax.lax.while_loop(goes_on, step, begin)[2]
        return found

    return jnp.max(jax.vmap(count)(_keys(key, n)))


@partial(compiled, static_argnames=("n", "max_jumps"))
def _recorded(
    walk: Walk,
    basis: Eigenbasis,
    status: Int8[Array, ""],
    times: Float[Array, " t"],
    key: PRNGKeyArray,
    n: int,
    max_jumps: int,
) -> Trajectories:
    """The trajectories of a walk."""

    def record(keys: Any) -> tuple[Any, ...]:
        def step(carry: tuple[Any, Array], number: Array) -> tuple[tuple[Any, Array], Jump]:
            state, time = carry
            jump = walk.jump(state, jax.random.fold_in(keys[1], number))
            time = time + jump.wait
            inside = time <= times[-1]
            time, state = jnp.where(inside, time, jnp.inf), jnp.where(inside, jump.state, state)
            bath, energy = jnp.where(inside, jump.bath, -1), jnp.where(inside, jump.energy, 0.0)
            return (state, time), Jump(time, bath, energy, state)

        # One more than there is room for: where that one comes, the record ends.
        begin = walk.begin(keys[0])
        found = jax.lax.scan(step, (begin, jnp.zeros((), times.dtype)), jnp.arange(max_jumps + 1))[1]
        jumps = Jump(*(own[:-1] for own in found))
        states, heat = _at_times(walk, times, begin, jumps)
        known = jnp.where(times < found.wait[-1], 1.0, jnp.nan)[:, None]
        return begin, jumps, jnp.isfinite(found.wait[-1]), states, heat, known

    begin, jumps, exceeded, states, heat, known = jax.vmap(record)(_keys(key, n))
    ok = status == Status.OK
    begin, after, states = (walk.shown(own) for own in (begin, jumps.state, states))
    amplitudes = states * known.astype(states.dtype) if jnp.iscomplexobj(states) else None
    if amplitudes is None:
        populations = jax.nn.one_hot(states, walk.pairs.dimension, dtype=times.dtype) * known
        begin, after = jnp.where(ok, begin, -1), jnp.where(ok, after, -1)
    else:
        populations = (amplitudes * amplitudes.conj()).real
        begin, after = nan_unless_ok(status, (begin, after))
    numbers = (jumps.wait, jumps.energy, heat * known, populations, amplitudes)
    at, energies, heat, populations, amplitudes = nan_unless_ok(status, numbers)
    counts = jnp.sum(jnp.isfinite(at), axis=1, dtype=jnp.int32)
    baths = jnp.where(ok, jumps.bath, -1)
    walked = (times, at, baths, energies, after, begin, counts, exceeded & ok)
    return Trajectories(*walked, heat, populations, amplitudes, status, basis)


def _at_times(
    walk: Walk, times: Float[Array, " t"], begin: Any, jumps: Jump
) -> tuple[Any, Float[Array, "t K"]]:
    """The state at each of the times, and the energy that each bath has been given till then."""
    number = jnp.searchsorted(jumps.wait, times, side="right")
    started = jnp.concatenate([jnp.zeros(1, times.dtype), jumps.wait])[number]
    states = jnp.concatenate([begin[None], jumps.state])[number]
    states = jax.vmap(walk.after)(states, times - started)
    interval = jnp.searchsorted(times, jumps.wait, side="left")
    given = jnp.zeros((times.size + 1, walk.pairs.n_baths), times.dtype)
    given = given.at[interval, jumps.bath].add(jumps.energy.astype(times.dtype))
    return states, jnp.cumsum(given[:-1], axis=0)
