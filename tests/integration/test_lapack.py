"""Batched LAPACK calls at once come to an end, as they do not in some versions of jaxlib."""

import subprocess
import sys

# Six batched calls that do not depend on each other, in one program that four threads run at once.
ROUTINES = """
import threading, jax, numpy as np, jax.numpy as jnp
jax.config.update("jax_enable_x64", True)

def of_each(A):
    S = A @ A.mT + jnp.eye(20)
    return (
        jnp.linalg.eigvalsh(S),
        jnp.linalg.inv(A),
        jnp.linalg.svd(A, compute_uv=False),
        jnp.linalg.cholesky(S),
        jnp.linalg.qr(A)[1],
        jax.scipy.linalg.solve_triangular(S, A),
    )

program = jax.jit(jax.vmap(of_each)).lower(jax.ShapeDtypeStruct((64, 20, 20), float)).compile()
A = np.random.default_rng(0).normal(size=(64, 20, 20)) + 10 * np.eye(20)
done = []

def run():
    for _ in range(5):
        done.append(all(bool(jnp.isfinite(x).all()) for x in jax.block_until_ready(program(A))))

threads = [threading.Thread(target=run) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(len(done), all(done))
"""


def test_six_batched_routines_from_four_threads_come_to_an_end() -> None:
    """In a process that can be killed: jaxlib 0.9.1 to 0.11.0 hangs, and is excluded."""
    done = subprocess.run(
        [sys.executable, "-c", ROUTINES], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.split() == ["20", "True"]
