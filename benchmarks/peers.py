"""The same steady states by other packages and by plainer programs, in turns; they must agree first."""

from collections.abc import Callable, Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import qthermo
import qutip

import qthermo_jax as qj
from benchmarks.chains import chunk_size, even, points, site_populations
from benchmarks.one_size import T_L, T_R, G, direct, flat_rate, sites_by_qutip
from benchmarks.report import Cell, Report
from benchmarks.timing import Spread, compiled, in_turns

_OURS = "qthermo_jax, populations"


def _sites_of(populations: np.ndarray) -> np.ndarray:
    """Site populations from those of the ground and excited states, (2N,)."""
    ground, excited = np.split(populations, 2)
    return ground + excited


def _by_svd(tensor: qutip.Qobj) -> np.ndarray:
    return qutip.steadystate(tensor, method="svd").full()


def _null_state(tensor: qutip.Qobj) -> np.ndarray:
    """QuTiP's tensor solved by numpy: the trace in place of the ground state's row."""
    matrix = tensor.full()
    d = round(np.sqrt(len(matrix)))
    right = np.zeros(d * d, complex)
    matrix[0], right[0] = np.eye(d).reshape(-1), 1.0
    return np.linalg.solve(matrix, right).reshape(d, d, order="F")


def _hamiltonian(sites: int) -> np.ndarray:
    H = np.zeros((2 * sites, 2 * sites))
    hopping = np.eye(sites, k=1) + np.eye(sites, k=-1)
    H[sites:, sites:] = np.eye(sites) + G * hopping
    return H


def _couplings(sites: int) -> np.ndarray:
    S = np.zeros((sites, 2 * sites, 2 * sites))
    site = np.arange(sites)
    S[site, site, sites + site] = S[site, sites + site, site] = 1.0
    return S


def by_qthermo(sites: int) -> np.ndarray:
    """One point with the package `qthermo` of PyPI: a Davies bath a site, then the steady state."""
    H = _hamiltonian(sites)
    temperatures = np.linspace(T_L, T_R, sites)
    baths = [
        qthermo.davies_bath(H, S, float(T)) for S, T in zip(_couplings(sites), temperatures, strict=True)
    ]
    return _sites_of(qthermo.steady_state(H, baths).diagonal().real)


def by_numpy(sites: int) -> np.ndarray:
    """One point in plain numpy: every element of rho, as our dense tier takes them."""
    energies, V = np.linalg.eigh(_hamiltonian(sites))
    d = 2 * sites
    omega = energies[None, :] - energies[:, None]
    together = np.abs(omega[:, :, None, None] - omega[None, None, :, :]) < 1e-9
    gain = np.zeros((d, d, d, d))
    for S, T in zip(V.T @ _couplings(sites) @ V, np.linspace(T_L, T_R, sites), strict=True):
        gamma = flat_rate(float(T))
        rates = np.array([[gamma(w) for w in row] for row in omega])
        gain += np.einsum("ac,bd->acbd", rates * S, S)
    gain *= together
    loss, one = np.einsum("acad->cd", gain) / 2, np.eye(d)
    L = gain.transpose(0, 2, 1, 3) - np.einsum("ac,bd->abcd", loss, one)
    L = (L - np.einsum("ac,db->abcd", one, loss)).astype(complex)
    L += 1j * np.einsum("ab,ac,bd->abcd", omega, one, one)
    matrix, right = L.reshape(d * d, d * d), np.zeros(d * d, complex)
    matrix[0], right[0] = np.eye(d).reshape(-1), 1.0
    rho = V @ np.linalg.solve(matrix, right).reshape(d, d) @ V.T
    return _sites_of(rho.diagonal().real)


def _peers(sites: int) -> dict[str, Callable[[], np.ndarray]]:
    """One point each, from H and the baths to the site populations."""
    return {
        "QuTiP, tensor and steadystate('direct')": partial(sites_by_qutip, sites, direct),
        "QuTiP, tensor and steadystate('svd')": partial(sites_by_qutip, sites, _by_svd),
        "QuTiP's tensor, numpy's solve": partial(sites_by_qutip, sites, _null_state),
        "qthermo (PyPI)": partial(by_qthermo, sites),
        "numpy, dense": partial(by_numpy, sites),
    }


def measure(sizes: Sequence[int], count: int, repeats: int) -> Report:
    """The chain at one point by each peer, and `count` points of a plane of T_L and g by ours."""
    rows: list[dict[str, Cell]] = []
    for sites in sizes:
        peers = _peers(sites)
        alone = site_populations(sites, "populations")
        ours = np.asarray(jax.jit(alone)(jnp.asarray(T_L), jnp.asarray(G)))
        off = {name: float(np.abs(run() - ours).max()) for name, run in peers.items()}
        if max(off.values()) > 1e-6:
            raise RuntimeError(f"{sites} sites: they do not agree: {off}")
        batch = points(count)
        chunk = even(count, chunk_size(sites, qj.Method.POPULATIONS))
        dense = site_populations(sites, "dense")
        few = batch[: min(count, 64)]
        programs = {
            f"{_OURS}, an H for each point": compiled(
                lambda batch, f=alone, chunk=chunk: jax.lax.map(
                    lambda point: f(point[0], point[1]), batch, batch_size=chunk
                ),
                batch,
            ),
            f"{_OURS}, one H": compiled(
                lambda T, f=alone, chunk=chunk: jax.lax.map(
                    lambda own: f(own, jnp.asarray(G)), T, batch_size=chunk
                ),
                batch[:, 0],
            ),
            "qthermo_jax, jax.vmap of the dense tier": compiled(
                lambda batch, f=dense: jax.vmap(lambda point: f(point[0], point[1]))(batch), few
            ),
        }
        counts = dict.fromkeys(programs, count) | {"qthermo_jax, jax.vmap of the dense tier": len(few)}
        taken = in_turns({**peers, **{name: program.run for name, program in programs.items()}}, repeats)
        per_point = {name: seconds / counts.get(name, 1) for name, seconds in taken.items()}
        best = np.median(per_point[f"{_OURS}, an H for each point"])
        rows += [
            {
                "sites": sites,
                "by": name,
                "points": counts.get(name, 1),
                "a point, us": Spread.of(1e6 * seconds),
                "points/s": Spread.of(1 / seconds),
                "times ours": Spread.of(seconds / best),
                "largest difference": off.get(name),
            }
            for name, seconds in per_point.items()
        ]
    return Report(
        "peers",
        "Site populations of the chain, by us and by others",
        ["sites", "by"],
        rows,
        {"runs of each, in turns in one process": repeats},
    )
