"""Whether the units carry comparable weight, so that some can stand for what others would do."""

from aivalue.baselines.readiness.item import Item, Status
from aivalue.baselines.readiness.weekly import Weeks

LARGEST_SHARE_WARNS = 0.5
UNITS_MIN = 2


def balance_item(weeks: Weeks) -> Item:
    """Check the number of units and the share of volume of the largest."""
    volume = weeks.bottom.sum(axis=1)
    share = float(volume.max() / volume.sum())
    n_units = len(weeks.units)
    status: Status = "pass"
    if n_units < UNITS_MIN or share > LARGEST_SHARE_WARNS:
        status = "warn"
    largest = weeks.units[int(volume.argmax())]
    alone = ": nothing to compare with, so a change is read from the series alone"
    return Item(
        name="unit balance",
        status=status,
        number=share,
        needed=f"{UNITS_MIN} units or more, none with over {LARGEST_SHARE_WARNS:.0%} of the volume",
        detail=(
            f"{n_units} unit(s), the largest is {largest} with {share:.1%}"
            + (alone if n_units < UNITS_MIN else "")
        ),
    )
