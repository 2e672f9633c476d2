"""What JAX computes on in this process, as plain data."""

import jax

# What this process knows of compiled programs that are kept on the disk.
_CACHE = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")

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


def cache_environment() -> dict[str, object]:
    """Environment variables by which another process keeps its compiled programs where this one does."""
    return {option.upper(): jax.config.values[option] for option in _CACHE}
