"""Parameter sweeps of open quantum systems between thermal baths, on JAX.

Importing changes no JAX configuration: a direct call computes in the precision that is set, 32 bit
unless `jax_enable_x64` is on. The sweep and the command line compute in 64 bit whatever is set.
"""

import lazy_loader

# Each name loads its module when it is first used: `__init__.pyi` says which, to type checkers too.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
