"""`aivalue cashflow`: what a plan of dated money comes to, by the conventions of the ledger."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from aivalue.cli.console import FAILED, WRONG_CALL, fail, results
from aivalue.errors import NotComputable
from aivalue.money.business_case import BusinessCase, business_case
from aivalue.money.cash_flow import CashFlow
from aivalue.money.figure import Figure

_CENTS = Decimal("0.01")


def cashflow(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet file, one row per flow.")],
    *,
    rate: Annotated[str, typer.Option(help="Hurdle rate per year, such as 8% or 0.08.")],
    day: Annotated[str, typer.Option(help="Column with the date.")] = "day",
    amount: Annotated[str, typer.Option(help="Column with the money; negative is spent.")] = (
        "amount"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compute net, NPV, XIRR, ROI and payback of a plan in a table; no server is asked."""
    from aivalue.cli.panel_file import read_rows

    rows = read_rows(file, [day, amount])
    # The header is the first line.
    flows = [
        CashFlow(day=_day(row[day], line), amount=_amount(row[amount], line, amount))
        for line, row in enumerate(rows, start=2)
    ]
    hurdle = _rate(rate)
    try:
        case = business_case(flows, rate=hurdle)
    except NotComputable as error:
        fail(str(error), status=FAILED)
    if as_json:
        document = {"rate": hurdle, "n_flows": len(flows), **asdict(case)}
        sys.stdout.write(json.dumps(document, default=str) + "\n")
    else:
        _show(case, hurdle, n_flows=len(flows))


def _day(text: str, line: int) -> date:
    try:
        return date.fromisoformat(text.strip()[:10])
    except ValueError:
        fail(f'line {line}: "{text}" is no date, needs one such as 2024-01-31', status=WRONG_CALL)


def _amount(text: str, line: int, column: str) -> Decimal:
    found = _decimal(text)
    if found is None:
        fail(f'line {line}: {column} is "{text}", needs a number', status=WRONG_CALL)
    return found


def _rate(text: str) -> Decimal:
    is_share = text.strip().endswith("%")
    found = _decimal(text.strip().removesuffix("%"))
    if found is None or (not is_share and abs(found) >= 1):
        fail(f'--rate is "{text}", needs a rate such as 8% or 0.08', status=WRONG_CALL)
    return found / 100 if is_share else found


def _decimal(text: str) -> Decimal | None:
    try:
        found = Decimal(text.strip())
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _show(case: BusinessCase, rate: Decimal, *, n_flows: int) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, value, how in _lines(case, rate):
        table.add_row(name, value, f"[dim]{how}[/dim]")
    results.print(f"{n_flows} flows from {case.start} to {case.end}; as of {case.start}")
    results.print(table)


def _lines(case: BusinessCase, rate: Decimal) -> Iterator[tuple[str, str, str]]:
    at_rate = f"at {_percent(rate)} a year"
    yield "net", *_said(case.net, _money)
    yield f"NPV {at_rate}", *_said(case.present_value, _money)
    yield "internal rate", *_said(case.internal_rate, _percent)
    yield "ROI", *_said(case.roi, _percent)
    yield f"ROI {at_rate}", *_said(case.roi_present_value, _percent)
    yield f"benefit per cost {at_rate}", *_said(case.benefit_cost_ratio, _money)
    yield "peak funding", *_said(case.peak_funding, _money)
    yield "payback", str(case.payback or "-"), "the sum so far stays at or above 0 from then on"
    yield f"payback {at_rate}", str(case.discounted_payback or "-"), "the same on present values"


def _said(figure: Figure, write: Callable[[Decimal], str]) -> tuple[str, str]:
    if figure.value is None:
        return "-", f"{figure.formula}: {figure.reason}"
    return write(figure.value), figure.formula


def _money(amount: Decimal) -> str:
    return f"{amount.quantize(_CENTS):,}"


def _percent(share: Decimal) -> str:
    return f"{float(share):.2%}".replace("%", " %")
