"""One finding of the readiness check: a verdict with the number it rests on."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["pass", "warn", "fail"]
_ORDER: tuple[Status, ...] = ("pass", "warn", "fail")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What was looked at, what was seen and what is needed.

    Attributes
    ----------
    number :
        The figure behind the verdict, None where the history is too thin to compute it.
    needed :
        What would pass, in words, such as "at least 0.95".
    """

    name: str
    status: Status
    number: float | None
    needed: str
    detail: str


def worst(statuses: list[Status]) -> Status:
    """Return the worst of them; pass where there is none."""
    return max(statuses, key=_ORDER.index, default="pass")


def graded(number: float, *, passes: float, warns: float) -> Status:
    """Grade a number that should be high; `passes` and `warns` are the lowest that still do."""
    if number >= passes:
        return "pass"
    return "warn" if number >= warns else "fail"
