"""Daily statistics beside the measurements that stand: which days differ, and deriving them anew.

Whatever counts or ceases to count does so in the transaction that changes its day, so that in any
one snapshot both say the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from asyncpg import Connection

from services.ingest.queries.recounting import STANDING
from services.ingest.queries.storing import CHANGES_OF_DAILY, Change

# What a page ends at, whichever comes first; a statement takes about a second at most.
DAYS_AT_ONCE: Final = 500
MEASUREMENTS_AT_ONCE: Final = 200_000
# A day whose statistics say that nothing is there, for they may be what is wrong.
WEIGHT_OF_NOTHING: Final = 4_000
# Column by column what it is of values `v`, or of numerators `a` and denominators `b`.
FIGURES: Final[Mapping[str, str]] = {
    "n": "count(*)",
    "sum": "coalesce(sum(v), 0)",
    "sum_squares": "coalesce(sum(v * v), 0)",
    "minimum": "min(v)",
    "maximum": "max(v)",
    "numerator": "coalesce(sum(a), 0)",
    "denominator": "coalesce(sum(b), 0)",
    "numerator_squares": "coalesce(sum(a * a), 0)",
    "denominator_squares": "coalesce(sum(b * b), 0)",
    "cross_product": "coalesce(sum(a * b), 0)",
}
_DERIVED = (
    f"select {', '.join(f'{what} as {name}' for name, what in FIGURES.items())} "  # noqa: S608 - our own text
    f"from ({STANDING}) e"
)
_NOTHING = {name: "null" if name in {"minimum", "maximum"} else "0" for name in FIGURES}
# Of series `s`, days within the span and behind the last of the page before.
_WITHIN = (
    "tenant_id = $1 and series_id = s.series_id "
    "and business_date >= coalesce($3::date, '-infinity') "
    "and business_date < coalesce($4::date, 'infinity') "
    "and business_date > case when s.series_id = $5 then date '2000-01-01' + $6::integer "
    "else '-infinity' end order by business_date limit $7"
)
_PLACES = "unnest($2::bigint[], $3::integer[]) as p (series_id, day)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A series on a day.

    Attributes
    ----------
    day : int
        Since the first day of 2000: of the first day there is, the driver would make -infinity.
    """

    series_id: int
    day: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Days from `start` until before `end`, of a KPI; None is without bound, or all."""

    kpi: str | None
    start: date | None
    end: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A day whose statistics are not those of its measurements, figure by figure as text."""

    place: Place
    kpi: str
    unit: str
    segment: str
    arm: str
    day: date
    kept: Sequence[str | None]
    derived: Sequence[str | None]


async def knows(connection: Connection, tenant: str, kpi: str) -> bool:
    """Say whether anything was ever measured of a KPI."""
    found: bool = await connection.fetchval(
        "select exists (select from ingest.series where tenant_id = $1 and kpi = $2)", tenant, kpi
    )
    return found


async def days_after(
    connection: Connection, tenant: str, span: Span, after: Place | None
) -> list[Place]:
    """Return the next days that have statistics or measurements; none at the end."""
    days = " union ".join(
        f"(select {each} from ingest.{table} where {_WITHIN})"  # noqa: S608 - names of ours
        for table, each in (
            ("daily_statistics", "business_date"),
            ("measurement_runs", "distinct business_date"),
            ("measurements", "distinct business_date"),
        )
    )
    rows = await connection.fetch(
        "with found as (select s.series_id, t.business_date from (select series_id "  # noqa: S608 - our own text
        "from ingest.series where tenant_id = $1 and ($2::text is null or kpi = $2) "
        "and series_id >= $5 order by series_id offset 0) s cross join lateral "
        f"(select business_date from ({days}) u order by business_date limit $7) t "
        "order by s.series_id, t.business_date limit $7), "
        "weighed as (select f.*, sum(coalesce(nullif(k.n, 0), $9)) over (order by f.series_id, "
        "f.business_date) - coalesce(nullif(k.n, 0), $9) as before from found f "
        "left join lateral (select n from ingest.daily_statistics where tenant_id = $1 "
        "and series_id = f.series_id and business_date = f.business_date offset 0) k on true) "
        "select series_id, business_date - date '2000-01-01' as day from weighed "
        "where before < $8 order by series_id, business_date",
        tenant, span.kpi, span.start, span.end, after.series_id if after else 0,
        after.day if after else 0, DAYS_AT_ONCE, MEASUREMENTS_AT_ONCE, WEIGHT_OF_NOTHING,
    )  # fmt: skip
    return [Place(**row) for row in rows]


async def differing(
    connection: Connection, tenant: str, places: Sequence[Place]
) -> list[Difference]:
    """Return those of the days whose statistics are not those of the measurements that stand."""
    kept = ", ".join(
        f"trim_scale(coalesce(k.{name}, {nothing}))::text" for name, nothing in _NOTHING.items()
    )
    derived = ", ".join(f"trim_scale(e.{name})::text" for name in FIGURES)
    rows = await connection.fetch(
        "select series_id, since as day, kpi, unit, segment, arm, business_date, kept, derived "  # noqa: S608 - our own text
        "from (select d.series_id, d.since, s.kpi, s.unit, s.segment, s.arm, d.business_date, "
        f"array[{kept}] as kept, array[{derived}] as derived from (select p.series_id, "
        f"p.day as since, date '2000-01-01' + p.day as business_date from {_PLACES}) d "
        "cross join lateral (select * from ingest.series where tenant_id = $1 "
        "and series_id = d.series_id offset 0) s "
        "left join lateral (select * from ingest.daily_statistics where tenant_id = $1 "
        "and series_id = d.series_id and business_date = d.business_date offset 0) k on true "
        f"cross join lateral ({_DERIVED}) e) c where kept is distinct from derived "
        "order by kpi, unit, segment, arm, business_date",
        tenant, *_columns(places),
    )  # fmt: skip
    return [
        Difference(
            place=Place(series_id=row["series_id"], day=row["day"]), kpi=row["kpi"],
            unit=row["unit"], segment=row["segment"], arm=row["arm"], day=row["business_date"],
            kept=row["kept"], derived=row["derived"],
        )
        for row in rows
    ]  # fmt: skip


async def derive(connection: Connection, tenant: str, places: Sequence[Place]) -> list[Change]:
    """Write the statistics of days from the measurements that stand; the days must be locked."""
    rows = await connection.fetch(
        f"with daily as (update ingest.daily_statistics d set ({', '.join(FIGURES)}) = "  # noqa: S608 - our own text
        f"({_DERIVED}) from {_PLACES} where d.tenant_id = $1 and d.series_id = p.series_id "
        "and d.business_date = date '2000-01-01' + p.day "
        "returning d.series_id, d.business_date) "
        + CHANGES_OF_DAILY,
        tenant, *_columns(places),
    )  # fmt: skip
    return [Change(**row) for row in rows]


def _columns(places: Sequence[Place]) -> tuple[list[int], list[int]]:
    return [each.series_id for each in places], [each.day for each in places]
