"""Definitions that do not fit together are found, each with its field."""

from datetime import date
from decimal import Decimal
from typing import Literal

import pytest

from aivalue.kpis.definition import (
    Definition,
    Design,
    Initiative,
    Kpi,
    Portfolio,
    Process,
    Target,
    Window,
)
from aivalue.kpis.references import initiatives_concerned, problems_of


def whole(
    *,
    unit: str = "share",
    better_when: Literal["higher", "lower"] = "lower",
    kind: Literal["relative", "absolute", "percentage_points"] = "relative",
    amount: str = "0.1",
    baseline: Window | None = None,
) -> dict[tuple[str, str], Definition]:
    kpi = Kpi(
        key="churn",
        process="sales",
        name="Churn",
        unit=unit,
        better_when=better_when,
        aggregation="mean",
    )
    found: list[tuple[str, Definition]] = [
        ("portfolio", Portfolio(key="p", name="P", owner="O", reporting_currency="EUR")),
        (
            "initiative",
            Initiative(
                key="i", portfolio="p", name="I", owner="O", stage="run", go_live=date(2024, 1, 1)
            ),
        ),
        ("process", Process(key="sales", name="Sales", unit_of_analysis="customer")),
        ("kpi", kpi),
        (
            "target",
            Target(
                key="t",
                initiative="i",
                kpi="churn",
                kind=kind,
                amount=Decimal(amount),
                due=date(2025, 1, 1),
            ),
        ),
        ("design", Design(key="i", kpis=("churn",), assignment="phased", baseline=baseline)),
    ]
    return {(kind_of, each.key): each for kind_of, each in found}


def problems(definitions: dict[tuple[str, str], Definition]) -> list[tuple[str, str, str]]:
    return [(each.kind, each.path, each.message) for each in problems_of(definitions)]


def test_a_whole_set_fits() -> None:
    assert problems(whole()) == []


@pytest.mark.parametrize(
    ("missing", "found"),
    [
        (("portfolio", "p"), [("initiative", "portfolio", "there is no portfolio 'p'")]),
        (("process", "sales"), [("kpi", "process", "there is no process 'sales'")]),
        (
            ("kpi", "churn"),
            [
                ("target", "kpi", "there is no kpi 'churn'"),
                ("design", "kpis.0", "there is no kpi 'churn'"),
            ],
        ),
        (
            ("initiative", "i"),
            [
                ("target", "initiative", "there is no initiative 'i'"),
                ("design", "key", "there is no initiative 'i'"),
            ],
        ),
    ],
)
def test_what_is_named_must_exist(
    missing: tuple[str, str], found: list[tuple[str, str, str]]
) -> None:
    definitions = whole()
    del definitions[missing]

    assert problems(definitions) == found


def test_a_reduction_cannot_be_more_than_everything() -> None:
    assert problems(whole(amount="15")) == [
        (
            "target",
            "amount",
            "a reduction of 1500% is more than everything; 0.15 stands for 15 %",
        )
    ]


def test_a_growth_may_be_more_than_everything() -> None:
    assert problems(whole(amount="1.5", better_when="higher")) == []


def test_percentage_points_need_a_share() -> None:
    [(_, path, message)] = problems(whole(kind="percentage_points", unit="EUR"))

    assert path == "kind"
    assert "churn is in EUR" in message


def test_a_baseline_ends_before_go_live() -> None:
    late = Window(start=date(2023, 1, 1), end=date(2024, 1, 2))

    assert problems(whole(baseline=late)) == [
        (
            "design",
            "baseline.end",
            "a baseline ends before go-live (2024-01-01), this one on 2024-01-02",
        )
    ]


@pytest.mark.parametrize(
    "changed",
    [
        ("portfolio", "p"),
        ("initiative", "i"),
        ("process", "sales"),
        ("kpi", "churn"),
        ("target", "t"),
        ("design", "i"),
    ],
)
def test_a_change_concerns_the_initiatives_that_use_it(changed: tuple[str, str]) -> None:
    assert initiatives_concerned(whole(), [changed]) == {"i"}


def test_a_change_elsewhere_concerns_nobody() -> None:
    assert initiatives_concerned(whole(), [("kpi", "other"), ("process", "other")]) == frozenset()
