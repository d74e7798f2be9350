"""Whether shifts of time are inverted exactly, agree with their p-values, and are refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivalue.effects.checks.conformal import conformal_over_time
from aivalue.effects.checks.drifting_apart import drifting_apart
from aivalue.effects.donor_weights.simplex import simplex_least_squares
from aivalue.effects.estimators.conformal_control import conformal_synthetic_control
from aivalue.effects.front_door.document import document_of_panel
from aivalue.effects.front_door.estimate_panel import estimate_panel
from aivalue.effects.front_door.ran import Options
from aivalue.effects.front_door.table import PanelTable
from aivalue.effects.panel import Floats
from aivalue.effects.permutations.conformal import allowing_for_drift, conformal
from aivalue.errors import NotEstimable

N, N_BEFORE = 40, 34
WITH_AI = (np.arange(N) >= N_BEFORE).astype(np.float64)


def world(seed: int, *, effect: float = 0.0, n_donors: int = 6) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=N).cumsum() / 2
    loading = rng.uniform(0.5, 1.5, size=(n_donors + 1, 1))
    outcome = 20 + loading * factor + rng.normal(size=(n_donors + 1, N))
    return outcome[0] + effect * WITH_AI, outcome[1:]


def share_by_definition(treated: Floats, donors: Floats, effect: float) -> float:
    """Fit under this one effect, shift by every number of periods, and count."""
    taken_off = treated - effect * WITH_AI
    target = taken_off - taken_off.mean()
    centred = donors - donors.mean(axis=1, keepdims=True)
    fit = simplex_least_squares(centred.T, target)
    surprise = target - fit.weights @ centred
    after = np.arange(N_BEFORE, N)
    sizes = [abs(surprise[(after + shift) % N].mean()) for shift in range(N)]
    return float(np.mean([size >= sizes[0] - 1e-9 for size in sizes]))


@pytest.mark.parametrize("seed", range(4))
def test_every_effect_has_the_p_value_that_its_own_fit_gives(seed: int) -> None:
    treated, donors = world(seed)
    found = conformal(treated, donors, WITH_AI, free="level")

    for effect in np.random.default_rng(seed).normal(0, 3, 60):
        stretch = int(np.searchsorted(found.ends, effect)) - 1
        assert found.share[stretch] == pytest.approx(share_by_definition(treated, donors, effect))


def test_one_donor_and_one_period_is_a_rank() -> None:
    # The gap was 1 to 19 and is then 30; less an effect of tau its mean is m = (220 - tau) / 20.
    # At 20 it is the mean itself. At 10 it is as far from m = 10.5 as the 1 is, at 30 as far from
    # m = 9.5 as the 19 is; beyond, nothing is as far: one of twenty.
    gap = np.append(np.arange(1.0, 20.0), 30.0)
    donor = np.sin(np.arange(20.0))

    found = conformal(gap + donor, donor[None], np.eye(20)[-1], free="level")

    assert found.point == pytest.approx(20.0)
    assert found.p_value(0.0) == pytest.approx(1 / 20)
    assert found.p_value(20.0) == 1.0
    assert found.interval(0.95) == pytest.approx((10.0, 30.0))


@given(seed=st.integers(0, 300), effect=st.floats(-4, 4), confidence=st.sampled_from([0.8, 0.95]))
def test_interval_excludes_an_effect_exactly_when_the_test_rejects_it(
    seed: int, effect: float, confidence: float
) -> None:
    found = conformal(*world(seed, n_donors=3), WITH_AI, free="level")

    low, high = found.interval(confidence)

    assert (found.p_value(effect) > 1 - confidence + 1e-9) == (low <= effect <= high)
    assert low <= found.point <= high


@given(seed=st.integers(0, 300), shift=st.floats(-50, 50), scale=st.floats(0.01, 100))
def test_the_reading_moves_with_the_outcome(seed: int, shift: float, scale: float) -> None:
    treated, donors = world(seed, n_donors=3)
    found = conformal(treated, donors, WITH_AI, free="level")

    moved = conformal(scale * (treated + shift * WITH_AI), scale * donors, WITH_AI, free="level")

    assert moved.point == pytest.approx(scale * (found.point + shift), rel=1e-5, abs=1e-5 * scale)
    assert moved.p_value(scale * shift) == pytest.approx(found.p_value(0.0))


def test_order_of_donors_changes_nothing() -> None:
    treated, donors = world(1)

    found = conformal(treated, donors, WITH_AI)
    turned = conformal(treated, donors[::-1], WITH_AI)

    assert turned.interval(0.95) == pytest.approx(found.interval(0.95))


@pytest.mark.parametrize(
    ("n_before", "n_after", "reason"),
    [
        (18, 1, "it cannot be told at 95%: 19 shifts of time, needs 20"),
        (24, 13, "hold fewer than 3 stretches as long as the 13 with the AI"),
    ],
)
def test_short_histories_cannot_be_told(n_before: int, n_after: int, reason: str) -> None:
    treated, donors = world(2)
    n = n_before + n_after

    with pytest.raises(NotEstimable, match=reason):
        conformal_synthetic_control(treated[:n], donors[:, :n], n_before)

    check = conformal_over_time(
        treated[:n],
        donors[:, :n],
        (np.arange(n) >= n_before).astype(np.float64),
        confidence=0.95,
        is_claimed=True,
        free="level",
    )
    assert check.status == "not_applicable"
    assert reason in check.detail


def test_donors_that_explain_everything_leave_no_surprise() -> None:
    _, donors = world(3)

    with pytest.raises(NotEstimable, match="without remainder"):
        conformal(donors[:2].mean(axis=0), donors, WITH_AI)


def test_donors_that_stand_still_are_refused() -> None:
    treated, donors = world(3)

    with pytest.raises(NotEstimable, match="donors do not vary"):
        conformal(treated, np.ones_like(donors), WITH_AI, free="level")


@pytest.mark.parametrize("weights", [None, np.array([1.0, 2.0, 3.0, 1.0, 1.0, 4.0])])
def test_the_covariance_reaches_as_far_as_the_readings(weights: Floats | None) -> None:
    treated, donors = world(4, effect=3.0)

    found = conformal_synthetic_control(treated, donors, N_BEFORE, weights=weights)

    share = np.full(6, 1 / 6) if weights is None else weights / weights.sum()
    covariance = found.covariance(0.95)
    half_width = 1.959964 * float(share @ covariance @ share) ** 0.5
    low, high = found.average.interval(0.95)
    assert half_width == pytest.approx(max(high - found.average.point, found.average.point - low))
    assert float(share @ found.gap) == pytest.approx(found.average.point)
    assert np.linalg.eigvalsh(covariance).min() > -1e-9


def panel(treated: Floats, donors: Floats) -> PanelTable:
    outcome = np.vstack([treated, donors])
    is_treated = np.zeros(outcome.shape, bool)
    is_treated[0] = WITH_AI == 1
    return PanelTable(
        unit=[f"u{row}" for row in range(len(outcome)) for _ in range(N)],
        time=[str(time) for _ in outcome for time in range(N)],
        outcome=outcome.ravel(),
        treated=is_treated.ravel(),
        covariates=np.empty((outcome.size, 0)),
    )


def test_one_unit_beside_six_donors_is_read_over_time() -> None:
    found = estimate_panel(panel(*world(5, effect=4.0)))

    assert found.effect.estimator == "conformal_synthetic_control"
    assert found.graded.grade == "C"
    assert found.verdict == "confirmed"
    assert found.p_value < 0.05 < found.figure.low
    statuses = {check.name: check.status for check in found.checks}
    assert statuses["conformal"] == statuses["drifting_apart"] == "passed"
    times = document_of_panel(found)["over_time"]
    assert isinstance(times, list)
    assert [each["time"] for each in times] == ["34", "35", "36", "37", "38", "39"]
    assert all((each["p_value"] > 0.05) == (each["low"] <= 0 <= each["high"]) for each in times)


def test_a_confidence_that_time_cannot_give_leaves_it_to_others() -> None:
    found = estimate_panel(panel(*world(5)), options=Options(confidence=0.99))

    assert found.effect.estimator == "imputation"
    why_not = {each.estimator: each.why_not for each in found.choice.alternatives}
    assert "cannot be told at 99%" in why_not["conformal_synthetic_control"]


def test_a_drift_from_the_donors_is_no_effect() -> None:
    # A fifth of the noise a period: the last six lie four deviations above the mean of the others.
    treated, donors = world(7, n_donors=4)
    drifting = treated + 0.2 * np.arange(N)

    claimed = conformal(drifting, donors, WITH_AI, free="level")
    check = drifting_apart(drifting, donors, WITH_AI, confidence=0.95, is_claimed=True)
    real = drifting_apart(drifting + 5 * WITH_AI, donors, WITH_AI, confidence=0.95, is_claimed=True)

    assert claimed.p_value() <= 0.05
    assert check.status == "failed"
    assert real.status == "passed"


@pytest.mark.parametrize("slope", [-0.3, 0.3])
def test_the_interval_reaches_where_a_drift_may_have_moved_the_effect(slope: float) -> None:
    treated, donors = world(1, n_donors=2)
    drifting = treated + slope * np.arange(N)
    plain = conformal(drifting, donors, WITH_AI, free="level")

    found = allowing_for_drift(plain, drifting, donors, WITH_AI, confidence=0.95)

    low, high = found.interval(0.95)
    assert low <= plain.interval(0.95)[0]
    assert high >= plain.interval(0.95)[1]
    without_drift = conformal(drifting, donors, WITH_AI, free="trend").point
    assert not plain.interval(0.95)[0] <= without_drift <= plain.interval(0.95)[1]
    assert low <= without_drift <= high
    # p-value and interval agree on either side, and between the two places.
    for effect in np.linspace(low - 1, high + 1, 41):
        assert (found.p_value(effect) > 0.05) == (low <= effect <= high)


def test_without_a_drift_the_interval_stays_as_it_is() -> None:
    treated, donors = world(3, effect=2.0)
    plain = conformal(treated, donors, WITH_AI, free="level")

    assert allowing_for_drift(plain, treated, donors, WITH_AI, confidence=0.95) is plain
