"""Whether a level with its mix held moves with rates alone, and the parts of a change sum to it."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivalue.effects.design import Assignment
from aivalue.effects.estimate import estimate
from aivalue.effects.front_door.segments import held_series
from aivalue.effects.front_door.table import PanelTable
from aivalue.effects.panel import Booleans, Floats
from aivalue.effects.segments.mix import OTHERS, HeldMix, hold_mix
from aivalue.errors import NotEstimable
from aivalue.kpis.definition import Design
from tests.unit.effects.builders import RATE, Key, rate_series

N, N_BEFORE = 20, 12
WITH_AI: Booleans = np.arange(N) >= N_BEFORE
NAMES = ("easy", "hard")


def held(total: Floats, volume: Floats, names: tuple[str, ...] = NAMES) -> HeldMix:
    return hold_mix(total, volume, WITH_AI, volume[WITH_AI].sum(axis=0), names)


def test_volume_that_moves_to_hard_cases_is_not_work_that_got_slower() -> None:
    # Easy cases take 2 minutes and hard ones 10, always; their shares go from 80:20 to 20:80.
    volume = np.where(WITH_AI[:, None], [20.0, 80.0], [80.0, 20.0])

    found = held(volume * [2.0, 10.0], volume)

    assert found.level == pytest.approx(np.full(N, 8.4))
    assert (found.parts.rate, found.parts.volume) == pytest.approx((0.0, 0.0))
    # 100 cases took 360 minutes and take 840.
    assert found.parts.mix == pytest.approx(480.0)
    assert (found.parts.before, found.parts.after) == pytest.approx((360.0, 840.0))


def test_work_that_gets_faster_shows_at_the_mix_of_the_time_with_ai() -> None:
    volume = np.where(WITH_AI[:, None], [20.0, 80.0], [80.0, 20.0])
    minutes = np.where(WITH_AI[:, None], [2.0, 9.0], [2.0, 10.0])

    found = held(volume * minutes, volume)

    # One minute less on the 80 % that are hard.
    assert found.level[WITH_AI] - found.level[~WITH_AI][0] == pytest.approx(np.full(8, -0.8))


@given(seed=st.integers(0, 500), n_segments=st.integers(2, 5))
def test_the_three_parts_sum_to_the_change(seed: int, n_segments: int) -> None:
    rng = np.random.default_rng(seed)
    volume = rng.uniform(0, 50, (N, n_segments)) * (rng.random((N, n_segments)) < 0.8)
    volume[:, 0] += 1.0
    total = volume * rng.uniform(1, 20, (N, n_segments))

    parts = held(total, volume, tuple(f"s{column}" for column in range(n_segments))).parts

    assert parts.total == pytest.approx(parts.after - parts.before, abs=1e-9)
    assert sum(rate for _, rate in parts.rate_by_segment) == pytest.approx(parts.rate)


def test_a_mix_that_stands_still_leaves_the_level_as_it_is() -> None:
    rng = np.random.default_rng(1)
    volume = np.outer(rng.uniform(50, 150, N), [0.3, 0.7])
    total = volume * rng.uniform(1, 3, (N, 2))

    found = held(total, volume)

    assert found.level == pytest.approx(total.sum(axis=1) / volume.sum(axis=1))
    assert found.parts.mix == pytest.approx(0.0, abs=1e-9)


def test_a_segment_that_came_with_the_ai_counts_as_mix() -> None:
    volume = np.column_stack([np.full(N, 50.0), np.where(WITH_AI, 50.0, 0.0)])

    found = held(volume * [2.0, 10.0], volume)

    assert found.level == pytest.approx(np.full(N, 6.0))
    assert found.parts.rate == pytest.approx(0.0)


def test_segments_seen_now_and_then_are_taken_together() -> None:
    volume = np.column_stack([np.full(N, 50.0), np.arange(N) % 2.0, (np.arange(N) + 1) % 2.0])

    found = held(volume * [2.0, 5.0, 7.0], volume, ("often", "now", "then"))

    assert found.segments == ("often", OTHERS)


def test_one_segment_has_no_mix() -> None:
    with pytest.raises(NotEstimable, match="1 segments have volume, a mix needs 2"):
        held(np.ones((N, 1)), np.ones((N, 1)), ("all",))


def test_times_on_one_side_only_are_refused() -> None:
    always = np.ones(N, bool)
    with pytest.raises(NotEstimable, match="0 times before and 20 with the AI"):
        hold_mix(np.ones((N, 2)), np.ones((N, 2)), always, np.ones(2), NAMES)


def weeks_of_a_desk(*, effect: float) -> Mapping[Key, tuple[Decimal, Decimal]]:
    """Return 80 weeks in which hard cases come to be half of all when the AI comes."""
    rng = np.random.default_rng(3)
    rows: dict[Key, tuple[Decimal, Decimal]] = {}
    for week in range(80):
        with_ai = week >= 60
        for name, level, share in (("easy", 2.0, 0.8), ("hard", 10.0, 0.2)):
            cases = round(1_000 * (0.5 if with_ai else share))
            minutes = cases * (level + effect * with_ai + 0.05 * rng.normal())
            day = date(2023, 1, 2) + timedelta(weeks=week)
            rows["desk", name, "", day] = (Decimal(f"{minutes:.3f}"), Decimal(cases))
    return rows


@pytest.mark.parametrize("effect", [0.0, -0.4])
def test_a_run_holds_the_mix_and_says_why_the_total_changed(effect: float) -> None:
    go_live = date(2023, 1, 2) + timedelta(weeks=60)
    result = estimate(
        kpi=RATE,
        design=Design(key="desk", kpis=("downtime",), assignment="self_selected", events_min=10),
        interventions=[
            Assignment(
                unit="desk",
                arm="treatment",
                start=go_live,
                end=None,
                assignment="self_selected",
                randomized_by=None,
            )
        ],
        series=rate_series(weeks_of_a_desk(effect=effect)),
    )

    assert result.effect is not None
    assert result.effect.estimator == "before_after"
    assert result.average is not None
    assert result.average.low <= effect <= result.average.high
    assert result.average.high - result.average.low < 0.3
    parameters = dict(result.parameters)
    assert parameters["mix_held"] == "easy, hard"
    for other in ("if_level_stands", "if_level_wanders"):
        assert float(parameters[f"{other}_low"]) <= effect <= float(parameters[f"{other}_high"])
    assert result.parts is not None
    # A mean week took 3,600 minutes; with half of them hard it takes 6,000.
    assert result.parts.mix == pytest.approx(2_400, rel=0.1)
    assert result.parts.rate == pytest.approx(1_000 * effect, abs=60)


def test_events_of_a_table_have_a_volume_of_one_each() -> None:
    # Per time one easy event and, with the AI, three hard ones instead of one.
    time = [str(t) for t in range(N) for _ in range(4 if t >= N_BEFORE else 2)]
    segment = [name for t in range(N) for name in ("easy", *["hard"] * (3 if t >= N_BEFORE else 1))]
    level = {"easy": 2.0, "hard": 10.0}
    table = PanelTable(
        unit=["series"] * len(time),
        time=time,
        outcome=np.array([level[name] for name in segment]),
        treated=np.array([int(each) >= N_BEFORE for each in time]),
        covariates=np.empty((len(time), 0)),
    )

    whole, parts = held_series(table, segment)

    assert whole.outcome == pytest.approx(np.full(N, 8.0))
    assert list(whole.treated) == list(WITH_AI)
    assert (parts.before, parts.after) == (12.0, 32.0)
    assert parts.rate == pytest.approx(0.0)


def test_a_time_with_and_without_ai_is_no_one_series() -> None:
    table = PanelTable(
        unit=["series"] * 4,
        time=["1", "1", "2", "2"],
        outcome=np.ones(4),
        treated=np.array([False, False, True, False]),
        covariates=np.empty((4, 0)),
    )

    with pytest.raises(NotEstimable, match="time 2 has rows with and without the AI"):
        held_series(table, ["a", "b", "a", "b"])


def test_a_segment_without_any_volume_changes_nothing() -> None:
    rng = np.random.default_rng(4)
    total, volume = rng.uniform(1, 9, (8, 2)), rng.uniform(1, 9, (8, 2))
    with_ai = np.arange(8) >= 5
    empty = np.zeros((8, 1))

    held, beside = (
        hold_mix(each[0], each[1], with_ai, each[1][with_ai].sum(axis=0), names)
        for each, names in (
            ((total, volume), ["a", "b"]),
            ((np.hstack([empty, total]), np.hstack([empty, volume])), ["", "a", "b"]),
        )
    )

    assert np.isfinite(held.level).all()
    assert beside.level == pytest.approx(held.level)
    assert (beside.segments, beside.parts) == (held.segments, held.parts)
