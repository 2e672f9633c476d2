"""What JAX computes on in this process, as plain data."""

import jax

# A program that prints how many GPUs JAX finds. Another process runs it: one that asks JAX for the GPUs
# itself keeps most of the memory of each.
COUNT_GPUS = "import jax; print(jax.local_device_count() * (jax.default_backend() == 'gpu'))"


def local_devices() -> int:
    """Number of devices of this process."""
    return jax.local_device_count()


def on_cpu() -> bool:
    """Whether they are CPUs."""
    return jax.default_backend() == "cpu"


def device_name() -> str:
    """What this process computes on."""
    device = jax.devices()[0]
    return f"{device.platform}: {device.device_kind}"
