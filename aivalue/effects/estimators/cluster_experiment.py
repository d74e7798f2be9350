"""An experiment in which clusters were drawn, or whose subjects share their luck within clusters.

Source: `aivalue.effects.error_models.cluster_robust`.
"""

import numpy as np

from aivalue.effects.effect import Effect, Period
from aivalue.effects.error_models.cluster_robust import cluster_robust
from aivalue.effects.estimators.difference_in_means import difference_in_means_by_unit
from aivalue.effects.estimators.subjects import Subjects, cells_of_subjects, codes_of
from aivalue.effects.panel import Integers
from aivalue.effects.vector import Vector, effect_of
from aivalue.errors import NotEstimable

VERSION = "1"


def clusters_compared(subjects: Subjects, *, period: Period, confidence: float) -> Effect:
    """Compare arms by a regression with errors that go together within clusters."""
    cluster = codes_of(subjects.cluster)
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
        cells_of_subjects(subjects, side, cluster) for side in (subjects.treated, ~subjects.treated)
    )
    both = (treated.x > 0) & (control.x > 0)
    if both.any():
        raise NotEstimable("a cluster holds both arms: a ratio needs clusters of one arm")
    return difference_in_means_by_unit(
        treated.of(treated.x[:, 0] > 0),
        control.of(control.x[:, 0] > 0),
        periods=[period],
        confidence=confidence,
    )
