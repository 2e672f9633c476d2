"""`python -m benchmarks`, with one thread of BLAS unless the environment says otherwise.

BLAS reads it when numpy loads. Its threads wait for each other: on cores that other processes hold,
small inverses took up to 50 times longer.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from benchmarks.cli import main

main(prog_name="python -m benchmarks")
