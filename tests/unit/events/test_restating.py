"""Events say the same where they differ in the digits of their numbers alone."""

import json
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from aivalue.events.business import MeasurementRecorded
from aivalue.events.decode import decode_structured
from aivalue.events.encode import http_event
from aivalue.events.event import Event
from aivalue.events.restating import digest_of_said, say_the_same

NOW = datetime(2024, 6, 1, tzinfo=UTC)
VALUES = st.decimals(min_value=-(10**6), max_value=10**6, places=3)


def measured(value: Decimal, *, unit: str = "line-1") -> Event:
    data = MeasurementRecorded(kpi="downtime", unit=unit, value=value)
    body = http_event(data, source="urn:test", event_id="e", time=datetime(2024, 1, 1, tzinfo=UTC))
    return decode_structured(json.dumps(body).encode(), now=NOW)


@given(value=VALUES, n_zeros=st.integers(0, 20))
def test_zeros_behind_a_number_say_nothing(value: Decimal, n_zeros: int) -> None:
    longer = Decimal(f"{value:f}" + "0" * n_zeros)

    one, other = measured(value), measured(longer)

    assert say_the_same(one, other)
    assert digest_of_said(one) == digest_of_said(other)


@given(one=VALUES, other=VALUES)
def test_digests_are_equal_exactly_where_numbers_are(one: Decimal, other: Decimal) -> None:
    equal = digest_of_said(measured(one)) == digest_of_said(measured(other))

    assert equal == (one == other)
    assert equal == say_the_same(measured(one), measured(other))


def test_a_digit_far_behind_is_not_rounded_away() -> None:
    # 40 digits, more than decimal's own context keeps.
    one, other = Decimal("1." + "0" * 38 + "1"), Decimal("1." + "0" * 38 + "2")

    assert digest_of_said(measured(one)) != digest_of_said(measured(other))


def test_another_unit_says_something_else() -> None:
    one, other = measured(Decimal(1)), measured(Decimal(1), unit="line-2")

    assert digest_of_said(one) != digest_of_said(other)
    assert not say_the_same(one, other)
