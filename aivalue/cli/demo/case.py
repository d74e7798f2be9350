"""A case: definitions, the events that feed them, and the truth where somebody knows it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aivalue.errors import InvalidDefinition
from aivalue.events.encode import Message

_PLACES = (Path(__file__).parents[2] / "examples", Path(__file__).parents[3] / "examples")


@dataclass(frozen=True, slots=True)
class Addressed:
    """A record and the topic it goes to."""

    topic: str
    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What a simulation knows and an estimator never sees.

    Attributes
    ----------
    relative : KPI -> share of the level without AI, negative where the KPI fell
    late : the same over the last three months alone
    value : benefit of the whole programme in its currency, as decimal text
    """

    relative: Mapping[str, float] = field(default_factory=dict)
    late: Mapping[str, float] = field(default_factory=dict)
    value: str | None = None
    roi: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing to prove.

    Attributes
    ----------
    definitions : file or directory of definition files
    events : makes the events anew each time it is called, in the order they are sent
    late_window : half-open window of days that is also shown on its own, or None
    """

    name: str
    title: str
    definitions: Path
    events: Callable[[], Iterator[Addressed]]
    n_events: int
    truth: Truth = field(default_factory=Truth)
    late_window: tuple[str, str] | None = None


def example(name: str) -> Path:
    """Find an example's directory, in a checkout or an installed distribution."""
    for place in _PLACES:
        if (place / name).is_dir():
            return place / name
    raise InvalidDefinition(f"example {name} is not installed; looked in {_PLACES[0]}")
