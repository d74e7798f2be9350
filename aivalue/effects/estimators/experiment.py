"""A randomized experiment, one row per subject: plain, adjusted, by stratum, or by cluster.

What was known before adjusts the outcome (CUPED with one covariate, a regression with slopes of
each arm's own with several); strata are compared inside and added up (post-stratification); where
clusters were randomized, or subjects of a cluster share their luck, errors go together in them.

Source: Deng, Xu, Kohavi & Walker (2013), WSDM, for CUPED; Lin (2013), Annals of Applied Statistics
7(1); Miratrix, Sekhon & Yu (2013), JRSS B 75(2), for strata; `aivalue.effects.cluster_robust`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from aivalue.effects.arm import ArmStatistics, Measure, arm_of
from aivalue.effects.cluster_robust import cluster_robust
from aivalue.effects.comparison import Level, difference
from aivalue.effects.effect import Effect, Period
from aivalue.effects.estimators.cuped import cuped_levels, plain_levels
from aivalue.effects.estimators.difference_in_means import (
    difference_in_means,
    difference_in_means_by_unit,
)
from aivalue.effects.estimators.regression_adjustment import regression_adjusted_levels
from aivalue.effects.panel import Booleans, Cells, Floats, Integers
from aivalue.effects.vector import Vector, effect_of
from aivalue.errors import NotEstimable

VERSION = "1"
SUBJECTS_MIN = 2  # Per arm: a variance needs two.

Adjustment = Literal["cuped", "regression_adjustment"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subjects:
    """One row per subject.

    Attributes
    ----------
    outcome : shape (n,)
    treated : shape (n,)
    denominator : shape (n,), or None
        The metric is then a ratio of sums, sum(outcome) / sum(denominator).
    before : shape (n, n_covariates)
        Known before the experiment; none is shape (n, 0). Of a ratio metric, its own numerator
        and denominator before: two columns.
    stratum, cluster : shape (n,), or None
    """

    outcome: Floats
    treated: Booleans
    before: Floats
    denominator: Floats | None = None
    stratum: Integers | None = None
    cluster: Integers | None = None


def experiment(
    subjects: Subjects,
    *,
    period: Period,
    adjustment: Adjustment | None = None,
    confidence: float = 0.95,
) -> Effect:
    """Estimate the effect on the treated subjects.

    Assumes random assignment (of subjects, within strata if given, or of clusters), that nobody's
    arm changes another's outcome, and that what was known before was not changed by the arm.

    Parameters
    ----------
    adjustment
        How `before` enters; None is CUPED with one covariate, else the regression.

    Raises
    ------
    NotEstimable
        An arm has fewer than two subjects, a value is missing, or options that exclude each other.
    """
    _require_estimable(subjects)
    if subjects.cluster is not None:
        return _by_cluster(subjects, period=period, confidence=confidence)
    if subjects.stratum is not None:
        treated, control = (
            _cells(subjects, side, subjects.stratum)
            for side in (subjects.treated, ~subjects.treated)
        )
        return difference_in_means(treated, control, periods=[period], confidence=confidence)
    return _by_subject(subjects, adjustment, period=period, confidence=confidence)


def _by_subject(
    subjects: Subjects, adjustment: Adjustment | None, *, period: Period, confidence: float
) -> Effect:
    n_before = subjects.before.shape[1]
    is_ratio = subjects.denominator is not None
    columns = [subjects.outcome[:, None], subjects.before]
    if subjects.denominator is not None:
        columns.append(subjects.denominator[:, None])
    values = np.hstack(columns)
    treated, control = (arm_of(values[side]) for side in (subjects.treated, ~subjects.treated))
    outcome = Measure(numerator=0, denominator=1 + n_before if is_ratio else None)
    if n_before == 0:
        return _effect(
            plain_levels(treated, control, outcome),
            (treated, control),
            subjects,
            name="difference_in_means",
            period=period,
            confidence=confidence,
        )
    one = n_before == (2 if is_ratio else 1)
    name: Adjustment = adjustment or ("cuped" if one else "regression_adjustment")
    if name == "cuped" and one:
        before = Measure(numerator=1, denominator=2 if is_ratio else None)
        levels = cuped_levels(treated, control, outcome, before)
    elif is_ratio or name == "cuped":
        needed = "its own numerator and denominator before" if is_ratio else "one covariate"
        raise NotEstimable(f"{n_before} covariates; CUPED takes {needed}")
    else:
        levels = regression_adjusted_levels(
            treated, control, outcome=0, covariates=range(1, 1 + n_before)
        )
    return _effect(
        levels, (treated, control), subjects, name=name, period=period, confidence=confidence
    )


def _effect(
    levels: tuple[Level, Level],
    arms: tuple[ArmStatistics, ArmStatistics],
    subjects: Subjects,
    *,
    name: str,
    period: Period,
    confidence: float,
) -> Effect:
    found = difference(*levels, confidence=confidence)
    observed = np.array([[float(levels[0].variance)]])
    volume = subjects.treated if subjects.denominator is None else subjects.denominator
    vector = Vector(
        periods=[period],
        point=np.array([float(found.point)]),
        covariance=np.array([[float(found.standard_error) ** 2]]),
        volume=np.array([float(volume[subjects.treated].sum())]),
        observed=np.array([float(levels[0].estimate)]),
        degrees_of_freedom=float(found.degrees_of_freedom),
        observed_covariance=observed,
        cross_covariance=observed,
    )
    return effect_of(
        vector,
        confidence=confidence,
        n_treated=int(arms[0].n),
        n_control=int(arms[1].n),
        design="randomized",
        scale="additive",
        estimator=(name, VERSION),
    )


def _by_cluster(subjects: Subjects, *, period: Period, confidence: float) -> Effect:
    """Compare arms by a regression with errors that go together within clusters."""
    cluster = _codes(subjects.cluster)
    if subjects.denominator is not None:
        return _ratio_by_cluster(subjects, cluster, period=period, confidence=confidence)
    arm = subjects.treated.astype(np.float64)
    columns = [arm, np.ones(len(arm)), *(subjects.before - subjects.before.mean(axis=0)).T]
    if subjects.stratum is not None:
        levels = np.unique(subjects.stratum)[1:]
        columns += [
            (subjects.stratum == level) - (subjects.stratum == level).mean() for level in levels
        ]
    fit = cluster_robust(np.column_stack(columns), subjects.outcome, cluster)
    # The level of the treated at the covariates' mean: coefficient of the arm plus the constant.
    of_level = np.zeros(len(fit.point))
    of_level[:2] = 1.0
    vector = Vector(
        periods=[period],
        point=fit.point[:1],
        covariance=fit.covariance[:1, :1],
        volume=np.array([arm.sum()]),
        observed=np.array([float(of_level @ fit.point)]),
        degrees_of_freedom=fit.degrees_of_freedom,
        observed_covariance=np.array([[float(of_level @ fit.covariance @ of_level)]]),
        cross_covariance=np.array([[float(fit.covariance[0] @ of_level)]]),
    )
    return effect_of(
        vector,
        confidence=confidence,
        n_treated=len(np.unique(cluster[subjects.treated])),
        n_control=len(np.unique(cluster[~subjects.treated])),
        design="randomized",
        scale="additive",
        estimator=("cluster_randomized", VERSION),
    )


def _ratio_by_cluster(
    subjects: Subjects, cluster: Integers, *, period: Period, confidence: float
) -> Effect:
    if subjects.before.shape[1] or subjects.stratum is not None:
        raise NotEstimable("a ratio by cluster takes neither covariates nor strata")
    treated, control = (
        _cells(subjects, side, cluster) for side in (subjects.treated, ~subjects.treated)
    )
    both = (treated.x > 0) & (control.x > 0)
    if both.any():
        raise NotEstimable("a cluster holds both arms: a ratio needs clusters of one arm")
    return difference_in_means_by_unit(
        _of(treated, treated.x[:, 0] > 0),
        _of(control, control.x[:, 0] > 0),
        periods=[period],
        confidence=confidence,
    )


def _cells(subjects: Subjects, side: Booleans, row: Integers) -> Cells:
    """Sum up subjects of one arm by stratum or cluster; shape (n_rows, 1)."""
    code = _codes(row)
    shape = int(code.max()) + 1
    y = subjects.outcome[side]
    x = np.ones(len(y)) if subjects.denominator is None else subjects.denominator[side]
    at = code[side]

    def summed(values: Floats) -> Floats:
        return np.bincount(at, values, shape).astype(np.float64)

    n = summed(np.ones(len(y)))
    counted = np.maximum(n, 1)
    y_gap, x_gap = y - (summed(y) / counted)[at], x - (summed(x) / counted)[at]
    sums = {
        "n": n,
        "y": summed(y),
        "x": summed(x),
        "yy": summed(y_gap**2),
        "xx": summed(x_gap**2),
        "xy": summed(x_gap * y_gap),
    }
    return Cells(**{name: values[:, None] for name, values in sums.items()})


def _of(cells: Cells, chosen: Booleans) -> Cells:
    names: Sequence[str] = ("n", "y", "x", "yy", "xx", "xy")
    return Cells(**{name: getattr(cells, name)[chosen] for name in names})


def _codes(labels: Integers | None) -> Integers:
    _, code = np.unique(np.asarray(labels), return_inverse=True)
    return code.astype(np.int64)


def _require_estimable(subjects: Subjects) -> None:
    for name, n in (("treatment", subjects.treated.sum()), ("control", (~subjects.treated).sum())):
        if n < SUBJECTS_MIN:
            raise NotEstimable(
                f"{name} arm has {n} subjects, needs {SUBJECTS_MIN}", verdict="below_sample_floor"
            )
    if not (np.isfinite(subjects.outcome).all() and np.isfinite(subjects.before).all()):
        raise NotEstimable("an outcome or a covariate is missing: leave the subject out")
    if subjects.denominator is not None and not (
        np.isfinite(subjects.denominator).all() and (subjects.denominator >= 0).all()
    ):
        raise NotEstimable("a denominator is missing or negative")
    if subjects.stratum is not None and subjects.cluster is None and subjects.before.shape[1]:
        raise NotEstimable("strata and covariates together need clusters: give one of them")
