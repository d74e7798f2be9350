"""KPI units in Prometheus's terms: base units, so that one metric name holds one unit."""

from aivalue.kpis.plan import Aggregation

_SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3_600.0, "d": 86_400.0}
_RATIOS = {"share": 1.0, "ratio": 1.0, "1": 1.0, "%": 0.01, "percent": 0.01, "pp": 0.01}
_EVENTS = frozenset({"events", "count"})


def level_unit(unit: str, *, aggregation: Aggregation, currency: str) -> tuple[str, float] | None:
    """Return the metric suffix of a KPI's unit and the factor to it.

    None where the unit has no metric of its own ("EUR/case", "kWh"): such a KPI is exported by its
    effect, which has no unit, and by `aivalue_kpi_info`.
    """
    if unit == currency:
        return currency.lower(), 1.0
    if unit in _SECONDS:
        return "seconds", _SECONDS[unit]
    if unit in _RATIOS:
        return "ratio", _RATIOS[unit]
    if unit in _EVENTS or aggregation == "count":
        return "events", 1.0
    above, slash, below = unit.partition("/")
    if slash and above in _SECONDS and below in _SECONDS:
        # Time per time is a share: 6 min/h is 0.1.
        return "ratio", _SECONDS[above] / _SECONDS[below]
    return None
