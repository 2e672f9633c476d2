"""Parameters from measured numbers: least squares with the exact Jacobian, errors and profiles.

Scipy's `least_squares` searches, by a trust region that keeps bounds, in coordinates in which each
interval is [0, 1].
"""

import importlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from scipy.optimize import brentq, least_squares
from scipy.special import gammaincc

from qthermo_jax.sweeping.errors import SpecError, unknown_name
from qthermo_jax.sweeping.execute.pointwise import Pointwise
from qthermo_jax.sweeping.plan.spread import spread
from qthermo_jax.sweeping.spec.fields import Interval
from qthermo_jax.sweeping.spec.units import known_unit
from qthermo_jax.sweeping.store.layout import described_coordinate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# How near a bound counts as on it.
_ON_BOUND = 1e-6

# A direction of the parameters tells nothing if the residuals change by less than this part of what they
# change by in another one; a parameter has a share in it if that is more than the second number.
_UNTOLD, _SHARE = 3e-7, 1e-6

# Two starts came to sums of squares that are alike if they differ by less than this part of them; to the
# same place if no parameter differs by more than these parts of its interval, or of its error.
_AGREES, _SAME, _OF_ERROR = 1e-6, 1e-4, 0.1


@dataclass(frozen=True)
class Problem:
    """What is fitted to what.

    Attributes:
        pointwise: the formulas, and their derivatives by the parameters that are sought.
        columns: what was set at each measurement, (n,) each, in the units of the spec.
        measured: the numbers, (n, formulas), in energy units; NaN where there is none.
        errors: standard errors, of the same shape; all 1 if they are not known.
        errors_known: whether they are.
        over: bounds of the parameters, in the units of the spec.
        samples: at how many places the search looks first.
        starts: from how many of those it starts.
    """

    pointwise: Pointwise
    columns: dict[str, np.ndarray]
    measured: np.ndarray
    errors: np.ndarray
    errors_known: bool
    over: dict[str, Interval]
    samples: int
    starts: int
    _seen: dict[bytes, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict, repr=False)

    @property
    def known(self) -> np.ndarray:
        """Where something was measured."""
        return np.isfinite(self.measured)

    def parameters(self, place: np.ndarray) -> dict[str, float]:
        """Those at a place of the unit cube."""
        return {
            name: bounds.at(float(own))
            for own, (name, bounds) in zip(place, self.over.items(), strict=True)
        }

    def at(self, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The formulas, (n, formulas), and their derivatives along the cube's edges."""
        key = np.asarray(place, float).tobytes()
        if key not in self._seen:
            values, slopes = self.pointwise.at(self.columns, self.parameters(place))
            stretch = [b.slope(float(own)) for own, b in zip(place, self.over.values(), strict=True)]
            self._seen.clear()  # residuals and Jacobian are asked for one after the other
            self._seen[key] = values, slopes * np.array(stretch)
        return self._seen[key]

    def residuals(self, place: np.ndarray) -> np.ndarray:
        """In standard errors; large where there is no state, so that a search goes elsewhere."""
        values, _ = self.at(place)
        found = ((values - self.measured) / self.errors)[self.known]
        lost = ~np.isfinite(found)
        largest = np.max(np.abs(found[~lost]), initial=1.0)
        return np.asarray(np.where(lost, 10.0 * largest, found))

    def jacobian(self, place: np.ndarray) -> np.ndarray:
        """Derivatives of the residuals, (residuals, parameters)."""
        _, slopes = self.at(place)
        return np.asarray(np.nan_to_num((slopes / self.errors[:, :, None])[self.known]))

    def is_sound(self, place: np.ndarray) -> bool:
        """Whether all that was measured has a state there."""
        return not self.without_state(place)

    def without_state(self, place: np.ndarray) -> int:
        """How many of the measured numbers the model has none for there."""
        return int((~np.isfinite(self.at(place)[0][self.known])).sum())

    def without_slope(self, place: np.ndarray) -> int:
        """How many of the measured numbers have a derivative there that is not known."""
        return int((~np.isfinite(self.at(place)[1][self.known]).all(axis=-1)).sum())


@dataclass(frozen=True)
class FitResult:
    """Parameters from measured numbers.

    Attributes:
        values: of the parameters that were sought, in the units of the spec.
        errors: their standard errors, in the same; infinite where the data do not tell a parameter.
        units: of the parameters, "1" for pure numbers and "" where none is known.
        covariance: of the parameters, (parameter, other), in products of their units.
        chi2: sum of the squares of what is left, in standard errors.
        degrees: measured numbers less parameters.
        on_bound: the parameters that lie on a bound, whose errors mean little.
        agreeing: how many of the starts came to these values.
        elsewhere: how many came to other values that fit as well.
        converged: whether the search ended at a minimum at which every measurement has a state, and a
            derivative.
        message: of the search, or what is missing there.
        data: what was set, measured and found at each measurement: variables `measured`, `error`,
            `model` and `residual` over (point, formula); all but the last in the `unit` of the formula,
            which is known where the formula is an observable or an element of one. An error that is
            not given is estimated from what is left over, and NaN where nothing can be.
    """

    values: dict[str, float]
    errors: dict[str, float]
    units: dict[str, str]
    covariance: xr.DataArray
    chi2: float
    degrees: int
    on_bound: tuple[str, ...]
    agreeing: int
    elsewhere: int
    starts: int
    converged: bool
    message: str
    data: xr.Dataset
    _problem: Problem = field(repr=False)
    _place: np.ndarray = field(repr=False)

    @property
    def probability(self) -> float:
        """Of a larger chi^2 if model and errors are right; NaN where the errors were estimated."""
        known = self._problem.errors_known and self.degrees > 0
        return float(gammaincc(self.degrees / 2.0, self.chi2 / 2.0)) if known else float("nan")

    def profile(self, name: str, values: Any) -> xr.DataArray:
        """How much chi^2 grows where a parameter is held at other values and the others are fitted anew.

        Args:
            name: of the parameter.
            values: of it, in its unit.

        Raises:
            SpecError: it was not sought.
        """
        self._position(name)
        bounds = self._problem.over[name]
        values = np.atleast_1d(np.asarray(values, float))
        grown = [self._grown(name, bounds.place(float(value))) for value in values]
        attrs = described_coordinate(self._problem.pointwise.plan, name)
        return xr.DataArray(grown, {name: (name, values, attrs)}, (name,))

    def interval(self, name: str, growth: float = 1.0) -> tuple[float, float]:
        """Where chi^2 grows by so much: for 1 the interval of one standard error.

        It need not be symmetric. An end that lies beyond a bound is that bound.
        """
        index, bounds = self._position(name), self._problem.over[name]
        here = float(self._place[index])

        def end(edge: float) -> float:
            if self._grown(name, edge) <= growth:
                return bounds.at(edge)
            found = brentq(lambda own: self._grown(name, own) - growth, here, edge, xtol=1e-6)
            return bounds.at(float(found))

        return end(0.0), end(1.0)

    def _position(self, name: str) -> int:
        if name not in self.values:
            raise SpecError(unknown_name(("name",), "parameter", name, self.values))
        return list(self.values).index(name)

    def _grown(self, name: str, place: float) -> float:
        index = self._position(name)
        others = np.delete(self._place, index)
        unit = _scale(self._problem, self.chi2, self.degrees)

        def whole(part: np.ndarray) -> np.ndarray:
            return np.insert(part, index, place)

        if not others.size:
            left = self._problem.residuals(whole(others))
        else:
            found = least_squares(
                lambda part: self._problem.residuals(whole(part)),
                np.clip(others, 1e-9, 1.0 - 1e-9),
                lambda part: np.delete(self._problem.jacobian(whole(part)), index, axis=1),
                bounds=(0.0, 1.0),
            )
            left = found.fun
        return float((left @ left - self.chi2) / unit)

    def plot(self) -> "Figure":
        """What was measured with its errors, the fit, and what is left over, formula by formula."""
        figure: Figure = importlib.import_module("qthermo_jax.plotting").plot_fit(self)
        return figure

    def __str__(self) -> str:
        return "\n".join(self.lines)

    @property
    def lines(self) -> list[str]:
        """What was found, for people."""
        told = [
            " ".join(
                [
                    f"{name} = {value:.6g} +- {self.errors[name]:.2g}",
                    *([self.units[name]] if known_unit(self.units[name]) else []),
                    *(["(on a bound)"] if name in self.on_bound else []),
                ]
            )
            for name, value in self.values.items()
        ]
        chance = (
            ""
            if np.isnan(self.probability)
            else f", a larger one has probability {self.probability:.2g}"
        )
        told.append(f"chi^2 = {self.chi2:.4g} with {self.degrees} degrees of freedom{chance}")
        if not self._problem.errors_known:
            told.append("the errors are estimated from what is left over")
        others = f", {self.elsewhere} to other values that fit as well" if self.elsewhere else ""
        told.append(f"{self.agreeing} of {self.starts} starts came to this minimum{others}")
        return told if self.converged else [*told, f"NOT CONVERGED: {self.message}"]


def fitted(problem: Problem) -> FitResult:
    """The best parameters."""
    places = spread(problem.samples, len(problem.over))
    costs = [_cost(problem, place) for place in places]
    ends = [_searched(problem, places[index]) for index in np.argsort(costs)[: problem.starts]]
    ranked = sorted(ends, key=lambda end: (not problem.is_sound(end.x), end.cost))
    best, least = ranked[0], float(ranked[0].cost)
    alike = [end.x for end in ends if abs(end.cost - least) <= _AGREES * (least + 1e-12)]
    return _result(problem, best, alike, len(ends))


def _cost(problem: Problem, place: np.ndarray) -> float:
    left = problem.residuals(place)
    return float(left @ left) if problem.is_sound(place) else np.inf


def _searched(problem: Problem, place: np.ndarray) -> Any:
    tight = {"xtol": 1e-12, "ftol": 1e-14, "gtol": 1e-12}
    return least_squares(problem.residuals, place, problem.jacobian, bounds=(0.0, 1.0), **tight)


def _result(problem: Problem, end: Any, alike: list[np.ndarray], starts: int) -> FitResult:
    """What was found.

    Args:
        end: of the best search.
        alike: where the searches ended that came to the same sum of squares.
        starts: number of searches.
    """
    place = np.asarray(end.x)
    names = list(problem.over)
    chi2 = float(2.0 * end.cost)
    degrees = int(problem.known.sum()) - len(names)
    scale = _scale(problem, chi2, degrees)
    along = _covariance(problem, place)
    told = np.isfinite(along) & np.isfinite(scale)
    along = np.multiply(along, scale, out=np.full_like(along, np.inf), where=told)
    apart = np.maximum(_SAME, _OF_ERROR * np.sqrt(np.diagonal(along)))
    agreeing = sum(bool((np.abs(other - place) <= apart).all()) for other in alike)
    stretch = np.array(
        [b.slope(float(own)) for own, b in zip(place, problem.over.values(), strict=True)]
    )
    covariance = along * np.outer(stretch, stretch)
    near = (place <= _ON_BOUND) | (place >= 1.0 - _ON_BOUND)
    lacks = _lacks(problem, place)
    return FitResult(
        values=problem.parameters(place),
        errors=dict(zip(names, np.sqrt(np.diagonal(covariance)).tolist(), strict=True)),
        units={name: problem.pointwise.plan.unit(name) for name in names},
        covariance=xr.DataArray(
            covariance, {"parameter": names, "other": names}, ("parameter", "other")
        ),
        chi2=np.nan if problem.without_state(place) else chi2,
        degrees=degrees,
        on_bound=tuple(name for name, is_near in zip(names, near, strict=True) if is_near),
        agreeing=agreeing,
        elsewhere=len(alike) - agreeing,
        starts=starts,
        converged=bool(end.status > 0 and not lacks),
        message=lacks or str(end.message),
        data=_compared(problem, place, np.sqrt(scale)),
        _problem=problem,
        _place=place,
    )


def _lacks(problem: Problem, place: np.ndarray) -> str:
    """What keeps a place from being judged, in words; nothing if all is there."""
    whole = int(problem.known.sum())
    for lost, what in (
        (problem.without_state(place), "have no state"),
        (problem.without_slope(place), "have a derivative that is not known"),
    ):
        if lost:
            return f"{lost} of {whole} measured numbers {what} there"
    return ""


def _scale(problem: Problem, chi2: float, degrees: int) -> float:
    """The square of the standard error that 1 in the residuals stands for."""
    if problem.errors_known:
        return 1.0
    return chi2 / degrees if degrees > 0 else np.inf


def _covariance(problem: Problem, place: np.ndarray) -> np.ndarray:
    """Of the places along the cube's edges, for residuals of the size 1.

    The inverse of the information. A parameter has an infinite variance if it has a share in a
    direction in which the residuals do not change; the covariances of the others do not depend on it.
    """
    size = len(problem.over)
    if problem.without_slope(place):
        return np.full((size, size), np.inf)
    jacobian = problem.jacobian(place)
    norms = np.linalg.norm(jacobian, axis=0)
    norms = np.where(norms > 0, norms, 1.0)
    _, values, directions = np.linalg.svd(jacobian / norms, full_matrices=True)
    values = np.pad(values, (0, size - len(values)))
    told = values > _UNTOLD * values[0]
    parts = directions[told] / values[told, None]
    covariance = parts.T @ parts
    lost = (np.abs(directions[~told]) > _SHARE).any(axis=0)
    covariance[lost], covariance[:, lost] = np.inf, np.inf
    return np.asarray(covariance / np.outer(norms, norms))


def _compared(problem: Problem, place: np.ndarray, unit: float) -> xr.Dataset:
    """What was measured and what was found.

    Args:
        unit: the standard error that 1 in the problem's errors stands for.
    """
    values, _ = problem.at(place)
    errors = problem.errors * (unit if np.isfinite(unit) else np.nan)
    dims = ("point", "formula")
    return xr.Dataset(
        {
            "measured": (dims, problem.measured),
            "error": (dims, errors),
            "model": (dims, values),
            "residual": (dims, _ratio(values - problem.measured, errors)),
        },
        {
            "formula": [formula.text for formula in problem.pointwise.formulas],
            "unit": ("formula", problem.pointwise.units),
            **{
                name: ("point", own, described_coordinate(problem.pointwise.plan, name))
                for name, own in problem.columns.items()
            },
        },
    )


def _ratio(left: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """What is left over in units of the errors; 0 where nothing is."""
    return np.asarray(np.divide(left, errors, out=np.zeros_like(left), where=left != 0))
