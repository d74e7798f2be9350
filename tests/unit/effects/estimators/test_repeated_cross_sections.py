"""Known answer of the textbook, invariance, refusal and coverage of repeated cross-sections."""

from typing import Literal

import numpy as np
import pytest

from aivalue.effects.estimators.repeated_cross_sections import repeated_cross_sections
from aivalue.effects.panel import Booleans, Floats
from aivalue.errors import NotEstimable
from tests.unit.effects.reference import columns, expected


@pytest.mark.parametrize(
    ("entry", "outcome", "covariates"),
    [("simple", "rprice", ()), ("age", "rprice", ("age", "agesq")), ("log", "lrprice", ())],
)
def test_house_prices_near_the_incinerator(
    entry: str, outcome: str, covariates: tuple[str, ...]
) -> None:
    values = columns("kielmc.csv", outcome, "nearinc", "y81", *covariates)

    found = repeated_cross_sections(
        values[:, 0],
        values[:, 1] == 1,
        values[:, 2] == 1,
        covariates=values[:, 3:],
        errors="classical",
    )

    wanted = expected("kielmc.did")[entry]
    assert [found.point, found.standard_error] == pytest.approx(wanted, rel=1e-7)


def simulated(rng: np.random.Generator) -> tuple[Floats, Booleans, Booleans]:
    treated, after = rng.random(200) < 0.3, rng.random(200) < 0.5
    spread = np.where(treated, 3.0, 1.0)
    return (
        2 * treated + 1 * after + 1.5 * (treated & after) + spread * rng.normal(size=200),
        (treated),
        after,
    )


def test_interval_covers_the_truth_where_groups_differ_in_spread() -> None:
    # 1,000 draws put the Monte Carlo error near 0.7 points.
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(1_000):
        outcome, treated, after = simulated(rng)
        found = repeated_cross_sections(outcome, treated, after)
        hits += found.low <= 1.5 <= found.high

    assert 0.93 <= hits / 1_000 <= 0.97


def test_a_shift_of_one_group_or_one_time_changes_nothing() -> None:
    outcome, treated, after = simulated(np.random.default_rng(2))
    plain = repeated_cross_sections(outcome, treated, after)

    moved = repeated_cross_sections(outcome + 5 * treated - 7 * after, treated, after)

    assert (moved.low, moved.high) == pytest.approx((plain.low, plain.high))


def test_refuses_an_empty_cell() -> None:
    outcome, treated, _ = simulated(np.random.default_rng(3))

    with pytest.raises(NotEstimable, match="treated group has 0 subjects after"):
        repeated_cross_sections(outcome, treated, np.zeros(200, bool))


def test_refuses_covariates_that_repeat_each_other() -> None:
    outcome, treated, after = simulated(np.random.default_rng(4))
    past = np.random.default_rng(5).normal(size=200)

    with pytest.raises(NotEstimable, match="repeat each other"):
        repeated_cross_sections(
            outcome,
            treated,
            after,
            covariates=np.column_stack([past, 2 * past]),
        )


@pytest.mark.parametrize("errors", ["classical", "robust"])
def test_as_many_coefficients_as_subjects_leave_nothing_to_judge_by(
    errors: Literal["classical", "robust"],
) -> None:
    rng = np.random.default_rng(3)
    treated, after = np.arange(8) >= 4, np.arange(8) % 4 >= 2

    with pytest.raises(NotEstimable, match="8 subjects for 8 coefficients, needs 9"):
        repeated_cross_sections(
            rng.normal(size=8), treated, after, covariates=rng.normal(size=(8, 4)), errors=errors
        )
