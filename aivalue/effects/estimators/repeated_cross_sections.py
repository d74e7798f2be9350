"""Difference-in-differences when every time shows other subjects (sales, tickets, patients).

Least squares of the outcome on group, time, their product and covariates; the product's
coefficient is the effect. The standard error is the classical one or robust to unequal variances.

Source: Wooldridge, "Introductory Econometrics", 13.2; MacKinnon & White (1985), Journal of
Econometrics 29(3), for HC3.
"""

from typing import Literal

import numpy as np

from aivalue.effects.panel import Booleans, Floats
from aivalue.effects.student_t import t_quantile
from aivalue.errors import NotEstimable
from aivalue.kpis.interval import Interval

CELL_MIN = 2  # Subjects in each group before and after.
CONDITION_MAX = 1e12
OWN_COLUMNS = 4  # Constant, group, time, and their product.


def repeated_cross_sections(
    outcome: Floats,
    treated_group: Booleans,
    after: Booleans,
    *,
    covariates: Floats | None = None,
    errors: Literal["classical", "robust"] = "robust",
    confidence: float = 0.95,
) -> Interval:
    """Estimate the effect on the treated group after the change.

    Assumes that without AI both groups' means would have moved alike, given the covariates, and
    that who is in which group did not change because of it.

    Parameters
    ----------
    outcome, treated_group, after : shape (n_subjects,)
    covariates : shape (n_subjects, n_covariates), or None

    Raises
    ------
    NotEstimable
        A group has fewer than two subjects before or after, a value is missing, covariates
        repeat each other, or there are as many coefficients as subjects.
    """
    extra = np.empty((len(outcome), 0)) if covariates is None else covariates
    _require_estimable(outcome, treated_group, after, extra)
    spread = extra.std(axis=0)
    centred = (extra - extra.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    design = np.column_stack(
        [np.ones(len(outcome)), treated_group, after, treated_group & after, centred]
    )
    if np.linalg.cond(design) ** 2 > CONDITION_MAX:
        raise NotEstimable("covariates repeat each other or do not vary")
    inverse = np.linalg.inv(design.T @ design)
    coefficients = inverse @ design.T @ outcome
    residual = outcome - design @ coefficients
    free = len(outcome) - design.shape[1]
    if errors == "classical":
        variance = float(residual @ residual) / free * inverse[3, 3]
    else:
        leverage = np.einsum("np,pq,nq->n", design, inverse, design)
        weighted = design @ inverse[3] * residual / np.maximum(1 - leverage, 1e-12)
        variance = float(weighted @ weighted)
    if not variance > 0:
        raise NotEstimable("nothing varies, so the uncertainty cannot be estimated")
    return Interval.around(
        float(coefficients[3]),
        variance**0.5,
        quantile=t_quantile((1 + confidence) / 2, free),
        confidence=confidence,
    )


def _require_estimable(
    outcome: Floats, treated_group: Booleans, after: Booleans, covariates: Floats
) -> None:
    if not (np.isfinite(outcome).all() and np.isfinite(covariates).all()):
        raise NotEstimable("an outcome or a covariate is missing")
    for group, group_name in ((True, "treated"), (False, "control")):
        for late, time_name in ((False, "before"), (True, "after")):
            n = int(((treated_group == group) & (after == late)).sum())
            if n < CELL_MIN:
                raise NotEstimable(
                    f"{group_name} group has {n} subjects {time_name}, needs {CELL_MIN}",
                    verdict="below_sample_floor",
                )
    n_coefficients = OWN_COLUMNS + covariates.shape[1]
    if len(outcome) <= n_coefficients:
        raise NotEstimable(
            f"{len(outcome)} subjects for {n_coefficients} coefficients, needs "
            f"{n_coefficients + 1}",
            verdict="below_sample_floor",
        )
