"""A randomized experiment, one row per subject: plain, adjusted, by stratum, or by cluster.

What was known before adjusts the outcome (CUPED with one covariate, a regression with slopes of
each arm's own with several); strata are compared inside and added up (post-stratification); where
clusters were randomized, or subjects of a cluster share their luck, errors go together in them.

Source: Deng, Xu, Kohavi & Walker (2013), WSDM, for CUPED; Lin (2013), Annals of Applied Statistics
7(1); Miratrix, Sekhon & Yu (2013), JRSS B 75(2), for strata; `error_models.cluster_robust`.
"""

from typing import Literal

import numpy as np

from aivalue.effects.arms.arm import ArmStatistics, Measure, arm_of
from aivalue.effects.arms.comparison import Level, difference
from aivalue.effects.arms.own_intervals import (
    OwnInterval,
    RatioParts,
    fieller,
    needs_fieller,
    own_shares,
    widened,
)
from aivalue.effects.effect import Effect, Period
from aivalue.effects.estimators.cluster_experiment import clusters_compared
from aivalue.effects.estimators.cuped import cuped_levels, plain_levels
from aivalue.effects.estimators.difference_in_means import (
    difference_in_means,
)
from aivalue.effects.estimators.regression_adjustment import regression_adjusted_levels
from aivalue.effects.estimators.subjects import Subjects, cells_of_subjects
from aivalue.effects.student_t import t_quantile
from aivalue.effects.vector import Vector, effect_of
from aivalue.errors import NotEstimable

VERSION = "2"
SUBJECTS_MIN = 2  # Per arm: a variance needs two.

Adjustment = Literal["cuped", "regression_adjustment"]


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
        An arm has fewer than two subjects, a value is missing, options exclude each other, or a
        ratio's denominator cannot be told from zero.
    """
    _require_estimable(subjects)
    if subjects.cluster is not None:
        return clusters_compared(subjects, period=period, confidence=confidence)
    if subjects.stratum is not None:
        treated, control = (
            cells_of_subjects(subjects, side, subjects.stratum)
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
    shares = _few_shares(subjects, arms, confidence)
    freedom = np.inf if shares else float(difference(*levels).degrees_of_freedom)
    observed = np.array([[float(levels[0].variance)]])
    volume = subjects.treated if subjects.denominator is None else subjects.denominator
    vector = Vector(
        periods=[period],
        point=np.array([float(levels[0].estimate - levels[1].estimate)]),
        covariance=observed + float(levels[1].variance),
        volume=np.array([float(volume[subjects.treated].sum())]),
        observed=np.array([float(levels[0].estimate)]),
        degrees_of_freedom=freedom,
        observed_covariance=observed,
        cross_covariance=observed,
    )
    own = shares or _ratios_over_little(subjects, arms, freedom, confidence)
    return effect_of(
        vector if own is None else widened(vector, *own, confidence=confidence),
        confidence=confidence,
        n_treated=int(arms[0].n),
        n_control=int(arms[1].n),
        design="randomized",
        scale="additive",
        estimator=(name, VERSION),
    )


def _few_shares(
    subjects: Subjects, arms: tuple[ArmStatistics, ArmStatistics], confidence: float
) -> tuple[OwnInterval, OwnInterval] | None:
    """Return the arms' own intervals if subjects succeed or fail, and few do one of them."""
    is_share = subjects.denominator is None and not subjects.before.shape[1]
    if not is_share or not np.isin(subjects.outcome, (0.0, 1.0)).all():
        return None
    treated, control = ((float(arm.mean[0] * arm.n), float(arm.n)) for arm in arms)
    return own_shares(treated, control, confidence=confidence)


def _ratios_over_little(
    subjects: Subjects,
    arms: tuple[ArmStatistics, ArmStatistics],
    degrees_of_freedom: float,
    confidence: float,
) -> tuple[OwnInterval, OwnInterval] | None:
    """Return the arms' own intervals if a ratio's denominator is near zero."""
    if subjects.denominator is None or subjects.before.shape[1]:
        return None
    quantile = t_quantile((1 + confidence) / 2, degrees_of_freedom)
    treated, control = (_parts(arm) for arm in arms)
    if not any(needs_fieller(parts, quantile) for parts in (treated, control)):
        return None
    return fieller(treated, quantile), fieller(control, quantile)


def _parts(arm: ArmStatistics) -> RatioParts:
    covariance = arm.covariance / arm.n
    return RatioParts(
        numerator=float(arm.mean[0]),
        denominator=float(arm.mean[1]),
        numerator_variance=float(covariance[0, 0]),
        denominator_variance=float(covariance[1, 1]),
        covariance=float(covariance[0, 1]),
    )


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
