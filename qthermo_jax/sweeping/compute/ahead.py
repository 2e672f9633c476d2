"""The programs of a sweep compiled for a GPU that is not there, and what they cost on it."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import jax
import numpy as np
from jax.experimental import topologies
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from qthermo_jax.sweeping.compute.gpus import GPUS, Gpu
from qthermo_jax.sweeping.compute.hlo import Cost, costs_of
from qthermo_jax.sweeping.compute.lowering import planned_for, points_of, traced_programs
from qthermo_jax.sweeping.compute.programs import compiler_options
from qthermo_jax.sweeping.errors import SpecError
from qthermo_jax.sweeping.plan.record import Plan

# Either of them holds what JAX compiles with for CUDA.
_PLUGINS = ("jax_cuda13_plugin", "jax_cuda12_plugin")


@dataclass(frozen=True)
class CompiledProgram:
    """A program of a sweep, compiled for a GPU.

    Attributes:
        solver: as `LoweredProgram` has it.
        points: how many it solves in a call.
        gpu: that it was compiled for.
        bits: of its numbers.
        least, most: what a call costs at least and at most, see `costs_of`.
        temporaries: bytes of its intermediate results.
        held: bytes of its inputs and results.
    """

    solver: str
    points: int
    gpu: Gpu
    bits: int
    least: Cost
    most: Cost
    temporaries: int
    held: int

    @property
    def fits(self) -> bool:
        """Whether the GPU's memory holds it."""
        return self.temporaries + self.held <= self.gpu.memory

    def by_memory(self, cost: Cost) -> float:
        """Points in a second that the GPU's memory allows."""
        return self.points * self.gpu.bandwidth / max(cost.traffic, 1)

    def by_arithmetic(self, cost: Cost) -> float:
        """Points in a second that its processors allow, roughly."""
        return self.points * self.gpu.operations_in_a_second(self.bits) / max(cost.operations, 1)


def compiled_programs(plan: Plan, gpu: str) -> Iterator[CompiledProgram]:
    """What a run of the plan on one GPU would compile, compiled for it on this machine.

    It needs the extra "cuda" and no GPU. Without a driver, `JAX_SKIP_CUDA_CONSTRAINTS_CHECK=1` has to be
    in the environment before JAX is imported.

    Args:
        gpu: a name in `GPUS`.

    Yields:
        the programs of `lowered_programs`, in the same order.

    Raises:
        SpecError: without the extra, or where JAX did not take it.
    """
    require_cuda(gpu)
    plan, sharding = planned_for(plan, "cuda", GPUS[gpu].room), _sharding(gpu)
    for name, traced in traced_programs(plan, sharding):
        with jax.enable_x64(plan.dtype == np.float64):
            compiled = traced.lower().compile(compiler_options(plan))
        least, most = costs_of(compiled.as_text())
        memory: Any = compiled.memory_analysis()
        yield CompiledProgram(
            name,
            points_of(traced),
            GPUS[gpu],
            8 * plan.dtype.itemsize,
            least,
            most,
            temporaries=memory.temp_size_in_bytes,
            held=memory.argument_size_in_bytes + memory.output_size_in_bytes,
        )


def require_cuda(gpu: str) -> None:
    """Fail where JAX cannot compile for a GPU.

    Raises:
        SpecError: without the extra "cuda".
    """
    if not any(find_spec(name) for name in _PLUGINS):
        raise SpecError(f'--compile {gpu}: no {_PLUGINS[0]}: pip install "qthermo_jax[cuda]"')


def _sharding(name: str) -> NamedSharding:
    """All arrays on one such GPU."""
    try:
        described = topologies.get_topology_desc(
            name, platform="cuda", target_config=GPUS[name].description, topology="1x1x1"
        )
    except NotImplementedError:
        unset = "JAX found no driver; it needs JAX_SKIP_CUDA_CONSTRAINTS_CHECK=1 before it is imported"
        raise SpecError(f"--compile {name}: {unset}") from None
    return NamedSharding(Mesh(np.array([described.devices[0]]), ("devices",)), PartitionSpec())
