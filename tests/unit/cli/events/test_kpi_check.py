"""Measurements that their KPI cannot be read from are refused before they are sent."""

import asyncio

import pytest

from aivalue.cli.events.kpi_check import Form, require_fit, unfit_of
from aivalue.kpis.definition import Kpi
from aivalue.kpis.plan import Aggregation


def kpi(aggregation: Aggregation) -> Kpi:
    by_parts = aggregation in {"ratio", "rate"}
    return Kpi(
        key="downtime",
        process="p",
        name="Downtime",
        unit="min/h",
        better_when="lower",
        aggregation=aggregation,
        numerator="minutes" if by_parts else None,
        denominator="hours" if by_parts else None,
    )


@pytest.mark.parametrize(
    ("aggregation", "form", "n_problems"),
    [
        ("ratio", "parts", 0),
        ("ratio", "value", 1),
        ("rate", "value", 1),
        ("mean", "value", 0),
        ("mean", "parts", 1),
        ("sum", "parts", 1),
        # A count counts measurements, whatever they say.
        ("count", "value", 0),
        ("count", "parts", 0),
    ],
)
def test_the_form_follows_from_the_aggregation(
    aggregation: Aggregation, form: Form, n_problems: int
) -> None:
    assert len(unfit_of(kpi(aggregation), form, None)) == n_problems


def test_another_unit_is_named_beside_the_needed_one() -> None:
    [problem] = unfit_of(kpi("ratio"), "parts", "h/h")

    assert problem.startswith("KPI downtime is in min/h, the mapping's kpi_unit is h/h")
    assert unfit_of(kpi("ratio"), "parts", "min/h") == []


def test_a_service_that_is_away_is_said_and_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Port 9 (discard) is where nobody listens.
    monkeypatch.setenv("AIVALUE_SERVICES__BASELINE", "http://127.0.0.1:9")

    asyncio.run(require_fit([("downtime", "value")], unit=None))

    assert "the KPIs are not checked" in capsys.readouterr().err


def test_without_measurements_nobody_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(require_fit([], unit=None))

    assert capsys.readouterr().err == ""
