"""The boundary between positive and negative thermophoresis of the chain, found and not drawn.

Needs optimistix, which diffrax, a dependency of the package, brings along.
"""

from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np
import optimistix as optx

import qthermo_jax as qj

# Where the search begins and ends, in units of h.
WEAK, STRONG, STEP = 0.05, 2.0, 0.02

# Mean positions closer than this to the middle have no sign: they are round-off.
ROUND_OFF = 1e-12

MeanTemperature = Annotated[float, qj.Quantity("mean temperature", r"\bar{T}", 1)]
Ratio = Annotated[float, qj.Quantity("ratio of the temperatures at the ends", "T_L / T_R", 0)]


def chain_on_the_boundary(
    T_mean: MeanTemperature = 0.6,
    ratio: Ratio = 2.0,
    sites: int = 10,
    h: float = 1.0,
    rate: float = 1.0,
    spectrum: str = "flat",
) -> qj.OpenSystem:
    """The chain at the weakest tunnelling where its particle goes over from the cold to the hot side.

    There `mean_position` is (sites + 1)/2 and falls with g. Without such a g, or in equilibrium, where
    every g would do, it is NaN and the point is flagged.

    Observables: those of `qj.models.chain`, and `g_boundary`; its derivatives are those of the equation
    that it solves (the implicit function theorem).
    """
    T_R = 2.0 * T_mean / (1.0 + ratio)
    middle = (sites + 1) / 2

    def at(g, T_R):
        chain = qj.models.chain(sites, h, g, ratio * T_R, T_R, rate, spectrum)
        # To find a level that crosses 0 to all its digits: only what is equal counts as equal.
        return chain.with_generator("global", secular_tol=0.0)

    def beyond_the_middle(g, T_R):
        chain = at(g, T_R)
        state = qj.steadystate(chain, method="populations")
        return qj.observe(chain, state, "mean_position") - middle

    fixed = jax.lax.stop_gradient(T_R)
    g = h * jnp.asarray(_search_grid(sites))
    position = jax.vmap(beyond_the_middle, in_axes=(0, None))(g, fixed)
    crosses = (position[:-1] > ROUND_OFF) & (position[1:] < -ROUND_OFF)
    first = jnp.argmax(crosses)
    # Bisection: where a level crosses 0 the position has a kink, and a tangent leads astray.
    found = optx.root_find(
        beyond_the_middle,
        optx.Bisection(rtol=0.0, atol=1e-12, flip=True),
        (g[first] + g[first + 1]) / 2,
        fixed,
        options={"lower": g[first], "upper": g[first + 1]},
        throw=False,
    )
    # The implicit function theorem. Where a level crosses 0 neither the position nor its slope is known:
    # the crossing is the boundary there, whatever the temperatures.
    slope = jax.grad(beyond_the_middle)(found.value, fixed)
    change = beyond_the_middle(found.value, T_R) / slope
    moving = found.value - (change - jax.lax.stop_gradient(change))
    g_boundary = jnp.where(jnp.isfinite(slope), moving, found.value)
    g_boundary = jnp.where(jnp.any(crosses), g_boundary, jnp.nan)
    name = qj.Quantity("boundary", "g", 1)
    value = qj.Observable(g_boundary * jnp.ones(2 * sites), name)
    return at(g_boundary, T_R).with_observables({"g_boundary": value})


def _search_grid(sites: int) -> np.ndarray:
    """Tunnelling rates in units of h, dense enough for every change of sign to fall between two.

    With both sides of each g at which a level h + 2 g cos(...) crosses the ground level: there the rates
    of flat baths diverge and make all sites alike; the position goes through the middle, or turns back.
    """
    modes = np.cos(np.arange(1, sites + 1) * np.pi / (sites + 1))
    crossings = -0.5 / modes[modes < -1e-9]
    sides = np.concatenate([crossings * (1 - 1e-6), crossings * (1 + 1e-6)])
    return np.union1d(np.arange(WEAK, STRONG, STEP), sides[sides < STRONG])
