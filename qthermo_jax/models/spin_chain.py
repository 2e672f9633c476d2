"""Spin chains between a bath at either end."""

from itertools import combinations
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Float

from qthermo_jax.declared import Observable
from qthermo_jax.labels import Dimension, Quantity
from qthermo_jax.models.common import (
    Rate,
    Scalar,
    Sites,
    Spectrum,
    equal_groups,
    model,
    refuse_many_sites,
)
from qthermo_jax.models.qubits import UP_DOWN, ising_terms, qubit_baths, state_labels, weighted
from qthermo_jax.operators import embed, sigma_x, sigma_y, sigma_z
from qthermo_jax.system import OpenSystem

# What two neighbours are coupled by.
_COUPLED = {
    "XX": (sigma_x, sigma_y),
    "Ising": (sigma_x,),
    "Heisenberg": (sigma_x, sigma_y, sigma_z),
}

Kind = Annotated[Literal["XX", "Ising", "Heisenberg"], Quantity("form of the coupling of neighbours")]


@model
def spin_chain(
    sites: Sites = 4,
    kind: Kind = "XX",
    J: Annotated[Scalar, Quantity("coupling of neighbours", "J", 1)] = 0.3,
    h: Annotated[Scalar, Quantity("field", "h", 1)] = 1.0,
    T_L: Annotated[Scalar, Quantity("temperature at the left end", "T_L", 1)] = 1.0,
    T_R: Annotated[Scalar, Quantity("temperature at the right end", "T_R", 1)] = 0.2,
    rate: Rate = 1.0,
    spectrum: Spectrum = "ohmic",
) -> OpenSystem:
    """Spins 1/2 in a row in a field along z, with a bath on sigma_x of the first and one of the last.

    H = h/2 sum_k sigma_z^k + J/2 sum_k C_k, where C_k is sigma_x^k sigma_x^k+1 ("Ising"), with
    sigma_y^k sigma_y^k+1 ("XX") and with sigma_z^k sigma_z^k+1 ("Heisenberg", J > 0 antiferromagnetic),
    in the basis (|uu...u>, |u...ud>, ..., |dd...d>). XX is one of free fermions with the energies
    h + 2J cos(k pi/(N + 1)).
    Source: Lieb, Schultz, Mattis, Ann. Phys. 16, 407 (1961).

    Observable `magnetisation` (site): <sigma_z>.

    Raises:
        ValueError: fewer than 2 or more than 12 sites, an unknown kind, or an unknown spectrum.

    >>> spin_chain(sites=2, J=0.3).H.diagonal(1).tolist()
    [0.0, 0.3, 0.0]
    """
    if sites < 2:
        raise ValueError(f"sites = {sites}: a spin chain has at least two")
    refuse_many_sites(sites, most=12, levels=2**12)
    if kind not in _COUPLED:
        raise ValueError(f"kind {kind!r} is not one of {', '.join(_COUPLED)}")
    along_z = ising_terms(sites)
    field = np.sum(along_z, axis=0) / 2
    sectors = _sectors(np.rint(field.diagonal()), parity=kind == "Ising")
    return OpenSystem(
        weighted([(h, field), (J, _couplings(sites, kind) / 2)]),
        qubit_baths(sites, (0, sites - 1), (T_L, T_R), rate, spectrum),
        sectors=sectors,
        levels=_fermion_levels(sites) if kind == "XX" else [],
        labels=state_labels(sites, UP_DOWN),
        observables={
            "magnetisation": Observable(
                np.stack([sz.diagonal() for sz in along_z]),
                Quantity("magnetisation of the site", r"\langle \sigma_z \rangle", 0),
                [Dimension("site", tuple(range(1, sites + 1)), "site")],
            )
        },
    )


def _couplings(sites: int, kind: str) -> Float[np.ndarray, "d d"]:
    """Sum of the neighbours' products; those of two sigma_y are real."""
    terms = sum((np.kron(sigma(), sigma()).real for sigma in _COUPLED[kind]), start=np.zeros((4, 4)))
    total = np.zeros((2**sites, 2**sites))
    for site in range(sites - 1):
        total += embed(terms, site, [*[2] * site, 4, *[2] * (sites - site - 2)])
    return total


def _sectors(magnetisation: Float[np.ndarray, " d"], *, parity: bool) -> list[tuple[int, ...]]:
    """States of one magnetisation, or of one parity of it, from the lowest."""
    number = magnetisation - magnetisation.min()
    key = number % 2 if parity else number
    return [tuple(np.flatnonzero(key == value).tolist()) for value in np.unique(key)]


def _fermion_levels(sites: int) -> list[list[int]]:
    """Eigenstates of the XX chain with one energy whatever h and J: fermions, n of them in sector n."""
    modes = np.cos(np.arange(1, sites + 1) * np.pi / (sites + 1))
    levels, first = [], 0
    for n in range(sites + 1):
        energies = np.array([sum(own) for own in combinations(modes, n)], float)
        levels += [[first + position for position in group] for group in equal_groups(energies)]
        first += energies.size
    return levels
