"""The paper's particle on sites, with any bonds between them."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Num

from qthermo_jax.baths import Bath
from qthermo_jax.couplings import SparseCoupling
from qthermo_jax.declared import Observable
from qthermo_jax.labels import Dimension, Quantity
from qthermo_jax.models.common import (
    Rate,
    Scalar,
    SiteTemperatures,
    Spectrum,
    equal_groups,
    model,
    named_density,
    refuse_many_sites,
)
from qthermo_jax.system import OpenSystem

SiteEnergy = Annotated[Num[ArrayLike, "*N"], Quantity("energy of a site", "h", 1)]


def _one_each(value: Num[ArrayLike, "*s"], size: int, name: str) -> Float[Array, " n"]:
    array = jnp.asarray(value, float)
    if array.shape not in ((), (size,)):
        raise ValueError(f"{name} has shape {array.shape}, not () or ({size},)")
    return jnp.broadcast_to(array, (size,))


def between(T_L: Scalar, T_R: Scalar, steps: int) -> Float[Array, " n"]:
    """Temperatures from T_L to T_R, linear; rounding leads none out of these two, which may be equal."""
    fraction = jnp.linspace(0.0, 1.0, steps)
    linear = (1.0 - fraction) * T_L + fraction * T_R
    inside = jnp.clip(linear, jnp.minimum(T_L, T_R), jnp.maximum(T_L, T_R))
    return linear + jax.lax.stop_gradient(inside - linear)


def particle_on_sites(
    sites: int,
    bonds: Sequence[tuple[int, int]],
    h: Num[ArrayLike, "*h"],
    g: Num[ArrayLike, "*g"],
    temperatures: Num[ArrayLike, "*T"],
    rate: Num[ArrayLike, "*rate"],
    spectrum: str,
    *,
    degenerate: Sequence[Sequence[int]] = (),
    observables: Mapping[str, Observable] | None = None,
) -> OpenSystem:
    """One particle on N sites with a ground and an excited state each, and a bath on each.

    H = sum_k h_k |e_k><e_k| + sum_(k,l) g_kl (|e_k><e_l| + h.c.), S_k = |e_k><g_k| + h.c., in the basis
    (|g_1> ... |g_N>, |e_1> ... |e_N>), dimension 2N. Without the bonds it is `local`.

    Args:
        sites: N.
        bonds: pairs (k, l) of sites, numbered from 1.
        h, temperatures, rate: scalars, or one for each site.
        g: a scalar, or one for each bond.
        spectrum: "flat" or "ohmic".
        degenerate: groups of excited modes, numbered from 0 as they ascend, that have one energy for
            every g.
        observables: besides `site_populations` (site).

    Raises:
        ValueError: a shape does not fit, an unknown spectrum, or a bond is no pair of different sites
            or comes twice.

    >>> ring = particle_on_sites(3, [(1, 2), (2, 3), (3, 1)], 1.0, 0.1, 0.5, 1.0, "flat")
    >>> ring.H[3:, 3:].tolist()
    [[1.0, 0.1, 0.1], [0.1, 1.0, 0.1], [0.1, 0.1, 1.0]]
    """
    for bond in bonds:
        if len({*bond} & {*range(1, sites + 1)}) != 2:
            raise ValueError(f"bond {bond} is no pair of different sites from 1 to {sites}")
    if len({frozenset(bond) for bond in bonds}) < len(bonds):
        raise ValueError(f"bonds {bonds} hold a pair twice")
    number = np.arange(sites)
    excited = sites + number
    first, second = np.array(bonds, int).reshape(-1, 2).T + sites - 1
    tunnelling = _one_each(g, len(bonds), "g")
    H = (
        jnp.zeros((2 * sites, 2 * sites))
        .at[excited, excited].set(_one_each(h, sites, "h"))
        .at[first, second].set(tunnelling)
        .at[second, first].set(tunnelling)
    )  # fmt: skip
    populations = Observable(
        jnp.tile(jnp.eye(sites), 2),
        Quantity("population of the site", "P", 0),
        [Dimension("site", tuple(range(1, sites + 1)), "site")],
    )
    return OpenSystem(
        H,
        Bath(
            SparseCoupling(2 * sites, rows=number.tolist(), columns=excited.tolist()),
            _one_each(temperatures, sites, "temperatures"),
            named_density(spectrum, _one_each(rate, sites, "rate")),
        ),
        sectors=[*((site,) for site in range(sites)), tuple(range(sites, 2 * sites))],
        levels=[range(sites), *([sites + mode for mode in group] for group in degenerate)],
        labels=[f"{level}_{site + 1}" for level in "ge" for site in range(sites)],
        local=jnp.diag(H.diagonal()),
        observables={"site_populations": populations, **(observables or {})},
    )


@model
def network(
    bonds: Annotated[str, Quantity("pairs of sites, numbered from 1")] = "1-2 2-3 3-1 3-4",
    h: SiteEnergy = 1.0,
    g: Annotated[Num[ArrayLike, "*B"], Quantity("tunnelling along a bond", "g", 1)] = 0.1,
    T_L: Annotated[Scalar, Quantity("temperature of the first site's bath", "T_L", 1)] = 0.8,
    T_R: Annotated[Scalar, Quantity("temperature of the last site's bath", "T_R", 1)] = 0.4,
    rate: Rate = 1.0,
    spectrum: Spectrum = "flat",
    temperatures: SiteTemperatures = None,
) -> OpenSystem:
    """One particle on the sites of any graph, each with a bath of its own.

    H = sum_k h_k |e_k><e_k| + sum_(k,l) g_kl (|e_k><e_l| + h.c.), S_k = |e_k><g_k| + h.c., in the basis
    (|g_1> ... |g_N>, |e_1> ... |e_N>), dimension 2N.

    Args:
        bonds: pairs of sites, numbered from 1: "1-2 2-3 3-1". N is the largest number in it.
        h: energy of the excited states, a scalar or one for each site, (N,).
        g: tunnelling rate, a scalar or one for each bond, (B,).
        T_L, T_R: temperatures of the first and the last site's baths; linear in the sites' number.
        rate: spectral density J of each bath, a scalar or (N,): J = rate (flat), J = rate omega (ohmic).
        spectrum: "flat" or "ohmic".
        temperatures: one for each site, (N,), instead of T_L and T_R.

    Observable `site_populations` (site).

    Raises:
        ValueError: bonds that cannot be read, more than 4096 sites, or a shape that does not fit.

    >>> star = network("1-2 1-3 1-4", g=0.3)
    >>> star.H[4, 4:].tolist()
    [1.0, 0.3, 0.3, 0.3]
    """
    pairs = _read(bonds)
    sites = max(max(pair) for pair in pairs)
    refuse_many_sites(sites)
    own = between(T_L, T_R, sites) if temperatures is None else temperatures
    return particle_on_sites(sites, pairs, h, g, own, rate, spectrum)


def _read(bonds: str) -> list[tuple[int, int]]:
    words = bonds.split()
    found = [re.fullmatch(r"(\d+)-(\d+)", word) for word in words]
    pairs = [(int(pair[1]), int(pair[2])) for pair in found if pair]
    if not pairs or len(pairs) < len(words):
        raise ValueError(f"bonds = {bonds!r}: pairs of sites with spaces between them, '1-2 2-3'")
    return pairs


@model
def square_lattice(
    rows: Annotated[int, Quantity("number of rows", "", 0)] = 3,
    columns: Annotated[int, Quantity("number of columns", "", 0)] = 3,
    h: Annotated[Scalar, Quantity("energy of a site", "h", 1)] = 1.0,
    g: Annotated[Scalar, Quantity("tunnelling between neighbours", "g", 1)] = 0.1,
    T_L: Annotated[Scalar, Quantity("temperature of the left column", "T_L", 1)] = 0.8,
    T_R: Annotated[Scalar, Quantity("temperature of the right column", "T_R", 1)] = 0.4,
    rate: Rate = 1.0,
    spectrum: Spectrum = "flat",
) -> OpenSystem:
    """The chain in two dimensions: one particle on a lattice, its temperature linear along the columns.

    Sites are numbered row after row from 1; H and S_k as in `chain`, which it is for rows = 1. Excited
    modes h + 2g (cos(a pi/(rows + 1)) + cos(b pi/(columns + 1))).

    Observables: `site_populations` (site), `column_populations` (column), `mean_column`.

    Raises:
        ValueError: no site, more than 4096, or an unknown spectrum.

    >>> square_lattice(rows=2, columns=3, T_L=1.0, T_R=0.5).temperatures.tolist()
    [1.0, 0.75, 0.5, 1.0, 0.75, 0.5]
    """
    if rows < 1 or columns < 1:
        raise ValueError(f"rows = {rows}, columns = {columns}: a lattice has at least one site")
    refuse_many_sites(rows * columns)
    site = 1 + np.arange(rows * columns).reshape(rows, columns)
    ends = [(site[:, :-1], site[:, 1:]), (site[:-1], site[1:])]
    bonds = [pair for a, b in ends for pair in zip(a.ravel().tolist(), b.ravel().tolist(), strict=True)]
    column = np.tile(np.arange(columns), 2 * rows)
    number = tuple(range(1, columns + 1))
    observables = {
        "column_populations": Observable(
            np.equal.outer(np.arange(columns), column).astype(float),
            Quantity("population of the column", "P", 0),
            [Dimension("column", number, "column")],
        ),
        "mean_column": Observable(
            1.0 + column,
            Quantity("mean column of the particle", r"\langle x \rangle", 0, neutral=(columns + 1) / 2),
        ),
    }
    modes = [np.cos(np.arange(1, n + 1) * np.pi / (n + 1)) for n in (rows, columns)]
    return particle_on_sites(
        rows * columns,
        bonds,
        h,
        g,
        jnp.tile(between(T_L, T_R, columns), rows),
        rate,
        spectrum,
        degenerate=equal_groups(np.add.outer(*modes).ravel()),
        observables=observables,
    )
