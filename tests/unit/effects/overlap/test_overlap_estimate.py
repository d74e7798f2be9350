"""Whether initiatives that share units are estimated together, alike whoever is asked."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from aivalue.effects.design import Assignment
from aivalue.effects.overlap import Joint, Measured, Member, estimate_together, overlapping
from aivalue.kpis.definition import Design
from aivalue.kpis.series import Series
from tests.unit.effects.builders import RATE, rate_series

# A takes 3 min/h off, B 2, and both together 3.5: by Shapley 2.25 and 1.25 of it.
ALONE = {"a": -3.0, "b": -2.0}
TOGETHER = -3.5
UNITS = [f"u{number:02}" for number in range(30)]
N_MONTHS = 24
HOURS = 100
# Month of go-live per unit; None is never. A third have one alone, a third both, a third neither.
FIRST: Mapping[str, list[int | None]] = {
    "a": [12] * 7 + [15] * 8 + [None] * 15,
    "b": [None] * 7 + [15] * 4 + [18] * 4 + [14] * 5 + [None] * 10,
}


def month(number: int) -> date:
    return date(2022 + number // 12, number % 12 + 1, 1)


def world(
    *, noise: float = 0.01, scale: float | None = None, seed: int = 7, noisier: float = 1.0
) -> Series:
    """Downtime by unit and month, in two rows each; treated units vary `noisier` times as much."""
    rng = np.random.default_rng(seed)
    rows = {}
    for index, unit in enumerate(UNITS):
        for number in range(N_MONTHS):
            active = [name for name, first in FIRST.items() if (first[index] or 99) <= number]
            effect = TOGETHER if len(active) > 1 else sum(ALONE[name] for name in active)
            times = noisier if any(first[index] for first in FIRST.values()) else 1.0
            level = 20 + index / 2 + 2 * np.sin(number) + noise * times * rng.normal()
            if scale is not None:
                level, effect = level * (1 - scale) ** len(active), 0.0
            minutes = Decimal(f"{HOURS / 2 * (level + effect):.6f}")
            for day in (month(number), month(number).replace(day=28)):
                rows[unit, "", "", day] = (minutes, Decimal(HOURS) / 2)
    return rate_series(rows)


def member(name: str, **changes: object) -> Member:
    plan = Design.model_validate(
        {"key": name, "kpis": ["downtime"], "assignment": "phased", "events_min": 1}
    )
    interventions = tuple(
        Assignment(
            unit=unit,
            arm="treatment",
            start=month(first),
            end=None,
            assignment="phased",
            randomized_by=None,
        )
        for unit, first in zip(UNITS, FIRST[name[0]], strict=True)
        if first is not None
    )
    plain = Member(initiative=name, plan=plan, interventions=interventions)
    return replace(plain, **changes)  # type: ignore[arg-type]  # each test names real fields


def estimate(series: Series, *members: Member) -> Joint:
    return estimate_together(kpi=RATE, members=members, series=series)


def volume(name: str) -> int:
    """Hours in which an initiative was at work."""
    return sum(HOURS * (N_MONTHS - first) for first in FIRST[name] if first is not None)


def both() -> int:
    """Hours in which both were."""
    pairs = zip(FIRST["a"], FIRST["b"], strict=True)
    return sum(HOURS * (N_MONTHS - max(a, b)) for a, b in pairs if a is not None and b is not None)


def test_shares_are_the_known_answer_and_sum_to_the_total() -> None:
    found = estimate(world(), member("a"), member("b"))

    loss = (sum(ALONE.values()) - TOGETHER) / 2
    wanted = {name: ALONE[name] * volume(name) - loss * both() for name in ALONE}
    totals = {name: each.total.point for name, each in found.estimates.items() if each.total}
    assert totals == pytest.approx(wanted, rel=2e-3)
    assert found.together is not None
    together = np.dot(found.together.point, found.together.volume)
    assert sum(totals.values()) == pytest.approx(together, rel=1e-12)
    assert found.inseparable == ()
    assert {each.grade for each in found.estimates.values()} == {"C"}  # Nothing was frozen.
    (check,) = [each for each in found.estimates["a"].checks if each.name == "overlap"]
    assert check.status == "passed"
    assert "shares units with b" in check.detail


def test_months_sum_to_the_total_month_by_month() -> None:
    found = estimate(world(noise=1.0), member("a"), member("b"))

    assert found.together is not None
    by_month = dict.fromkeys(found.together.periods, 0.0)
    for each in found.estimates.values():
        assert each.effect is not None
        for period, point, size in zip(
            each.effect.periods, each.effect.point, each.effect.volume, strict=True
        ):
            by_month[period] += point * size
    wanted = np.multiply(found.together.point, found.together.volume)
    assert list(by_month.values()) == pytest.approx(list(wanted), rel=1e-9)


def test_the_answer_does_not_depend_on_who_is_named_first() -> None:
    series = world(noise=1.0)

    assert repr(estimate(series, member("a"), member("b"))) == repr(
        estimate(series, member("b"), member("a"))
    )


@pytest.mark.parametrize(("noisier", "grade"), [(1.0, "B"), (2.5, "C")])
def test_ten_units_alike_and_a_frozen_baseline_earn_b(noisier: float, grade: str) -> None:
    series = world(noise=0.5, noisier=noisier)
    window = {"start": "2022-01-01", "end": "2023-01-01"}
    plan = Design.model_validate(
        {"key": "x", "kpis": ["downtime"], "assignment": "phased", "baseline": window}
    )
    plan = plan.model_copy(update={"events_min": 1})

    found = estimate(
        series, *(replace(member(name), plan=plan, baseline=series) for name in ("a", "b"))
    )

    for each in found.estimates.values():
        assert each.grade == grade, each.grade_reasons
        # One covariance of all units' paths takes them to vary alike, and says so.
        (check,) = [check for check in each.checks if check.name == "unequal_scatter"]
        assert check.status == ("passed" if noisier == 1 else "failed")
        assert "the interval takes it for one" in check.detail


def test_what_was_never_apart_is_a_convention_and_says_so() -> None:
    found = estimate(world(), member("a"), member("a2"))

    assert found.inseparable == (frozenset({"a", "a2"}),)
    first, second = found.estimates["a"], found.estimates["a2"]
    assert first.total is not None
    assert second.total is not None
    assert first.total.point == pytest.approx(second.total.point)
    assert first.grade == "C"
    assert any("convention" in reason for reason in first.grade_reasons)


def test_a_programme_shares_as_one() -> None:
    series = world()
    plain = estimate(series, member("a"), member("a2"), member("b"))

    found = estimate(
        series,
        *(replace(member(name), programme="upkeep") for name in ("a", "a2")),
        member("b"),
    )

    assert found.programmes == {"programme upkeep": ("a", "a2"), "initiative b": ("b",)}
    assert dict(found.estimates["b"].parameters)["shared_by"] == "owen"
    shares = {name: each.total for name, each in found.estimates.items()}
    assert shares["b"] is not None
    assert plain.estimates["b"].total is not None
    assert shares["b"].point != pytest.approx(plain.estimates["b"].total.point, rel=0.01)


def test_effects_that_multiply_are_shared_on_their_scale() -> None:
    series = world(scale=0.10)
    plan = member("a").plan
    assert isinstance(plan, Design)
    plan = plan.model_copy(update={"scale": "proportional"})

    found = estimate(series, *(replace(member(name), plan=plan) for name in ("a", "b")))

    assert found.together is not None
    # On two units of volume in three one is at work, on the rest both.
    observed = np.dot(found.together.observed, found.together.volume)
    without = observed - np.dot(found.together.point, found.together.volume)
    assert 1 - 0.19 < observed / without < 1 - 0.10
    assert found.together.scale == "proportional"


def test_a_series_that_nothing_can_be_compared_with_is_refused_for_all() -> None:
    series = world()
    few = series.where(lambda key: key[0] in set(UNITS[7:15]))

    found = estimate(few, member("a"), member("b"))

    assert found.together is None
    assert {each.effect for each in found.estimates.values()} == {None}


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({}, ("a", "b")),
        ({"units": frozenset(UNITS[15:])}, ("a",)),
        ({"interventions": ()}, ("a",)),
    ],
    ids=["same units", "other units", "not at work"],
)
def test_who_shares_units(change: dict[str, object], wanted: tuple[str, ...]) -> None:
    members = {"a": member("a"), "b": member("b", **change)}

    assert overlapping("a", members, Measured.of(world())) == wanted


def test_plans_that_measure_other_days_are_refused_together() -> None:
    plans = [
        Design.model_validate(
            {"key": "x", "kpis": ["downtime"], "assignment": "phased", "measured": window}
        )
        for window in (
            {"start": "2023-01-01", "end": "2023-03-01"},
            {"start": "2023-06-01", "end": "2023-09-01"},
        )
    ]

    found = estimate(
        world(), *(replace(member(name), plan=plan) for name, plan in zip("ab", plans, strict=True))
    )

    assert found.together is None
    assert "no day in common" in str(found.estimates["a"].refusal)


def test_a_plan_about_no_unit_reaches_none() -> None:
    start = date(2024, 1, 1)
    assigned = Assignment(
        unit="a",
        arm="treatment",
        start=start,
        end=None,
        assignment="phased",
        randomized_by=None,
    )
    plan = Design(key="x", kpis=("downtime",), assignment="phased")
    measured = Measured(units=frozenset({"a"}), last=start)

    about_none, about_all = (
        Member(initiative="x", plan=plan, interventions=(assigned,), units=units)
        for units in (frozenset[str](), None)
    )

    assert about_none.reached(measured) == frozenset()
    assert about_all.reached(measured) == {"a"}
