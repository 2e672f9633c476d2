"""From a spec and a model to a plan: the spec is checked, the model is traced, both are joined."""

from qthermo_jax.sweeping.compute.devices import local_devices, on_cpu
from qthermo_jax.sweeping.compute.tracing import traced
from qthermo_jax.sweeping.plan.grid import make_grid
from qthermo_jax.sweeping.plan.making import resolved
from qthermo_jax.sweeping.plan.model import Model
from qthermo_jax.sweeping.plan.record import DEFAULT_MEMORY, Plan
from qthermo_jax.sweeping.spec.declared import Spec


def make_plan(
    spec: Spec, model: Model, memory: int = DEFAULT_MEMORY, devices: int | None = None
) -> Plan:
    """Resolve a spec against its model.

    Args:
        memory: bytes that one device's shard of a tile may take.
        devices: how many share a tile; all local ones if not told.

    Raises:
        SpecError: what does not fit, in one line.
    """
    grid = make_grid(spec, model)
    return resolved(grid, traced(grid), memory, devices or local_devices(), on_cpu=on_cpu())
