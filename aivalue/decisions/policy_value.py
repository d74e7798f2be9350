"""Value of a policy from logged decisions: what if another model had decided.

Logged propensities reweigh outcomes to the new policy. Where the log hardly ever took the actions
that the new policy prefers, no weight can say what would have happened: the effective sample size
shows it. Below a tenth of the log the figure carries a warning; below thirty decisions it is
refused. The mean weight of a log with true propensities is one: if it is not, they are not.

Source: Horvitz & Thompson (1952), JASA 47(260); Swaminathan & Joachims (2015), NeurIPS, for
self-normalization; Dudik, Erhan, Langford & Li (2014), Statistical Science 29(4), doubly robust;
Kish (1965), "Survey Sampling", for the effective sample size.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from aivalue.errors import NotEstimable
from aivalue.kpis.interval import Interval

Floats = NDArray[np.float64]
Method = Literal["inverse_propensity", "self_normalized", "doubly_robust"]

EFFECTIVE_MIN = 30  # Decisions that carry the estimate; fewer have no interval worth the name.
EFFECTIVE_SHARE_MIN = 0.10
MEAN_WEIGHT_ERRORS_MAX = 4.0  # Standard errors that the mean weight may be away from one.
APART_MIN = (
    20  # Effective decisions other than the usual one: 95 % intervals of fewer cover 88 to 94.
)
MASS_UNSUPPORTED_MAX = 0.01  # Share of the new policy on actions that the log never takes.


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyValue:
    """Mean outcome per decision under the new policy.

    Attributes
    ----------
    gain : Interval
        Against what was decided, per decision.
    effective_n : float
        Decisions taken by the new policy itself that would tell as much.
    largest_share : float
        Of all weight, on a single decision.
    warnings : tuple of str
        Why the log may not support the figure.
    """

    value: Interval
    gain: Interval
    method: Method
    n: int
    effective_n: float
    mean_weight: float
    largest_share: float
    warnings: tuple[str, ...]


def policy_value(
    outcome: Floats,
    logged_propensity: Floats,
    new_propensity: Floats,
    *,
    method: Literal["inverse_propensity", "self_normalized"] = "self_normalized",
    confidence: float = 0.95,
) -> PolicyValue:
    """Estimate the mean outcome had the new policy decided.

    Assumes that logged propensities are the true ones, that given what the policies saw nothing
    else moved both action and outcome, and that one decision does not change another's outcome.

    Parameters
    ----------
    outcome, logged_propensity, new_propensity : shape (n_decisions,)
        Propensities of the action that was taken; logged ones in (0, 1].

    Raises
    ------
    NotEstimable
        Propensities outside their range, fewer than 30 effective decisions, or nothing varies
        among those that the new policy would have taken.
    """
    weight = _weights(outcome, logged_propensity, new_propensity)
    mean_weight = weight.mean()
    if method == "inverse_propensity":
        point = float((weight * outcome).mean())
        influence = weight * outcome - point
    else:
        point = float((weight * outcome).mean() / mean_weight)
        influence = weight * (outcome - point) / mean_weight
    return _valued(outcome, point, influence, weight, method=method, confidence=confidence)


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
    weight = _weights(outcome, logged_propensity, new_propensity)
    if not (np.isfinite(predicted).all() and np.isfinite(predicted_by_policy).all()):
        raise NotEstimable("a prediction is missing")
    score = predicted_by_policy + weight * (outcome - predicted)
    point = float(score.mean())
    return _valued(
        outcome, point, score - point, weight, method="doubly_robust", confidence=confidence
    )


def require_support(logged: Floats, new: Floats) -> None:
    """Refuse a policy that takes actions which the log never takes.

    Parameters
    ----------
    logged, new : shape (n_decisions, n_actions)
        Propensity of every action, not only of the one taken.

    Raises
    ------
    NotEstimable
        More than 1 % of the new policy's decisions have no counterpart in the log.
    """
    mass = float(np.where(logged > 0, 0.0, new).sum() / max(new.sum(), np.finfo(float).tiny))
    if mass > MASS_UNSUPPORTED_MAX:
        raise NotEstimable(
            f"{mass:.1%} of the new policy's decisions are actions that the log never takes, at "
            f"most {MASS_UNSUPPORTED_MAX:.0%} may be"
        )


def _valued(
    outcome: Floats,
    point: float,
    influence: Floats,
    weight: Floats,
    *,
    method: Method,
    confidence: float,
) -> PolicyValue:
    n = len(weight)
    effective = float(weight.sum() ** 2 / (weight**2).sum())
    if effective < EFFECTIVE_MIN:
        raise NotEstimable(
            f"{n} logged decisions tell as much as {effective:.0f} of the new policy, needs "
            f"{EFFECTIVE_MIN}: the log seldom took its actions",
            verdict="below_sample_floor",
        )
    brought = outcome[weight > 0]
    if np.ptp(brought) == 0:
        raise NotEstimable(
            f"all {len(brought)} decisions that the policy would have taken brought "
            f"{brought[0]:g}: nothing varies, so the uncertainty cannot be estimated"
        )
    logged = float(outcome.mean())
    # The t of the decisions that carry the estimate, not of those that weigh next to nothing.
    quantile = float(special.stdtrit(effective - 1, (1 + confidence) / 2))

    def estimate(point: float, influence: Floats) -> Interval:
        error = float(np.sqrt((influence**2).sum() / (n - 1) / n))
        return Interval.around(point, error, quantile=quantile, confidence=confidence)

    return PolicyValue(
        value=estimate(point, influence),
        # Both are read from the same decisions, so what moves both cancels.
        gain=estimate(point - logged, influence - (outcome - logged)),
        method=method,
        n=n,
        effective_n=effective,
        mean_weight=float(weight.mean()),
        largest_share=float(weight.max() / weight.sum()),
        warnings=(*_warnings(weight, effective), *_warning_of_few(outcome, weight)),
    )


def _warnings(weight: Floats, effective: float) -> tuple[str, ...]:
    n = len(weight)
    found = []
    if effective < EFFECTIVE_SHARE_MIN * n:
        found.append(
            f"{n} logged decisions tell as much as {effective:.0f}: the log seldom took the "
            f"actions of the new policy, so its value is hardly known"
        )
    away = abs(float(weight.mean()) - 1)
    if away > MEAN_WEIGHT_ERRORS_MAX * float(weight.std(ddof=1)) / np.sqrt(n) + 1e-9:
        found.append(
            f"the mean weight is {weight.mean():.2f}, and 1 if propensities are true: they do not "
            f"describe this log"
        )
    return tuple(found)


def _warning_of_few(outcome: Floats, weight: Floats) -> tuple[str, ...]:
    """Warn where nearly all decisions brought the same: a sale in a thousand has no normal mean."""
    values, of_value = np.unique(outcome, return_inverse=True)
    usual = int(np.argmax(np.bincount(of_value, weights=weight)))
    apart = weight[of_value != usual]
    # Not none: a policy whose decisions all brought the same is refused.
    effective = float(apart.sum() ** 2 / (apart**2).sum())
    if effective >= APART_MIN:
        return ()
    seen = f"{effective:.0f} decisions carry what was other than {values[usual]:g}"
    return (f"{seen}, needs {APART_MIN}: the interval may be too narrow",)


def _weights(outcome: Floats, logged: Floats, new: Floats) -> Floats:
    if len(outcome) < EFFECTIVE_MIN:
        raise NotEstimable(
            f"{len(outcome)} logged decisions, needs {EFFECTIVE_MIN}", verdict="below_sample_floor"
        )
    if not (np.isfinite(outcome).all() and np.isfinite(new).all()):
        raise NotEstimable("an outcome or a propensity is missing")
    if not ((logged > 0) & (logged <= 1)).all():
        raise NotEstimable("logged propensities must lie in (0, 1]")
    if (new < 0).any() or (new > 1).any():
        raise NotEstimable("new propensities must lie in [0, 1]")
    weight: Floats = new / logged
    if not weight.sum() > 0:
        raise NotEstimable("the log never took an action that the new policy would take")
    return weight
