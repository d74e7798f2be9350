"""What every other choice of who went live would have shown: the exact reading of few treated."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from aivalue.effects.checks.check import CheckResult
from aivalue.effects.checks.permutation import TREATED_MAX, read_permutation
from aivalue.effects.estimators.synthetic_control import SyntheticControl
from aivalue.effects.panel import Floats
from aivalue.effects.permutations.permutation import Permutation, permutation_interval
from aivalue.errors import NotEstimable


@dataclass(frozen=True, slots=True, kw_only=True)
class Permuted:
    """A permutation test to be inverted, once and only if somebody asks.

    Attributes
    ----------
    of : str
        What went live and is permuted, e.g. "units".
    invert
        Counts all assignments, or refuses.
    """

    of: str
    n_treated: int
    invert: Callable[[], Permutation]

    def check(self, *, is_claimed: bool) -> CheckResult:
        """Doubt a claim that the choice of who went live would explain."""
        return read_permutation(
            self.invert, n_treated=self.n_treated, is_claimed=is_claimed, of=self.of
        )

    def reading(self) -> Permutation | None:
        """Return the exact reading, where there is one."""
        try:
            return self.required()
        except NotEstimable:
            return None

    def why_not(self) -> str | None:
        """Say why there is no exact reading; None where there is one."""
        try:
            self.required()
        except NotEstimable as refusal:
            return str(refusal)
        return None

    def required(self) -> Permutation:
        """Return the exact reading.

        Raises
        ------
        NotEstimable
            Assignments are too many to count or too few for the confidence, or need no counting.
        """
        if self.n_treated > TREATED_MAX:
            raise NotEstimable(f"{self.n_treated} treated {self.of} need no permutation")
        return self.invert()


def units_permuted(
    treated: Callable[[], Floats], placebos: Floats, *, n_treated: int, confidence: float
) -> Permuted:
    """Permute which of the units' gaps are those of the treated."""

    def invert() -> Permutation:
        return permutation_interval(treated(), placebos, confidence=confidence)

    return Permuted(of="units", n_treated=n_treated, invert=cache(invert))


def control_permuted(found: SyntheticControl, confidence: float) -> Permuted:
    """Permute whose gap is that of the treated, which are fitted as their mean."""
    placebos = found.placebo_gaps[:, found.n_before :].mean(axis=1)
    return units_permuted(
        lambda: np.array([found.effect]), placebos, n_treated=1, confidence=confidence
    )
