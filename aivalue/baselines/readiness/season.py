"""Whether the history holds a whole season."""

from aivalue.baselines.readiness.item import Item, graded
from aivalue.baselines.window import days_in
from aivalue.kpis.definition import Window

SEASON_DAYS, SEASON_DAYS_MIN = 364, 56


def season_item(window: Window) -> Item:
    """Check the length: 52 weeks hold every season once, under 8 not even a pattern of weeks."""
    days = days_in(window)
    return Item(
        name="season",
        status=graded(days, passes=SEASON_DAYS, warns=SEASON_DAYS_MIN),
        number=float(days),
        needed=f"at least {SEASON_DAYS} days, one full season",
        detail=(
            f"{days} days, {days / SEASON_DAYS:.1f} seasons"
            + ("" if days >= SEASON_DAYS else ": units without the AI must carry the season")
        ),
    )
