"""`python -m qthermo_jax`: the same as `qthermo`."""

from qthermo_jax.cli import main

main()
