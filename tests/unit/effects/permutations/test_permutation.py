"""Whether the permutation interval is exact, agrees with its p-value, and refuses what it must."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aivalue.effects.panel import Floats
from aivalue.effects.permutations.changes import Changes, changes_of
from aivalue.effects.permutations.permutation import (
    Permutation,
    permutation_interval,
    permutation_of_starts,
)
from aivalue.errors import NotEstimable

ROUNDING = 1e-9  # 1 - 0.9 is a bit less than 0.1.
N_PERIODS = 6


def agrees(found: Permutation) -> bool:
    is_rejected = found.p_value <= 1 - found.confidence + ROUNDING
    return is_rejected == (not found.low <= 0 <= found.high)


def test_fishers_tea() -> None:
    # Eight cups, four with milk first, all found: 1 of 70 assignments, and its reverse.
    found = permutation_interval(np.ones(4), np.zeros(4))

    assert found.n_assignments == 70
    assert found.p_value == pytest.approx(2 / 70)
    assert found.p_smallest == pytest.approx(2 / 70)


@settings(deadline=None)
@given(
    seed=st.integers(0, 10_000),
    size=st.sampled_from([(1, 24), (2, 12), (3, 9), (5, 7), (6, 6), (5, 12), (10, 6)]),
    digits=st.sampled_from([0, 1, 9]),
    shift=st.sampled_from([0.0, 0.5, 1.0, 3.0]),
    level=st.sampled_from([0.0, 0.1, 1e6]),
    confidence=st.sampled_from([0.8, 0.9, 0.95]),
)
def test_interval_excludes_zero_exactly_when_the_test_rejects(
    seed: int,
    size: tuple[int, int],
    digits: int,
    shift: float,
    level: float,
    confidence: float,
) -> None:
    # No digits give integers, so that half of all assignments tie.
    rng = np.random.default_rng(seed)
    treated, control = (np.round(rng.normal(size=n), digits) + level for n in size)

    found = permutation_interval(treated + shift, control, confidence=confidence)

    assert agrees(found)
    assert found.low <= found.point <= found.high


def staggered(rng: np.random.Generator, first: list[int], *, effect: float, seen: float) -> Changes:
    start = np.array(first)
    with_ai = np.arange(N_PERIODS) >= start[:, None]
    value = np.round(rng.normal(size=with_ai.shape), 1) + effect * with_ai
    weight = np.where(rng.random(with_ai.shape) < seen, rng.integers(1, 4, with_ai.shape), 0)
    return changes_of(value, weight.astype(float), with_ai, start.astype(np.int64))


@settings(deadline=None)
@given(
    seed=st.integers(0, 10_000),
    starts=st.sampled_from([[2], [2, 3], [2, 2], [2, 3, 4], [3, 3, 4], [2, 2, 4, 4, 4]]),
    n_control=st.integers(5, 9),
    effect=st.sampled_from([0.0, 1.0, 4.0]),
    seen=st.sampled_from([1.0, 0.8]),
)
def test_they_agree_where_units_went_live_one_after_another(
    seed: int, starts: list[int], n_control: int, effect: float, seen: float
) -> None:
    first = starts + [N_PERIODS] * n_control
    found = staggered(np.random.default_rng(seed), first, effect=effect, seen=seen)

    try:
        read = permutation_of_starts(found.change, found.had_it, found.counts, confidence=0.8)
    except NotEstimable:
        # Units without cells on both sides of a start are left out, and too few may remain.
        assert seen < 1
        return

    assert agrees(read)
    assert read.low <= read.point <= read.high


def test_every_assignment_of_starts_is_counted_once() -> None:
    # Three units went live one after another, four never did: 7 * 6 * 5 choices, by hand.
    rng = np.random.default_rng(6)
    found = staggered(rng, [2, 3, 4, *[N_PERIODS] * 4], effect=0.0, seen=1.0)

    read = permutation_of_starts(found.change, found.had_it, found.counts, confidence=0.9)

    seen = []
    for chosen in permutations(range(7), 3):
        others = [unit for unit in range(7) if unit not in chosen]
        gaps = [
            found.change[unit, at] - found.change[others, at].mean()
            for at, unit in enumerate(chosen)
        ]
        seen.append(float(np.mean(gaps)))
    assert read.n_assignments == 210
    assert read.point == pytest.approx(seen[0])
    assert read.p_value == pytest.approx(np.mean(np.abs(seen) >= abs(seen[0]) - 1e-12))


def test_the_inversion_is_that_of_every_hypothesis() -> None:
    rng = np.random.default_rng(1)
    treated, control = rng.normal(1, 1, 2), rng.normal(size=8)
    found = permutation_interval(treated, control, confidence=0.9)

    for end, outwards in ((found.high, 1e-6), (found.low, -1e-6)):
        just_inside, just_outside = (
            permutation_interval(treated - effect, control, confidence=0.9).p_value
            for effect in (end - outwards, end + outwards)
        )
        assert just_inside > 0.1
        assert just_outside <= 0.1


def test_the_inversion_takes_the_effect_off_the_cells_that_had_it() -> None:
    # Taking the upper end off every cell with AI leaves data that are just not rejected.
    start = np.array([2, 4, *[N_PERIODS] * 6])
    with_ai = np.arange(N_PERIODS) >= start[:, None]
    value = np.random.default_rng(4).normal(size=with_ai.shape)

    def read(outcome: Floats) -> Permutation:
        found = changes_of(outcome, np.ones_like(outcome), with_ai, start)
        return permutation_of_starts(found.change, found.had_it, found.counts, confidence=0.9)

    high = read(value).high

    assert read(value - (high - 1e-6) * with_ai).p_value > 0.1
    assert read(value - (high + 1e-6) * with_ai).p_value <= 0.1


@pytest.mark.parametrize("starts", [[2], [2, 2], [2, 3], [2, 3, 4]])
def test_interval_covers_as_often_as_it_claims(starts: list[int]) -> None:
    # Exact whatever the distribution; 400 draws put the Monte Carlo error near 1.1 points.
    rng = np.random.default_rng(2)
    first = np.array([*starts, *[N_PERIODS] * (22 - len(starts))])
    with_ai = np.arange(N_PERIODS) >= first[:, None]
    hits = 0
    for _ in range(400):
        value = rng.standard_t(3, with_ai.shape) + 2.0 * with_ai
        found = changes_of(value, np.ones_like(value), with_ai, first)
        read = permutation_of_starts(found.change, found.had_it, found.counts)
        hits += read.low <= 2 <= read.high

    assert 0.92 <= hits / 400 <= 0.99


@given(shift=st.floats(-100, 100), scale=st.floats(0.01, 100))
def test_shift_cancels_and_scale_scales(shift: float, scale: float) -> None:
    rng = np.random.default_rng(3)
    treated, control = rng.normal(size=2), rng.normal(size=12)
    plain = permutation_interval(treated, control)

    moved = permutation_interval(treated * scale + shift, control * scale + shift)

    assert moved.low == pytest.approx(plain.low * scale, rel=1e-6, abs=1e-6 * scale)


def test_ten_assignments_give_ninety_percent() -> None:
    found = permutation_interval(np.array([9.0]), np.arange(9.0) / 9, confidence=0.9)

    assert found.p_value == pytest.approx(0.1)
    assert found.low > 0


@pytest.mark.parametrize(
    ("n_treated", "n_control", "reason"),
    [
        (1, 10, r"11 assignments cannot give 95% confidence.* needs 20 assignments"),
        # The reverse is as extreme, so the best p of 3 of 6 units is a tenth.
        (3, 3, r"20 assignments cannot give 95% confidence: p can be 0.1 at best, needs 40"),
        (10, 30, "cannot all be counted"),
    ],
)
def test_refuses_too_few_or_too_many_assignments(
    n_treated: int, n_control: int, reason: str
) -> None:
    rng = np.random.default_rng(4)

    with pytest.raises(NotEstimable, match=reason):
        permutation_interval(rng.normal(size=n_treated), rng.normal(size=n_control))


def test_where_every_unit_went_live_nobody_is_left_to_compare_with() -> None:
    change = np.random.default_rng(1).normal(size=(8, 2))

    with pytest.raises(NotEstimable, match="0 of 8 units never went live, needs 1"):
        permutation_of_starts(change, np.ones((8, 2)), (4, 4))
