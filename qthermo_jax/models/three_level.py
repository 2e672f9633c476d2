"""The paper's three-level systems: Lambda (Eqs. 6-12) and V (Eqs. 13-14)."""

from typing import Annotated

import jax.numpy as jnp

from qthermo_jax.baths import Bath
from qthermo_jax.couplings import SparseCoupling
from qthermo_jax.declared import Observable
from qthermo_jax.labels import Quantity
from qthermo_jax.models.common import Rate, Scalar, Spectrum, model, named_density
from qthermo_jax.system import OpenSystem

Frequency1 = Annotated[Scalar, Quantity("transition frequency at bath 1", r"\omega_1", 1)]
Frequency2 = Annotated[Scalar, Quantity("transition frequency at bath 2", r"\omega_2", 1)]
Temperature1 = Annotated[Scalar, Quantity("temperature of bath 1", "T_1", 1)]
Temperature2 = Annotated[Scalar, Quantity("temperature of bath 2", "T_2", 1)]


def _three_level(
    energies: list[Scalar],
    transitions: list[tuple[int, int]],
    labels: tuple[str, str, str],
    temperatures: list[Scalar],
    rate: Scalar,
    spectrum: str,
) -> OpenSystem:
    """Bath k drives the pair of levels transitions[k]; the positions are labelled "1" and "2"."""
    rows, columns = zip(*transitions, strict=True)
    unbalance = jnp.array([{"1": -1.0, "2": 1.0}.get(label, 0.0) for label in labels])
    baths = Bath(
        SparseCoupling(3, rows, columns),
        jnp.stack([jnp.asarray(T, float) for T in temperatures]),
        named_density(spectrum, rate),
    )
    return OpenSystem(
        jnp.diag(jnp.stack([jnp.asarray(energy, float) for energy in energies])),
        baths,
        sectors=[(0,), (1,), (2,)],
        levels=[],
        labels=labels,
        observables={
            "unbalance": Observable(unbalance, Quantity("unbalance P2 - P1", r"\Delta", 0, neutral=0.0))
        },
    )


@model
def lambda_system(
    omega_1: Frequency1 = 1.0,
    omega_2: Frequency2 = 1.0,
    T_1: Temperature1 = 1.0,
    T_2: Temperature2 = 0.5,
    rate: Rate = 1.0,
    spectrum: Spectrum = "flat",
) -> OpenSystem:
    """Lambda system: two low levels |1>, |2>, each driven to |e> by its own bath.

    Basis (|1>, |2>, |e>) with energies (-omega_1, -omega_2, 0); S_k = |e><k| + h.c.
    Observable `unbalance`: P2 - P1 (paper, Eq. 7).

    >>> lambda_system(T_1=0.8, T_2=0.4).labels
    ('1', '2', 'e')
    """
    return _three_level(
        [-jnp.asarray(omega_1, float), -jnp.asarray(omega_2, float), 0.0],
        [(2, 0), (2, 1)],
        ("1", "2", "e"),
        [T_1, T_2],
        rate,
        spectrum,
    )


@model
def v_system(
    omega_1: Frequency1 = 1.0,
    omega_2: Frequency2 = 1.0,
    T_1: Temperature1 = 1.0,
    T_2: Temperature2 = 0.5,
    rate: Rate = 1.0,
    spectrum: Spectrum = "flat",
) -> OpenSystem:
    """V system: two high levels |1>, |2>, each driven from |g> by its own bath.

    Basis (|g>, |1>, |2>) with energies (0, omega_1, omega_2); S_k = |k><g| + h.c.
    Observable `unbalance`: P2 - P1.

    >>> v_system(T_1=0.8, T_2=0.4).labels
    ('g', '1', '2')
    """
    return _three_level(
        [0.0, omega_1, omega_2], [(1, 0), (2, 0)], ("g", "1", "2"), [T_1, T_2], rate, spectrum
    )
