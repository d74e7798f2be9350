"""Whether decisions are priced by one sign convention, and missing outcomes are said so."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivalue.decisions.confusion import CellValues, Confusion, value_of_decisions
from aivalue.errors import InvalidDefinition, NotEstimable

# A customer who would leave is worth 400; an offer costs 20 and always works.
CHURN = CellValues(
    true_positive=Decimal(-20),
    false_positive=Decimal(-20),
    false_negative=Decimal(-400),
    true_negative=Decimal(0),
    unit="EUR",
)
COUNTS = Confusion(true_positive=60, false_positive=140, false_negative=40, true_negative=760)


def test_counts_times_values_is_the_total() -> None:
    # -60 x 20 - 140 x 20 - 40 x 400 = -20,000 over 1,000 customers.
    found = value_of_decisions(COUNTS, CHURN)

    assert found.total == Decimal(-20_000)
    assert found.per_decision.point == pytest.approx(-20)
    assert (found.unit, found.share_labelled, found.warning) == ("EUR", 1.0, None)


def test_the_model_is_compared_with_doing_the_same_to_everybody() -> None:
    # Nobody gets an offer: -100 x 400 = -40,000. Everybody: -1,000 x 20 = -20,000.
    found = value_of_decisions(COUNTS, CHURN)

    assert found.over_never_acting.point == pytest.approx((-20_000 + 40_000) / 1_000)
    assert found.over_always_acting.point == pytest.approx((-20_000 + 20_000) / 1_000)
    assert found.over_never_acting.low > 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"false_positive": Decimal(20)}, "false_positive brings 20 EUR, more than true_negative"),
        ({"false_negative": Decimal(400)}, "false_negative brings 400 EUR, more than true_posi"),
    ],
)
def test_a_cost_without_its_minus_sign_is_refused(wrong: dict[str, Decimal], message: str) -> None:
    values = {
        "true_positive": Decimal(-20),
        "false_positive": Decimal(-20),
        "false_negative": Decimal(-400),
        "true_negative": Decimal(0),
    }

    with pytest.raises(InvalidDefinition, match=message):
        CellValues(**(values | wrong), unit="EUR")


counts = st.integers(0, 10_000)


@given(st.tuples(counts, counts, counts, counts), st.integers(1, 1000))
def test_value_is_linear_in_counts_and_in_the_currency(
    cells: tuple[int, int, int, int], factor: int
) -> None:
    names = ("true_positive", "false_positive", "false_negative", "true_negative")
    first = Confusion(**dict(zip(names, cells, strict=True))) + COUNTS
    dearer = CellValues(**{name: factor * getattr(CHURN, name) for name in names}, unit="JPY")

    once = value_of_decisions(first, CHURN)
    twice = value_of_decisions(first + first, CHURN)
    scaled = value_of_decisions(first, dearer)

    assert twice.total == 2 * once.total
    assert twice.per_decision.point == pytest.approx(once.per_decision.point)
    assert scaled.total == factor * once.total
    assert scaled.per_decision.low == pytest.approx(factor * once.per_decision.low)


def test_decisions_without_an_outcome_count_like_those_with_the_same_action() -> None:
    # Half of those not acted on have no outcome yet: the other half stands for them.
    half = Confusion(
        true_positive=60,
        false_positive=140,
        false_negative=20,
        true_negative=380,
        unlabelled_not_acted=400,
    )

    found = value_of_decisions(half, CHURN)

    assert found.per_decision.point == pytest.approx(-20)
    assert found.total == Decimal(-12_000)
    assert found.share_labelled == pytest.approx(0.6)
    assert found.warning is not None
    assert "40% of the decisions have no outcome yet" in found.warning


def test_interval_covers_the_true_value_per_decision() -> None:
    # 2,000 draws put the Monte Carlo error near 0.5 points. Errors are rare and dear.
    rng = np.random.default_rng(1)
    share = np.array([0.06, 0.14, 0.01, 0.79])
    truth = float(share @ [-20, -20, -400, 0])
    hits = 0
    for _ in range(2_000):
        drawn = [int(n) for n in rng.multinomial(1_000, share)]
        confusion = Confusion(
            true_positive=drawn[0],
            false_positive=drawn[1],
            false_negative=drawn[2],
            true_negative=drawn[3],
        )
        found = value_of_decisions(confusion, CHURN).per_decision
        hits += found.low <= truth <= found.high

    assert 0.93 <= hits / 2_000 <= 0.975


def test_an_error_that_was_not_seen_is_not_impossible() -> None:
    none_missed = Confusion(true_positive=10, false_positive=10, false_negative=0, true_negative=80)

    found = value_of_decisions(none_missed, CHURN)

    assert found.per_decision.low < -10


@pytest.mark.parametrize(
    ("confusion", "reason"),
    [
        (
            Confusion(true_positive=5, false_positive=5, false_negative=5, true_negative=5),
            "20 decisions have an outcome, needs 30",
        ),
        (
            Confusion(
                true_positive=50,
                false_positive=50,
                false_negative=0,
                true_negative=0,
                unlabelled_not_acted=900,
            ),
            "none of 900 decisions not acted on has an outcome",
        ),
    ],
)
def test_refuses_what_outcomes_cannot_say(confusion: Confusion, reason: str) -> None:
    with pytest.raises(NotEstimable, match=reason):
        value_of_decisions(confusion, CHURN)


def test_refuses_negative_counts() -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        Confusion(true_positive=-1, false_positive=0, false_negative=0, true_negative=0)
