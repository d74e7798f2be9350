"""A target as people say it: "reduce customer churn by 10% within 12 months".

Only what can be read in one way is read; anything else comes back as a question. A plain "by 10%"
is a share of the level before, never percentage points: whoever means points must say so.
"""

import calendar
import re
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

from aivalue.errors import InvalidDefinition
from aivalue.kpis.definition import Key, Kpi, Target
from aivalue.kpis.plan import BetterWhen

Kind = Literal["relative", "absolute", "percentage_points"]
_DIRECTIONS: dict[str, BetterWhen | None] = {
    **dict.fromkeys(("reduce", "cut", "decrease", "lower", "shrink", "shorten"), "lower"),
    **dict.fromkeys(("increase", "raise", "grow", "boost", "extend"), "higher"),
    **dict.fromkeys(("improve", "better", "optimise", "optimize", "enhance"), None),
}
_SENTENCE = re.compile(
    r"(?P<verb>[a-z]+)\s+(?:the\s+|our\s+)?(?P<subject>.+?)\s+by\s+"
    r"(?P<vague>about|around|roughly|approximately|up\s+to|at\s+most|some)?\s*(?:at\s+least\s+)?"
    r"(?P<amount>[0-9][0-9.,]*)\s*(?P<unit>%|[a-z][a-z /]*?)?"
    r"(?:\s+(?P<due>(?:within|in|over|by|until|before)\s+.+))?",
    re.IGNORECASE,
)
_RANGE = re.compile(r"[0-9]\s*%?\s*(?:-|\u2013|to|or|and)\s*[0-9]", re.IGNORECASE)
_WITHIN = re.compile(
    r"(?:within|in|over)\s+(?:the\s+next\s+)?(?P<n>[0-9]{1,3}|[a-z]+)\s+"
    r"(?P<unit>day|week|month|quarter|year)s?",
    re.IGNORECASE,
)
_ON = re.compile(
    r"(?:by|until|before)\s+(?:the\s+)?(?:(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})|"
    r"(?P<end>end\s+of\s+)?(?:q(?P<quarter>[1-4])\s+)?(?P<year>[0-9]{4}))",
    re.IGNORECASE,
)
TEXT_MAX = 300
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_DAYS = {"day": 1, "week": 7}
_NUMBERS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
}  # fmt: skip
# A share of the one is another share of the other.
_COMPLEMENTS = (("accuracy", "error"), ("uptime", "downtime"), ("retention", "churn"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A time from some start on."""

    n_months: int = 0
    n_days: int = 0

    def after(self, start: date) -> date:
        """Return the day on which it ends; a month's end stays a month's end.

        Raises
        ------
        InvalidDefinition
            It ends after the last day of the calendar.
        """
        year, month = divmod(start.month - 1 + self.n_months, 12)
        try:
            last = calendar.monthrange(start.year + year, month + 1)[1]
            day = date(start.year + year, month + 1, min(start.day, last))
            return day + timedelta(days=self.n_days)
        except (ValueError, OverflowError):
            span = f"{self.n_months} months" if self.n_months else f"{self.n_days} days"
            raise InvalidDefinition(
                f"when does its time begin? {span} after {start} is later than {date.max}"
            ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetText:
    """What a sentence says.

    Attributes
    ----------
    subject :
        What is to change, in the sentence's words.
    direction :
        None where the verb only says that it gets better.
    amount, unit :
        Relative: 0.10 is 10 %. Absolute: in `unit`, in the sentence's words.
    due :
        A day, a time that counts from a start, or None where the sentence names neither.
    """

    subject: str
    direction: BetterWhen | None
    kind: Kind
    amount: Decimal
    unit: str
    due: date | Span | None


def read_target(text: str) -> TargetText:
    """Read a sentence.

    Raises
    ------
    InvalidDefinition
        It can be read in more than one way or in none; the message is the question to ask.
    """
    if len(text) > TEXT_MAX:
        raise InvalidDefinition(f"which sentence is the target? {len(text)} characters are many")
    sentence = " ".join(text.strip().rstrip(".!").split())
    if _RANGE.search(sentence) and not re.search(r"[0-9]{4}-[0-9]{2}", sentence):
        raise InvalidDefinition("which end of the range is promised? Name one number")
    found = _SENTENCE.fullmatch(sentence)
    if found is None:
        raise InvalidDefinition(_question(sentence))
    verb = found["verb"].lower()
    if verb not in _DIRECTIONS:
        raise InvalidDefinition(f"does {verb!r} mean more or less? Say reduce, increase or improve")
    if found["vague"]:
        raise InvalidDefinition(
            f"is {found['amount']} promised? {found['vague']!r} leaves open what would be a miss"
        )
    kind, amount, unit = _amount(found["amount"], (found["unit"] or "").strip().lower())
    return TargetText(
        subject=found["subject"],
        direction=_DIRECTIONS[verb],
        kind=kind,
        amount=amount,
        unit=unit,
        due=_due(found["due"]),
    )


def target_of(
    read: TargetText,
    *,
    key: Key,
    initiative: Key,
    kpi: Kpi,
    start: date,
    due: date | None = None,
) -> Target:
    """Make it a target of a KPI.

    `start` is the day from which "within 12 months" counts; `due` completes a sentence that names
    no time.

    Raises
    ------
    InvalidDefinition
        No due date or two, a direction that makes the KPI worse, a share of what is not the KPI.
    """
    named = read.due.after(start) if isinstance(read.due, Span) else read.due
    if named and due and named != due:
        raise InvalidDefinition(f"due on {named}, as the sentence says, or on {due}?")
    due = named or due
    _require_same_quantity(read, kpi)
    if read.direction not in {None, kpi.better_when}:
        raise InvalidDefinition(
            f"{kpi.key} is better when {kpi.better_when}, but the sentence makes it "
            f"{read.direction}: is it the right KPI?"
        )
    if read.kind == "absolute" and read.unit != kpi.unit.lower():
        raise InvalidDefinition(
            f"how many {kpi.unit} is {read.amount} {read.unit}? The target needs the KPI's unit"
        )
    if due is None:
        raise InvalidDefinition("by when? Add a date, or a time such as 'within 12 months'")
    return Target(
        key=key, initiative=initiative, kpi=kpi.key, kind=read.kind, amount=read.amount, due=due
    )


def _require_same_quantity(read: TargetText, kpi: Kpi) -> None:
    said, counted = read.subject.lower(), f"{kpi.key} {kpi.name}".lower()
    for pair in _COMPLEMENTS:
        for one, other in (pair, pair[::-1]):
            if (
                read.kind == "relative"
                and _speaks_of(said, one)
                and _speaks_of(counted, other)
                and not (_speaks_of(said, other) or _speaks_of(counted, one))
            ):
                raise InvalidDefinition(
                    f"how much is that of {kpi.key}? The sentence has a share of {one}, the KPI "
                    f"counts {other}; say it in percentage points, or of {other}"
                )


def _speaks_of(text: str, word: str) -> bool:
    return re.search(rf"\b{word}\b", text) is not None


def _question(sentence: str) -> str:
    if re.search(r"\bto\s+[0-9]", sentence):
        return "by how much? A level to reach depends on where one starts; name the change"
    if not re.search(r"[0-9]", sentence):
        return "by how much? Name a number, such as 'by 10%'"
    return (
        "which change, by how much, by when? Such as: reduce customer churn by 10% within 12 months"
    )


def _amount(text: str, unit: str) -> tuple[Kind, Decimal, str]:
    if "," in text or text.count(".") > 1:
        raise InvalidDefinition(f"is {text} a decimal or a thousand? Write it without commas")
    amount = Decimal(text.rstrip("."))
    if not amount:
        raise InvalidDefinition("by how much? A change of 0 is no target")
    if unit in {"%", "percent", "per cent"}:
        return "relative", amount / 100, ""
    if unit in {"pp", "percentage points", "percentage point"}:
        return "percentage_points", amount, ""
    if unit in {"point", "points"}:
        raise InvalidDefinition("percentage points, or points of the KPI's own scale?")
    if not unit:
        raise InvalidDefinition(f"{amount} of what? Name the unit: %, percentage points or another")
    return "absolute", amount, unit


def _due(text: str | None) -> date | Span | None:
    if text is None:
        return None
    within = _WITHIN.fullmatch(text)
    if within is not None and (n := _number(within["n"].lower())):
        unit = within["unit"].lower()
        if unit in _DAYS:
            return Span(n_days=n * _DAYS[unit])
        return Span(n_months=n * _MONTHS[unit])
    if on := _ON.fullmatch(text):
        if on["day"]:
            return _day(on["day"])
        year = int(on["year"])
        if on["quarter"] or on["end"]:
            month = 3 * int(on["quarter"] or 4)
            return date(year, month, calendar.monthrange(year, month)[1])
        raise InvalidDefinition(f"by the start or by the end of {year}? Write a date")
    raise InvalidDefinition(f"when is {text!r}? Write a date, or a time such as 'within 12 months'")


def _number(text: str) -> int:
    """Read digits or a word; 0 where it is neither."""
    return int(text) if text.isdigit() else _NUMBERS.get(text, 0)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidDefinition(f"which day is {text}? The calendar has none") from None
