"""Sweeps: spec, plan, schedule, compute, store, execute. The only part that does I/O."""

import lazy_loader

# As in the package itself: errors and specs are read without JAX.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
