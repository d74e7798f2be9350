"""Valuation rule: what one unit of a KPI is worth, approved by finance, versioned."""

from decimal import Decimal
from typing import Literal, Self

from pydantic import Field, model_validator

from aivalue.kpis.definition import Currency, Day, Definition, Exact, Key, Text

Category = Literal[
    "hard_cost",
    "revenue",
    "working_capital",
    "cost_avoidance",
    "risk_reduction",
    "capacity",
    "strategic",
    "disbenefit",
]


class ValuationRule(Definition):
    """Value of a month = rate x share x (improvement of the KPI in the month / per).

    The improvement is the effect times its volume, signed so that better is positive. A
    disbenefit (rework, false alarms) has a negative rate and is never clipped.
    """

    initiative: Key
    kpi: Key
    name: Text
    rate: Exact = Field(description="Money for `per` units of the KPI's total.")
    currency: Currency
    per: Exact = Field(default=Decimal(1), gt=0, description="60 if minutes are paid by the hour")
    share: Exact = Field(default=Decimal(1), gt=0, description="Part of the improvement it pays")
    rate_standard_error: Exact = Field(default=Decimal(0), ge=0)
    category: Category
    lever: Literal["profit_and_loss", "free_cash_flow", "labour_productivity"] = "profit_and_loss"
    recurrence: Literal["one_off", "recurring"] = "recurring"
    valid_from: Day | None = None
    valid_to: Day | None = Field(default=None, description="Exclusive.")

    @model_validator(mode="after")
    def _sign_goes_with_category(self) -> Self:
        if (self.category == "disbenefit") != (self.rate < 0):
            raise ValueError(
                "a disbenefit has a negative rate, every other category a positive one"
            )
        return self

    @model_validator(mode="after")
    def _is_valid_for_a_day(self) -> Self:
        if self.valid_from and self.valid_to and not self.valid_from < self.valid_to:
            raise ValueError(
                f"valid_from must be before valid_to, got {self.valid_from} to {self.valid_to}"
            )
        return self
