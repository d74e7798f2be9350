"""What a reader of the dashboard chooses, and the days that are marked on it."""

from deploy.grafana.panels import DATASOURCE, Json


def go_live_marks(selector: str) -> Json:
    """Mark the days on which initiatives went live."""
    return {
        "name": "Go-live",
        "datasource": DATASOURCE,
        "enable": True,
        "iconColor": "blue",
        # Its value, in milliseconds, is where the mark stands.
        "expr": f"aivalue_use_case_go_live_timestamp_seconds{selector} * 1000",
        "useValueForTime": "on",
        "titleFormat": "{{use_case}} went live",
        "step": "60s",
    }


def variables() -> list[Json]:
    """Let the reader choose tenant and initiatives, and one KPI of one initiative for detail."""
    info = "aivalue_use_case_info"
    kpi = 'aivalue_kpi_info{tenant=~"$tenant",use_case="$focus"}'
    return [
        _variable("tenant", "Tenant", f"label_values({info}, tenant)", several=True),
        _variable(
            "use_case",
            "Initiatives",
            f'label_values({info}{{tenant=~"$tenant"}}, use_case)',
            several=True,
        ),
        _variable("focus", "In detail", f'label_values({info}{{tenant=~"$tenant"}}, use_case)'),
        _variable("kpi", "KPI", f"label_values({kpi}, kpi)"),
    ]


def _variable(name: str, label: str, query: str, *, several: bool = False) -> Json:
    return {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": DATASOURCE,
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,
        "sort": 1,
        "multi": several,
        "includeAll": several,
        "current": {"text": "All", "value": "$__all"} if several else {},
    }
