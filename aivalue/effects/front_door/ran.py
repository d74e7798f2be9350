"""What running one estimator on a table gives."""

from collections.abc import Callable
from dataclasses import dataclass

from aivalue.effects.checks.check import CheckResult
from aivalue.effects.effect import Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a run may be told besides the table.

    Attributes
    ----------
    names : names of the table's covariates or control series, in their order
    share_treated : in (0, 1), or None
        Planned share of the treatment arm.
    washout : periods left out after each switch of a switchback
    seasons : lengths in steps, or None
        None reads them from the calendar.
    holidays : days, as ISO dates
    """

    confidence: float = 0.95
    names: tuple[str, ...] = ()
    share_treated: float | None = None
    washout: int = 1
    seasons: tuple[float, ...] | None = None
    holidays: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """An effect, and the checks that belong to its estimator, run when called.

    A rival only has to say its figure: checks take far longer than estimates.
    """

    effect: Effect
    doubts: Callable[[], tuple[CheckResult, ...]]
