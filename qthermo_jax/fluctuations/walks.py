"""How a single trajectory goes on: from eigenstate to eigenstate, or as a Monte Carlo wave function."""

import abc
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Int, PRNGKeyArray, Shaped

from qthermo_jax.gathers import Groups, padded
from qthermo_jax.structure import Pairs
from qthermo_jax.transitions import Transitions

# Propagators are right for |H_eff| t up to 2^40, about 1e12; past that they are NaN.
_MORE_HALVINGS = 40


class Jump(NamedTuple):
    """The next jump: how long it takes until it comes, its bath, its energy, the state after it."""

    wait: Float[Array, ""]
    bath: Int[Array, ""]
    energy: Float[Array, ""]
    state: Shaped[Array, "*d"]


class Walk(eqx.Module):
    """What the trajectories of a system are made of.

    Attributes:
        pairs: the transitions (static).
    """

    pairs: Pairs = eqx.field(static=True)

    @property
    @abc.abstractmethod
    def bytes_per_state(self) -> int:
        """Memory that a state takes."""

    @abc.abstractmethod
    def begin(self, key: PRNGKeyArray) -> Shaped[Array, "*d"]:
        """A state to start from."""

    @abc.abstractmethod
    def jump(self, state: Shaped[Array, "*d"], key: PRNGKeyArray) -> Jump:
        """The next jump."""

    @abc.abstractmethod
    def after(self, state: Shaped[Array, "*d"], elapsed: Float[Array, ""]) -> Shaped[Array, "*d"]:
        """The state some time after a jump, before the next one."""

    @abc.abstractmethod
    def shown(self, states: Shaped[Array, "*n"]) -> Shaped[Array, "*n"]:
        """States by the eigenstates of H."""


def _pick(cumulative: Float[Array, " c"], share: Float[Array, ""]) -> Int[Array, ""]:
    """Position of the first cumulative weight above a share, in [0, 1), of the last of them."""
    total = cumulative[-1]
    # Round-off may make the share of the total the total itself.
    return jnp.minimum(jnp.sum(cumulative <= share * total), jnp.sum(cumulative < total))


class RateWalk(Walk):
    """Between eigenstates: the jumps out of each, filled up with some of rate 0.

    Attributes:
        start: cumulative populations at time 0, (d,).
        rates: cumulative rates of the jumps out of each state, (d, c).
        targets, baths: of each jump, (d, c).
        energies: that it gives to its bath, (d, c).
    """

    start: Float[Array, " d"]
    rates: Float[Array, "d c"]
    targets: Int[Array, "d c"]
    baths: Int[Array, "d c"]
    energies: Float[Array, "d c"]

    @property
    def bytes_per_state(self) -> int:
        return self.targets.dtype.itemsize

    @classmethod
    def of(cls, transitions: Transitions, rho: Complex[Array, "d d"]) -> "RateWalk":
        """Starting from the populations of a density matrix in the eigenbasis."""
        pairs, energies = transitions.pairs, transitions.basis.relative_energies
        position, reverse, origin, target = pairs.directed_transitions
        _, gamma, _ = transitions.directed()
        rates = jnp.where(origin == target, 0.0, transitions.strengths[position] * gamma)
        table = Groups.of(origin, pairs.dimension).table
        # In a wide group all jumps give its mean frequency.
        wide = transitions.basis.tolerance > transitions.basis.round_off
        omega = transitions.omega[pairs.number[position]]
        released = jnp.where(
            wide, jnp.where(reverse, -omega, omega), energies[origin] - energies[target]
        )
        return cls(
            pairs,
            jnp.cumsum(jnp.maximum(rho.diagonal().real, 0.0)),
            jnp.cumsum(padded(rates)[table], axis=1),
            jnp.asarray(np.append(target, 0)[table], jnp.int32),
            jnp.asarray(np.append(pairs.bath[position], 0)[table], jnp.int32),
            padded(released)[table],
        )

    def begin(self, key: PRNGKeyArray) -> Int[Array, ""]:
        return _pick(self.start, jax.random.uniform(key, dtype=self.start.dtype)).astype(jnp.int32)

    def jump(self, state: Int[Array, ""], key: PRNGKeyArray) -> Jump:
        wait, which = jax.random.uniform(key, (2,), self.rates.dtype)
        rates = self.rates[state]
        at = state, _pick(rates, which)
        # A state without a way out has the rate 0 and waits for ever.
        return Jump(-jnp.log1p(-wait) / rates[-1], self.baths[at], self.energies[at], self.targets[at])

    def after(self, state: Int[Array, ""], elapsed: Float[Array, ""]) -> Int[Array, ""]:
        return state

    def shown(self, states: Int[Array, "*n"]) -> Int[Array, "*n"]:
        return states


class WaveFunctions(Walk):
    """Monte Carlo wave functions, in the eigenbasis of H, or of H_0 for jumps between its eigenstates.

    Attributes:
        start: cumulative eigenvalues of the density matrix at time 0, (d,).
        beginnings: its eigenvectors as rows, (d, d).
        horizon: the last time.
        shares: 1, 1/2, 1/4, ... of it, (b,).
        propagators: exp(-i H_eff share horizon), (b, d, d).
        amplitudes: sqrt(gamma) S of each directed transition c -> a of each bath, (a,).
        energies: that each gives to its bath, (a,).
        operator: which jump operator it belongs to, (a,).
        arrival: which pair of a jump operator and a target, (a,).
        first: the first transition of each such pair, (a,).
        turn: from this eigenbasis into that of H.
    """

    start: Float[Array, " d"]
    beginnings: Complex[Array, "d d"]
    horizon: Float[Array, ""]
    shares: Float[Array, " b"]
    propagators: Complex[Array, "b d d"]
    amplitudes: Complex[Array, " a"]
    energies: Float[Array, " a"]
    operator: Int[Array, " a"]
    arrival: Int[Array, " a"]
    first: Int[Array, " a"]
    turn: Complex[Array, "d d"]

    @property
    def bytes_per_state(self) -> int:
        return self.turn.dtype.itemsize * self.pairs.dimension

    @classmethod
    def of(
        cls,
        H: Complex[Array, "d d"],
        transitions: Transitions,
        start: tuple[Float[Array, " d"], Complex[Array, "d d"]],
        turn: Complex[Array, "d d"],
        horizon: Float[Array, ""],
    ) -> "WaveFunctions":
        """From H, and the eigenvalues and eigenvectors of the density matrix at time 0."""
        pairs, (weights, states) = transitions.pairs, start
        position, reverse, _, target = pairs.directed_transitions
        S, gamma, label = transitions.directed()
        omega = transitions.omega[pairs.number[position]]
        label = label.astype(jnp.int32)
        operator = pairs.bath[position] * np.int32(2 * transitions.omega.size) + label
        number = jnp.arange(position.size, dtype=jnp.int32)
        one, other, order = jax.lax.sort((operator, jnp.asarray(target), number), num_keys=2)
        fresh = (jnp.diff(one) != 0) | (jnp.diff(other) != 0)
        arrival = jnp.concatenate([jnp.zeros(1, int), jnp.cumsum(fresh.astype(int))])
        levels = jnp.finfo(horizon.dtype).nmant + 1
        return cls(
            pairs,
            jnp.cumsum(jnp.maximum(weights, 0.0)),
            states.T,
            horizon,
            0.5 ** jnp.arange(levels, dtype=horizon.dtype),
            _propagators(-1j * _effective(H, transitions) * horizon.astype(H.dtype), levels),
            (jnp.sqrt(gamma).astype(S.dtype) * S).astype(H.dtype),
            jnp.where(reverse, -omega, omega),
            operator,
            jnp.zeros_like(order).at[order].set(arrival.astype(order.dtype)),
            jax.ops.segment_min(order, arrival, order.size),
            turn,
        )

    def begin(self, key: PRNGKeyArray) -> Complex[Array, " d"]:
        return self.beginnings[_pick(self.start, jax.random.uniform(key, dtype=self.start.dtype))]

    def jump(self, state: Complex[Array, " d"], key: PRNGKeyArray) -> Jump:
        survival, which = jax.random.uniform(key, (2,), self.shares.dtype)

        def halve(carry: tuple[Array, Array], level: tuple[Array, Array]) -> tuple[Any, None]:
            (psi, share), (more, propagator) = carry, level
            ahead = propagator @ psi
            stays = _square(ahead) > survival
            return (jnp.where(stays, ahead, psi), jnp.where(stays, share + more, share)), None

        begin = (state, jnp.zeros((), self.shares.dtype))
        (psi, share), _ = jax.lax.scan(halve, begin, (self.shares, self.propagators))
        _, _, origin, target = self.pairs.directed_transitions
        fed = self.amplitudes * psi[origin]
        arriving = jax.ops.segment_sum(fed, self.arrival, fed.size)
        weights = (arriving * arriving.conj()).real
        cumulative = jnp.cumsum(weights)
        chosen = self.first[_pick(cumulative, which)]
        fed = jnp.where(self.operator == self.operator[chosen], fed, 0.0)
        after = Groups.of(target, state.size).sum(fed)
        bath = jnp.asarray(self.pairs.bath[self.pairs.directed_transitions[0]])[chosen]
        # Past the last time the waiting time is not known, and not needed; a state that no operator
        # leaves waits for ever, whatever round-off does to its norm.
        never = (share > 1.0) | (cumulative[-1] == 0)
        wait = jnp.where(never, jnp.inf, share * self.horizon)
        return Jump(wait, bath, self.energies[chosen], _normalised(after))

    def after(self, state: Complex[Array, " d"], elapsed: Float[Array, ""]) -> Complex[Array, " d"]:
        def add(carry: tuple[Array, Array], level: tuple[Array, Array]) -> tuple[Any, None]:
            (psi, rest), (share, propagator) = carry, level
            goes = rest >= share * self.horizon
            rest = jnp.where(goes, rest - share * self.horizon, rest)
            return (jnp.where(goes, propagator @ psi, psi), rest), None

        (psi, _), _ = jax.lax.scan(add, (state, elapsed), (self.shares, self.propagators))
        return _normalised(psi)

    def shown(self, states: Complex[Array, "*n d"]) -> Complex[Array, "*n d"]:
        return states @ self.turn.T


def _square(psi: Complex[Array, " d"]) -> Float[Array, ""]:
    return jnp.sum((psi * psi.conj()).real)


def _normalised(psi: Complex[Array, " d"]) -> Complex[Array, " d"]:
    size = jnp.sqrt(_square(psi))
    return psi / jnp.where(size > 0, size, 1.0).astype(psi.dtype)


def _propagators(generator: Complex[Array, "d d"], levels: int) -> Complex[Array, "b d d"]:
    """exp(generator share) for the shares 1, 1/2, 1/4, ...

    By doubling e^A - 1, from 2E + E^2: as long as A is small, nothing of it is lost in the 1.
    """
    steps = levels + _MORE_HALVINGS
    size = jnp.max(jnp.sum(jnp.abs(generator), axis=1))
    A = generator * jnp.asarray(2.0**-steps, generator.dtype)

    def double(E: Array, _: None) -> tuple[Array, Array]:
        E = 2.0 * E + E @ E
        return E, E

    _, doubled = jax.lax.scan(double, A + A @ A / 2.0, None, length=steps)
    found = doubled[::-1][:levels] + jnp.eye(len(A), dtype=A.dtype)[None]
    return found * jnp.where(size <= 2.0**_MORE_HALVINGS, 1.0, jnp.nan).astype(A.dtype)


def _effective(H: Complex[Array, "d d"], transitions: Transitions) -> Complex[Array, "d d"]:
    """H_eff = H - (i/2) sum_k sum_omega gamma_k(omega) A_k^dag(omega) A_k(omega)."""
    S, rates, group = transitions.matrices()
    L = jnp.sqrt(rates).astype(S.dtype) * S
    together = group[:, :, None] == group[:, None, :]
    decay = jnp.einsum("acd,kac,kad->cd", together.astype(S.dtype), L.conj(), L)
    return H - 0.5j * decay.astype(H.dtype)
