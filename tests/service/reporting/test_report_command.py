"""`aivalue report` on a reporting service: what the API has, and why some of it is missing."""

import io
from typing import Any

import httpx
import pytest
from rich.console import Console
from typer.testing import CliRunner

from aivalue.cli.main import app
from aivalue.cli.report import print_initiative, print_portfolios, read_report
from aivalue.cli.service_calls import CallFailed, connected
from aivalue.runtime.settings import RuntimeSettings
from tests.service.reporting.harness import Service


async def asked(service: Service, initiative: str | None = None) -> dict[str, Any]:
    transports = {"reporting": httpx.ASGITransport(service.app)}
    async with connected(RuntimeSettings(), transports=transports) as services:
        return await read_report(services, initiative)


def console() -> Console:
    return Console(file=io.StringIO(), width=200, highlight=False)


def said(by: Console) -> str:
    assert isinstance(by.file, io.StringIO)
    return by.file.getvalue()


async def test_a_portfolio_is_one_table_with_its_totals_and_what_they_leave_out(
    service: Service,
) -> None:
    await service.refresh()
    page = console()

    print_portfolios(page, await asked(service))

    shown = said(page)
    assert (
        "Together: benefit USD 4.7 k (4.3 to 5.1), cost USD 1.5 k, net USD 3.2 k (2.8 to 3.6), "
        "ROI 205%"
    ) in shown
    assert "Not priced: recommender: no rule prices clicks" in shown
    assert "-36.0 % (-44.0 to -28.0) confirmed" in shown
    assert "truth" not in shown


async def test_an_initiative_says_what_its_grade_and_target_rest_on(service: Service) -> None:
    await service.refresh()
    page = console()

    print_initiative(page, await asked(service, "maintenance"))

    shown = said(page)
    assert "downtime: target fewer-stops: 30 % by 2024-12-31, met: 36 % (28 to 44) reached" in shown
    assert "downtime: grade B: staggered roll-out, checks pass" in shown
    assert "Run run-1" in shown


async def test_before_the_first_reading_it_says_that_there_is_nothing(service: Service) -> None:
    with pytest.raises(CallFailed, match="there are no figures yet"):
        await asked(service)


async def test_an_unknown_initiative_is_named(service: Service) -> None:
    await service.refresh()

    with pytest.raises(CallFailed, match="there is no initiative 'nothing'"):
        await asked(service, "nothing")


def test_without_a_portfolio_it_says_how_to_define_one() -> None:
    page = console()

    print_portfolios(page, {"portfolios": [], "as_of": "2026-01-01T00:00:00Z"})

    assert "aivalue apply" in said(page)


def test_a_service_that_is_away_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIVALUE_SERVICES__REPORTING", "http://127.0.0.1:1")

    done = CliRunner().invoke(app, ["report"])

    assert done.exit_code == 1
    assert "http://127.0.0.1:1 does not answer" in done.stderr
