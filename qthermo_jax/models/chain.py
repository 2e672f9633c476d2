"""The paper's chain of N two-level sites with one particle (paper, "N-site model")."""

from typing import Annotated

import jax.numpy as jnp
from jaxtyping import ArrayLike, Num

from qthermo_jax.declared import Observable
from qthermo_jax.labels import Quantity
from qthermo_jax.models.common import (
    Rate,
    Scalar,
    Sites,
    SiteTemperatures,
    Spectrum,
    model,
    refuse_many_sites,
)
from qthermo_jax.models.network import SiteEnergy, between, particle_on_sites
from qthermo_jax.system import OpenSystem


@model
def chain(
    sites: Sites = 10,
    h: SiteEnergy = 1.0,
    g: Annotated[Num[ArrayLike, "*N_minus_1"], Quantity("tunnelling between neighbours", "g", 1)] = 0.1,
    T_L: Annotated[Scalar, Quantity("temperature at the left end", "T_L", 1)] = 0.8,
    T_R: Annotated[Scalar, Quantity("temperature at the right end", "T_R", 1)] = 0.4,
    rate: Rate = 1.0,
    spectrum: Spectrum = "flat",
    temperatures: SiteTemperatures = None,
) -> OpenSystem:
    """One particle on N sites in a row, each with a bath of its own.

    H = sum_k h |e_k><e_k| + sum_k g (|e_k><e_k+1| + h.c.), S_k = |e_k><g_k| + h.c., in the basis
    (|g_1> ... |g_N>, |e_1> ... |e_N>), dimension 2N.

    Args:
        sites: N, 1 to 4096.
        h: energy of the excited states, a scalar or one for each site, (N,).
        g: tunnelling rate, a scalar or one for each bond, (N - 1,).
        T_L, T_R: temperatures of the first and the last site's baths; linear in between.
        rate: spectral density J of each bath, a scalar or (N,): J = rate (flat), J = rate omega (ohmic).
        spectrum: "flat" or "ohmic".
        temperatures: one for each site, (N,), instead of T_L and T_R.

    Observables: `site_populations` (site), `mean_position` in units of the site spacing.

    Raises:
        ValueError: too few or too many sites, a shape that does not fit their number, or an unknown
            spectrum.

    >>> chain(sites=3, T_L=1.0, T_R=0.5).temperatures.tolist()
    [1.0, 0.75, 0.5]
    """
    if sites < 1:
        raise ValueError(f"sites = {sites}: a chain has at least one site")
    refuse_many_sites(sites)
    bonds = [(site, site + 1) for site in range(1, sites)]
    position = Observable(
        jnp.tile(jnp.arange(1.0, sites + 1.0), 2),
        Quantity("mean position of the particle", r"\langle x \rangle", 0, neutral=(sites + 1) / 2),
    )
    own = between(T_L, T_R, sites) if temperatures is None else temperatures
    return particle_on_sites(
        sites, bonds, h, g, own, rate, spectrum, observables={"mean_position": position}
    )
