"""Effects by cohort and period among units alike in their covariates.

Outcome regression predicts each treated unit's change from comparison units with its covariates;
the doubly robust estimator also reweights comparison units by their odds of being treated, and is
right if either model is.

Source: Sant'Anna & Zhao (2020), "Doubly Robust Difference-in-Differences Estimators", Journal of
Econometrics 219(1) 101-122, section 3.1 with logit and least squares.
"""

import numpy as np
from scipy import linalg, special

from aivalue.effects.estimators.staggered import SPARE_UNITS_MIN, Adjustment
from aivalue.effects.panel import Booleans, Floats, Integers
from aivalue.errors import NotEstimable

PROPENSITY_MAX = 0.995  # A comparison unit this sure to be treated weighs too much: left out.
ROUNDS_MAX = 50
TOLERANCE = 1e-12
COLLINEAR = 1e-12  # Smallest eigenvalue of the scaled moments that rounding leaves meaningful.


def adjusted_effects(
    *,
    outcome: Floats,
    covariates: Floats,
    cohort_of: Integers,
    cells: tuple[Integers, Integers, Integers],
    compared: Booleans,
    adjustment: Adjustment,
) -> tuple[Floats, Floats]:
    """Return each cell's effect, and each unit's contribution to its error (units x cells).

    Parameters
    ----------
    cells
        Cohort, period and base period of each cell.

    Raises
    ------
    NotEstimable
        A cohort or its comparison has fewer units than coefficients and five more, covariates
        are collinear, or they tell the treated from the others perfectly.
    """
    if not np.isfinite(covariates).all():
        raise NotEstimable("covariates are missing for some units")
    group, time, base = cells
    design = np.column_stack([np.ones(len(outcome)), covariates])
    effect = np.zeros(len(group))
    influence = np.zeros((len(outcome), len(group)))
    # Cells with the same cohort and comparison share one fit.
    key = np.column_stack([group, compared])
    _, batch_of = np.unique(key, axis=0, return_inverse=True)
    for batch in range(batch_of.max() + 1):
        inside = np.flatnonzero(batch_of == batch)
        treated = cohort_of == group[inside[0]]
        used = np.flatnonzero(treated | compared[inside[0]][cohort_of])
        change = outcome[np.ix_(used, time[inside])] - outcome[np.ix_(used, base[inside])]
        estimate = _doubly_robust if adjustment == "doubly_robust" else _regression
        is_treated = treated[used]
        _require_support(is_treated, n_coefficients=design.shape[1])
        found, contribution = estimate(change, is_treated.astype(np.float64), design[used])
        effect[inside] = found
        influence[np.ix_(used, inside)] = contribution / len(used)
    return effect, influence


def _regression(change: Floats, treated: Floats, design: Floats) -> tuple[Floats, Floats]:
    surprise, bread = _surprise(change, 1 - treated, design)
    share = treated.mean()
    effect = (treated[:, None] * surprise).mean(axis=0) / share
    on_treated = treated[:, None] * (surprise - effect) / share
    from_outcome = (design @ bread @ (treated @ design) / len(treated) / share)[:, None]
    return effect, on_treated - (1 - treated)[:, None] * surprise * from_outcome


def _doubly_robust(change: Floats, treated: Floats, design: Floats) -> tuple[Floats, Floats]:
    surprise, bread = _surprise(change, 1 - treated, design)
    propensity, information = _logit(treated, design)
    trusted = propensity < PROPENSITY_MAX
    odds = np.where(trusted, propensity * (1 - treated) / (1 - propensity), 0.0)
    weight, weight_compared = treated / treated.mean(), odds / odds.mean()

    with_ai = (weight[:, None] * surprise).mean(axis=0)
    without = (weight_compared[:, None] * surprise).mean(axis=0)
    on_treated = weight[:, None] * (surprise - with_ai)
    on_compared = weight_compared[:, None] * (surprise - without)

    # What not knowing the two models adds: derivative by their coefficients, times their error.
    score = (treated - propensity)[:, None] * design
    from_odds = score @ linalg.solve(information, design.T @ on_compared, assume_a="pos")
    gap = design @ bread @ ((weight - weight_compared) @ design) / len(treated)
    from_outcome = (1 - treated)[:, None] * surprise * gap[:, None]
    return with_ai - without, on_treated - on_compared - from_odds - from_outcome


def _surprise(change: Floats, compared: Floats, design: Floats) -> tuple[Floats, Floats]:
    """Return change less its prediction from comparison units, and n (X'X)^-1 of those."""
    weighted = compared[:, None] * design
    moments = weighted.T @ design
    size = np.sqrt(np.diag(moments))
    if not size.min() > 0 or linalg.eigvalsh(moments / np.outer(size, size))[0] < COLLINEAR:
        raise NotEstimable("covariates are collinear among the comparison units")
    factor = linalg.cho_factor(moments)
    expected = design @ linalg.cho_solve(factor, weighted.T @ change)
    bread: Floats = len(design) * linalg.cho_solve(factor, np.eye(len(moments)))
    return change - expected, bread


def _require_support(treated: Booleans, *, n_coefficients: int) -> None:
    needed = n_coefficients + SPARE_UNITS_MIN
    for name, n_units in (("cohort", treated.sum()), ("comparison", (~treated).sum())):
        if n_units < needed:
            raise NotEstimable(
                f"a {name} has {n_units} units, needs {needed} to be adjusted for covariates",
                verdict="below_sample_floor",
            )


def _logit(treated: Floats, design: Floats) -> tuple[Floats, Floats]:
    coefficients = np.zeros(design.shape[1])
    for _ in range(ROUNDS_MAX):
        propensity = special.expit(design @ coefficients)
        information = (design * (propensity * (1 - propensity))[:, None]).T @ design
        try:
            step = linalg.solve(information, design.T @ (treated - propensity), assume_a="pos")
        except linalg.LinAlgError as error:
            raise NotEstimable(_NO_OVERLAP) from error
        coefficients = coefficients + step
        if np.abs(design @ step).max() <= TOLERANCE:
            return special.expit(design @ coefficients), information
    raise NotEstimable(_NO_OVERLAP)


_NO_OVERLAP = "covariates tell treated units from the others perfectly: nobody is alike"
