"""What applying a definition would change: the plan that is shown before anything is written."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from aivalue.kpis.canonical import Json

Action = Literal["create", "change", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One field that differs; None stands for a field that is not there."""

    path: str
    before: Json
    after: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What happens to one definition; `version` is the one it has afterwards."""

    kind: str
    key: str
    action: Action
    version: int
    diff: tuple[Difference, ...]

    def document(self) -> dict[str, Json]:
        """Write the change as HTTP answers carry it."""
        return {
            "kind": self.kind,
            "key": self.key,
            "action": self.action,
            "version": self.version,
            "diff": [
                {"path": each.path, "before": each.before, "after": each.after}
                for each in self.diff
            ],
        }


def plan_change(
    *,
    kind: str,
    key: str,
    version: int,
    current: Mapping[str, Json] | None,
    wanted: Mapping[str, Json],
) -> Change:
    """Compare canonical bodies; `version` is the current one, 0 where there is none."""
    if current is None:
        diff = tuple(_differences({}, wanted, ""))
        return Change(kind=kind, key=key, action="create", version=1, diff=diff)
    diff = tuple(_differences(current, wanted, ""))
    action: Action = "change" if diff else "none"
    return Change(kind=kind, key=key, action=action, version=version + bool(diff), diff=diff)


def _differences(
    before: Json | Mapping[str, Json], after: Json | Mapping[str, Json], path: str
) -> Iterator[Difference]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in sorted(before.keys() | after.keys()):
            inside = f"{path}.{name}" if path else name
            yield from _differences(before.get(name), after.get(name), inside)
    elif before != after:
        yield Difference(path=path, before=_plain(before), after=_plain(after))


def _plain(value: Json | Mapping[str, Json]) -> Json:
    return dict(value) if isinstance(value, Mapping) else value
