"""What a mapping file says: which column is which field of which event, and how it is written."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic import Field as Described

from aivalue.events.business import CostCharged, InterventionAssigned, MeasurementRecorded
from aivalue.events.fields import EventData

Kind = Literal["text", "number", "instant", "day", "tags"]
TIME = "time"
# Names that an id template may use beside fields and columns.
ROW, LINE = "row", "line"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What an event of a type is made of.

    Attributes
    ----------
    identity :
        The id template where the mapping has none; empty where rows have no natural key.
    time_field :
        The field whose instant is the event's time where the mapping names none.
    """

    data: type[EventData]
    kinds: dict[str, Kind]
    identity: str = ""
    time_field: str = ""


SHAPES: dict[str, Shape] = {
    "measurement": Shape(
        data=MeasurementRecorded,
        kinds={
            "kpi": "text", "unit": "text", "segment": "text", "arm": "text", "value": "number",
            "numerator": "number", "denominator": "number", "business_date": "day",
        },
        identity="{kpi}/{unit}/{segment}/{arm}/{time}",
    ),
    "intervention": Shape(
        data=InterventionAssigned,
        kinds={
            "initiative": "text", "unit": "text", "arm": "text", "start": "instant",
            "end": "instant", "assignment": "text", "randomized_by": "text",
        },
        identity="{initiative}/{unit}/{start}",
        time_field="start",
    ),
    "cost": Shape(
        data=CostCharged,
        kinds={
            "initiative": "text", "billed_cost": "number", "billing_currency": "text",
            "charge_period_start": "instant", "charge_period_end": "instant",
            "charge_category": "text", "service_category": "text", "treatment": "text",
            "status": "text", "category": "text", "effective_cost": "number",
            "description": "text", "invoice_id": "text", "tags": "tags",
        },
        time_field="charge_period_start",
    ),
}  # fmt: skip

# FinOps FOCUS 1.2; what later versions add is not read, what they rename is not used.
FOCUS_COLUMNS = {
    "billed_cost": "BilledCost",
    "billing_currency": "BillingCurrency",
    "charge_period_start": "ChargePeriodStart",
    "charge_period_end": "ChargePeriodEnd",
    "charge_category": "ChargeCategory",
    "service_category": "ServiceCategory",
    "effective_cost": "EffectiveCost",
    "description": "ChargeDescription",
    "invoice_id": "InvoiceId",
    "tags": "Tags",
}


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Field(_Section):
    """Where one field comes from: a column, or the same text in every row."""

    column: str | None = Described(None, min_length=1)
    constant: str | None = Described(None, min_length=1)
    default: str | None = Described(None, description="Taken where the cell is empty.")
    values: dict[str, str] | None = Described(None, description="Cell text to field text.")
    factor: Decimal | None = Described(None, description="Into the KPI's unit of measure.")
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ",", ".", " ", "'"] = ""
    format: str | None = Described(None, description="strptime, or epoch_(milli)seconds.")
    timezone: str | None = None
    ambiguous: Literal["refuse", "earlier", "later"] = "refuse"

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        """Read text as a column's name, and numbers among constants as their text."""
        if isinstance(value, str):
            return {"column": value}
        if isinstance(value, dict):
            return {
                name: _as_text(each) if name in {"constant", "default"} else each
                for name, each in value.items()
            }
        return value

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.column is None) == (self.constant is None):
            raise ValueError("needs either column or constant")
        if self.decimal == self.thousands:
            raise ValueError("decimal and thousands are the same character")
        if self.factor is not None and not (self.factor.is_finite() and self.factor):
            raise ValueError("factor must be a number other than zero")
        return self


class Mapping(_Section):
    """A mapping file."""

    type: Literal["measurement", "cost", "intervention"]
    source: str = Described(min_length=1, max_length=200)
    id: str | None = Described(None, min_length=1)
    time: Field | None = None
    timezone: str | None = Described(None, description="Of every time that names none itself.")
    kpi_unit: str | None = Described(
        None, min_length=1, description="Unit of the values sent; it must be the KPI's."
    )
    focus: bool = Described(default=False, description="Columns are named as in FOCUS 1.2.")
    fields: dict[str, Field]
    only: dict[str, list[str]] = Described(
        default_factory=dict, description="Rows to read: column to the texts it may hold."
    )
    empty: list[str] = Described(default_factory=list, description="Texts that mean nothing.")
    delimiter: str = Described(",", min_length=1, max_length=1)
    encoding: str = "utf-8-sig"
    sheet: str | None = None

    @property
    def shape(self) -> Shape:
        """What events of this type are made of."""
        return SHAPES[self.type]

    @property
    def identity(self) -> str:
        """The id template in force."""
        return self.id or self.shape.identity

    def origins(self) -> dict[str, Field]:
        """Return where every field comes from, with FOCUS columns where they apply."""
        if not self.focus:
            return self.fields
        columns = {name: Field.model_validate(column) for name, column in FOCUS_COLUMNS.items()}
        return {**columns, **self.fields}


def _as_text(value: object) -> object:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return str(value)
    return value
