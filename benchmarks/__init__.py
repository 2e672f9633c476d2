"""What it costs: `python -m benchmarks --help`, from the root of the repository.

Needs the extra `test` (QuTiP is one of the peers). Each command prints a table and writes it, as
Markdown, as JSON and as a picture, to benchmarks/results/<device>/. Timings are medians and quartiles
of runs after a warm-up, compilation apart; ratios come from runs that took turns in one process.

pytest-benchmark, asv and pyperf time each function by itself. The ratios here are of runs that follow
each other, so that the machine's load meets both; compiling has a time of its own, and memory is that
of a fresh process. What is left of a harness are the 60 lines of `timing.py`.
"""
