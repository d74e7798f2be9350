"""Coverage and gaps against the days on which the process is expected to be measured."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date

from aivalue.baselines.readiness.item import Item, Status, graded
from aivalue.kpis.definition import Window
from aivalue.kpis.series import Series

# A weekday counts as a working day where the busiest weekday has at least twice its measurements.
WORKING_SHARE = 0.5
COVERAGE_PASSES, COVERAGE_WARNS = 0.95, 0.8
GAP_DAYS_PASSES, GAP_DAYS_WARNS = 7, 28


def cadence_items(
    series: Series, *, window: Window, excluded: Callable[[str], frozenset[int]]
) -> list[Item]:
    """Check that the units were measured when they should have been."""
    days: dict[str, set[int]] = {unit: set() for unit in dict.fromkeys(series.unit)}
    for unit, day in zip(series.unit, series.day, strict=True):
        days[unit].add(day.toordinal())
    weekdays = working_weekdays(days)
    working = [
        day
        for day in range(window.start.toordinal(), window.end.toordinal())
        if date.fromordinal(day).weekday() in weekdays
    ]
    expected = {unit: _without(working, excluded(unit)) for unit in days}
    return [_coverage(days, expected, weekdays), _gaps(days, expected)]


def _without(days: list[int], excluded: frozenset[int]) -> list[int]:
    return [day for day in days if day not in excluded] if excluded else days


def working_weekdays(days: Mapping[str, set[int]]) -> frozenset[int]:
    """Return the weekdays (0 is Monday) on which the process usually is measured."""
    # Day 1 of the calendar was a Monday.
    counts = Counter((day - 1) % 7 for each in days.values() for day in each)
    busiest = max(counts.values())
    return frozenset(day for day, count in counts.items() if count >= WORKING_SHARE * busiest)


def _coverage(
    days: Mapping[str, set[int]], expected: Mapping[str, list[int]], weekdays: frozenset[int]
) -> Item:
    observed = {unit: sum(day in days[unit] for day in expected[unit]) for unit in days}
    n_expected = sum(len(each) for each in expected.values())
    ratio = sum(observed.values()) / n_expected if n_expected else 0.0
    thin = [unit for unit in days if observed[unit] < COVERAGE_WARNS * max(len(expected[unit]), 1)]
    status: Status = graded(ratio, passes=COVERAGE_PASSES, warns=COVERAGE_WARNS)
    if thin and status == "pass":
        status = "warn"
    named = f"; thin: {', '.join(thin[:5])}" + (" ..." if len(thin) > 5 else "") if thin else ""  # noqa: PLR2004 - names on a line
    return Item(
        name="coverage",
        status=status,
        number=ratio,
        needed=f"at least {COVERAGE_PASSES:.0%} of the working days",
        detail=(
            f"{sum(observed.values())} of {n_expected} unit-days on {len(weekdays)} weekdays, "
            f"{len(days)} units{named}"
        ),
    )


def _gaps(days: Mapping[str, set[int]], expected: Mapping[str, list[int]]) -> Item:
    longest, at = 0, ""
    for unit, wanted in expected.items():
        run, first = 0, 0
        for day in wanted:
            if day in days[unit]:
                run = 0
                continue
            first = day if run == 0 else first
            run += 1
            if run > longest:
                longest, at = run, f"{unit} from {date.fromordinal(first)}"
    return Item(
        name="gaps",
        status=graded(-longest, passes=-GAP_DAYS_PASSES, warns=-GAP_DAYS_WARNS),
        number=float(longest),
        needed=f"at most {GAP_DAYS_PASSES} working days in a row",
        detail=f"longest gap: {longest} working days, {at}" if longest else "no gap",
    )
