"""Who asks for a change, when and why: it stands beside everything that is recorded."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who changes something, when and why."""

    tenant: str
    subject: str
    now: datetime
    reason: str
