# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Inverse design: the strongest negative thermophoresis
#
# Nine bonds join the ten sites of the paper's chain. Which tunnelling rates draw the particle
# closest to the hot end? The mean position $\langle x \rangle$, from 1 (hot, T = 0.8) to 10 (cold,
# T = 0.4), is a function of nine numbers, and its gradient goes through the steady state exactly.
# Each rate may be between 0.1 and 1.3 (units of h).
#
# The baths are ohmic. With the paper's flat ones the rates diverge where a level of the chain
# crosses the ground level, the position has a kink there, and a method that follows gradients gets
# stuck at it.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import Bounds, check_grad, minimize

import qthermo_jax as qj

jax.config.update("jax_enable_x64", True)

SITES = 10
WEAKEST, STRONGEST = 0.1, 1.3


def chain(g):
    """The chain with a tunnelling rate for each bond."""
    return qj.models.chain(SITES, h=1.0, g=g, T_L=0.8, T_R=0.4, spectrum="ohmic")


def position(g):
    """Mean position of the particle in the steady state."""
    system = chain(g)
    return qj.observe(system, qj.steadystate(system, method="populations"), "mean_position")


value_and_gradient = jax.jit(jax.value_and_grad(position))

# %% [markdown]
# ## The gradient is right
#
# Against differences, at ten random chains:

# %%
rng = np.random.default_rng(0)
chains = rng.uniform(WEAKEST, STRONGEST, (5000, SITES - 1))
value = jax.jit(position)


def gradient(g):
    """By the nine bonds."""
    return np.asarray(value_and_gradient(jnp.asarray(g))[1])


worst = max(
    check_grad(lambda g: float(value(jnp.asarray(g))), gradient, g, epsilon=1e-7) for g in chains[:10]
)
print(f"largest deviation from differences: {worst:.1e}")
assert worst < 1e-4

# %% [markdown]
# ## Following it
#
# L-BFGS-B from the uniform chain g = 1, and from the twelve best of a random search, which alone is
# what one would do without a gradient.

# %%
found_at_random = np.asarray(
    jax.jit(lambda g: jax.lax.map(position, g, batch_size=500))(jnp.asarray(chains))
)
best_at_random = np.argsort(found_at_random)


def descend(start):
    """The nearest minimum."""
    return minimize(
        lambda g: [np.asarray(part, float) for part in value_and_gradient(jnp.asarray(g))],
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=Bounds(WEAKEST, STRONGEST),
    )


uniform = np.full(SITES - 1, STRONGEST)
starts = [np.full(SITES - 1, 1.0), *chains[best_at_random[:12]]]
results = [descend(start) for start in starts]
best = min(results, key=lambda result: result.fun)

print(f"uniform, g = 1.3                       <x> = {float(value(jnp.asarray(uniform))):.4f}")
print(f"best of {len(chains)} random chains             <x> = {found_at_random.min():.4f}")
print(f"from g = 1, {results[0].nfev} evaluations              <x> = {results[0].fun:.4f}")
evaluations = sum(result.nfev for result in results[1:])
print(f"from the 12 best of these, {evaluations} more     <x> = {best.fun:.4f}")
assert all(result.success for result in results)
assert best.fun <= results[0].fun < found_at_random.min()

# %% [markdown]
# At the best one, no rate can be changed inside its bounds so that the particle moves further to
# the hot end: the gradient is 0 at rates between the bounds, and points outwards at the others.

# %%
slope = gradient(best.x)
inside = (best.x > WEAKEST + 1e-6) & (best.x < STRONGEST - 1e-6)
assert np.abs(slope[inside]).max(initial=0.0) < 1e-4
assert (slope[best.x > STRONGEST - 1e-6] < 1e-4).all()
assert (slope[best.x < WEAKEST + 1e-6] > -1e-4).all()

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
bonds, sites = np.arange(1, SITES), np.arange(1, SITES + 1)
random = chains[best_at_random[0]]
for name, g, style in (
    ("uniform", uniform, ":"),
    ("best at random", random, "--"),
    ("by gradient", best.x, "-"),
):
    left.step(bonds, g, where="mid", ls=style, marker="o", ms=4, label=name)
    system = chain(jnp.asarray(g))
    right.plot(sites, qj.site_populations(system, qj.steadystate(system)), ls=style, marker="o", ms=4)
left.set(xlabel="bond", ylabel="tunnelling rate / h", xticks=bonds)
right.set(xlabel="site", ylabel="population", xticks=sites)
left.legend()
plt.show()

# %% [markdown]
# ## For which baths this holds
#
# The populations do not change when all rates of the baths change by one factor, but the secular
# approximation holds only where they are below the distances of the Bohr frequencies. How weak the
# baths have to be for a ratio of 0.1:

# %%
system = chain(jnp.asarray(best.x))
ratio = float(qj.observe(system, qj.steadystate(system), "secular_ratio"))
print(f"ratio at rate = 1: {ratio:.3g}; 0.1 at rate = {0.1 / ratio:.1e}")
