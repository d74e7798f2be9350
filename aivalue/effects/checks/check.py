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
    """

    name: str
    status: CheckStatus
    p_value: float | None
    detail: str
