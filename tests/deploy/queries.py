"""PromQL as the files hold it: Grafana's variables replaced, names collected."""

import re
from collections.abc import Iterator

import promql_parser

_MACROS = {"$__rate_interval": "5m", "$__interval": "1m", "$__range": "1h"}


def with_values(expr: str, values: dict[str, str] | None = None) -> str:
    """Put values in the place of a dashboard's variables; a variable without one becomes x."""
    for macro, value in _MACROS.items():
        expr = expr.replace(macro, value)
    values = values or {}
    return re.sub(r"\$\{?(\w+)\}?", lambda found: values.get(found[1], "x"), expr)


def metric_names(expr: str) -> set[str]:
    """Return the metrics an expression reads.

    Raises
    ------
    ValueError
        It is not PromQL.
    """
    return set(_names(promql_parser.parse(expr)))


def _names(node: object) -> Iterator[str]:
    if isinstance(node, promql_parser.VectorSelector):
        if node.name:
            yield node.name
        return
    for attribute in ("expr", "lhs", "rhs", "param", "vector_selector"):
        child = getattr(node, attribute, None)
        if child is not None and not isinstance(child, str):
            yield from _names(child)
    for argument in getattr(node, "args", ()):
        yield from _names(argument)
