"""Whether another way of deciding is valued right from a log that drew its actions at random."""

from dataclasses import replace

import numpy as np
import pytest

from aivalue.decisions.off_policy import (
    Always,
    DecisionLog,
    FromScore,
    Policy,
    read_policy,
    read_probabilities,
)
from aivalue.decisions.policy_value import Method
from aivalue.errors import NotEstimable

# Calling brings score - 0.4 on average, not calling brings nothing.
CALLED_FROM = 0.5  # Logged propensity of a call is 0.7 from this score on and 0.3 below.
METHODS: tuple[Method, ...] = ("inverse_propensity", "self_normalized", "doubly_robust")


def log_of(rng: np.random.Generator, n: int = 4_000) -> DecisionLog:
    score = rng.random(n)
    of_call = np.where(score >= CALLED_FROM, 0.7, 0.3)
    called = rng.random(n) < of_call
    return DecisionLog(
        outcome=np.where(called, score - 0.4, 0.0) + rng.normal(0, 0.3, n),
        propensity=np.where(called, of_call, 1 - of_call),
        action=tuple("call" if one else "wait" for one in called),
        score=score,
    )


def truth(policy: Policy) -> float:
    """Integrate score - 0.4 over the scores at which the policy calls."""
    start = policy.threshold if isinstance(policy, FromScore) else 0.0
    return (1 - start**2) / 2 - 0.4 * (1 - start)


FROM_40 = FromScore(threshold=0.4, at_least="call", below="wait")
REPETITIONS = 200


@pytest.mark.parametrize("policy", [FROM_40, Always(action="call")], ids=["from 0.4", "always"])
def test_every_method_covers_the_known_value(policy: Policy) -> None:
    # 200 draws put the Monte Carlo error of coverage near 1.5 points.
    rng = np.random.default_rng(1)
    covered = dict.fromkeys(METHODS, 0)
    for _ in range(REPETITIONS):
        found = read_policy(log_of(rng, 1_000), policy)
        for each in (found.value, *found.others):
            covered[each.method] += each.value.low <= truth(policy) <= each.value.high

    assert all(0.90 <= count / REPETITIONS <= 0.99 for count in covered.values()), covered


def test_the_method_asked_for_comes_first_and_the_others_are_shown() -> None:
    log = log_of(np.random.default_rng(2))

    found = read_policy(log, FROM_40, method="doubly_robust")

    assert found.value.method == "doubly_robust"
    assert {each.method for each in found.others} == set(METHODS) - {"doubly_robust"}
    assert found.value.value.standard_error < found.others[0].value.standard_error


def test_the_gain_is_against_what_was_decided() -> None:
    log = log_of(np.random.default_rng(3))

    found = read_policy(log, FROM_40).value

    assert found.gain.point == pytest.approx(found.value.point - log.outcome.mean())
    # The logged policy calls at 0.3 below 0.5, where 0.4 is the break-even.
    assert found.gain.low > 0


def test_the_policy_that_was_logged_gains_nothing() -> None:
    log = log_of(np.random.default_rng(4))

    found = read_probabilities(log, log.propensity).value

    assert found.value.point == pytest.approx(log.outcome.mean())
    assert found.gain.point == pytest.approx(0, abs=1e-12)
    assert found.gain.standard_error == pytest.approx(0, abs=1e-12)
    assert found.effective_n == pytest.approx(len(log.action))


@pytest.mark.parametrize(
    ("change", "policy", "reason"),
    [
        ({"propensity": np.full(4_000, np.nan)}, FROM_40, "4000 of 4000 decisions have no propen"),
        ({"score": np.full(4_000, np.nan)}, FROM_40, "have no score to act on"),
        ({}, Always(action="visit"), "the log never took visit"),
    ],
    ids=["no propensity", "no score", "unknown action"],
)
def test_refuses_what_the_log_does_not_say(
    change: dict[str, np.ndarray], policy: Policy, reason: str
) -> None:
    log = replace(log_of(np.random.default_rng(5)), **change)  # type: ignore[arg-type]

    with pytest.raises(NotEstimable, match=reason):
        read_policy(log, policy)


def test_doubly_robust_for_given_probabilities_needs_predictions() -> None:
    log = log_of(np.random.default_rng(6))

    with pytest.raises(NotEstimable, match="needs predictions"):
        read_probabilities(log, log.propensity, method="doubly_robust")


def test_a_log_that_hardly_ever_took_the_action_carries_a_warning() -> None:
    rng = np.random.default_rng(7)
    n = 4_000
    called = rng.random(n) < 0.02
    log = DecisionLog(
        outcome=np.where(called, 1.0, 0.0) + rng.normal(0, 0.1, n),
        propensity=np.where(called, 0.02, 0.98),
        action=tuple("call" if one else "wait" for one in called),
        score=rng.random(n),
    )

    found = read_policy(log, Always(action="call")).value

    assert any("the log seldom took the actions" in warning for warning in found.warnings)
