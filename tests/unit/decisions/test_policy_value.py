"""Known answers, invariances, refusals and coverage of policy values from logged decisions.

The real log has both sides: a recommender's impressions under a random policy, whose propensities
are known, and under the AI policy itself, which says what the answer must be.
"""

import csv
import gzip
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aivalue.decisions.policy_value import (
    Floats,
    Method,
    PolicyValue,
    doubly_robust_value,
    policy_value,
    require_support,
)
from aivalue.errors import NotEstimable

DATA = Path(__file__).parents[3] / "examples" / "open-bandit" / "data"
CAMPAIGNS = ("all", "men", "women")
POSITIONS = 3


@cache
def impressions(campaign: str, policy: str) -> tuple[Floats, Floats, Floats, Floats]:
    """Read item, position, click and propensity."""
    with gzip.open(DATA / f"{campaign}.csv.gz", "rt") as file:
        rows = [row for row in csv.DictReader(file) if row["policy"] == policy]
    names = ("item_id", "position", "click", "propensity_score")
    item, position, click, propensity = (np.array([float(row[n]) for row in rows]) for n in names)
    return item, position, click, propensity


def from_random_log(campaign: str, method: Method) -> tuple[PolicyValue, float]:
    """Value the AI policy from the random log; also return what it had by itself.

    The policy does not look at the customer, so how often it showed an item at a position is its
    propensity (averaged over the week).
    """
    item, position, click, propensity = impressions(campaign, "random")
    shown, shown_at, clicked, _ = impressions(campaign, "bts")
    n_items = int(item.max()) + 1
    cell = (item * POSITIONS + position - 1).astype(int)
    counted = np.bincount((shown * POSITIONS + shown_at - 1).astype(int), minlength=n_items * 3)
    by_item = counted.reshape(n_items, POSITIONS)
    share = (by_item / by_item.sum(axis=0)).ravel()
    truth = float(clicked.mean())
    if method != "doubly_robust":
        return policy_value(click, propensity, share[cell], method=method), truth
    predicted, by_policy = np.zeros(len(click)), np.zeros(len(click))
    for fold in (0, 1):
        # Click rates from the other half, drawn towards the campaign's by 50 impressions.
        other = np.arange(len(click)) % 2 != fold
        clicks = np.bincount(cell[other], click[other], n_items * POSITIONS)
        seen = np.bincount(cell[other], minlength=n_items * POSITIONS)
        rate = (clicks + 50 * click.mean()) / (seen + 50)
        predicted[~other] = rate[cell[~other]]
        expected = (rate * share).reshape(n_items, POSITIONS).sum(axis=0)
        by_policy[~other] = expected[position[~other].astype(int) - 1]
    found = doubly_robust_value(
        click, propensity, share[cell], predicted=predicted, predicted_by_policy=by_policy
    )
    return found, truth


@pytest.mark.parametrize("campaign", CAMPAIGNS)
@pytest.mark.parametrize("method", ["inverse_propensity", "self_normalized", "doubly_robust"])
def test_a_random_log_tells_what_the_ai_policy_brought_by_itself(
    campaign: str, method: Method
) -> None:
    found, truth = from_random_log(campaign, method)

    assert found.value.low <= truth <= found.value.high
    assert found.effective_n > 2_000
    # Clicks are rare: 10,000 impressions had 33 to 46 of them, of unequal weight.
    assert all("decisions carry what was other than 0, needs 20" in each for each in found.warnings)


def test_the_ai_policys_own_log_hardly_tells_what_random_would_have_brought() -> None:
    # It seldom shows most items: 10,000 impressions tell as much as 656.
    _, _, click, propensity = impressions("men", "bts")

    found = policy_value(click, propensity, np.full(len(click), 1 / 34))

    assert found.effective_n == pytest.approx(656, abs=1)
    assert "10000 logged decisions tell as much as 656" in found.warnings[0]


def test_a_log_in_which_one_decision_carries_everything_is_refused() -> None:
    _, _, click, propensity = impressions("women", "bts")

    with pytest.raises(NotEstimable, match="tell as much as 2 of the new policy") as refusal:
        policy_value(click, propensity, np.full(len(click), 1 / 46))

    assert refusal.value.verdict == "below_sample_floor"


@pytest.mark.parametrize("campaign", CAMPAIGNS)
def test_a_policy_judged_by_its_own_log_has_the_logs_mean(campaign: str) -> None:
    _, _, click, propensity = impressions(campaign, "random")

    found = policy_value(click, propensity, propensity)

    assert found.value.point == pytest.approx(click.mean())
    assert found.effective_n == pytest.approx(10_000)
    assert found.warnings == ()


def test_propensities_that_do_not_describe_the_log_are_found_out() -> None:
    # The log says one in 34; whoever wrote it down as one in 17 gets weights of one half.
    _, _, click, propensity = impressions("men", "random")

    found = policy_value(click, 2 * propensity, propensity)

    assert "the mean weight is 0.50" in found.warnings[0]


RATES = np.array([0.1, 0.3, 0.6])
LOGGED = np.array([0.6, 0.3, 0.1])
NEW = np.array([0.1, 0.2, 0.7])  # 0.01 + 0.06 + 0.42 = 0.49


def simulated(rng: np.random.Generator, n: int) -> tuple[Floats, Floats, Floats, Floats]:
    context = rng.uniform(0.5, 1.5, n)
    action = rng.choice(3, n, p=LOGGED)
    outcome = (rng.random(n) < RATES[action] * context).astype(float)
    return outcome, LOGGED[action], NEW[action], context


@pytest.mark.parametrize("method", ["inverse_propensity", "self_normalized", "doubly_robust"])
def test_interval_covers_the_policys_true_value(method: Method) -> None:
    # 1,000 draws put the Monte Carlo error near 0.7 points. The model of the doubly robust one is
    # poor on purpose: the mean of the actions' rates, whatever was done.
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(1_000):
        outcome, logged, new, context = simulated(rng, 1_000)
        poor = 0.33 * context
        if method == "doubly_robust":
            found = doubly_robust_value(
                outcome, logged, new, predicted=poor, predicted_by_policy=poor
            )
        else:
            found = policy_value(outcome, logged, new, method=method)
        hits += found.value.low <= 0.49 <= found.value.high

    assert 0.93 <= hits / 1_000 <= 0.97


@pytest.mark.parametrize(
    ("successes", "share_warned", "covered"),
    [(8, (0.95, 1.0), (0.85, 0.93)), (60, (0.0, 0.01), (0.93, 0.97))],
)
def test_few_successes_are_warned_of_because_their_interval_is_too_narrow(
    successes: int, share_warned: tuple[float, float], covered: tuple[float, float]
) -> None:
    # 2,000 draws put the Monte Carlo error near 0.6 points; weights of 1.6 and 0.4 by turns.
    rng = np.random.default_rng(1)
    logged, new = np.full(2_000, 0.5), np.tile([0.8, 0.2], 1_000)
    rate = successes / 2_000 * 1.36  # So that about as many carry the estimate.
    hits = warned = 0
    for _ in range(2_000):
        found = policy_value((rng.random(2_000) < rate).astype(float), logged, new)
        hits += found.value.low <= rate <= found.value.high
        warned += any("may be too narrow" in each for each in found.warnings)

    assert share_warned[0] <= warned / 2_000 <= share_warned[1]
    assert covered[0] <= hits / 2_000 <= covered[1]


@given(shift=st.floats(-100, 100), factor=st.floats(0.01, 100))
@settings(max_examples=30)
def test_self_normalized_value_moves_and_scales_with_the_outcome(
    shift: float, factor: float
) -> None:
    outcome, logged, new, _ = simulated(np.random.default_rng(2), 500)
    plain = policy_value(outcome, logged, new).value

    moved = policy_value(factor * outcome + shift, logged, new).value

    assert moved.low == pytest.approx(factor * plain.low + shift, abs=1e-7)
    assert moved.high == pytest.approx(factor * plain.high + shift, abs=1e-7)


def test_a_good_model_narrows_the_interval_and_a_bad_one_does_not_bias() -> None:
    rng = np.random.default_rng(3)
    n = 4_000
    context = rng.normal(0, 3, n)
    is_rare = rng.random(n) < 0.2
    outcome = context + np.where(is_rare, 1.0, 0.0) + rng.normal(0, 0.5, n)
    logged, new = np.where(is_rare, 0.2, 0.8), np.where(is_rare, 0.6, 0.4)
    taken = np.where(is_rare, 1.0, 0.0)

    plain = policy_value(outcome, logged, new, method="inverse_propensity").value
    robust = doubly_robust_value(
        outcome,
        logged,
        new,
        predicted=context + taken,
        predicted_by_policy=context + 0.6,
    ).value
    wrong = doubly_robust_value(
        outcome, logged, new, predicted=np.full(n, 7.0), predicted_by_policy=np.full(n, 7.0)
    ).value

    truth = 0.6
    assert robust.standard_error < plain.standard_error / 1.3
    assert robust.low <= truth <= robust.high
    assert wrong.low <= truth <= wrong.high


def test_actions_that_the_log_never_takes_are_refused() -> None:
    logged = np.tile([0.5, 0.5, 0.0], (100, 1))

    require_support(logged, np.tile([0.2, 0.795, 0.005], (100, 1)))
    with pytest.raises(NotEstimable, match=r"30\.0% of the new policy's decisions"):
        require_support(logged, np.tile([0.2, 0.5, 0.3], (100, 1)))


@pytest.mark.parametrize(
    ("logged", "new", "reason"),
    [
        (0.0, 0.5, "logged propensities must lie"),
        (0.5, 1.5, "new propensities must lie"),
        (0.5, 0.0, "never took an action"),
        (0.5, float("nan"), "an outcome or a propensity is missing"),
    ],
)
def test_refuses_what_no_weight_can_repair(logged: float, new: float, reason: str) -> None:
    with pytest.raises(NotEstimable, match=reason):
        policy_value(np.ones(100), np.full(100, logged), np.full(100, new))


def test_refuses_a_policy_whose_decisions_all_brought_the_same() -> None:
    # Nobody clicked on what it would have shown: nought of fifty is not nought for certain.
    clicked = (np.arange(100) < 20).astype(float)
    would = (np.arange(100) >= 50).astype(float)

    with pytest.raises(NotEstimable, match=r"all 50 decisions .* brought 0: nothing varies"):
        policy_value(clicked, np.full(100, 0.5), would)


def test_refuses_a_handful_of_decisions_and_missing_predictions() -> None:
    few, many = np.full(29, 0.5), np.full(50, 0.5)

    with pytest.raises(NotEstimable, match="29 logged decisions, needs 30"):
        policy_value(few, few, few)
    with pytest.raises(NotEstimable, match="a prediction is missing"):
        doubly_robust_value(
            many, many, many, predicted=np.full(50, np.nan), predicted_by_policy=many
        )
