"""What reading the material with one estimator gives, and the floor below which none is read."""

from collections.abc import Callable
from dataclasses import dataclass

from aivalue.effects.checks.check import CheckResult
from aivalue.effects.effect import Effect
from aivalue.effects.segments.parts import ChangeParts
from aivalue.errors import NotEstimable
from aivalue.kpis.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """An effect, and what the estimator used besides its inputs.

    Attributes
    ----------
    doubts :
        Runs the checks that belong to the estimator; a rival only has to say its figure.
    parts :
        What of a change is rate, mix and volume, where the mix of segments was held.
    """

    effect: Effect
    doubts: Callable[[], tuple[CheckResult, ...]]
    parameters: tuple[tuple[str, str], ...] = ()
    parts: ChangeParts | None = None


def require_events(design: Plan, *, treated: float, control: float) -> None:
    """Refuse an arm with fewer events than the design asks for."""
    for name, n in (("with the AI", treated), ("to compare with", control)):
        if n < design.events_min:
            raise NotEstimable(
                f"{n:.0f} measurements {name}, needs {design.events_min}",
                verdict="below_sample_floor",
            )
