# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A thermal transistor and its exact amplification
#
# Three qubits with Ising couplings, each with a bath: the temperature of the middle one, the base,
# controls the heat that flows from the left to the right (Joulain, Drevillon, Ezzahri and
# Ordonez-Miranda, Phys. Rev. Lett. 116, 200601 (2016)). The amplification is how much more heat
# flows at an outer bath for each bit more that flows at the base, $\alpha_i = \frac{\partial J_i /
# \partial T_M}{\partial J_M / \partial T_M}$: a ratio of two derivatives, which differences of a
# table would blur just where it matters, near its pole. Here both derivatives are exact.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import brentq

import qthermo_jax as qj

jax.config.update("jax_enable_x64", True)  # for the direct calls below; a sweep always computes so

# %%
data = qj.sweep(
    "thermal_transistor",
    axes={"T_M": np.linspace(0.01, 0.2, 96)},
    parameters={"T_L": 0.2, "T_R": 0.02},
    observables=["heat_currents", "amplification"],
)
alpha = data.amplification.sel(heated_bath=2)

figure, panels = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
currents, base, gain = panels
for bath, name in ((1, "left"), (3, "right")):
    currents.plot(data.T_M, data.heat_currents.sel(bath=bath), label=name)
    for side in (slice(0, 0.125), slice(0.125, None)):  # the pole is between them
        part = alpha.sel(bath=bath, T_M=side)
        gain.semilogy(
            part.T_M, abs(part), color=f"C{bath // 2}", label=name if side.start == 0 else None
        )
base.plot(data.T_M, data.heat_currents.sel(bath=2), color="C2")
currents.set(xlabel="$T_M$", title="heat current into the outer baths")
base.set(xlabel="$T_M$", title="heat current into the base")
gain.set(xlabel="$T_M$", title="size of the amplification")
currents.legend()
gain.legend()
plt.show()

# %% [markdown]
# What leaves one bath enters the others: $\alpha_L + \alpha_R = -1$ at every point.

# %%
total = alpha.sel(bath=1) + alpha.sel(bath=3)
print("largest deviation from -1, relative:", float(abs((total + 1) / alpha.sel(bath=1)).max()))
assert abs((total + 1) / alpha.sel(bath=1)).max() < 1e-9

# %% [markdown]
# ## The pole
#
# The base current has its maximum where $\partial J_M / \partial T_M = 0$. There the amplification
# diverges. The derivative is one more function that can be compiled, and a root finder takes it as
# it is.


# %%
def base_current(T_M):
    """Heat into the middle bath."""
    system = qj.models.thermal_transistor(T_M=T_M)
    return qj.heat_currents(system, qj.steadystate(system, method="populations"))[1]


slope = jax.jit(jax.grad(base_current))
pole = brentq(lambda T: float(slope(jnp.asarray(T))), 0.1, 0.15, xtol=1e-14)
print(f"T_M at the pole: {pole:.10f}")
assert abs(pole - 0.125) < 1e-3

# %% [markdown]
# Differences of the current are off by the square of the step, until round-off takes over:

# %%
exact = float(slope(jnp.asarray(0.12)))
current = jax.jit(base_current)
for step in (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9):
    difference = float(current(jnp.asarray(0.12 + step)) - current(jnp.asarray(0.12 - step))) / (
        2 * step
    )
    print(f"step {step:.0e}: relative deviation {abs(difference / exact - 1):.1e}")
