"""What another way of deciding would have brought, read from a log of decisions in three ways.

A policy is given by what it would have done: act from a score on, always do the same, or, for any
other, by the probability with which it would have taken each logged action. Inverse propensities,
their self-normalized form and the doubly robust form are all shown; where they lie far apart the
log does not carry the answer.

Predictions for the doubly robust form are means by action and tenth of the score, each from four
fifths of the log that the decision is not in (cross-fitting).

Source: as in `aivalue.decisions.policy_value`; Chernozhukov et al. (2018), Econometrics Journal
21(1), for cross-fitting.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aivalue.decisions.policy_value import (
    Floats,
    Method,
    PolicyValue,
    doubly_robust_value,
    policy_value,
)
from aivalue.errors import NotEstimable

FOLDS = 5
SCORE_BINS = 10
_Actions = NDArray[np.str_]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionLog:
    """Decisions with what came of them, in an order that does not depend on how they arrived.

    Attributes
    ----------
    outcome, propensity : shape (n_decisions,)
        Propensity of the action that was taken; NaN where none was logged.
    action : length n_decisions
    score : shape (n_decisions,)
        NaN where there is none.
    """

    outcome: Floats
    propensity: Floats
    action: tuple[str, ...]
    score: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class FromScore:
    """Do one thing from a score on, another below."""

    threshold: float
    at_least: str
    below: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Always:
    """Do the same whatever the case."""

    action: str


Policy = FromScore | Always


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyReading:
    """The value of a policy by the method asked for, and by the others that the log permits."""

    value: PolicyValue
    others: tuple[PolicyValue, ...]


def read_policy(
    log: DecisionLog,
    policy: Policy,
    *,
    method: Method = "self_normalized",
    confidence: float = 0.95,
) -> PolicyReading:
    """Estimate what the policy would have brought per decision.

    Raises
    ------
    NotEstimable
        Propensities or scores are missing, the log never took an action that the policy takes, or
        it hardly ever did.
    """
    if not log.action:
        raise NotEstimable("no decision has a known outcome", verdict="below_sample_floor")
    missing = int(np.isnan(log.propensity).sum())
    if missing:
        raise NotEstimable(f"{missing} of {len(log.action)} decisions have no propensity")
    chosen = _chosen(log, policy)
    never = sorted(set(chosen.tolist()) - set(log.action))
    if never:
        raise NotEstimable(f"the log never took {', '.join(never)}, which the policy would take")
    taken = np.array(log.action)
    new = (chosen == taken).astype(np.float64)
    predicted = _predicted(log, taken, taken), _predicted(log, taken, chosen)
    return _read(log, new, predicted, method=method, confidence=confidence)


def read_probabilities(
    log: DecisionLog,
    new_propensity: Floats,
    *,
    predicted: tuple[Floats, Floats] | None = None,
    method: Method = "self_normalized",
    confidence: float = 0.95,
) -> PolicyReading:
    """Estimate the same for any policy, by its probability of each action that was taken.

    Parameters
    ----------
    predicted : outcome expected of the action taken, and of the policy's actions on average
        From a model that did not see the decision; without them nothing is doubly robust.
    """
    if method == "doubly_robust" and predicted is None:
        raise NotEstimable("doubly robust needs predictions")
    return _read(log, new_propensity, predicted, method=method, confidence=confidence)


def _read(
    log: DecisionLog,
    new: Floats,
    predicted: tuple[Floats, Floats] | None,
    *,
    method: Method,
    confidence: float,
) -> PolicyReading:
    plain: Sequence[Literal["inverse_propensity", "self_normalized"]] = (
        "inverse_propensity",
        "self_normalized",
    )
    found: dict[Method, PolicyValue] = {
        name: policy_value(log.outcome, log.propensity, new, method=name, confidence=confidence)
        for name in plain
    }
    if predicted is not None:
        found["doubly_robust"] = doubly_robust_value(
            log.outcome,
            log.propensity,
            new,
            predicted=predicted[0],
            predicted_by_policy=predicted[1],
            confidence=confidence,
        )
    return PolicyReading(
        value=found[method], others=tuple(each for name, each in found.items() if name != method)
    )


def _chosen(log: DecisionLog, policy: Policy) -> _Actions:
    if isinstance(policy, Always):
        return np.full(len(log.action), policy.action)
    missing = int(np.isnan(log.score).sum())
    if missing:
        raise NotEstimable(f"{missing} of {len(log.action)} decisions have no score to act on")
    return np.where(log.score >= policy.threshold, policy.at_least, policy.below)


def _predicted(log: DecisionLog, taken: _Actions, asked: _Actions) -> Floats:
    """Predict each decision's outcome under an action from the other folds."""
    fold = np.arange(len(taken)) % FOLDS
    names, action = np.unique(taken, return_inverse=True)
    wanted = np.searchsorted(names, asked)
    bin_of = _bins(log.score)
    found = np.zeros(len(taken))
    for one in range(FOLDS):
        train, test = fold != one, fold == one
        shape = (len(names), SCORE_BINS)
        cell = np.ravel_multi_index((action[train], bin_of[train]), shape)
        count = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)
        total = np.bincount(cell, log.outcome[train], shape[0] * shape[1]).reshape(shape)
        # One pseudo-decision at the level above: a cell seen once must not speak for itself.
        overall = total.sum() / max(count.sum(), 1)
        by_action = (total.sum(axis=1) + overall) / (count.sum(axis=1) + 1)
        mean = (total + by_action[:, None]) / (count + 1)
        found[test] = mean[wanted[test], bin_of[test]]
    return found


def _bins(score: Floats) -> NDArray[np.int64]:
    if np.isnan(score).any():
        return np.zeros(len(score), np.int64)
    edges = np.quantile(score, np.linspace(0, 1, SCORE_BINS + 1)[1:-1])
    return np.searchsorted(edges, score, side="right").astype(np.int64)
