"""One event of every type, as a producer would send it."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal

from aivalue.events import business, changes, model, value
from aivalue.events.fields import EventData, InstantWindow

_DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_MARCH = datetime(2025, 3, 1, tzinfo=UTC)
_APRIL = datetime(2025, 4, 1, tzinfo=UTC)
_DAY = InstantWindow(start=_MARCH, end=datetime(2025, 3, 2, tzinfo=UTC))
_MAINTENANCE = "predictive-maintenance"
TIME = datetime(2025, 3, 1, 18, tzinfo=UTC)

EXAMPLES: Mapping[type[EventData], EventData] = {
    type(each): each
    for each in (
        business.MeasurementRecorded(
            kpi="downtime", unit="L07", numerator=Decimal("42.5"), denominator=Decimal(20)
        ),
        business.OutcomeRecorded(decision="impression-81", kpi="click-rate", label=True),
        business.InterventionAssigned(
            initiative=_MAINTENANCE,
            unit="L07",
            arm="treatment",
            start=_MARCH,
            assignment="phased",
        ),
        business.CostCharged(
            initiative=_MAINTENANCE,
            billed_cost=Decimal("3000.50"),
            billing_currency="USD",
            charge_period_start=_MARCH,
            charge_period_end=_APRIL,
            charge_category="Usage",
            service_category="AI and Machine Learning",
            treatment="opex",
            status="billed",
            category="model",
            invoice_id="INV-2025-03-114",
        ),
        business.RealizationRecorded(
            initiative=_MAINTENANCE,
            kind="cancelled contract",
            cost_centre="4711",
            amount=Decimal(12000),
            currency="USD",
            date=date(2025, 3, 31),
            document="PO-2231",
        ),
        business.EventRetracted(
            source="urn:mes", id="line-7/2025-02-30", reason="a day that does not exist"
        ),
        business.BackfillReverted(backfill="history-2023", reason="hours were read as minutes"),
        model.ModelVersionRegistered(model="recommender", version="7", risk_tier="minimal"),
        model.DeploymentChanged(model="recommender", version="7", state="live"),
        model.DecisionMade(
            decision="impression-81",
            model="recommender",
            version="7",
            unit="men",
            arm="treatment",
            initiative="recommendation",
            action="item-14",
            propensity=Decimal("0.036"),
        ),
        model.QualityMeasured(
            model="recommender", version="7", metric="recall", value=Decimal("0.81"), window=_DAY
        ),
        model.DriftDetected(model="recommender", version="7", kind="data", metric="psi"),
        changes.SeriesChanged(
            kpi="downtime",
            units=["L07"],
            start=date(2025, 3, 1),
            end=date(2025, 3, 2),
            snapshot=_DIGEST,
        ),
        changes.InterventionsChanged(initiative=_MAINTENANCE),
        changes.CostsChanged(initiative=_MAINTENANCE),
        value.DefinitionsChanged(
            changes=[value.ChangedVersion(kind="kpi", key="downtime", version=2)],
            initiatives=[_MAINTENANCE],
            chain_hash=_DIGEST,
        ),
        value.BaselineFrozen(
            baseline_id="bl-9f86d081884c7d659a2feaa0c55ad015",
            initiative=_MAINTENANCE,
            kpi="downtime",
            kpi_version=1,
            version=1,
            start=date(2023, 1, 1),
            end=date(2024, 1, 1),
            sha256=_DIGEST,
            reconstructed=False,
            snapshot=_DIGEST,
            merkle_root=_DIGEST,
            chain_hash=_DIGEST,
        ),
        value.RulesChanged(
            changes=[value.ChangedVersion(kind="valuation_rule", key="downtime-margin", version=1)],
            initiatives=[_MAINTENANCE],
        ),
        value.AttributionCompleted(
            initiative=_MAINTENANCE,
            run_id="1f0e4a52-6f0c-4a43-9d6b-3d6c8c1f6a55",
            number=3,
            status="completed",
            input_hash=_DIGEST,
            output_hash=_DIGEST,
        ),
    )
}
