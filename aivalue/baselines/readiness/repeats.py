"""Days that look as if they were loaded twice, and values that stand still like a stuck sensor."""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal

from aivalue.baselines.level import level_parts
from aivalue.baselines.parts import rows_by_unit
from aivalue.baselines.readiness.item import Item, graded
from aivalue.kpis.definition import Kpi
from aivalue.kpis.series import Series

SHARE_PASSES, SHARE_WARNS = 0.0, 0.02
# Only where the number of measurements a day hardly varies does twice as many mean anything.
USUAL_SHARE = 0.8
# Only where values hardly ever recur does a row of equal ones mean anything.
DISTINCT_SHARE = 0.5
STILL_DAYS = 5
_NAMED = 3


def repeats_item(series: Series, kpi: Kpi) -> Item:
    """Count the unit-days that seem to be counted twice, or to repeat the day before."""
    tops, bottoms = level_parts(series, kpi)
    twice, still = [], []
    for unit, rows in rows_by_unit(series.unit).items():
        days = series.day[rows]
        twice += [(unit, days[at]) for at in _counted_twice(series.n[rows])]
        values = list(zip(tops[rows], bottoms[rows], strict=True))
        still += [(unit, days[at]) for at in _standing_still(values)]
    share = (len(twice) + len(still)) / len(series)
    found = [
        f"{len(each)} unit-days {what}: {_named(each)}"
        for each, what in (
            (twice, "have twice the usual measurements"),
            (still, "repeat the days before"),
        )
        if each
    ]
    return Item(
        name="repeats",
        status=graded(-share, passes=-SHARE_PASSES, warns=-SHARE_WARNS),
        number=share,
        needed="no day that is counted twice or repeats the days before",
        detail="; ".join(found) or "no day counted twice, none that repeats the days before",
    )


def _counted_twice(n: Sequence[int]) -> Iterator[int]:
    usual, days = Counter(n).most_common(1)[0]
    if days >= USUAL_SHARE * len(n):
        yield from (at for at, each in enumerate(n) if each == 2 * usual)


def _standing_still(values: Sequence[tuple[Decimal, Decimal]]) -> Iterator[int]:
    still: list[int] = []
    start = 0
    for (top, _), run in itertools.groupby(values):
        length = sum(1 for _ in run)
        # Zero is what days look like on which nothing happened.
        if top and length >= STILL_DAYS:
            still += range(start + 1, start + length)
        start += length
    if still:
        happened = [each for each in values if each[0]]
        if len(set(happened)) >= DISTINCT_SHARE * len(happened):
            yield from still


def _named(days: Sequence[tuple[str, date]]) -> str:
    names = ", ".join(f"{unit} on {day}" for unit, day in days[:_NAMED])
    return names + (f" and {len(days) - _NAMED} more" if len(days) > _NAMED else "")
