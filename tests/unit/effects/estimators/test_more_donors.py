"""Whether the ridge, cohorts of their own and predictors say what their papers say."""

import numpy as np
import pytest

from aivalue.effects.estimators.augmented_synthetic_control import augmented_synthetic_control
from aivalue.effects.estimators.predictor_control import (
    Training,
    donor_weights,
    predictor_importance,
    standardized,
)
from aivalue.effects.estimators.staggered_synthetic import (
    staggered_effect,
    staggered_synthetic_difference,
)
from aivalue.effects.estimators.synthetic_control import synthetic_control
from aivalue.effects.estimators.synthetic_difference_in_differences import (
    synthetic_difference_in_differences,
)
from aivalue.effects.front_door.table import days_from
from aivalue.effects.functional import average
from aivalue.effects.panel import Floats
from aivalue.errors import NotEstimable
from tests.unit.effects.estimators.test_synthetic import wide


def test_the_kansas_tax_cuts_are_the_published_figure() -> None:
    # augsynth's vignette: ridge-augmented ATT -0.0401 with an imbalance of 0.062, plain -0.029.
    units, _, values = wide("kansas.csv", "state", "year_qtr", "lngdpcapita")
    row = units.index("Kansas")

    found = augmented_synthetic_control(values[row], np.delete(values, row, axis=0), 89)

    assert found.effect == pytest.approx(-0.0401, abs=1e-4)
    assert found.corrected.imbalance == pytest.approx(0.062, abs=5e-4)
    assert found.corrected.weights.sum() == pytest.approx(1)


def test_a_ridge_without_end_is_plain_synthetic_control() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(12, 30))

    found = augmented_synthetic_control(values[0], values[1:], 22, penalty=1e12)

    assert found.effect == pytest.approx(synthetic_control(values[0], values[1:], 22).effect)


def test_a_unit_outside_the_donors_is_corrected_for() -> None:
    # Twice a donor's movement around a common level: no mix reaches it, a line does.
    rng = np.random.default_rng(2)
    factor = rng.normal(size=30).cumsum()
    loading = np.linspace(0.0, 1.0, 12)[:, None]
    donors = loading * factor + 0.05 * rng.normal(size=(12, 30))
    treated = 2 * factor

    found = augmented_synthetic_control(treated, donors, 22)

    assert abs(found.effect) < 0.1 * abs(found.plain.effect)


def cohorts(seed: int) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(25, 26)).cumsum(axis=1) * 0.3 + rng.normal(size=(25, 26))
    return values[:3], values[3:]


def test_units_that_start_together_are_one_synthetic_difference() -> None:
    treated, donors = cohorts(1)

    found = staggered_synthetic_difference(treated, np.array([18, 18, 18]), donors)

    plain = synthetic_difference_in_differences(treated, donors, 18)
    point, covariance = found.per_period()
    assert point == pytest.approx(plain.effect)
    assert covariance == pytest.approx(plain.covariance())


def test_each_cohort_counts_by_its_units_and_periods() -> None:
    treated, donors = cohorts(2)
    start = np.array([18, 18, 22])
    shifted = treated + np.where(np.arange(26) >= start[:, None], [[2.0], [2.0], [5.0]], 0.0)

    def read(rows: Floats) -> float:
        found = staggered_synthetic_difference(rows, start, donors)
        effect = staggered_effect(found, np.zeros(8), periods=days_from(8))
        return average(effect).point

    # Two units over eight periods with 2 each, one over four with 5: 52 over 20 unit-periods.
    assert read(shifted) - read(treated) == pytest.approx(52 / 20)


def test_the_cohort_at_fault_is_named() -> None:
    treated, donors = cohorts(3)
    with pytest.raises(NotEstimable, match="cohort from period 2 on: 2 periods before"):
        staggered_synthetic_difference(treated, np.array([2, 18, 18]), donors)


def test_the_predictor_that_drives_the_outcome_counts() -> None:
    rng = np.random.default_rng(4)
    driver, idle = rng.normal(size=(2, 15))
    outcome = driver[:, None] * np.linspace(1, 2, 10) + 0.05 * rng.normal(size=(15, 10))
    predictors = np.column_stack([driver, idle])

    importance = predictor_importance(
        Training(
            treated=predictors[0],
            donors=predictors[1:],
            treated_outcome=outcome[0],
            donor_outcomes=outcome[1:],
        )
    )

    assert importance[0] > 0.9
    weights = donor_weights(*standardized(predictors[0], predictors[1:]), importance)
    assert weights @ driver[1:] == pytest.approx(driver[0], abs=0.1)


def test_refuses_a_predictor_that_does_not_vary() -> None:
    with pytest.raises(NotEstimable, match="does not vary"):
        standardized(np.ones(2), np.ones((5, 2)))
