"""From a spec and a model to a plan: the spec is checked, the model is traced, both are joined."""

from qthermo_jax.sweeping.compute.devices import local_devices, on_cpu, room_for_a_tile
from qthermo_jax.sweeping.compute.tracing import traced
from qthermo_jax.sweeping.plan.grid import make_grid
from qthermo_jax.sweeping.plan.making import resolved
from qthermo_jax.sweeping.plan.model import Model
from qthermo_jax.sweeping.plan.record import Plan
from qthermo_jax.sweeping.spec.declared import Spec


def make_plan(spec: Spec, model: Model, memory: int | None = None, devices: int | None = None) -> Plan:
    """Resolve a spec against its model.

    Args:
        memory: bytes that one device's shard of a tile may take; None: 1 GiB, and of a GPU up to an
            eighth of its memory.
        devices: how many share a tile; all local ones if not told.

    Raises:
        SpecError: what does not fit, in one line.
    """
    grid = make_grid(spec, model)
    shared = devices or local_devices()
    return resolved(grid, traced(grid), memory, shared, on_cpu=on_cpu(), room=room_for_a_tile())
