"""The Otto cycle of a qubit at the frequencies of greatest work, found by gradient at every point."""

import jax
import jax.numpy as jnp
import optimistix as optx

import qthermo_jax as qj


def optimum(T_h: float = 2.0, T_c: float = 1.0) -> qj.Cycle:
    """Cycle with full contact and slow changes, at the two frequencies that give most work.

    Observable: `curzon_ahlborn`, 1 - sqrt(T_c/T_h).
    """
    T_h, T_c = jnp.asarray(T_h, float), jnp.asarray(T_c, float)

    def cycle(reduced: jax.Array) -> qj.Cycle:
        """At omega_c/T_c and omega_h/T_h."""
        omega_c, omega_h = T_c * reduced[0], T_h * reduced[1]
        return qj.models.otto(omega_c=omega_c, omega_h=omega_h, T_c=T_c, T_h=T_h, contact=1e3, steps=8)

    def slope(reduced: jax.Array, _: None) -> jax.Array:
        return jax.grad(lambda own: qj.limit_cycle(cycle(own)).work)(reduced)

    # Where both temperatures are alike, omega/T is 2.4 at the optimum.
    guess = 2.4 * jnp.stack([(T_h / T_c) ** 0.25, (T_c / T_h) ** 0.25])
    found = optx.root_find(slope, optx.Newton(rtol=1e-8, atol=1e-8), guess, throw=False)
    sound = found.result == optx.RESULTS.successful
    bound = qj.Observable(
        (1.0 - jnp.sqrt(T_c / T_h)) * jnp.ones(2), qj.Quantity("Curzon and Ahlborn", r"\eta_{\rm CA}", 0)
    )
    best = jnp.where(sound, found.value, jnp.nan)
    return cycle(best).with_observables({"curzon_ahlborn": bound})
