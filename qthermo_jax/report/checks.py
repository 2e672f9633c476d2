"""What is checked on every point of a result: the laws, and where the method holds.

Each check names its threshold and where that comes from. An observable is known by its name and by what
it is called in words, since a model may call one of its own by the same name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import xarray as xr

from qthermo_jax.bounded import SIX_DIGITS
from qthermo_jax.registry import DEFAULT_EQUATION
from qthermo_jax.results.schema import LEAK, Role, role_of
from qthermo_jax.solvers import NO_DIGITS

# What the steps of a machine's propagator may change in a number that is given.
_OF_STEPS = 1e-5

# Observables by name, (points, *own dimensions) each.
Values = Mapping[str, np.ndarray]


class Digits(NamedTuple):
    """Relative rounding of the numbers as they stand in the file, and as they were computed."""

    stored: float
    computed: float


class Judged(NamedTuple):
    """Of a check, at each point.

    Attributes:
        value: the number that is told.
        amount: what has to stay at or below the limit.
        limit: that.
    """

    value: np.ndarray
    amount: np.ndarray
    limit: np.ndarray | float

    @property
    def excess(self) -> np.ndarray:
        """How many times its limit the amount is, 0 for a negative one; a limit of 0 takes nothing."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.amount <= 0, 0.0, self.amount / self.limit)


CURRENTS = {"heat_currents": "heat current into the bath"}
MACHINE = {"heat_currents": "mean heat current into the bath", "power": "power, done on the system"}
MACHINE_PERIOD = {
    "heat": "heat into the bath in a period",
    "work": "work in a period, done on the system",
}
MACHINE_ENTROPY = {"entropy_production": "mean entropy production"}
TEMPERATURES = {"bath_temperatures": "temperature of the bath"}
ENTROPY = {"entropy_production": "entropy production"}
LEVELS = {"level_populations": "population of the basis state"}
SMALLEST = {"min_eigenvalue": "smallest eigenvalue of the density matrix"}
NOISE = {"current_noise": "zero-frequency noise of the heat currents"}
RATIO = {"secular_ratio": "largest rate over smallest distance of Bohr frequencies"}
ERROR = {"error": "bound of the error of the density matrix"}
RESIDUAL = {"residual": "relative residual of the steady state"}
LEAKS = {LEAK.name: "bound of what drives the coherences that the solver leaves out"}


@dataclass(frozen=True, eq=False)
class Check:
    """One of them.

    Attributes:
        statement: what has to hold.
        told: what the number is that is told of the worst point.
        limit: the threshold, in words; "" where there is none and the number is for the reader.
        source: where the statement and the threshold come from.
        needs: the observables that it takes, with what they are called in words.
        judge: computes it, in 64 bit, from numbers with so many digits.
        uses: an observable that makes it sharper where it is there.
        steady: whether it is about steady states alone, not about states that evolve.
        machine: whether it is about machines, whose state returns to itself after a period.
        generator: the master equation that it is about; "" for all.
    """

    statement: str
    told: str
    limit: str
    source: str
    needs: Mapping[str, str]
    judge: Callable[[Values, Digits], Judged]
    uses: Mapping[str, str] = field(default_factory=dict)
    steady: bool = False
    machine: bool = False
    generator: str = ""


def has(data: xr.Dataset, name: str, words: str) -> bool:
    """Whether a file has one of the package's observables, and not a model's of the same name."""
    if name not in data.data_vars or not np.issubdtype(data[name].dtype, np.floating):
        return False
    own = data[name].attrs
    try:
        derivative = role_of(name, own) is Role.DERIVATIVE
    except ValueError:
        return False
    return not derivative and str(own.get("long_name", "")) == words


def _sum_of_currents(values: Values, digits: Digits) -> Judged:
    J = values["heat_currents"]
    total = J.sum(axis=1)
    return Judged(total, np.abs(total), (SIX_DIGITS + digits.stored) * np.abs(J).sum(axis=1))


def _first_law(heat: str, work: str) -> Callable[[Values, Digits], Judged]:
    def judge(values: Values, digits: Digits) -> Judged:
        Q, W = values[heat], values[work]
        left = Q.sum(axis=1) - W
        return Judged(
            left, np.abs(left), (_OF_STEPS + digits.stored) * (np.abs(Q).sum(axis=1) + np.abs(W))
        )

    return judge


def _entropy(values: Values, _: Digits) -> Judged:
    rate = values["entropy_production"]
    return Judged(rate, -rate, 0.0)


def _clausius(values: Values, digits: Digits) -> Judged:
    J, T = values["heat_currents"], values["bath_temperatures"]
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(J == 0, 0.0, J / T)
        total = terms.sum(axis=1)
    return Judged(total, -total, (SIX_DIGITS + 2 * digits.stored) * np.abs(terms).sum(axis=1))


def _tolerance(values: Values, entries: int, digits: Digits) -> np.ndarray | float:
    """Of a sum of so many elements of the state, or of an eigenvalue."""
    if "error" in values:
        return entries * (values["error"] + digits.stored + digits.computed)
    return NO_DIGITS


def _trace(values: Values, digits: Digits) -> Judged:
    p = values["level_populations"]
    off = p.sum(axis=1) - 1
    return Judged(off, np.abs(off), _tolerance(values, p.shape[1], digits))


def _populations(values: Values, digits: Digits) -> Judged:
    p = values["level_populations"]
    smallest = p.min(axis=1)
    return Judged(smallest, -smallest, _tolerance(values, p.shape[1], digits))


def _positive(values: Values, _: Digits) -> Judged:
    smallest = values["min_eigenvalue"]
    return Judged(smallest, -smallest, NO_DIGITS)


def _covariance(values: Values, digits: Digits) -> Judged:
    S = values["current_noise"]
    mirrored = S.swapaxes(1, 2)
    differs = np.abs(S - mirrored)
    allowed = (SIX_DIGITS + digits.stored) * (np.abs(S) + np.abs(mirrored))
    asymmetry = Judged(differs, differs, allowed).excess.max(axis=(1, 2))
    variance = np.diagonal(S, axis1=1, axis2=2).min(axis=1)
    return Judged(differs.max(axis=(1, 2)), np.where(variance < 0, np.inf, asymmetry), 1.0)


def _at_most(name: str, limit: float) -> Callable[[Values, Digits], Judged]:
    return lambda values, _: Judged(values[name], values[name], limit)


def _residual(values: Values, digits: Digits) -> Judged:
    return Judged(values["residual"], values["residual"], float(np.sqrt(digits.computed)))


_LOST = f"{NO_DIGITS:g}, where a state gets the status INACCURATE"
_SIX = (
    f"{SIX_DIGITS:g}, the error at which a heat current is withheld (documentation, Accuracy and limits)"
)
_STEPS = f"{_OF_STEPS:g}, where a machine's number is withheld (documentation, Cycles of strokes)"
_FIRST_LAW = "first law; a machine returns to itself after a period"
_EQUATIONS = "documentation, The master equations: When to trust the default"

LAWS = (
    Check(
        "Σ J_k = 0: what the baths give they take back",
        "Σ J_k",
        f"|Σ J_k| ≤ ε Σ |J_k| with ε = {_SIX}",
        "first law; Tr[L(rho) H] = 0 in a steady state",
        CURRENTS,
        _sum_of_currents,
        steady=True,
    ),
    Check(
        "Σ J_k = P: the baths get what the machine takes up",
        "Σ J_k - P",
        f"|Σ J_k - P| ≤ ε (Σ |J_k| + |P|) with ε = {_STEPS}",
        _FIRST_LAW,
        MACHINE,
        _first_law("heat_currents", "power"),
        machine=True,
    ),
    Check(
        "Σ Q_k = W in each period",
        "Σ Q_k - W",
        f"|Σ Q_k - W| ≤ ε (Σ |Q_k| + |W|) with ε = {_STEPS}",
        _FIRST_LAW,
        MACHINE_PERIOD,
        _first_law("heat", "work"),
        machine=True,
    ),
    Check(
        "mean entropy production of a machine ≥ 0",
        "mean entropy production",
        "0: its sign is known wherever it is given",
        "second law; local equations need not obey it: Levy and Kosloff, EPL 107, 20004 (2014)",
        MACHINE_ENTROPY,
        _entropy,
        machine=True,
    ),
    Check(
        "entropy production ≥ 0",
        "entropy production",
        "0: its sign is known wherever it is given",
        "second law; Spohn, J. Math. Phys. 19, 1227 (1978) for baths that each obey detailed balance. "
        "The local equation need not obey it: Levy and Kosloff, EPL 107, 20004 (2014); nor need "
        "Redfield's, nor, within the width of its groups, the partial secular one",
        ENTROPY,
        _entropy,
        steady=True,
    ),
    Check(
        "Σ J_k / T_k ≥ 0",
        "Σ J_k / T_k",
        f"-ε Σ |J_k| / T_k with ε = {_SIX}",
        "second law, from heat currents and temperatures",
        CURRENTS | TEMPERATURES,
        _clausius,
        steady=True,
    ),
    Check(
        "populations sum to 1",
        "Σ p - 1",
        f"the observable error times the number of levels; without it {_LOST}",
        "Tr rho = 1",
        LEVELS,
        _trace,
        uses=ERROR,
    ),
    Check(
        "no population is negative",
        "smallest population",
        f"as for their sum: the error times the number of levels, or {_LOST}",
        "rho ≥ 0",
        LEVELS,
        _populations,
        uses=ERROR,
    ),
    Check(
        "no eigenvalue of rho is negative",
        "smallest eigenvalue",
        f"-{_LOST}. One below its own error bound has the status NOT_POSITIVE already",
        "rho ≥ 0; Redfield's equation need not keep it",
        SMALLEST,
        _positive,
    ),
    Check(
        "the noise is a covariance: symmetric, no negative variance",
        "largest |S_kl - S_lk|",
        f"|S_kl - S_lk| ≤ ε (|S_kl| + |S_lk|) with ε = {_SIX}; variances: 0",
        "S_kl = ∂²λ/∂χ_k∂χ_l",
        NOISE,
        _covariance,
        steady=True,
    ),
)

VALIDITY = (
    Check(
        "the largest rate is below the smallest distance of Bohr frequencies",
        "secular ratio",
        "1: near it and above, coherences matter that the global equation leaves out",
        _EQUATIONS,
        RATIO,
        _at_most("secular_ratio", 1.0),
        generator=DEFAULT_EQUATION,
    ),
    Check(
        "the same, such that the current of two coupled qubits is right to 4 %",
        "secular ratio",
        "0.1: against Redfield's equation the error was 1 to 4 times its square",
        f"{_EQUATIONS}, measured on sweeps/generators.toml",
        RATIO,
        _at_most("secular_ratio", 0.1),
        generator=DEFAULT_EQUATION,
    ),
    Check(
        "round-off has left the state right",
        "bound of the error of rho",
        _LOST,
        "documentation, Accuracy and limits: Digits",
        ERROR,
        _at_most("error", NO_DIGITS),
        steady=True,
    ),
    Check(
        "the state satisfies its equation",
        "max |L rho| / max |L|",
        "the root of the rounding, 1.5e-8 in 64 bit and 3.5e-4 in 32 bit",
        "above it a state gets the status LARGE_RESIDUAL",
        RESIDUAL,
        _residual,
        steady=True,
    ),
    Check(
        "what drives the coherences that the solver leaves out",
        "leak, an energy",
        "",
        "where it is more than round-off the status is METHOD_NOT_EXACT",
        LEAKS,
        _at_most(LEAK.name, np.inf),
    ),
)
