"""Cumulants where coherences matter, by recursion: Flindt et al., Phys. Rev. B 82, 155407 (2010).

With L^(m) the m-th derivative of L(chi) along a direction of counting fields, and R the group inverse of
L,

    lambda_n = sum_m binom(n, m) Tr L^(m) rho_(n-m),
    rho_n = R sum_m binom(n, m) (lambda_m - L^(m)) rho_(n-m),    Tr rho_n = 0 for n > 0,

lambda_n is the n-th cumulant. One inverse of L, with the trace in place of one row, serves all orders,
and the bounds: what is wrong with each equation, times the sizes of the inverse's elements.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from qthermo_jax.fluctuations.tilted import Tilted
from qthermo_jax.fluctuations.unknowns import Known, of_elements
from qthermo_jax.solvers.linear import Constrained, constrained, inverted

# The bound is one of the first order in what is wrong.
_MARGIN = 2.0


class Solver(NamedTuple):
    """The group inverse of a generator on n real unknowns.

    Attributes:
        system: the generator with the trace in place of one row.
        inverse: of its matrix, (n, n).
        solve: by it, in scaled unknowns.
    """

    system: Constrained
    inverse: Float[Array, "n n"]
    solve: Callable[[Float[Array, " n"]], Float[Array, " n"]]

    def __call__(self, right: Known, trace: float) -> Known:
        """x with L x = right and Tr x = trace."""
        system = self.system
        b = jnp.where(system.row, trace * system.trace_scale, right.value)
        x = self.solve(b)
        fixed, b, doubt = jax.lax.stop_gradient((x, b, jnp.where(system.row, 0.0, right.error)))
        matrix = jax.lax.stop_gradient(system.matrix)
        eps = jnp.finfo(x.dtype).eps
        remains = jnp.abs(b - matrix @ fixed) + 4 * eps * (jnp.abs(matrix) @ jnp.abs(fixed))
        wrong = system.perturbed(self.inverse)(jnp.abs(fixed))
        wrong = wrong + jnp.abs(self.inverse) @ (remains + doubt + eps * jnp.abs(b))
        return Known(x * system.scales, _MARGIN * wrong * system.scales)


def solver_of(tilt: Tilted) -> Solver:
    """The group inverse of the generator without counting fields."""
    system = constrained(tilt.basis, tilt.kept, tilt.generator)
    # An inverse of what is not finite may not return from LAPACK.
    sound = jnp.all(jnp.isfinite(system.matrix))
    one = jnp.eye(len(system.matrix), dtype=system.matrix.dtype)
    return Solver(system, *inverted(jnp.where(sound, system.matrix, one)))


def stationary(solver: Solver, dtype: jnp.dtype) -> Known:
    """The real unknowns of the steady state."""
    nothing = jnp.zeros(len(solver.system.matrix), dtype)
    return solver(Known(nothing, nothing), 1.0)


def coherent_activity(tilt: Tilted) -> Known:
    """How many jumps there are in a unit of time, those that leave the state alone among them, ()."""
    solver, counting = solver_of(tilt), of_elements(tilt, jnp.array(True))
    jumps = counting.jumps(jnp.ones((tilt.n_baths, *tilt.energies.shape), tilt.energies.dtype))
    return _trace(solver.system, _applied(jumps, stationary(solver, tilt.energies.dtype)))


def _applied(matrix: Known, x: Known) -> Known:
    eps = jnp.finfo(x.value.dtype).eps
    size, far = jnp.abs(matrix.value), jnp.abs(x.value) + x.error
    error = (matrix.error + 4 * eps * size) @ far + size @ x.error
    return Known(matrix.value @ x.value, jax.lax.stop_gradient(error))


def _trace(system: Constrained, x: Known) -> Known:
    return Known(system.trace @ x.value, system.trace @ x.error)


def _remaining(rate: Known, x: Known, term: Known) -> Known:
    """rate x - term."""
    far = jnp.abs(x.value) + x.error
    error = rate.error * far + jnp.abs(rate.value) * x.error + term.error
    return Known(rate.value * x.value - term.value, error)


def _weighted(terms: Sequence[tuple[int, Known]]) -> Known:
    """Their weighted sum."""
    weights = [float(weight) for weight, _ in terms]
    values = [weight * own.value for weight, (_, own) in zip(weights, terms, strict=True)]
    errors = [weight * own.error for weight, (_, own) in zip(weights, terms, strict=True)]
    return Known(jnp.stack(values).sum(axis=0), jnp.stack(errors).sum(axis=0))


def coherent_cumulants(tilt: Tilted, directions: Float[Array, "M K"], order: int) -> Known:
    """The cumulants of the energy counted along each direction, up to an order, (order, M)."""
    solver, counting = solver_of(tilt), of_elements(tilt, jnp.array(True))
    start = stationary(solver, tilt.energies.dtype)

    def along(direction: Float[Array, " K"]) -> Known:
        derivatives = [counting.derivative(direction, m) for m in range(1, order + 1)]
        states, rates = [start], []
        for level in range(1, order + 1):
            terms = [
                (math.comb(level, m), _applied(derivatives[m - 1], states[level - m]))
                for m in range(1, level + 1)
            ]
            rates.append(_weighted([(times, _trace(solver.system, term)) for times, term in terms]))
            if level == order:
                break
            right = [
                (times, _remaining(rates[m - 1], states[level - m], term))
                for m, (times, term) in enumerate(terms, 1)
            ]
            states.append(solver(_weighted(right), 0.0))
        return Known(*(jnp.stack(own) for own in zip(*rates, strict=True)))

    return Known(*(own.T for own in jax.vmap(along)(directions)))


def coherent_noise(tilt: Tilted) -> Known:
    """S_kl of the energies given to the baths, (K, K)."""
    solver, counting = solver_of(tilt), of_elements(tilt, jnp.array(True))
    dtype = tilt.energies.dtype
    rho = stationary(solver, dtype)

    def of_bath(direction: Float[Array, " K"]) -> tuple[Known, Known, Known]:
        first = counting.derivative(direction, 1)
        fed = _applied(first, rho)
        rate = _trace(solver.system, fed)
        moved = solver(_remaining(rate, rho, fed), 0.0)
        seen = Known(solver.system.trace @ first.value, solver.system.trace @ first.error)
        second = _trace(solver.system, _applied(counting.derivative(direction, 2), rho))
        return moved, seen, second

    moved, seen, second = jax.vmap(of_bath)(jnp.eye(tilt.n_baths, dtype=dtype))
    cross = seen.value @ moved.value.T
    far = jnp.abs(moved.value) + moved.error
    eps = jnp.finfo(dtype).eps
    error = (seen.error + 8 * eps * jnp.abs(seen.value)) @ far.T + jnp.abs(seen.value) @ moved.error.T
    return Known(cross + cross.T + jnp.diag(second.value), error + error.T + jnp.diag(second.error))
