"""Whether times written in many ways come out in the order of time, or are refused by line."""

import pytest

from aivalue.cli.panel_times import times_of
from aivalue.effects.front_door.table import sorted_times


def read(*times: str) -> list[str]:
    return times_of([{"t": time} for time in times], "t")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        # The order of the text is not the order of time in any of these.
        (["2024-01-02", "20240103", "2024/01/04"], ["2024-01-02", "2024-01-03", "2024-01-04"]),
        (["2024/9/30", "2024/10/1"], ["2024-09-30", "2024-10-01"]),
        (["2024.1.9", "2024.1.10"], ["2024-01-09", "2024-01-10"]),
        (["2024-01-02", "2024-01-03 00:00:00"], ["2024-01-02", "2024-01-03"]),
        (
            ["2024-10-27T00:00:00+02:00", "2024-10-28T00:00:00+01:00"],
            ["2024-10-27", "2024-10-28"],
        ),
        (
            # Half past two comes twice when clocks go back.
            ["2024-10-27T02:30:00+02:00", "2024-10-27T02:30:00+01:00"],
            ["2024-10-27T00:30:00+00:00", "2024-10-27T01:30:00+00:00"],
        ),
        (["2024-01-01", "2024-01-01T06:00:00"], ["2024-01-01T00:00:00", "2024-01-01T06:00:00"]),
    ],
)
def test_days_and_moments_come_in_the_order_of_time(written: list[str], meant: list[str]) -> None:
    found = read(*written)

    assert found == meant
    assert sorted_times(found)[0] == meant


def test_one_time_that_is_written_in_two_ways_is_one() -> None:
    assert read("1", "2.0", "1.0", "2") == ["1", "2", "1", "2"]
    # Nanoseconds since 1970 differ beyond what a float holds.
    assert len(set(read("1700000000000000001", "1700000000000000002"))) == 2


@pytest.mark.parametrize("text", ["2024-07", "2024Q3", "2024-W05", "2024-07-31", "1990.25"])
def test_times_of_one_shape_stay_as_they_are(text: str) -> None:
    assert read(text) == [text]


@pytest.mark.parametrize(
    ("times", "reason"),
    [
        (["2024-01-01T06:00:00Z", "2024-01-01T07:00:00"], "it has no offset from UTC"),
        (["2024-01-01T06:00:00", "2024-01-01T07:00:00Z"], "it has an offset from UTC"),
        (["01/02/2024", "01/03/2024"], 'line 2: t is "01/02/2024": times need'),
        (["2024-1", "2024-10"], "line 3"),
        (["5 Jan 2024"], "times need to be numbers or dates"),
        (["nan", "1"], 'line 2: t is "nan"'),
    ],
)
def test_times_without_an_order_are_refused_by_line(
    times: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        read(*times)

    assert reason in " ".join(capsys.readouterr().err.split())


def test_numbers_sort_by_value() -> None:
    labels, place = sorted_times(read("10", "9", "1e1"))

    assert labels == ["9", "10"]
    assert place.tolist() == [1, 0, 1]
