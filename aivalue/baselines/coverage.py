"""How much of what should have been measured was: unit-days observed against expected."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from aivalue.baselines.parts import rows_by_unit
from aivalue.baselines.window import days_in
from aivalue.kpis.definition import Window
from aivalue.kpis.series import Series

RATIO_QUANTUM = Decimal("0.000001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Unit-days expected (the window less exclusions) and observed (at least one measurement).

    Attributes
    ----------
    units :
        Unit -> its share of observed days, in [0, 1]; 0 where every day is excluded.
    """

    expected_unit_days: int
    observed_unit_days: int
    units: Mapping[str, Decimal]

    @property
    def ratio(self) -> Decimal:
        """Share of all expected unit-days that were observed."""
        return _share(self.observed_unit_days, self.expected_unit_days)


def coverage_of(
    series: Series,
    *,
    window: Window,
    units: Sequence[str],
    excluded: Callable[[str], frozenset[int]],
) -> Coverage:
    """Count; `series` holds rows of the window, the units and no excluded day."""
    observed = {
        unit: len(set(series.day[rows])) for unit, rows in rows_by_unit(series.unit).items()
    }
    expected = {unit: days_in(window) - len(excluded(unit)) for unit in units}
    return Coverage(
        expected_unit_days=sum(expected.values()),
        observed_unit_days=sum(observed.values()),
        units={unit: _share(observed.get(unit, 0), expected[unit]) for unit in units},
    )


def _share(part: int, whole: int) -> Decimal:
    return (Decimal(part) / whole if whole else Decimal(0)).quantize(RATIO_QUANTUM)
