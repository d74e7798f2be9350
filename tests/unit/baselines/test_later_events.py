"""Whatever events come later, what was frozen keeps every bit, and the difference is shown."""

import hashlib
from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from aivalue.baselines.difference import difference_of
from aivalue.kpis.series import series_from_columns
from tests.unit.baselines.test_freeze import START, frozen, kpi, measured

later = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.integers(0, 9),
        st.decimals("-1000000", "1000000", places=3),
    ),
    max_size=20,
)


def after(events: list[tuple[str, int, Decimal]]) -> dict[str, list[object]]:
    """Add events to the history: to a day that has some, or as a new unit's day."""
    columns = measured(("a", "b"))
    for unit, day, amount in events:
        when = (START + timedelta(days=day)).isoformat()
        keys = list(zip(columns["unit"], columns["day"], strict=True))
        if (unit, when) in keys:
            row = keys.index((unit, when))
            columns["n"][row] += 1
            columns["sum"][row] = str(Decimal(columns["sum"][row]) + amount)
            continue
        new = {"unit": unit, "day": when, "n": 1, "sum": str(amount), "segment": "", "arm": ""}
        for name, cells in columns.items():
            cells.append(new.get(name, "0"))
    return columns


@given(later)
def test_a_frozen_baseline_is_bit_identical_after_any_later_events(
    events: list[tuple[str, int, Decimal]],
) -> None:
    before = frozen(measured(("a", "b")))
    kept, digest = bytes(before.content), before.sha256

    now = frozen(after(events))

    assert before.content == kept
    assert hashlib.sha256(kept).hexdigest() == digest
    difference = difference_of(
        series_from_columns("k", measured(("a", "b"))),
        series_from_columns("k", after(events)),
        kpi(),
    )
    assert (now.sha256 == digest) == difference.is_none
