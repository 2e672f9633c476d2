"""The chain by the local master equation beside the global one."""

from typing import Annotated

import jax

import qthermo_jax as qj

Tunnelling = Annotated[float, qj.Quantity("tunnelling between neighbours", "g", 1)]


def chain_by_both(
    g: Tunnelling = 0.1,
    T_L: float = 0.8,
    T_R: float = 0.4,
    sites: int = 10,
    h: float = 1.0,
    rate: float = 1.0,
) -> qj.OpenSystem:
    """The chain between flat baths.

    Observables: those of `qj.models.chain`, and the same by the local equation, `local_site_populations`
    and `local_mean_position`.
    """
    chain = qj.models.chain(sites, h, g, T_L, T_R, rate)
    own = chain.observables
    names = {
        "site_populations": qj.Quantity("population of the site, local equation", "P", 0),
        "mean_position": qj.Quantity("the same by the local equation", r"\langle x \rangle_{\ell}", 0),
    }
    return chain.with_observables(
        {
            f"local_{name}": qj.ComputedObservable(_by_local, quantity, own[name].dims, [own[name]])
            for name, quantity in names.items()
        }
    )


def _by_local(system: qj.OpenSystem, state: qj.SteadyState, observable: qj.Observable) -> jax.Array:
    """What an observable is in the steady state of the local equation."""
    local = system.with_generator("local")
    return qj.expectation(qj.steadystate(local), observable)
