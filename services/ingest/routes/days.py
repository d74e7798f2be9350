"""The days that a reader asks for: [start, end), each end open where it is not named."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import Depends, HTTPException


@dataclass(frozen=True, slots=True)
class Days:
    """From `start` until before `end`; None is without bound."""

    start: date | None
    end: date | None


async def _asked(start: date | None = None, end: date | None = None) -> Days:
    """Refuse days that end before they start: an empty answer would look like no data."""
    if start is not None and end is not None and end < start:
        raise HTTPException(422, f"end is {end}, needs to be {start} (start) or later")
    return Days(start, end)


AskedDays = Annotated[Days, Depends(_asked)]
