"""What can be asked of a driven system."""

from qthermo_jax.driven_system import DrivenSystem
from qthermo_jax.labels import Dimension, Quantity
from qthermo_jax.machines.common import machine_observables, of_state, own_observables
from qthermo_jax.observables import AvailableObservable
from qthermo_jax.registry import DEFAULT_EQUATION


def driven_observables(system: DrivenSystem) -> dict[str, AvailableObservable]:
    """Every observable of a driven system by name."""
    found = machine_observables(system)
    level = Dimension("level", system.labels, "basis state")
    found["mean_populations"] = AvailableObservable(
        of_state("mean_populations"), Quantity("mean population of the basis state", "p", 0), (level,)
    )
    found["step_error"] = AvailableObservable(
        of_state("step_error"), Quantity("error of the propagator by the steps (bound)", "", 0)
    )
    if system.mean.generator == DEFAULT_EQUATION:
        number = Dimension("floquet_state", tuple(range(1, system.dimension + 1)), "Floquet state")
        found |= {
            "quasi_energies": AvailableObservable(
                of_state("quasi_energies"), Quantity("quasi-energy", r"\varepsilon", 1), (number,)
            ),
            "floquet_populations": AvailableObservable(
                of_state("populations"), Quantity("population of the Floquet state", "p", 0), (number,)
            ),
            "secular_ratio": AvailableObservable(
                of_state("secular_ratio"),
                Quantity("largest rate over smallest distance of quasi-energies", "r_s", 0),
            ),
            "tail": AvailableObservable(
                of_state("tail"), Quantity("heat of photons that are left out (bound)", "", 0)
            ),
        }
    return found | own_observables(system)
