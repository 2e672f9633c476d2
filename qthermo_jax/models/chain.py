"""The paper's chain of N two-level sites with one particle (paper, "N-site model")."""

from typing import Annotated

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Num

from qthermo_jax.couplings import SparseCoupling
from qthermo_jax.labels import Dimension, Quantity
from qthermo_jax.models.common import Rate, Scalar, Spectrum, named_density
from qthermo_jax.system import Bath, Observable, OpenSystem


def _per_site(value: Num[ArrayLike, "*s"], size: int, name: str) -> Float[Array, " n"]:
    array = jnp.asarray(value, float)
    if array.shape not in ((), (size,)):
        raise ValueError(f"{name} has shape {array.shape}, not () or ({size},)")
    return jnp.broadcast_to(array, (size,))


def chain(
    sites: int = 10,
    h: Annotated[Num[ArrayLike, "*N"], Quantity("energy of a site", "h", 1)] = 1.0,
    g: Annotated[Num[ArrayLike, "*N_minus_1"], Quantity("tunnelling between neighbours", "g", 1)] = 0.1,
    T_L: Annotated[Scalar, Quantity("temperature at the left end", "T_L", 1)] = 0.8,
    T_R: Annotated[Scalar, Quantity("temperature at the right end", "T_R", 1)] = 0.4,
    rate: Rate = 1.0,
    spectrum: Spectrum = "flat",
    temperatures: Num[ArrayLike, " N"] | None = None,
) -> OpenSystem:
    """One particle on N sites in a row, each with a bath of its own.

    H = sum_k h |e_k><e_k| + sum_k g (|e_k><e_k+1| + h.c.), S_k = |e_k><g_k| + h.c., in the basis
    (|g_1> ... |g_N>, |e_1> ... |e_N>), dimension 2N.

    Args:
        sites: N >= 1.
        h: energy of the excited states, a scalar or one for each site, (N,).
        g: tunnelling rate, a scalar or one for each bond, (N - 1,).
        T_L, T_R: temperatures of the first and the last site's baths; linear in between.
        rate: spectral density J of each bath, a scalar or (N,): J = rate (flat), J = rate omega (ohmic).
        spectrum: "flat" or "ohmic".
        temperatures: one for each site, (N,), instead of T_L and T_R.

    Observables: `site_populations` (site), `mean_position` in units of the site spacing.

    Raises:
        ValueError: a shape does not fit the number of sites, or an unknown spectrum.

    >>> chain(sites=3, T_L=1.0, T_R=0.5).temperatures.tolist()
    [1.0, 0.75, 0.5]
    """
    if sites < 1:
        raise ValueError(f"sites = {sites}: a chain has at least one site")
    number = np.arange(sites)
    excited = sites + number
    energies = _per_site(h, sites, "h")
    bonds = _per_site(g, sites - 1, "g")
    H = (
        jnp.zeros((2 * sites, 2 * sites))
        .at[excited, excited].set(energies)
        .at[excited[:-1], excited[1:]].set(bonds)
        .at[excited[1:], excited[:-1]].set(bonds)
    )  # fmt: skip
    couplings = SparseCoupling(2 * sites, rows=number.tolist(), columns=excited.tolist())
    if temperatures is None:
        # The form keeps T_L, T_R >= 0 from giving a temperature below 0 by rounding.
        fraction = jnp.linspace(0.0, 1.0, sites)
        temperatures = (1.0 - fraction) * T_L + fraction * T_R
    on_site = jnp.tile(jnp.eye(sites), 2)
    position = jnp.tile(jnp.arange(1.0, sites + 1.0), 2)
    return OpenSystem(
        H,
        Bath(
            couplings,
            _per_site(temperatures, sites, "temperatures"),
            named_density(spectrum, _per_site(rate, sites, "rate")),
        ),
        sectors=[*((site,) for site in range(sites)), tuple(range(sites, 2 * sites))],
        levels=[range(sites)],
        labels=[f"{level}_{site + 1}" for level in "ge" for site in range(sites)],
        observables={
            "site_populations": Observable(
                on_site,
                Quantity("population of the site", "P", 0),
                [Dimension("site", tuple(range(1, sites + 1)), "site")],
            ),
            "mean_position": Observable(
                position,
                Quantity(
                    "mean position of the particle",
                    r"\langle x \rangle",
                    0,
                    neutral=(sites + 1) / 2,
                ),
            ),
        },
    )
