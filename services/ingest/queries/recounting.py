"""Daily statistics after measurements began or ceased to count: sums are exact, so they subtract.

Only what a transaction changed itself is told, row by row as PostgreSQL returned it, so that an
event that two workers withdraw is subtracted by one of them. The day itself is looked at where its
least or greatest value was withdrawn, and nowhere else: a correction costs the same on any day.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from asyncpg import Connection

from services.ingest.queries.storing import EPOCH_DAY, Change

# A backfill may have brought millions of events; whole days follow one another until so many moved.
MOVES_AT_ONCE: Final = 5_000

# Of tenant $1 and of series and day `d`.
STANDING: Final = (
    "select value as v, numerator as a, denominator as b from ingest.measurements "
    "where tenant_id = $1 "
    "and series_id = d.series_id and business_date = d.business_date and active "
    "union all select u.v, u.a, u.b from ingest.measurement_runs r cross join lateral "
    'unnest(r.offsets, r.numbers, r.numerators, r.denominators) as u ("offset", v, a, b) '
    "where r.tenant_id = $1 and r.series_id = d.series_id and r.business_date = d.business_date "
    # One look-up each; joined, all that was withdrawn on the day would be read for every one.
    "and not exists (select from ingest.measurements_withdrawn w where w.tenant_id = $1 "
    "and w.series_id = d.series_id and w.business_date = d.business_date and w.log_id = r.log_id "
    'and w."partition" = r."partition" and w."offset" = u."offset" offset 0)'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A measurement that counts now and did not before, or the other way round."""

    series_id: int
    business_date: date
    counts: bool
    value: Decimal | None
    numerator: Decimal | None
    denominator: Decimal | None


async def recount(connection: Connection, tenant: str, moves: Sequence[Move]) -> list[Change]:
    """Add to the days what counts now, subtract what does not, and say what changed."""
    changes: list[Change] = []
    for part in _whole_days(moves):
        # In one order for everybody, so that two workers wait for each other instead of
        # deadlocking.
        days = sorted({(move.series_id, move.business_date) for move in part})
        await lock(connection, tenant, days, new=any(move.counts for move in part))
        changes += await _add(connection, tenant, part)
    return changes


def _whole_days(moves: Sequence[Move]) -> Iterator[list[Move]]:
    part: list[Move] = []
    for _, of_day in itertools.groupby(sorted(moves, key=_day), key=_day):
        part += of_day
        if len(part) >= MOVES_AT_ONCE:
            yield part
            part = []
    if part:
        yield part


def _day(move: Move) -> tuple[int, date]:
    return move.series_id, move.business_date


async def lock(
    connection: Connection, tenant: str, days: Sequence[tuple[int, date]], *, new: bool
) -> None:
    """Lock first, then look.

    A worker that is adding to one of these days either has committed and is seen, or waits for us
    and adds to what we wrote.
    """
    columns = [[series_id for series_id, _ in days], [_since_2000(day) for _, day in days]]
    if new:
        await connection.execute(
            "insert into ingest.daily_statistics (tenant_id, series_id, business_date, n, sum, "
            "sum_squares, numerator, denominator, numerator_squares, denominator_squares, "
            "cross_product) select $1, series_id, date '2000-01-01' + day, 0, 0, 0, 0, 0, 0, 0, 0 "
            "from unnest($2::bigint[], $3::integer[]) as t (series_id, day) order by 2, 3 "
            "on conflict do nothing",
            tenant, *columns,
        )  # fmt: skip
    await connection.execute(
        "select from (select series_id, date '2000-01-01' + day as day "
        "from unnest($2::bigint[], $3::integer[]) as t (series_id, day) "
        "order by 1, 2) t cross join lateral (select from ingest.daily_statistics "
        "where tenant_id = $1 and series_id = t.series_id and business_date = t.day for update) d",
        tenant, *columns,
    )  # fmt: skip


async def _add(connection: Connection, tenant: str, moves: Sequence[Move]) -> list[Change]:
    minimum = _extreme("minimum", of_two="least", of_all="min", inside=">")
    maximum = _extreme("maximum", of_two="greatest", of_all="max", inside="<")
    rows = await connection.fetch(
        "with moved as (select series_id, date '2000-01-01' + day as business_date, "  # noqa: S608 - our own text
        "case when counts then 1 else -1 end as s, v, a, b from unnest($2::bigint[], "
        "$3::integer[], $4::boolean[], $5::numeric[], $6::numeric[], $7::numeric[]) as t "
        "(series_id, day, counts, v, a, b)), "
        "moves as (select series_id, business_date, sum(s) as n, coalesce(sum(s * v), 0) as sum, "
        "coalesce(sum(s * v * v), 0) as sum_squares, coalesce(sum(s * a), 0) as a, "
        "coalesce(sum(s * b), 0) as b, coalesce(sum(s * a * a), 0) as aa, "
        "coalesce(sum(s * b * b), 0) as bb, coalesce(sum(s * a * b), 0) as ab, "
        "min(v) filter (where s > 0) as min_in, max(v) filter (where s > 0) as max_in, "
        "min(v) filter (where s < 0) as min_out, max(v) filter (where s < 0) as max_out "
        "from moved group by series_id, business_date), "
        # They are locked, so each stays where it is found; joined by its key, all days of a tenant
        # might be read.
        "found as (select m.*, d.place from moves m cross join lateral (select ctid as place "
        "from ingest.daily_statistics where tenant_id = $1 and series_id = m.series_id "
        "and business_date = m.business_date offset 0) d), "
        "daily as (update ingest.daily_statistics d set n = d.n + m.n, sum = d.sum + m.sum, "
        "sum_squares = d.sum_squares + m.sum_squares, "
        f"minimum = {minimum}, maximum = {maximum}, "
        "numerator = d.numerator + m.a, denominator = d.denominator + m.b, "
        "numerator_squares = d.numerator_squares + m.aa, "
        "denominator_squares = d.denominator_squares + m.bb, "
        "cross_product = d.cross_product + m.ab from found m where d.ctid = m.place "
        "returning d.series_id, d.business_date) "
        "select s.kpi, array_agg(distinct s.unit order by s.unit) as units, "
        "min(d.business_date) as first, max(d.business_date) as last "
        "from daily d cross join lateral (select kpi, unit from ingest.series "
        "where tenant_id = $1 and series_id = d.series_id offset 0) s "
        "group by s.kpi order by s.kpi",
        tenant,
        [move.series_id for move in moves],
        [_since_2000(move.business_date) for move in moves],
        [move.counts for move in moves],
        [move.value for move in moves],
        [move.numerator for move in moves],
        [move.denominator for move in moves],
    )
    return [Change(**row) for row in rows]


def _since_2000(day: date) -> int:
    """Return what the driver leaves alone: of the first and last day it would make infinities."""
    return day.toordinal() - EPOCH_DAY


def _extreme(column: str, *, of_two: str, of_all: str, inside: str) -> str:
    """Write what the least or greatest of day `d` is after `m`.

    Where what was withdrawn lies inside, the day need not be looked at. Where it does not, another
    of the same value usually stands on a day of few values, and is soon found.
    """
    bound = f"{of_two}(d.{column}, m.{of_all}_in)"
    withdrawn = f"m.{of_all}_out"
    return (
        "case when d.n + m.n = 0 then null "  # noqa: S608 - our own text
        f"when {withdrawn} is null or {withdrawn} {inside} {bound} then {bound} "
        f"else coalesce((select e.v from ({STANDING}) e where e.v = {bound} limit 1), "
        f"(select {of_all}(e.v) from ({STANDING}) e)) end"
    )
