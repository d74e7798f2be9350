"""What a baseline says of each unit: its level and trend, and the season, each with its error.

By week, because days of a week differ by nature. A unit's weekly totals follow a straight line
through its level at the middle of the window; what is left over gives the errors, widened for
weeks that resemble the week before (first-order autocorrelation, corrected for the bias that
fitting a line causes). A season is how the days of one weekday or month differ from the level of
all days, over all units, with the error that the spread of weeks gives it.

Everything is decimal arithmetic of a fixed precision: every machine derives the same digits, so
the profile can be part of what is hashed.

Assumption: weeks like these could have been others. In under two years a month's difference holds
whatever else happened in that month.

Source: Cochrane & Orcutt (1949), JASA 44(245), for the widening; Kendall (1954), Biometrika 41,
for the bias of the autocorrelation.
"""

import itertools
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal, localcontext
from operator import itemgetter

from aivalue.baselines.level import level_parts
from aivalue.kpis.canonical import Json
from aivalue.kpis.definition import Kpi, Window
from aivalue.kpis.series import Series, plain

WEEK_DAYS, YEAR_DAYS = 7, Decimal("365.25")
# A line takes two numbers; fewer weeks say nothing about what is left over.
WEEKS_MIN = 8
CORRELATION_MAX = Decimal("0.9")
_PRECISION, _DIGITS = 40, 12
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure in the KPI's unit with its standard error; None where too few weeks tell."""

    value: Decimal | None
    error: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitProfile:
    """Level at the middle of the window and change per year, over the weeks that were measured."""

    level: Estimate
    trend: Estimate
    n_weeks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Units in the order of their names, all together, and the differences of weekdays and months.

    Attributes
    ----------
    weekdays, months :
        ISO number (Monday is 1; January is 1) -> difference from the level of all days; only
        those that were measured.
    """

    units: Mapping[str, UnitProfile]
    together: UnitProfile
    weekdays: Mapping[int, Estimate]
    months: Mapping[int, Estimate]

    def document(self) -> dict[str, Json]:
        """Write the profile as baselines carry it, columnar by unit."""
        return {
            "units": list(self.units),
            **_columns(list(self.units.values())),
            "together": {name: cells[0] for name, cells in _columns([self.together]).items()},
            "weekdays": _season(self.weekdays),
            "months": _season(self.months),
        }


_Parts = tuple[Decimal, Decimal]
_Weeks = dict[int, _Parts]
_NOTHING: _Parts = (_ZERO, _ZERO)


def profile_of(series: Series, *, kpi: Kpi, window: Window) -> Profile:
    """Derive the profile of measurements of the window."""
    with localcontext(Context(prec=_PRECISION)):
        rows = zip(series.unit, series.day, *level_parts(series, kpi), strict=True)
        week_of = {day: (day - window.start).days // WEEK_DAYS for day in set(series.day)}
        units: dict[str, _Weeks] = {}
        by_day: dict[date, _Parts] = {}
        # Rows are sorted by unit, so each unit's stand together.
        for unit, of_unit in itertools.groupby(rows, itemgetter(0)):
            weeks = units[unit] = {}
            for _, day, top, bottom in of_unit:
                week = week_of[day]
                above, below = weeks.get(week, _NOTHING)
                weeks[week] = (above + top, below + bottom)
                above, below = by_day.get(day, _NOTHING)
                by_day[day] = (above + top, below + bottom)
        return Profile(
            units={unit: _line(weeks) for unit, weeks in units.items()},
            together=_line(_added(by_day, week_of.__getitem__)),
            weekdays=_differences(by_day, date.isoweekday, week_of),
            months=_differences(by_day, lambda day: day.month, week_of),
        )


def _added(by_day: Mapping[date, _Parts], group: Callable[[date], int]) -> _Weeks:
    added: _Weeks = {}
    for day, (top, bottom) in by_day.items():
        above, below = added.get(group(day), _NOTHING)
        added[group(day)] = (above + top, below + bottom)
    return added


def _line(weeks: _Weeks) -> UnitProfile:
    measured = [(Decimal(week), *weeks[week]) for week in sorted(weeks) if weeks[week][1]]
    volume = sum((bottom for _, _, bottom in measured), _ZERO)
    nothing = Estimate(value=None, error=None)
    if not volume:
        return UnitProfile(level=nothing, trend=nothing, n_weeks=0)
    level = sum((top for _, top, _ in measured), _ZERO) / volume
    if len(measured) < WEEKS_MIN:
        only = Estimate(value=_short(level), error=None)
        return UnitProfile(level=only, trend=nothing, n_weeks=len(measured))
    middle = sum((week * bottom for week, _, bottom in measured), _ZERO) / volume
    timed = [(week - middle, top, bottom) for week, top, bottom in measured]
    spread = sum((time**2 * bottom for time, _, bottom in timed), _ZERO)
    slope = sum((time * top for time, top, _ in timed), _ZERO) / spread
    rest = [top - (level + slope * time) * bottom for time, top, bottom in timed]
    moved = [time * left for (time, _, _), left in zip(timed, rest, strict=True)]
    per_year = YEAR_DAYS / WEEK_DAYS
    shared = _shared([week for week, _, _ in measured], rest)
    return UnitProfile(
        level=Estimate(value=_short(level), error=_short(_root(rest, shared) / volume)),
        trend=Estimate(
            value=_short(slope * per_year), error=_short(_root(moved, shared) / spread * per_year)
        ),
        n_weeks=len(measured),
    )


def _root(rest: Sequence[Decimal], shared: Decimal) -> Decimal:
    """Root of the summed squares, of which the line's two numbers took their share."""
    n = Decimal(len(rest))
    free = max(n - 2 * shared, Decimal(1))
    return (sum((each**2 for each in rest), _ZERO) * shared * n / free).sqrt()


def _shared(weeks: Sequence[Decimal], rest: Sequence[Decimal]) -> Decimal:
    """Say how many weeks tell as much as one that resembles no other."""
    squares = sum((each**2 for each in rest), _ZERO)
    if not squares:
        return Decimal(1)
    paired = sum(
        (
            one * other
            for (at, one), (later, other) in itertools.pairwise(zip(weeks, rest, strict=True))
            if later - at == 1
        ),
        _ZERO,
    )
    raw = paired / squares
    # A line with two numbers pulls the estimate down by about (2 + 4 rho) / n.
    corrected = raw + (2 + 4 * raw) / len(rest)
    correlation = min(max(corrected, _ZERO), CORRELATION_MAX)
    return (1 + correlation) / (1 - correlation)


def _differences(
    by_day: Mapping[date, _Parts], group: Callable[[date], int], week_of: Mapping[date, int]
) -> dict[int, Estimate]:
    totals = {name: parts for name, parts in _added(by_day, group).items() if parts[1]}
    volume = sum((bottom for _, bottom in totals.values()), _ZERO)
    level = sum((top for top, _ in totals.values()), _ZERO) / volume if volume else _ZERO
    # Days of one week move together, so weeks and not days are what was drawn.
    off: defaultdict[int, defaultdict[int, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for day, (top, bottom) in by_day.items():
        if (name := group(day)) in totals:
            above, below = totals[name]
            off[name][week_of[day]] += top - above / below * bottom
    return {
        name: Estimate(
            value=_short(top / bottom - level),
            error=_spread_of(list(off[name].values()), bottom),
        )
        for name, (top, bottom) in sorted(totals.items())
    }


def _spread_of(rest: Sequence[Decimal], bottom: Decimal) -> Decimal | None:
    n = Decimal(len(rest))
    if n < 2:  # noqa: PLR2004 - one week has no spread
        return None
    return _short((sum((each**2 for each in rest), _ZERO) * n / (n - 1)).sqrt() / bottom)


def _short(number: Decimal) -> Decimal:
    with localcontext(Context(prec=_DIGITS)):
        return +number


def _columns(profiles: Sequence[UnitProfile]) -> dict[str, list[Json]]:
    return {
        "level": [_text(each.level.value) for each in profiles],
        "level_error": [_text(each.level.error) for each in profiles],
        "trend": [_text(each.trend.value) for each in profiles],
        "trend_error": [_text(each.trend.error) for each in profiles],
        "n_weeks": [each.n_weeks for each in profiles],
    }


def _season(differences: Mapping[int, Estimate]) -> dict[str, Json]:
    return {
        str(name): {"difference": _text(each.value), "error": _text(each.error)}
        for name, each in differences.items()
    }


def _text(number: Decimal | None) -> str | None:
    return None if number is None else plain(number)
