"""Known answers, invariances, refusals and coverage of imputed effects."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aivalue.effects.estimators.difference_in_differences import (
    Rollout,
    difference_in_differences,
)
from aivalue.effects.estimators.imputation import average_imputed, imputation, impute
from aivalue.effects.functional import average, relative
from aivalue.effects.panel import Floats
from aivalue.errors import NotEstimable
from tests.unit.effects.staggered_builders import (
    NEVER,
    drifting,
    expected,
    panel_of,
    reference_panel,
    rows_of,
)

MPDTA = {"unit": "countyreal", "time": "year", "start": "first.treat", "outcome": "lemp"}
DF_HET = {"unit": "unit", "time": "year", "start": "g", "outcome": "dep_var"}


def rollout(rng: np.random.Generator) -> tuple[Floats, list[int]]:
    """Forty units over ten months: three waves of six, and 22 that never have the AI."""
    return drifting(rng, (40, 10)), [4] * 6 + [6] * 6 + [8] * 6 + [NEVER] * 22


def test_minimum_wages_give_the_published_effect() -> None:
    # The reference was solved iteratively and stops 2e-8 short; the normal equations solved in
    # rational arithmetic give -0.047709918278453334.
    panel, _ = reference_panel("mpdta.csv", MPDTA)
    answer = expected("mpdta.bjs")

    found = average_imputed(impute(panel), by="overall", inference="asymptotic").overall

    assert found.point == pytest.approx(-0.047709918278453334, abs=1e-12)
    assert found.point == pytest.approx(answer["att"], abs=2e-8)
    assert found.standard_error == pytest.approx(answer["se_bjs"], rel=1e-4)


def test_two_waves_with_different_effects_give_the_published_effect() -> None:
    # Sampled states are the clusters; the published error counts how effects differ.
    panel, _ = reference_panel("df_het.csv.gz", DF_HET)
    state = {float(row["unit"]): int(row["state"]) for row in rows_of("df_het.csv.gz")}
    panel = replace(panel, cluster=np.array([state[unit] for unit in sorted(state)]))
    answer = expected("df_het.did2s.unitFE")

    found = average_imputed(impute(panel), by="overall", inference="asymptotic_pooled").overall

    assert found.point == pytest.approx(answer["att"], abs=1e-5)
    assert found.standard_error == pytest.approx(answer["se_did2s_gmm"], rel=1e-5)


def least_squares(outcome: Floats, start: Floats) -> Floats:
    """Return every treated cell's effect from one regression with dummies."""
    n_units, n_periods = outcome.shape
    treated = np.arange(n_periods) >= start[:, None]
    used = ~treated & np.isfinite(outcome)
    unit, period = np.nonzero(used)
    design = np.zeros((len(unit), n_units + n_periods))
    design[np.arange(len(unit)), unit] = 1
    design[np.arange(len(unit)), n_units + period] = 1
    levels = np.linalg.lstsq(design, outcome[used], rcond=None)[0]
    fitted = levels[:n_units, None] + levels[n_units:]
    return np.where(treated, outcome - fitted, np.nan)


def test_missing_cells_give_what_a_regression_on_the_others_gives() -> None:
    rng = np.random.default_rng(1)
    outcome, start = rollout(rng)
    outcome[rng.random(outcome.shape) < 0.3] = np.nan

    found = average_imputed(impute(panel_of(outcome, start)), by="event_time")

    cells = least_squares(outcome, np.array(start))
    since = np.arange(10) - np.array(start)[:, None]
    assert found.at == tuple(range(6))
    for at, interval in zip(found.at, found.intervals, strict=True):
        assert interval.point == pytest.approx(float(np.nanmean(cells[since == at])), abs=1e-10)
    assert found.overall.point == pytest.approx(float(np.nanmean(cells)), abs=1e-10)


def test_the_standard_error_is_that_of_the_published_formula() -> None:
    # v = w - Z (Z'Z)^-1 Z'w by brute force, residuals about the mean of cohort and period.
    rng = np.random.default_rng(2)
    outcome, start = rollout(rng)
    outcome[rng.random(outcome.shape) < 0.1] = np.nan
    starts = np.array(start)[:, None]

    found = average_imputed(impute(panel_of(outcome, start)), by="overall", inference="asymptotic")

    cells = least_squares(outcome, np.array(start))
    treated = np.isfinite(cells)
    used = np.isfinite(outcome) & (np.arange(10) < starts)
    unit, period = np.arange(40)[:, None] + np.zeros(10), np.arange(10) + np.zeros((40, 1))
    dummies = np.concatenate(
        [unit[..., None] == np.arange(40), period[..., None] == np.arange(10)], axis=2
    ).astype(float)
    mean_row = dummies[treated].mean(axis=0)
    inverse = np.linalg.pinv(dummies[used].T @ dummies[used])
    weight = np.zeros(outcome.shape)
    weight[used] = -dummies[used] @ inverse @ mean_row
    weight[treated] = 1 / treated.sum()
    residual = np.zeros(outcome.shape)
    levels = inverse @ dummies[used].T @ outcome[used]
    residual[used] = outcome[used] - dummies[used] @ levels
    for wave in (4, 6, 8):
        for month in range(wave, 10):
            inside = (starts == wave) & treated & (period == month)
            residual[inside] = cells[inside] - cells[inside].mean()
    variance = ((weight * residual).sum(axis=1) ** 2).sum()
    assert found.overall.standard_error == pytest.approx(float(np.sqrt(variance)), rel=1e-9)


def test_it_is_the_additive_difference_in_differences_of_equal_volumes() -> None:
    # The same imputation read from volumes of one. Tails are learnt from all figures asked for, so
    # asking for the overall one too changes the degrees of freedom a little.
    outcome = 20 + drifting(np.random.default_rng(3), (20, 10))
    start = [5] * 4 + [NEVER] * 16
    panel = panel_of(outcome, start)
    treated = panel.treated

    effect = imputation(panel)
    other = difference_in_differences(
        Rollout(
            periods=panel.periods,
            units=panel.units,
            y_untreated=np.where(treated, 0.0, outcome),
            x_untreated=np.where(treated, 0.0, 1.0),
            y_treated=np.where(treated, outcome, 0.0),
            x_treated=np.where(treated, 1.0, 0.0),
        ),
        scale="additive",
    )

    assert effect.point == pytest.approx(other.point, abs=1e-10)
    assert np.array(effect.covariance) == pytest.approx(np.array(other.covariance), rel=0.03)
    assert average(effect).low == pytest.approx(average(other).low, rel=1e-2)
    assert relative(effect).low == pytest.approx(relative(other).low, rel=1e-2)
    assert (effect.n_treated, effect.n_control, effect.volume) == (4, 16, (4.0,) * 5)


@given(
    unit=st.lists(st.integers(-50, 50), min_size=40, max_size=40),
    month=st.lists(st.integers(-50, 50), min_size=10, max_size=10),
    factor=st.floats(0.01, 100),
)
@settings(max_examples=20, deadline=None)
def test_levels_and_shocks_change_nothing_and_units_rescale(
    unit: list[int], month: list[int], factor: float
) -> None:
    rng = np.random.default_rng(4)
    outcome, start = rollout(rng)
    outcome[rng.random(outcome.shape) < 0.1] = np.nan
    plain = average(imputation(panel_of(outcome, start)))

    moved = factor * (outcome + np.array(unit)[:, None] + np.array(month))
    other = average(imputation(panel_of(moved, start)))

    scale = factor * 50
    assert other.point == pytest.approx(factor * plain.point, abs=1e-11 * scale)
    assert other.low == pytest.approx(factor * plain.low, rel=1e-9, abs=1e-10 * scale)


@given(seed=st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_the_order_of_units_changes_nothing(seed: int) -> None:
    outcome, start = rollout(np.random.default_rng(5))
    order = np.random.default_rng(seed).permutation(40)

    plain = imputation(panel_of(outcome, start))
    shuffled = imputation(panel_of(outcome[order], np.array(start)[order]))

    assert shuffled.point == pytest.approx(plain.point, abs=1e-12)
    assert average(shuffled).high == pytest.approx(average(plain).high, abs=1e-10)


@given(wave=st.sampled_from([4, 6, 8]), size=st.floats(-5, 5))
@settings(max_examples=10, deadline=None)
def test_an_added_effect_is_found_in_its_wave_and_nowhere_else(wave: int, size: float) -> None:
    outcome, start = rollout(np.random.default_rng(6))
    plain = average_imputed(impute(panel_of(outcome, start)), by="cohort")
    outcome[np.array(start) == wave, wave:] += size

    found = average_imputed(impute(panel_of(outcome, start)), by="cohort")

    for at, one, other in zip(found.at, found.intervals, plain.intervals, strict=True):
        assert one.point - other.point == pytest.approx(size if at == wave else 0, abs=1e-9)


def test_the_same_input_gives_the_same_bytes() -> None:
    outcome, start = rollout(np.random.default_rng(7))

    once, again = (repr(imputation(panel_of(outcome, start))) for _ in range(2))

    assert once == again


def staggered(
    rng: np.random.Generator, *, n_treated: int, share_missing: float
) -> tuple[Floats, Any, float]:
    """Forty units over twelve months, effects that grow, and cells missing at random."""
    outcome = drifting(rng, (40, 12), correlation=0.6)
    start = np.full(40, NEVER)
    start[:n_treated] = rng.choice([5, 6, 7, 8], n_treated)
    since = np.arange(12) - start[:, None]
    added = np.where(since >= 0, 0.5 + 0.1 * since, 0.0)
    seen = rng.random(outcome.shape) >= share_missing
    seen[:, 0] = True
    truth = float(added[seen & (since >= 0)].mean())
    return np.where(seen, outcome + added, np.nan), start, truth


COVERAGE_DRAWS = 150  # Puts the Monte Carlo error near 1.8 points; docs/methods has 1,500 draws.


@pytest.mark.parametrize(("n_treated", "share_missing"), [(3, 0.0), (5, 0.3), (20, 0.3)])
def test_interval_covers_the_truth_as_often_as_it_claims(
    n_treated: int, share_missing: float
) -> None:
    # The published standard error covers 50, 67, 82 and 88 % with 2, 3, 5 and 10 treated of 40.
    rng = np.random.default_rng(60 + n_treated)
    hits = 0
    for _ in range(COVERAGE_DRAWS):
        outcome, start, truth = staggered(rng, n_treated=n_treated, share_missing=share_missing)
        found = average(imputation(panel_of(outcome, start)))
        hits += found.low <= truth <= found.high

    assert hits / COVERAGE_DRAWS >= 0.90


def test_periods_without_two_untreated_units_are_left_out_and_named() -> None:
    outcome = drifting(np.random.default_rng(8), (20, 8))
    panel = panel_of(outcome, [3] * 8 + [6] * 12)

    found, effect = impute(panel), imputation(panel)

    assert found.unanswered == (6, 7)
    assert [period.start.month for period in effect.periods] == [4, 5, 6]


@pytest.mark.parametrize(
    ("start", "reason", "verdict"),
    [
        ([NEVER] * 12, "no unit has been measured with the AI yet", "too_early"),
        ([3] * 11 + [NEVER], "no period with treated units has 2 units without", "unverifiable"),
        ([0] * 5 + [3] * 3 + [NEVER] * 4, r"without a period before the AI \(u00", "unverifiable"),
    ],
)
def test_refuses_what_it_cannot_estimate(start: list[int], reason: str, verdict: str) -> None:
    outcome = drifting(np.random.default_rng(9), (12, 6))

    with pytest.raises(NotEstimable, match=reason) as refusal:
        imputation(panel_of(outcome, start))

    assert refusal.value.verdict == verdict


def test_refuses_groups_that_nothing_connects() -> None:
    # Half of the units was measured early only, the other half late only.
    outcome = drifting(np.random.default_rng(10), (12, 6))
    outcome[:6, 3:] = np.nan
    outcome[6:, :3] = np.nan

    with pytest.raises(NotEstimable, match="groups that no untreated unit connects"):
        imputation(panel_of(outcome, [NEVER] * 8 + [5] * 4))


def test_refuses_when_nothing_varies() -> None:
    with pytest.raises(NotEstimable, match="nothing varies"):
        imputation(panel_of(np.zeros((40, 6)), [3] * 12 + [NEVER] * 28))


def test_refuses_a_handful_of_clusters() -> None:
    outcome, start = rollout(np.random.default_rng(11))

    with pytest.raises(NotEstimable, match="4 clusters, needs 5"):
        imputation(panel_of(outcome, start, cluster=np.arange(40) % 4))
