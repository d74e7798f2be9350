"""What an estimate run returns: the effect or the reason there is none. Free of numpy."""

from dataclasses import dataclass

from aivalue.effects.checks.check import CheckResult
from aivalue.effects.choose import Choice
from aivalue.effects.effect import Effect, Grade, Verdict
from aivalue.effects.segments.parts import ChangeParts
from aivalue.kpis.interval import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One KPI of one initiative, estimated or refused.

    Attributes
    ----------
    effect : Effect or None
        None where the data cannot support one: then `refusal` says why, and there is no figure.
    verdict : Verdict
        Of the total over all periods, or the refusal's.
    average, total, relative : Interval or None
        Level per unit of volume, level times volume, share of the level without AI.
    parameters : pairs of name and value
        What the run used besides its inputs.
    parts : ChangeParts or None
        Of a series whose segments' mix was held: the change as rate, mix and volume.
    """

    verdict: Verdict
    effect: Effect | None = None
    refusal: str | None = None
    grade: Grade | None = None
    grade_reasons: tuple[str, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    choice: Choice | None = None
    average: Interval | None = None
    total: Interval | None = None
    relative: Interval | None = None
    parameters: tuple[tuple[str, str], ...] = ()
    parts: ChangeParts | None = None

    def __post_init__(self) -> None:
        if (self.effect is None) == (self.refusal is None):
            raise ValueError("an estimate has either an effect or a refusal")
