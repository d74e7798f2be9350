"""What a check says: one way to doubt an effect, and whether the data give reason to."""

from dataclasses import dataclass
from typing import Literal

CheckStatus = Literal["passed", "failed", "not_applicable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """Outcome of one check, in words that a controller can read.

    Attributes
    ----------
    name : str
        The check's module, e.g. "sample_ratio".
    p_value : float or None
        Of the data if there were nothing to doubt; None where the check is not a test.
    power : str or None
        What the check would have found in 80 % of cases, or the most it can say with these data: a
        check that could see nothing is no reassurance.
    """

    name: str
    status: CheckStatus
    p_value: float | None
    detail: str
    power: str | None = None

    @property
    def in_words(self) -> str:
        """What was found, and what could have been."""
        return self.detail if self.power is None else f"{self.detail}; {self.power}"


def not_applicable(name: str, reason: str) -> CheckResult:
    """Say why the data cannot answer."""
    return CheckResult(name=name, status="not_applicable", p_value=None, detail=reason)
