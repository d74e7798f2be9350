"""Whether one joint model finds what initiatives brought together, and shares exactly that."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aivalue.effects.overlap import in_cents, joint_model, joint_shares
from aivalue.effects.panel import Booleans, Floats
from aivalue.errors import NotEstimable
from tests.unit.effects.staggered_builders import drifting

# D11 of the validation plan: A brings 3, B brings 2, and together 1.5 less than their sum.
WORTH = {frozenset("A"): 3.0, frozenset("B"): 2.0, frozenset("AB"): 3.5}
MONTHS = np.arange(24)


def starts(rng: np.random.Generator) -> dict[str, Booleans]:
    """Correlated rollouts over forty units; ten never get either."""
    first = np.r_[rng.integers(6, 20, 30), np.full(10, 99)]
    second = np.where(first < 99, first + rng.integers(-4, 8, 40), 99)
    return {"A": first[:, None] <= MONTHS, "B": np.maximum(second, 5)[:, None] <= MONTHS}


def added(at_work: Mapping[str, Booleans]) -> Floats:
    a, b = at_work["A"], at_work["B"]
    return np.where(a & b, 3.5, np.where(a, 3.0, np.where(b, 2.0, 0.0)))


def true_shares(at_work: Mapping[str, Booleans], volume: Floats) -> dict[str, float]:
    """Shapley on every cell: alone, what it brings; together, 3.5 splits 2.25 to 1.25."""
    a, b = at_work["A"], at_work["B"]
    of_a = np.where(a & b, 2.25, np.where(a, 3.0, 0.0))
    of_b = np.where(a & b, 1.25, np.where(b, 2.0, 0.0))
    return {"A": float((of_a * volume).sum()), "B": float((of_b * volume).sum())}


def test_an_exact_world_gives_exact_shares() -> None:
    rng = np.random.default_rng(1)
    at_work = starts(rng)
    volume = rng.uniform(50, 150, (40, 24))
    level = rng.normal(10, 3, (40, 1)) + np.sin(MONTHS) + added(at_work)
    level = level + 1e-7 * rng.normal(size=level.shape)  # So that an interval exists.

    found = joint_shares(joint_model(level, volume, at_work))

    wanted = true_shares(at_work, volume)
    assert found.total.point == pytest.approx(sum(wanted.values()), rel=1e-6)
    assert {k: v.point for k, v in found.share.items()} == pytest.approx(wanted, rel=1e-6)
    assert found.inseparable == ()


DRAWS = 60


def test_total_is_unbiased_where_adding_stand_alone_effects_overstates() -> None:
    # 60 draws put the Monte Carlo error of the total near 0.3 %, of coverage near 3 points.
    rng = np.random.default_rng(2)
    joint, alone, split = [], [], []
    hits = np.zeros(3)
    for draw in range(DRAWS):
        at_work = starts(rng)
        volume = rng.uniform(50, 150, (40, 24))
        level = 0.3 * drifting(rng, (40, 24), correlation=0.5) + added(at_work)
        wanted = true_shares(at_work, volume)
        truth = sum(wanted.values())
        found = joint_shares(joint_model(level, volume, at_work))
        joint.append(found.total.point / truth)
        split.append((found.share["A"].point - wanted["A"]) / truth)
        hits += [
            found.total.low <= truth <= found.total.high,
            *(found.share[n].low <= wanted[n] <= found.share[n].high for n in ("A", "B")),
        ]
        if draw < 10:
            single = (joint_model(level, volume, {n: active}) for n, active in at_work.items())
            alone.append(sum(joint_shares(model).total.point for model in single) / truth)

    assert abs(np.mean(joint) - 1) <= 0.01
    assert abs(np.mean(split)) <= 0.01
    assert np.mean(alone) > 1.10
    assert (hits / DRAWS >= 0.88).all()


@given(seed=st.integers(0, 10_000))
@settings(max_examples=8, deadline=None)
def test_shares_sum_to_the_total_in_the_unit_and_to_the_cent(seed: int) -> None:
    rng = np.random.default_rng(seed)
    at_work = starts(rng)
    volume = rng.uniform(50, 150, (40, 24))

    found = joint_shares(joint_model(drifting(rng, (40, 24)), volume, at_work))

    points = {name: share.point for name, share in found.share.items()}
    assert sum(points.values()) == pytest.approx(found.total.point, rel=1e-9, abs=1e-9)
    total_cents = round(100 * found.total.point)
    assert sum(in_cents(points, total_cents).values()) == total_cents


@given(seed=st.integers(0, 10_000))
@settings(max_examples=5, deadline=None)
def test_an_initiative_that_was_never_at_work_changes_nobody(seed: int) -> None:
    rng = np.random.default_rng(seed)
    at_work = starts(rng)
    level, volume = drifting(rng, (40, 24)), rng.uniform(50, 150, (40, 24))
    nowhere = {"null": np.zeros((40, 24), dtype=bool)}

    plain = joint_shares(joint_model(level, volume, at_work))
    found = joint_shares(joint_model(level, volume, at_work | nowhere))

    assert found.share["null"].point == 0.0
    assert found.total == plain.total
    assert {name: found.share[name] for name in plain.share} == plain.share


def test_an_initiative_without_effect_gets_nothing_however_often_it_is_there() -> None:
    rng = np.random.default_rng(3)
    at_work = starts(rng)
    null = rng.integers(4, 30, 40)[:, None] <= MONTHS
    null[30:35] = False
    volume = np.full((40, 24), 100.0)
    level = rng.normal(10, 3, (40, 1)) + np.cos(MONTHS) + added(at_work)
    level = level + 1e-7 * rng.normal(size=level.shape)

    found = joint_shares(joint_model(level, volume, at_work | {"null": null}))

    wanted = true_shares(at_work, volume)
    assert found.share["null"].point == pytest.approx(0, abs=1e-4 * sum(wanted.values()))


def test_names_do_not_matter() -> None:
    rng = np.random.default_rng(4)
    at_work = starts(rng)
    level, volume = drifting(rng, (40, 24)), rng.uniform(50, 150, (40, 24))

    plain = joint_shares(joint_model(level, volume, at_work))
    renamed = joint_shares(joint_model(level, volume, {"Z": at_work["A"], "B": at_work["B"]}))

    assert renamed.share["Z"].point == pytest.approx(plain.share["A"].point)
    assert renamed.share["Z"].low == pytest.approx(plain.share["A"].low)


def test_splitting_a_unit_in_two_halves_leaves_every_figure() -> None:
    rng = np.random.default_rng(5)
    at_work = starts(rng)
    level, volume = drifting(rng, (40, 24)), rng.uniform(50, 150, (40, 24))
    rows = np.r_[0, np.arange(40)]
    halved = volume[rows] * np.where(np.arange(41) < 2, 0.5, 1.0)[:, None]

    plain = joint_shares(joint_model(level, volume, at_work))
    split = joint_shares(
        joint_model(level[rows], halved, {name: on[rows] for name, on in at_work.items()})
    )

    assert split.total.point == pytest.approx(plain.total.point)
    assert split.share["A"].point == pytest.approx(plain.share["A"].point)


def test_initiatives_that_were_never_apart_are_inseparable_and_share_alike() -> None:
    rng = np.random.default_rng(6)
    at_work = starts(rng)
    level, volume = drifting(rng, (40, 24)), np.full((40, 24), 100.0)

    found = joint_shares(joint_model(level, volume, {"A": at_work["A"], "B": at_work["A"]}))

    assert found.inseparable == (frozenset("AB"),)
    assert found.share["A"].point == pytest.approx(found.total.point / 2)


def test_an_initiative_that_only_ever_followed_another_is_inseparable_from_it() -> None:
    # What B would do alone was never seen: what it added is credited, and said to be a convention.
    rng = np.random.default_rng(7)
    at_work = starts(rng)
    later = at_work["A"] & np.roll(at_work["A"], 4, axis=1) & (MONTHS >= 8)
    volume = np.full((40, 24), 100.0)
    level = drifting(rng, (40, 24)) * 0.01 + 3.0 * at_work["A"] + 1.0 * later

    found = joint_shares(joint_model(level, volume, {"A": at_work["A"], "B": later}))

    assert found.inseparable == (frozenset("AB"),)
    assert found.share["B"].point == pytest.approx(float((later * volume).sum()), rel=0.05)


def test_a_set_seen_too_seldom_by_itself_says_nothing_about_its_split() -> None:
    rng = np.random.default_rng(8)
    a = np.zeros((40, 24), dtype=bool)
    b = np.zeros((40, 24), dtype=bool)
    a[:20, 12:], b[:20, 12:] = True, True
    a[20, 12:21] = True  # Nine unit-periods alone; ten are needed.
    b[21:25, 12:] = True

    found = joint_shares(
        joint_model(drifting(rng, (40, 24)), np.full((40, 24), 1.0), {"A": a, "B": b})
    )

    assert found.inseparable == (frozenset("AB"),)


def test_programmes_share_first() -> None:
    rng = np.random.default_rng(9)
    at_work = starts(rng) | {"C": rng.integers(6, 40, 40)[:, None] <= MONTHS}
    at_work["C"][30:] = False
    level, volume = drifting(rng, (40, 24)), np.full((40, 24), 100.0)
    model = joint_model(level, volume, at_work)

    by_programme = joint_shares(model, programmes={"one": ("A", "B"), "two": ("C",)})
    by_initiative = joint_shares(model, programmes={name: (name,) for name in "ABC"})
    plain = joint_shares(model)

    points = [share.point for share in by_programme.share.values()]
    assert sum(points) == pytest.approx(plain.total.point)
    for name in "ABC":
        assert by_initiative.share[name].point == pytest.approx(plain.share[name].point)
    with pytest.raises(NotEstimable, match="each must belong to one programme"):
        joint_shares(model, programmes={"one": ("A",)})


def test_the_same_input_gives_the_same_bytes() -> None:
    rng = np.random.default_rng(10)
    at_work = starts(rng)
    level, volume = drifting(rng, (40, 24)), rng.uniform(50, 150, (40, 24))
    reordered = dict(reversed(at_work.items()))

    once = repr(joint_shares(joint_model(level, volume, at_work)))
    again = repr(joint_shares(joint_model(level, volume, reordered)))

    assert once == again


def test_refuses_what_it_cannot_estimate() -> None:
    rng = np.random.default_rng(11)
    level, volume = drifting(rng, (12, 10)), np.ones((12, 10))
    never = np.zeros((12, 10), dtype=bool)
    everywhere = np.tile(np.arange(10) >= 5, (12, 1))
    some = everywhere & (np.arange(12) < 5)[:, None]

    with pytest.raises(NotEstimable, match="no initiative has been at work yet") as refusal:
        joint_model(level, volume, {"A": never})
    assert refusal.value.verdict == "too_early"
    with pytest.raises(NotEstimable, match="100% of the volume with initiatives"):
        joint_model(level, volume, {"A": everywhere})
    with pytest.raises(NotEstimable, match="nothing varies"):
        joint_model(np.zeros((12, 10)), volume, {"A": some})
    with pytest.raises(NotEstimable, match="0 initiatives on one KPI"):
        joint_model(level, volume, {})
