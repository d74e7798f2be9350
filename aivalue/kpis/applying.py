"""Asking for changes of what is kept as versions: who asks, for what, and what it would change.

Whoever keeps definitions (initiatives, KPIs, designs; valuation rules) is asked and answers alike.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from aivalue.kpis.canonical import Json
from aivalue.kpis.change import Action, Change
from aivalue.kpis.definition import Key


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who changes something, when and why: it stands beside everything that is recorded."""

    tenant: str
    subject: str
    now: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A definition as someone sent it, not yet checked."""

    kind: str
    key: str
    body: Mapping[str, object]


class WantedDefinition(BaseModel):
    """One definition to plan or apply; `key` may be left out of the body."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    key: Key
    body: dict[str, object]

    def wanted(self) -> Wanted:
        """Return it as the use cases take it."""
        return Wanted(kind=self.kind, key=self.key, body=self.body)


class FieldDifferenceResponse(BaseModel):
    """One field that differs."""

    path: str
    before: object
    after: object


class ChangeResponse(BaseModel):
    """What happens, or happened, to one definition."""

    kind: str
    key: str
    action: Action
    version: int
    diff: list[FieldDifferenceResponse]


class ChangesResponse(BaseModel):
    """What happens, or happened."""

    changes: list[ChangeResponse]


def changes_response(changes: Iterable[Change]) -> ChangesResponse:
    """Shape changes as answers carry them."""
    documents: list[dict[str, Json]] = [each.document() for each in changes]
    return ChangesResponse.model_validate({"changes": documents})
