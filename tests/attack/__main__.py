"""`python -m attack`, from the folder `tests`: so many systems, judged, with a table of the verdicts."""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import jax

PART = 800


def part(seeds: range) -> list[object]:
    """Verdicts of some seeds, in a process of its own."""
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_disable_most_optimizations", True)
    from attack.judging import attack  # noqa: PLC0415 (after the precision is set)

    return list(attack(seeds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--systems", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--verbose", action="store_true", help="every verdict, one a line")
    given = parser.parse_args()
    seeds = range(given.seed, given.seed + given.systems)
    parts = [seeds[start : start + PART] for start in range(0, len(seeds), PART)]
    if given.processes == 1:
        results = [part(some) for some in parts]
    else:
        with ProcessPoolExecutor(given.processes, get_context("spawn")) as pool:
            results = list(pool.map(part, parts))
    from attack.judging import summary  # noqa: PLC0415

    verdicts = [verdict for some in results for verdict in some]
    if given.verbose:
        sys.stdout.write("".join(f"{verdict}\n" for verdict in verdicts))
    sys.stdout.write(f"{summary(verdicts)}\n")


if __name__ == "__main__":
    main()
