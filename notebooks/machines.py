# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # An Otto engine in finite time
#
# One qubit, $H = \omega \sigma_z/2 + \Delta \sigma_x/2$, whose frequency falls from $\omega_h$ to
# $\omega_c$ and rises again; in between it is with a hot and with a cold bath (Kosloff and Rezek,
# Entropy 19, 136 (2017)). Fast changes leave coherence between the levels, because $H$ does not
# commute with itself at different times. The cycle then costs more work: friction.
#
# ## What it is good for
#
# A sweep is a spec, on the command line and here.

# %%
import tomllib

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize

import qthermo_jax as qj

jax.config.update("jax_enable_x64", True)  # for the direct calls below; a sweep always computes so

SPEC = r"""
title = "Quantum Otto cycle with friction"
model = "otto"
energy_unit = '\omega_h'
observables = ["mode", "work", "efficiency", "friction"]

[parameters]
omega_h = 1.0
T_c = 0.25
ramp = 2.0
contact = 60.0
transverse = 0.2

[axes]
T_h = { start = 0.25, stop = 1.25, num = 61 }
omega_c = { start = 0.05, stop = 1.0, num = 61 }
"""

data = qj.sweep(**tomllib.loads(SPEC))
print(data.qthermo.explain())
data.qthermo.plot("mode")

# %% [markdown]
# The gap of the levels is $\sqrt{\omega^2 + \Delta^2}$. Without friction the engine would end where
# the gaps have the ratio of the temperatures, and the refrigerator begin. Work that is lost to
# coherence puts heaters and accelerators between them, and keeps the efficiency below one minus the
# ratio of the gaps.

# %%
ENGINE, HEATER = 1, 4
without_friction = 1 - np.sqrt((data.omega_c**2 + 0.2**2) / (1 + 0.2**2))
share = (data.efficiency / without_friction).where(data["mode"] == ENGINE)
print(f"efficiency over that without friction: {float(share.min()):.3f} to {float(share.max()):.3f}")
assert share.max() < 1
assert (data["mode"] == HEATER).any()

# %% [markdown]
# ## The limit cycle, and the way to it
#
# A cycle comes to a state that returns to itself. It is the solution of a linear system, and needs
# no waiting. The map of one cycle says how fast anything else comes there: the distance shrinks by
# `convergence` each time.


# %%
def cycle(omega_c, contact, omega_h=1.0, T_h=1.0, T_c=0.25):
    """Otto cycle with a transverse field of 0.2 and changes of frequency that take 2."""
    return qj.models.otto(
        omega_c=omega_c,
        omega_h=omega_h,
        T_c=T_c,
        T_h=T_h,
        ramp=2.0,
        contact=contact,
        transverse=0.2,
    )


figure, panel = plt.subplots(figsize=(6, 3.6), layout="constrained")
for contact in (5.0, 15.0, 45.0):
    state = qj.limit_cycle(cycle(0.5, contact))
    path = state.approach(jnp.diag(jnp.array([0.0, 1.0])), 40)
    distance = np.linalg.norm(np.asarray(path - state.rho), axis=(1, 2))
    factor = float(state.convergence)
    panel.semilogy(distance, "o", ms=4, label=f"contact {contact:g}: in the end {factor:.2g} a cycle")
    if contact == 5.0:  # the longer contacts come to round-off before
        panel.semilogy(distance[20] * factor ** (np.arange(41) - 20.0), "--", color="0.5")
        np.testing.assert_allclose((distance[40] / distance[20]) ** (1 / 20), factor, rtol=0.02)
panel.set(xlabel="cycles", ylabel="distance from the limit cycle", ylim=(1e-14, 2))
panel.legend()
plt.show()

# %% [markdown]
# Each stroke has its own heat, work and friction, with bounds of their errors:

# %%
state = qj.limit_cycle(cycle(0.5, 45.0))
print("stroke       heat into hot, cold       work     friction")
for name, (hot, cold), work, friction in zip(
    ("heating", "expansion", "cooling", "compression"),
    state.stroke_heat,
    state.stroke_work,
    state.friction,
    strict=True,
):
    print(f"{name:12} {float(hot):9.5f} {float(cold):9.5f} {float(work):12.5f} {float(friction):12.2e}")
print("the first law leaves over", f"{float(jnp.abs(state.stroke_balance).max()):.1e}")

# %% [markdown]
# ## Efficiency at maximum power
#
# Power has a greatest value over both frequencies and the duration of the contact: long contacts
# take time, and short ones move no heat. Its gradient goes through the limit cycle exactly, so that
# a quasi-Newton method needs some thirty evaluations.


# %%
def power(x, T_h):
    """Done on the system; x: the logarithms of omega_c, omega_h and the duration of a contact."""
    omega_c, omega_h, contact = jnp.exp(x)
    return qj.limit_cycle(cycle(omega_c, contact, omega_h, T_h, T_c=1.0)).power


value_and_gradient = jax.jit(jax.value_and_grad(power))


def greatest(T_h):
    """The frequencies and the contact of greatest power between T_h and 1."""
    start = np.log([2.0, 2.0 * T_h**0.6, 5.0])
    found = minimize(
        lambda x: [np.asarray(own, float) for own in value_and_gradient(jnp.asarray(x), T_h)],
        start,
        jac=True,
        method="BFGS",
        options={"gtol": 1e-9},
    )
    assert np.abs(found.jac).max() < 1e-6 * abs(found.fun)
    return found


temperatures = np.array([1.5, 2.0, 3.0, 4.0, 6.0])
rows = []
for T_h in temperatures:
    found = greatest(T_h)
    omega_c, omega_h, contact = np.exp(found.x)
    best = cycle(omega_c, contact, omega_h, T_h, T_c=1.0)
    eta = float(qj.observe(best, qj.limit_cycle(best), "efficiency"))
    rows.append(eta)
    print(
        f"T_h = {T_h:g}: omega_c {omega_c:.3f}, omega_h {omega_h:.3f}, contact {contact:.2f}, "
        f"efficiency {eta:.3f}, {found.nfev} evaluations"
    )

# %%
carnot = 1 - 1 / temperatures
curzon_ahlborn = 1 - np.sqrt(1 / temperatures)
figure, panel = plt.subplots(figsize=(6, 3.6), layout="constrained")
panel.plot(temperatures, rows, "o-", label="at maximum power")
panel.plot(temperatures, carnot, "--", color="0.5", label="Carnot")
panel.plot(
    temperatures, curzon_ahlborn, ":", color="0.3", label="Curzon and Ahlborn, $1 - \\sqrt{T_c/T_h}$"
)
panel.set(xlabel="$T_h/T_c$", ylabel="efficiency")
panel.legend()
plt.show()
assert (np.array(rows) < carnot).all()
