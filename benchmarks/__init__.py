"""What it costs: `python -m benchmarks derivatives | growth | solvers`, from the root of the repository.

Needs the extra `test` (QuTiP is what `growth` compares with). Each command prints a table and writes
it, as Markdown and as JSON, to benchmarks/results/<backend>/. Timings are medians and quartiles of runs
after a warm-up, compilation apart; ratios come from runs that took turns in one process.
"""
