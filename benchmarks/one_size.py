"""One point of one size, timed and weighed in a process of its own: `python -m benchmarks.one_size`.

QuTiP goes the way its users go: the Bloch-Redfield tensor in its secular limit, then `steadystate`.
"""

import json
import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import click
import jax
import numpy as np
import qutip

from benchmarks import memory
from benchmarks.chains import site_populations
from benchmarks.timing import compiled, in_turns

T_L, T_R, G = 0.8, 0.4, 0.1


def flat_rate(T: float) -> Callable[[float], float]:
    """gamma(w) of a flat bath; QuTiP passes the frequency by this name and no other."""

    def gamma(w: float) -> float:
        if w == 0.0:
            return 0.0  # no bath of the chain acts at zero frequency
        n = 1.0 / math.expm1(abs(w) / T)
        return n + 1.0 if w > 0 else n

    return gamma


def qutip_chain(
    sites: int, T_left: float = T_L, g: float = G
) -> tuple[qutip.Qobj, list[Any], np.ndarray]:
    """H in the eigenbasis of its sectors (QuTiP would mix degenerate ground states); baths; modes."""
    hopping = np.eye(sites, k=1) + np.eye(sites, k=-1)
    energies, modes = np.linalg.eigh(np.eye(sites) + g * hopping)
    baths = []
    for k, T in enumerate(np.linspace(T_left, T_R, sites)):
        S = np.zeros((2 * sites, 2 * sites))
        S[k, sites:] = S[sites:, k] = modes[k]
        baths.append([qutip.Qobj(S), flat_rate(float(T))])
    return qutip.Qobj(np.diag([*np.zeros(sites), *energies])), baths, modes


def qutip_tensor(sites: int) -> qutip.Qobj:
    """The generator of one point, from H and the baths."""
    H, baths, _ = qutip_chain(sites)
    return _tensor(H, baths)


def _tensor(H: qutip.Qobj, baths: list[Any]) -> qutip.Qobj:
    tensor, _ = qutip.bloch_redfield_tensor(H, baths, sec_cutoff=1e-6)
    return tensor


def by_qutip(sites: int) -> np.ndarray:
    """The steady state of one point, from H and the baths to rho."""
    return direct(qutip_tensor(sites))


def direct(tensor: qutip.Qobj) -> np.ndarray:
    """rho by QuTiP's default."""
    return qutip.steadystate(tensor, method="direct").full()


def sites_by_qutip(
    sites: int, solve: Callable[[qutip.Qobj], np.ndarray], T_left: float = T_L, g: float = G
) -> np.ndarray:
    """Site populations of one point, from H and the baths."""
    H, baths, modes = qutip_chain(sites, T_left, g)
    ground, excited = np.split(solve(_tensor(H, baths)).diagonal().real, 2)
    return ground + modes**2 @ excited


@click.command()
@click.option("--solver", type=click.Choice(["populations", "qutip"]), required=True)
@click.option("--sites", type=int, required=True)
@click.option("--repeats", type=int, default=7)
def main(solver: str, sites: int, repeats: int) -> None:
    """Print what one size takes, as JSON."""
    jax.config.update("jax_enable_x64", True)
    point = jax.block_until_ready((jax.numpy.asarray(T_L), jax.numpy.asarray(G)))
    imported = memory.resident()
    compile_s, temporary = None, None
    runs: dict[str, Callable[[], Any]]
    if solver == "qutip":
        runs = {"whole": partial(by_qutip, sites), "tensor": partial(qutip_tensor, sites)}
    else:
        program = compiled(site_populations(sites, "populations"), *point)
        compile_s, temporary = program.compile_s, program.temporary_bytes
        runs = {"whole": program.run}
    memory.forget_peak()
    before, start = memory.resident(), time.perf_counter()
    jax.block_until_ready(runs["whole"]())
    first = time.perf_counter() - start
    during = memory.peak() - before
    # Runs of half a minute vary little, and nine of them would take long.
    taken = in_turns(runs, repeats if first < 30.0 else 1)
    result = {
        "compile_s": compile_s,
        "seconds": taken["whole"].tolist(),
        "tensor_seconds": taken["tensor"].tolist() if "tensor" in taken else None,
        "run_bytes": during,
        "with_compilation_bytes": memory.peak() - imported,
        "temporary_bytes": temporary,
    }
    click.echo(json.dumps(result))


if __name__ == "__main__":
    main()
