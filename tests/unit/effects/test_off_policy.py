"""Known answers, invariances, refusals and coverage of policy values from logged decisions."""

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from aivalue.effects.estimators.off_policy import doubly_robust_value, policy_value
from aivalue.effects.panel import Floats
from aivalue.errors import NotEstimable

DATA = Path(__file__).parents[3] / "examples" / "open-bandit" / "data"
ACTIONS = 3
RATES = np.array([0.1, 0.3, 0.6])
NEW = np.array([0.1, 0.2, 0.7])  # 0.01 + 0.06 + 0.42 = 0.49


def log(rng: np.random.Generator, n: int) -> tuple[Floats, Floats, Floats, Floats]:
    context = rng.uniform(0.5, 1.5, n)
    logged = np.array([0.6, 0.3, 0.1])
    action = rng.choice(ACTIONS, n, p=logged)
    outcome = (rng.random(n) < RATES[action] * context / 1.0).astype(float)
    return outcome, logged[action], NEW[action], context


def test_a_policy_judged_by_its_own_log_has_the_logs_mean() -> None:
    with gzip.open(DATA / "men.csv.gz", "rt") as file:
        rows = [row for row in csv.DictReader(file) if row["policy"] == "random"]
    outcome = np.array([float(row["click"]) for row in rows])
    propensity = np.array([float(row["propensity_score"]) for row in rows])

    found = policy_value(outcome, propensity, propensity)

    assert found.value.point == pytest.approx(46 / 10_000)
    assert found.effective_n == pytest.approx(10_000)
    assert found.warning is None


@pytest.mark.parametrize("method", ["inverse_propensity", "self_normalized", "doubly_robust"])
def test_interval_covers_the_policys_true_value(method: str) -> None:
    # 1,000 draws put the Monte Carlo error near 0.7 points.
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(1_000):
        outcome, logged, new, context = log(rng, 1_000)
        if method == "doubly_robust":
            # A poor model: the mean of the actions' rates, whatever was done.
            found = doubly_robust_value(
                outcome,
                logged,
                new,
                predicted=0.33 * context,
                predicted_by_policy=0.33 * context,
            )
        else:
            found = policy_value(outcome, logged, new, method=method)  # type: ignore[arg-type]  # literal cases
        hits += found.value.low <= 0.49 <= found.value.high

    assert 0.93 <= hits / 1_000 <= 0.97


def test_self_normalized_value_moves_with_the_outcome() -> None:
    outcome, logged, new, _ = log(np.random.default_rng(2), 500)
    plain = policy_value(outcome, logged, new)

    moved = policy_value(2 * outcome + 5, logged, new)

    assert moved.value.low == pytest.approx(2 * plain.value.low + 5)


def test_a_good_model_narrows_the_interval() -> None:
    rng = np.random.default_rng(3)
    n = 2_000
    context = rng.normal(0, 3, n)
    logged, new = np.full(n, 0.5), rng.choice([0.2, 0.8], n)
    outcome = context + rng.normal(0, 0.5, n)

    plain = policy_value(outcome, logged, new, method="inverse_propensity")
    robust = doubly_robust_value(
        outcome, logged, new, predicted=context, predicted_by_policy=context
    )

    assert robust.value.standard_error < plain.value.standard_error / 1.1


def test_a_log_that_seldom_did_it_is_said_so() -> None:
    rng = np.random.default_rng(4)
    is_rare = rng.random(5_000) < 0.01
    logged = np.where(is_rare, 0.01, 0.99)
    new = np.where(is_rare, 0.95, 0.05)

    found = policy_value(rng.normal(size=5_000), logged, new)

    assert found.effective_n < 100
    assert found.warning is not None
    assert "hardly known" in found.warning


@pytest.mark.parametrize(
    ("logged", "new", "reason"),
    [
        ([0.0, 0.5], [0.5, 0.5], "logged propensities must lie"),
        ([0.5, 0.5], [1.5, 0.5], "new propensities must lie"),
        ([0.5, 0.5], [0.0, 0.0], "never took an action"),
        ([0.5], [0.5], "1 logged decisions"),
    ],
)
def test_refuses_what_no_weight_can_repair(
    logged: list[float], new: list[float], reason: str
) -> None:
    with pytest.raises(NotEstimable, match=reason):
        policy_value(np.ones(len(logged)), np.array(logged), np.array(new))
