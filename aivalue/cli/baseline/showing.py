"""How `aivalue baseline` prints baselines: one as lines, many as a table, levels to six digits."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from aivalue.cli.baseline.scope import Json
from aivalue.cli.console import results

UNITS_SHOWN = 30
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip


def show_list(baselines: Sequence[Json]) -> None:
    """Print a line for each."""
    table = Table(box=None, pad_edge=False)
    for name in ("baseline", "initiative", "kpi", "version", "window", "units", "level",
                 "coverage", "stands"):  # fmt: skip
        table.add_column(name, no_wrap=name == "baseline")
    for each in baselines:
        table.add_row(
            each["baseline_id"],
            each["initiative"],
            each["kpi"],
            f"v{each['version']}",
            f"{each['start']} to {each['end']}",
            str(len(each["units"])),
            short(each["level"]),
            f"{float(each['coverage']['ratio']):.1%}",
            "superseded" if each["superseded"] else each["renewal"]["standing"],
        )
    results.print(table)


def show_baseline(baseline: Json) -> None:
    """Print everything but the measurements."""
    coverage, renewal = baseline["coverage"], baseline["renewal"]
    version = f"version {baseline['version']}" if baseline["version"] else "not frozen yet"
    lines = {
        "baseline": f"{baseline['baseline_id']} ({version})",
        "of": f"{baseline['initiative']}, KPI {baseline['kpi']} v{baseline['kpi_version']}",
        "window": f"{baseline['start']} until before {baseline['end']}, renewal due on "
        f"{renewal['due_on']}, expires on {renewal['expires_on']}",
        "units": f"{len(baseline['units'])}",
        "measurements": f"{baseline['n']}",
        "level": short(baseline["level"]),
        "coverage": (
            f"{coverage['observed_unit_days']} of {coverage['expected_unit_days']} unit-days "
            f"({float(coverage['ratio']):.1%})"
        ),
        baseline["status"]: (
            f"{baseline['frozen_at']} by {baseline['frozen_by']}: {baseline['reason']}"
        ),
        "sha256": baseline["sha256"],
    }
    for name, text in lines.items():
        results.print(f"{name:<13} {text}", markup=False, soft_wrap=True)
    for each in baseline["exclusions"]:
        whom = "" if each["units"] is None else f" for {', '.join(each['units'])}"
        line = (
            f"{'left out':<13} {each['start']} until before {each['end']}{whom}: {each['reason']}"
        )
        results.print(line, markup=False, soft_wrap=True)
    _warn(baseline)
    if baseline.get("profile"):
        _show_profile(baseline["profile"])


def show_expected(answer: Json) -> None:
    """Print expected levels day by day, and their mean."""
    results.print(
        f"{answer['kpi']}, {answer['unit']}: mean {_number(answer['mean'])} "
        f"({answer['confidence']:.0%} interval {_number(answer['mean_low'])} to "
        f"{_number(answer['mean_high'])})",
        markup=False,
    )
    if answer["backtest_error"] is not None:
        results.print(
            f"on its own last quarter this is off by {answer['backtest_error']:.1%} in the mean; "
            f"{answer['backtest_inside']:.0%} of days lie in their interval"
        )
    table = Table(box=None, pad_edge=False)
    for name in ("day", "level", "low", "high"):
        table.add_column(name, justify="left" if name == "day" else "right")
    for each in answer["days"]:
        table.add_row(each["day"], *(_number(each[name]) for name in ("level", "low", "high")))
    results.print(table)


def short(level: str | None) -> str:
    """Write a level to six digits."""
    return "none" if level is None else _number(float(level))


def _warn(baseline: Json) -> None:
    warnings, renewal = [], baseline["renewal"]
    if baseline["superseded"]:
        warnings.append("superseded by a later version")
    if baseline["reconstructed"]:
        warnings.append(
            "reconstructed: frozen when the AI was already live, so evidence is capped at grade C"
        )
    warnings += [f"{renewal['standing']}: {each}" for each in renewal["reasons"]]
    for each in warnings:
        results.print(each, style="yellow", markup=False, soft_wrap=True)


def _show_profile(profile: Json) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("unit", "level", "change a year", "weeks"):
        table.add_column(name, justify="left" if name == "unit" else "right")
    rows = [dict(zip(_ROW, cells, strict=True)) for cells in zip(*(profile[name] for name in _ROW),
            strict=True)]  # fmt: skip
    for unit, row in list(zip(profile["units"], rows, strict=True))[:UNITS_SHOWN]:
        table.add_row(unit.replace("[", r"\["), *_cells(row))
    if len(rows) > UNITS_SHOWN:
        table.add_row(f"and {len(rows) - UNITS_SHOWN} more (--json shows all)")
    table.add_row("together", *_cells(profile["together"]))
    results.print(table)
    for numbers, names in (("weekdays", _WEEKDAYS), ("months", _MONTHS)):
        parts = [
            f"{names[int(number) - 1]} {float(each['difference']):+.3g}"
            + ("" if each["error"] is None else f"±{1.96 * float(each['error']):.2g}")
            for number, each in sorted(profile[numbers].items(), key=lambda pair: int(pair[0]))
        ]
        results.print(f"{numbers:<13} {', '.join(parts)}", markup=False, soft_wrap=True)


_ROW = ("level", "level_error", "trend", "trend_error", "n_weeks")


def _cells(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return (
        _with_margin(row["level"], row["level_error"]),
        _with_margin(row["trend"], row["trend_error"], sign="+"),
        str(row["n_weeks"]),
    )


def _with_margin(value: str | None, error: str | None, *, sign: str = "") -> str:
    if value is None:
        return "none"
    margin = "" if error is None else f" ±{1.96 * float(error):.2g}"
    return f"{float(value):{sign}.4g}{margin}"


def _number(level: float) -> str:
    return f"{level:.6g}"
