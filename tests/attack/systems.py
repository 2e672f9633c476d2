"""Random nasty systems. A seed alone rebuilds each: `draw(seed)`.

A draw is plain numbers, as the exact solution needs them; `solving.py` makes an `OpenSystem` of it.
"""

from dataclasses import dataclass, replace

import numpy as np

from attack.couplings import COUPLINGS, log_uniform
from matrices import hermitian, random_matrix, random_unitary

# The spectral densities that a draw chooses from, numbered as `solving.AnyDensity` has them, and how
# many parameters each has.
FLAT, OHMIC, FAMILY, DRUDE, UNDERDAMPED = range(5)

# The smallest distance that counts as different is 1e-10 of the norm of H. A draw stays away from it.
TOLERANCE = 1e-10


@dataclass(frozen=True)
class Bath:
    """One bath: its coupling (d, d), temperature, and density with three parameters."""

    coupling: np.ndarray
    T: float
    kind: int
    parameters: tuple[float, float, float]
    spontaneous: bool = True


@dataclass(frozen=True)
class Draw:
    """A system as plain numbers.

    Attributes:
        seed, family: where it comes from.
        storage: how the couplings are given: "dense", "sparse" (every element a value), "neighbours"
            (only those between neighbouring basis states), or "separate" (dense, each bath by itself).
    """

    seed: int
    family: str
    H: np.ndarray
    baths: tuple[Bath, ...]
    generator: str = "global"
    secular_tol: float | None = None
    local: np.ndarray | None = None
    sectors: tuple[tuple[int, ...], ...] | None = None
    levels: tuple[tuple[int, ...], ...] | None = None
    storage: str = "dense"

    @property
    def dimension(self) -> int:
        return len(self.H)

    @property
    def signature(self) -> tuple[object, ...]:
        """What is static: draws of one signature share their compiled programs."""
        return (
            self.dimension,
            self.generator,
            self.secular_tol is not None,
            self.sectors,
            self.levels,
            self.storage,
            all(bath.spontaneous for bath in self.baths),
        )


# Every draw has so many baths. Those that it does not need have a coupling or a strength of 0.
BATHS = 3


# --- energies


def _near(rng: np.random.Generator) -> float:
    """A splitting from 1e-16 to 1e-3, not within a factor of 100 of the tolerance."""
    tiny = rng.random() < 0.4
    return log_uniform(rng, -16, -12.3) if tiny else log_uniform(rng, -7.7, -3)


def _energies(rng: np.random.Generator, d: int, spectrum: str) -> np.ndarray:
    if spectrum == "ladder":
        return np.arange(d) * rng.choice([1.0, 0.75, 0.8])
    if spectrum == "degenerate":
        return np.sort(rng.choice([0.0, 1.0, 1.75], size=d))
    if spectrum == "near":
        energies = rng.choice([0.0, 1.0, 1.625], size=d)
        return np.sort(energies + _near(rng) * rng.uniform(0.3, 1.0, size=d))
    if spectrum == "near ladder":
        return np.sort(np.arange(d) + _near(rng) * rng.uniform(0.3, 1.0, size=d))
    return np.sort(rng.uniform(-1.0, 2.0, size=d))


# --- baths


def _density(
    rng: np.random.Generator, strength: float, scale: float, elastic: bool
) -> tuple[int, tuple[float, float, float]]:
    """A density of about this strength at frequencies of about the scale.

    Args:
        elastic: whether the coupling drives the frequency 0, where most flat densities diverge.
    """
    weights = [0.03, 0.5, 0.25, 0.12, 0.1] if elastic else [0.4, 0.25, 0.15, 0.1, 0.1]
    kind = int(rng.choice(5, p=weights))
    if kind == FLAT:
        return kind, (strength, 1.0, 1.0)
    if kind == OHMIC:
        return kind, (strength / scale, 1.0, 1.0)
    if kind == FAMILY:
        s = float(rng.choice([1.0, 1.0, 2.0, 3.0] if elastic else [0.5, 1.0, 1.7, 3.0]))
        return kind, (strength / scale, s, scale * rng.uniform(1.0, 8.0))
    if kind == DRUDE:
        return kind, (strength, scale * rng.uniform(0.3, 4.0), 1.0)
    resonance = scale * rng.uniform(0.4, 2.0)
    return kind, (float(np.sqrt(strength) * scale), scale * rng.uniform(0.1, 1.0), resonance)


def _temperature(rng: np.random.Generator, scale: float) -> float:
    if rng.random() < 0.12:
        return 0.0
    if rng.random() < 0.05:
        return scale * log_uniform(rng, -2.6, -1.5)
    return scale * log_uniform(rng, -1.2, 1.2)


@dataclass(frozen=True)
class Family:
    """What a family draws from.

    Attributes:
        spectra, couplings: names, drawn for each system and for each bath.
        decades: how far apart the baths' strengths may be.
        weight: how often it is drawn.
    """

    spectra: tuple[str, ...] = ("generic", "ladder", "degenerate", "near")
    couplings: tuple[str, ...] = tuple(COUPLINGS)
    decades: float = 12.0
    weight: float = 1.0
    rotated: float = 0.5
    offset: bool = False
    zero: bool = False
    cold: bool = False
    scaled: bool = False
    sectors: bool = False
    declared: bool = False
    separate: bool = False
    generators: tuple[str, ...] = ("global",)


_ACTIVE = ("random", "neighbours", "bright", "single")

FAMILIES: dict[str, Family] = {
    "tame": Family(("generic",), ("random",), decades=0.5, weight=0.7),
    "strengths": Family(("generic", "ladder"), _ACTIVE, weight=1.5),
    "mixture": Family(weight=2.0),
    "dark": Family(("degenerate",), ("same level", "bright", "projector", "random"), weight=2.0),
    "near": Family(("near", "near ladder"), _ACTIVE, decades=4.0, weight=2.0),
    "near and weak": Family(("near", "near ladder")),
    "degenerate": Family(("degenerate",), ("random", "bright", "dephasing", "neighbours"), weight=1.5),
    "offset": Family(couplings=_ACTIVE, decades=4.0, offset=True, weight=1.5),
    "ladder": Family(("ladder",), ("random", "neighbours", "tiny"), decades=6.0),
    "identity": Family(couplings=("identity", "identity", "random", "dephasing", "single"), weight=1.5),
    "dephasing": Family(couplings=("dephasing", "projector", "random", "single")),
    "cold": Family(couplings=_ACTIVE, decades=3.0, cold=True),
    "blocks": Family(("generic", "degenerate"), ("blocks", "blocks", "random", "single")),
    "zero": Family(zero=True),
    "tiny": Family(("generic", "ladder", "degenerate"), ("tiny", "tiny", "random"), weight=1.5),
    "scaled": Family(couplings=_ACTIVE, scaled=True),
    "sectors": Family(rotated=0.0, sectors=True, weight=2.0),
    "declared": Family(("degenerate",), declared=True, weight=1.5),
    "separate": Family(couplings=_ACTIVE, separate=True),
    "partial": Family(decades=5.0, generators=("partial_secular",), weight=1.5),
    "redfield": Family(decades=2.0, generators=("redfield",)),
    "local": Family(decades=3.0, generators=("local",)),
}


def _declared_levels(energies: np.ndarray) -> tuple[tuple[int, ...], ...]:
    """The degenerate levels of a ladder (0, 1, 1, ...), as positions."""
    groups = [tuple(map(int, np.flatnonzero(energies == value))) for value in np.unique(energies)]
    return tuple(group for group in groups if len(group) > 1)


def draw(seed: int) -> Draw:
    """The system of a seed."""
    rng = np.random.default_rng(seed)
    names = list(FAMILIES)
    weights = np.array([FAMILIES[name].weight for name in names])
    name = str(rng.choice(names, p=weights / weights.sum()))
    family = FAMILIES[name]
    d = _dimension(rng, family)
    is_complex = bool(rng.random() < 0.5)
    spectrum = str(rng.choice(family.spectra))
    # Few declared levels, as each set of them costs a compilation.
    energies = np.r_[0.0, np.ones(d - 1)] if family.declared else _energies(rng, d, spectrum)
    scale = log_uniform(rng, -9, 9) if family.scaled else 1.0
    rotated = rng.random() < family.rotated and d > 1
    U = random_unitary(rng, d, is_complex) if rotated else np.eye(d)
    energies = scale * energies
    H = hermitian((U * energies) @ U.conj().T).astype(complex)
    if family.offset:
        H = H + np.eye(d) * scale * float(np.round(log_uniform(rng, 0, 12), rng.integers(0, 3)))
    baths = _baths(rng, family, energies, U, scale, is_complex)
    drawn = Draw(seed, name, H, baths)
    if family.sectors:
        drawn = replace(drawn, sectors=tuple((i,) for i in range(d)))
        if d >= 3 and spectrum in ("generic", "degenerate") and rng.random() < 0.5:
            drawn = replace(drawn, storage="sparse")
    elif family.separate:
        last = replace(baths[-1], spontaneous=False)
        drawn = replace(drawn, storage="separate", baths=(*baths[:-1], last))
    elif name == "ladder" and not rotated and d == 4 and spectrum in ("generic", "degenerate", "ladder"):
        drawn = _neighbours_only(drawn)
    if family.declared:
        drawn = replace(drawn, levels=_declared_levels(energies))
    return _with_generator(rng, family, drawn, energies, scale, is_complex)


def _dimension(rng: np.random.Generator, family: Family) -> int:
    if family.generators != ("global",) or family.sectors or family.declared or family.separate:
        return int(rng.choice([3, 4] if family.declared or family.separate else [2, 3, 4]))
    return int(rng.choice([1, 2, 3, 4, 5, 6], p=[0.02, 0.23, 0.4, 0.25, 0.06, 0.04]))


def _baths(
    rng: np.random.Generator,
    family: Family,
    energies: np.ndarray,
    U: np.ndarray,
    scale: float,
    is_complex: bool,
) -> tuple[Bath, ...]:
    d, n = energies.size, int(rng.choice([1, 2, 3], p=[0.2, 0.35, 0.45]))
    strongest = scale * log_uniform(rng, -3, 0.5)
    common = _temperature(rng, scale) if rng.random() < 0.15 else None
    baths = []
    for k in range(BATHS):
        if k >= n:
            baths.append(Bath(np.zeros((d, d), complex), scale, OHMIC, (1.0, 1.0, 1.0)))
            continue
        kind = str(rng.choice(family.couplings))
        S = COUPLINGS[kind](rng, energies, is_complex)
        same = np.abs(energies[:, None] - energies[None, :]) < 1e-9 * scale
        elastic = bool(np.any(np.abs(S[same]) > 0))
        strength = strongest * log_uniform(rng, -family.decades, 0)
        if family.zero and rng.random() < 0.5:
            strength = 0.0
        density = _density(rng, strength, scale, elastic)
        T = _temperature(rng, scale) if common is None else common
        if family.cold:
            T = 0.0 if rng.random() < 0.5 else scale * log_uniform(rng, -2.4, -0.5)
        baths.append(Bath(hermitian(U @ S @ U.conj().T), T, *density))
    return tuple(baths)


def _neighbours_only(drawn: Draw) -> Draw:
    near = np.abs(np.subtract.outer(np.arange(drawn.dimension), np.arange(drawn.dimension))) == 1
    baths = tuple(replace(bath, coupling=np.where(near, bath.coupling, 0.0)) for bath in drawn.baths)
    return replace(drawn, baths=baths, storage="neighbours")


def _with_generator(
    rng: np.random.Generator,
    family: Family,
    drawn: Draw,
    energies: np.ndarray,
    scale: float,
    is_complex: bool,
) -> Draw:
    generator = str(rng.choice(family.generators))
    if generator == "partial_secular":
        tolerance = scale * log_uniform(rng, -3, 0.3)
        return replace(drawn, generator=generator, secular_tol=tolerance)
    if generator == "local":
        coupling = hermitian(random_matrix(rng, drawn.dimension, is_complex))
        H = drawn.H + scale * log_uniform(rng, -5, 0) * coupling
        return replace(drawn, generator=generator, local=drawn.H, H=hermitian(H))
    return replace(drawn, generator=generator)
