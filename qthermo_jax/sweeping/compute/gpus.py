"""GPUs as XLA is told of them, so that programs are compiled for one that is not there."""

from dataclasses import dataclass, replace

from qthermo_jax.sweeping.compute.devices import room_in

# Figures that all GPUs of one generation share: NVIDIA, "CUDA C++ Programming Guide", table of technical
# specifications by compute capability (9.0).
_HOPPER = """
  threads_per_block_limit: 1024
  threads_per_warp: 32
  threads_per_core_limit: 2048
  block_dim_limit_x: 2147483647
  block_dim_limit_y: 65535
  block_dim_limit_z: 65535
  registers_per_core_limit: 65536
  registers_per_block_limit: 65536
  shared_memory_per_block: 49152
  shared_memory_per_block_optin: 232448
  shared_memory_per_core: 233472
  cuda_compute_capability { major: 9 minor: 0 }"""


@dataclass(frozen=True)
class Gpu:
    """A GPU.

    Attributes:
        name: as its driver calls it.
        generation: figures of its compute capability, as text of XLA's message `GpuDeviceInfoProto`.
        processors: number of streaming multiprocessors.
        lanes_64, lanes_32: instructions of 64 bit and of 32 bit that each of them starts in a cycle.
        clock: cycles in a second.
        bandwidth: bytes of its memory in a second.
        memory: bytes.
        cache: bytes of its second-level cache.
    """

    name: str
    generation: str
    processors: int
    lanes_64: int
    lanes_32: int
    clock: float
    bandwidth: float
    memory: int
    cache: int

    @property
    def room(self) -> int:
        """Bytes that it has for a tile: JAX takes three quarters of its memory when it starts."""
        return room_in(self.memory * 3 // 4)

    @property
    def description(self) -> str:
        """What XLA takes as the target of a compilation, text of its message `GpuTargetConfigProto`."""
        return f"""
platform_name: "CUDA"
device_description_str: "{self.name}"
dnn_version_info {{ major: 9 minor: 7 }}
runtime_version {{ major: 12 minor: 8 patch: 0 }}
gpu_device_info {{{self.generation}
  core_count: {self.processors}
  fpus_per_core: {self.lanes_32}
  clock_rate_ghz: {self.clock / 1e9}
  memory_bandwidth: {self.bandwidth:.0f}
  device_memory_size: {self.memory}
  l2_cache_size: {self.cache}
}}
"""

    def operations_in_a_second(self, bits: int) -> float:
        """Instructions of so many bits; a multiplication with an addition in one counts once."""
        return self.processors * self.clock * (self.lanes_64 if bits == 64 else self.lanes_32)


# NVIDIA, "H100 Tensor Core GPU Architecture" (2022), SXM5: 132 SMs with 64 units of 64 bit and 128 of
# 32 bit each, HBM3 of 80 GB with 3.35 TB/s, 50 MB of cache, 1.98 GHz at most.
GPUS = {
    "h100": Gpu(
        name="NVIDIA H100 80GB HBM3",
        generation=_HOPPER,
        processors=132,
        lanes_64=64,
        lanes_32=128,
        clock=1.98e9,
        bandwidth=3.35e12,
        memory=80 * 1024**3,
        cache=50 * 1024**2,
    ),
}
# NVIDIA, "H200 Tensor Core GPU" (data sheet, 2023), SXM: the same processors, 141 GB with 4.8 TB/s.
GPUS["h200"] = replace(GPUS["h100"], name="NVIDIA H200", bandwidth=4.8e12, memory=141 * 1024**3)
