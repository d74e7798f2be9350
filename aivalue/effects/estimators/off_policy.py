"""Value of a policy from logged decisions: what if the AI had decided otherwise.

Logged propensities reweigh outcomes to the new policy. Where the log hardly ever took the actions
that the new policy prefers, no weight can say what would have happened: the effective sample size
shows it, and below a tenth of the log the estimate carries a warning.

Source: Horvitz & Thompson (1952), JASA 47(260); Swaminathan & Joachims (2015), NeurIPS, for
self-normalization; Dudik, Erhan, Langford & Li (2014), Statistical Science 29(4), doubly robust.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from aivalue.effects.effect import Interval
from aivalue.effects.panel import Floats
from aivalue.effects.student_t import t_quantile
from aivalue.errors import NotEstimable

DECISIONS_MIN = 2
EFFECTIVE_SHARE_MIN = 0.10


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyValue:
    """Mean outcome per decision under the new policy.

    Attributes
    ----------
    effective_n : float
        Unweighted decisions that would tell as much.
    warning : str or None
        Why the log cannot support the figure, if it cannot.
    """

    value: Interval
    n: int
    effective_n: float
    largest_share: float
    warning: str | None


def policy_value(
    outcome: Floats,
    logged_propensity: Floats,
    new_propensity: Floats,
    *,
    method: Literal["inverse_propensity", "self_normalized"] = "self_normalized",
    confidence: float = 0.95,
) -> PolicyValue:
    """Estimate the mean outcome had the new policy decided.

    Assumes that logged propensities are the true ones, and that given what the policies saw nothing
    else moved both action and outcome.

    Parameters
    ----------
    outcome, logged_propensity, new_propensity : shape (n_decisions,)
        Of the action that was taken; logged propensities in (0, 1].
    """
    weight = _weights(logged_propensity, new_propensity, outcome)
    mean_weight = weight.mean()
    if method == "inverse_propensity":
        point = float((weight * outcome).mean())
        influence = weight * outcome - point
    else:
        point = float((weight * outcome).mean() / mean_weight)
        influence = weight * (outcome - point) / mean_weight
    return _value_of(point, influence, weight, confidence)


def doubly_robust_value(
    outcome: Floats,
    logged_propensity: Floats,
    new_propensity: Floats,
    *,
    predicted: Floats,
    predicted_by_policy: Floats,
    confidence: float = 0.95,
) -> PolicyValue:
    """Estimate the same, right if either the propensities or the predictions are.

    Parameters
    ----------
    predicted : shape (n_decisions,)
        Outcome expected of the action taken, from a model that did not see this decision.
    predicted_by_policy : shape (n_decisions,)
        The same, averaged over the new policy's actions.
    """
    weight = _weights(logged_propensity, new_propensity, outcome)
    if not (np.isfinite(predicted).all() and np.isfinite(predicted_by_policy).all()):
        raise NotEstimable("a prediction is missing")
    score = predicted_by_policy + weight * (outcome - predicted)
    point = float(score.mean())
    return _value_of(point, score - point, weight, confidence)


def _value_of(point: float, influence: Floats, weight: Floats, confidence: float) -> PolicyValue:
    n = len(weight)
    standard_error = float(np.sqrt((influence**2).sum() / (n - 1) / n))
    effective = float(weight.sum() ** 2 / (weight**2).sum())
    largest = float(weight.max() / weight.sum())
    # The t of the decisions that carry the estimate, not of those that weigh next to nothing.
    margin = t_quantile((1 + confidence) / 2, max(effective - 1, 1.0)) * standard_error
    warning = None
    if effective < EFFECTIVE_SHARE_MIN * n:
        warning = (
            f"{n} logged decisions tell as much as {effective:.0f}: the log seldom took the "
            f"actions of the new policy, so its value is hardly known"
        )
    return PolicyValue(
        value=Interval(
            point=point,
            low=point - margin,
            high=point + margin,
            standard_error=standard_error,
            confidence=confidence,
        ),
        n=n,
        effective_n=effective,
        largest_share=largest,
        warning=warning,
    )


def _weights(logged: Floats, new: Floats, outcome: Floats) -> Floats:
    if len(outcome) < DECISIONS_MIN:
        raise NotEstimable(
            f"{len(outcome)} logged decisions, needs {DECISIONS_MIN}", verdict="below_sample_floor"
        )
    if not (np.isfinite(outcome).all() and np.isfinite(new).all()):
        raise NotEstimable("an outcome or a propensity is missing")
    if not ((logged > 0) & (logged <= 1)).all():
        raise NotEstimable("logged propensities must lie in (0, 1]")
    if (new < 0).any() or (new > 1).any():
        raise NotEstimable("new propensities must lie in [0, 1]")
    weight = new / logged
    if not weight.sum() > 0:
        raise NotEstimable("the log never took an action that the new policy would take")
    return weight
