"""The Fenna-Matthews-Olson complex: one exciton on seven pigments."""

from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np

from qthermo_jax.baths import Bath, DrudeLorentz
from qthermo_jax.couplings import SparseCoupling
from qthermo_jax.declared import Observable
from qthermo_jax.labels import Dimension, Quantity
from qthermo_jax.models.common import Scalar, model
from qthermo_jax.system import OpenSystem

# In cm^-1, site energies above 12210.
_UPPER = np.array(
    [
        [200.0, -87.7, 5.5, -5.9, 6.7, -13.7, -9.9],
        [0.0, 320.0, 30.8, 8.2, 0.7, 11.8, 4.3],
        [0.0, 0.0, 0.0, -53.5, -2.2, -9.6, 6.0],
        [0.0, 0.0, 0.0, 110.0, -70.7, -17.0, -63.3],
        [0.0, 0.0, 0.0, 0.0, 270.0, 81.1, -1.3],
        [0.0, 0.0, 0.0, 0.0, 0.0, 420.0, 39.7],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 230.0],
    ]
)
_H = _UPPER + np.triu(_UPPER, 1).T

# Sites 1 and 6 face the antenna, 3 and 4 the reaction centre.
_TOWARDS_REACTION_CENTRE = np.array([0.0, 0.5, 1.0, 1.0, 0.5, 0.0, 0.5])


@model
def fmo(
    T_in: Annotated[Scalar, Quantity("temperature at the antenna", r"T_{\rm in}", 1)] = 208.5,
    T_out: Annotated[Scalar, Quantity("temperature at the reaction centre", r"T_{\rm out}", 1)] = 208.5,
    reorganisation: Annotated[Scalar, Quantity("reorganisation energy", r"\lambda", 1)] = 35.0,
    cutoff: Annotated[Scalar, Quantity("cut-off frequency of the baths", r"\omega_c", 1)] = 106.2,
    disorder: Annotated[Scalar, Quantity("standard deviation of the site energies", r"\sigma", 1)] = 0.0,
    seed: Annotated[Scalar, Quantity("seed of the disorder", "", 0)] = 0.0,
) -> OpenSystem:
    """One exciton on the seven sites of the Fenna-Matthews-Olson complex; energies in cm^-1.

    H = sum_k (E_k + disorder x_k) |k><k| + sum_kl V_kl |k><l| in the basis of the sites, E above 12210
    cm^-1; x_k is drawn from the normal distribution by `seed`, a whole number. S_k = |k><k|, with the
    golden-rule rates of a Drude-Lorentz bath of that reorganisation energy: gamma(omega) = 2 J (1 + n),
    J = 2 reorganisation cutoff omega/(omega^2 + cutoff^2).

    Sites 1 and 6, which face the antenna, have baths at T_in; 3 and 4, which face the reaction centre,
    at T_out; 2, 5 and 7 at the mean. 300 K are 208.5 cm^-1. The rates that follow are of the size of the
    level spacings, where the secular approximation is coarse.
    Sources: Adolphs and Renger, Biophys. J. 91, 2778 (2006), Chlorobaculum tepidum, trimer; baths of
    Ishizaki and Fleming, PNAS 106, 17255 (2009), with the cut-off at 1/(50 fs).

    Observable `site_populations` (site).

    >>> fmo().H[0, :3].tolist()
    [200.0, -87.7, 5.5]
    """
    key = jax.random.key(jnp.asarray(seed).astype(int))
    shift = jnp.asarray(disorder, float) * jax.random.normal(key, (7,), float)
    towards = jnp.asarray(_TOWARDS_REACTION_CENTRE, float)
    sites = list(range(7))
    return OpenSystem(
        jnp.asarray(_H, float) + jnp.diag(shift),
        Bath(
            SparseCoupling(7, rows=sites, columns=sites),
            (1.0 - towards) * T_in + towards * T_out,
            DrudeLorentz(2.0 * jnp.asarray(reorganisation, float), cutoff),
        ),
        levels=[],
        labels=[str(site) for site in range(1, 8)],
        observables={
            "site_populations": Observable(
                np.eye(7),
                Quantity("population of the site", "P", 0),
                [Dimension("site", tuple(range(1, 8)), "site")],
            )
        },
    )
