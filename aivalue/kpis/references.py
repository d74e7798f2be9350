"""Whether definitions fit together: what one names must exist, and dates must not contradict."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from aivalue.kpis.definition import Definition, Design, Initiative, Kpi, Target
from aivalue.kpis.nearest import nearest

Definitions = Mapping[tuple[str, str], Definition]
SHARE_UNITS = frozenset({"share", "%", "percent"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong with one definition; `path` is the field inside its body."""

    kind: str
    key: str
    path: str
    message: str


def problems_of(definitions: Definitions) -> list[Problem]:
    """Check every definition against all others; all problems, not the first only."""
    return [
        Problem(kind=kind, key=key, path=path, message=message)
        for (kind, key), definition in definitions.items()
        if kind in _CHECKS
        for path, message in _CHECKS[kind](definition, definitions)
    ]


def initiatives_concerned(
    definitions: Definitions, changed: Iterable[tuple[str, str]]
) -> frozenset[str]:
    """Return the initiatives that a change of these definitions can matter to."""
    touched = set(changed)
    for key, definition in definitions.items():
        if isinstance(definition, Kpi) and ("process", definition.process) in touched:
            touched.add(key)
    concerned = {key for kind, key in touched if kind in {"initiative", "design"}}
    for definition in definitions.values():
        match definition:
            case Initiative() if ("portfolio", definition.portfolio) in touched:
                concerned.add(definition.key)
            case Design() if any(("kpi", kpi) in touched for kpi in definition.kpis):
                concerned.add(definition.key)
            case Target() if {("target", definition.key), ("kpi", definition.kpi)} & touched:
                concerned.add(definition.initiative)
    return frozenset(concerned)


_Found = Iterator[tuple[str, str]]


def _initiative(initiative: Definition, definitions: Definitions) -> _Found:
    assert isinstance(initiative, Initiative)  # noqa: S101 - by kind
    yield from _missing("portfolio", "portfolio", initiative.portfolio, definitions)


def _kpi(kpi: Definition, definitions: Definitions) -> _Found:
    assert isinstance(kpi, Kpi)  # noqa: S101 - by kind
    yield from _missing("process", "process", kpi.process, definitions)


def _target(target: Definition, definitions: Definitions) -> _Found:
    assert isinstance(target, Target)  # noqa: S101 - by kind
    yield from _missing("initiative", "initiative", target.initiative, definitions)
    yield from _missing("kpi", "kpi", target.kpi, definitions)
    kpi = definitions.get(("kpi", target.kpi))
    if not isinstance(kpi, Kpi):
        return
    shrinks = target.kind == "relative" and kpi.better_when == "lower"
    if shrinks and target.amount >= Decimal(1):
        yield (
            "amount",
            f"a reduction of {target.amount:%} is more than everything; 0.15 stands for 15 %",
        )
    if target.kind == "percentage_points" and kpi.unit not in SHARE_UNITS:
        needed = ", ".join(sorted(SHARE_UNITS))
        yield (
            "kind",
            f"percentage points need a KPI in one of {needed}; {kpi.key} is in {kpi.unit}",
        )


def _design(design: Definition, definitions: Definitions) -> _Found:
    assert isinstance(design, Design)  # noqa: S101 - by kind
    yield from _missing("key", "initiative", design.key, definitions)
    for position, kpi in enumerate(design.kpis):
        yield from _missing(f"kpis.{position}", "kpi", kpi, definitions)
    initiative = definitions.get(("initiative", design.key))
    if not isinstance(initiative, Initiative) or initiative.go_live is None:
        return
    if design.baseline is not None and design.baseline.end > initiative.go_live:
        ends, live = design.baseline.end, initiative.go_live
        yield "baseline.end", f"a baseline ends before go-live ({live}), this one on {ends}"


def _missing(path: str, kind: str, key: str, definitions: Definitions) -> _Found:
    if (kind, key) not in definitions:
        known = sorted(name for each, name in definitions if each == kind)
        near = nearest(key, known)
        hint = f"; did you mean {near}?" if near else ""
        yield path, f"there is no {kind} {key!r}{hint}"


_CHECKS: dict[str, Callable[[Definition, Definitions], _Found]] = {
    "initiative": _initiative,
    "kpi": _kpi,
    "target": _target,
    "design": _design,
}
