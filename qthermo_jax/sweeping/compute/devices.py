"""What JAX computes on in this process, as plain data."""

import jax

from qthermo_jax.sweeping.plan.record import DEFAULT_MEMORY

# Two tiles are there at a time, each with what XLA needs beside what is counted for a point.
_SHARE = 8

# A program that prints how many GPUs JAX finds. Another process runs it: one that asks JAX for the GPUs
# itself keeps most of the memory of each.
COUNT_GPUS = "import jax; print(jax.local_device_count() * (jax.default_backend() == 'gpu'))"


def local_devices() -> int:
    """Number of devices of this process."""
    return jax.local_device_count()


def on_cpu() -> bool:
    """Whether they are CPUs."""
    return jax.default_backend() == "cpu"


def room_in(memory: int) -> int:
    """Bytes that a tile may take of the memory that JAX has of a GPU."""
    return memory // _SHARE


def room_for_a_tile() -> int:
    """Bytes that a tile may take on each device of this process."""
    told = None if on_cpu() else jax.local_devices()[0].memory_stats()
    return room_in(told["bytes_limit"]) if told else DEFAULT_MEMORY


def device_name() -> str:
    """What this process computes on."""
    device = jax.devices()[0]
    return f"{device.platform}: {device.device_kind}"
