"""What every field of every event means, in the producer's words.

The Structs say types and limits; whoever fills a field needs to know what is meant by it. A test
fails where a field has no meaning here, or a meaning no field.
"""

from collections.abc import Mapping

from aivalue.events import business, changes, model, value
from aivalue.events.fields import EventData

_KPI = "Key of the KPI, as defined."
_INITIATIVE = "Key of the initiative."
_UNIT = "What it was measured on: line, team, store, campaign. Effects are estimated over units."
_SEGMENT = "Part of the unit that is kept apart, such as a shift or a product group."
_ARM = "Arm of a randomized experiment that the case belongs to; empty outside of one."
_MODEL = "Name of the model."
_VERSION = "Version of the model."
_WINDOW = "Half-open range of instants, [start, end), that the figure covers."
_DAY = "Calendar day it counts on; without it the day of `time`, at the place that wrote it."
_HASH = "SHA-256, hex."
_CHAIN_HASH = f"{_HASH} Newest of the chain over all that was recorded: keep it as a witness."

MEANINGS: Mapping[type[EventData], Mapping[str, str]] = {
    business.MeasurementRecorded: {
        "kpi": _KPI,
        "unit": _UNIT,
        "segment": _SEGMENT,
        "arm": _ARM,
        "value": "The value. Either this, or numerator and denominator.",
        "numerator": "What a ratio counts, such as minutes of downtime.",
        "denominator": "What it counts per, such as planned hours; it weighs the measurement.",
        "business_date": _DAY,
        "window": _WINDOW,
    },
    business.OutcomeRecorded: {
        "decision": "The `decision` of the decision this came of; the two may arrive in any order.",
        "kpi": "KPI that decision and outcome together are one measurement of.",
        "label": "Whether it came true: clicked, repaid, failed.",
        "value": "Value of the measurement; without it 1 where `label` is true, else 0.",
        "business_date": "Kept; the measurement counts on the decision's day.",
    },
    business.InterventionAssigned: {
        "initiative": _INITIATIVE,
        "unit": "Unit that works with the AI, or is kept from it.",
        "arm": "`treatment` has the AI; `control` and `holdout` are kept from it.",
        "start": "When the assignment begins to hold.",
        "end": "When it ceases to; without it, it still holds.",
        "assignment": "How it was decided who is treated: it decides what may be concluded.",
        "randomized_by": "With `random`: whether single cases or whole units were drawn.",
    },
    business.CostCharged: {
        "initiative": "Initiative that the cost is of.",
        "billed_cost": "Amount of the charge (FOCUS BilledCost); negative is a credit.",
        "billing_currency": "ISO 4217 code.",
        "charge_period_start": "Start of the period charged for; it decides the month.",
        "charge_period_end": "End of the period, excluded.",
        "charge_category": "FOCUS ChargeCategory, such as Usage or Purchase.",
        "service_category": "FOCUS ServiceCategory, such as AI and Machine Learning.",
        "treatment": "How the books treat it.",
        "status": "`estimated` until the invoice is there.",
        "category": "What it is spent on.",
        "effective_cost": "FOCUS EffectiveCost, after discounts and prepayments.",
        "description": "What the invoice line says.",
        "invoice_id": "Invoice that bills it.",
        "tags": "Further labels, such as a cost centre.",
    },
    business.RealizationRecorded: {
        "initiative": _INITIATIVE,
        "kind": "What became cash, such as a cancelled contract or a post not refilled.",
        "cost_centre": "Where it shows in the books.",
        "amount": "Amount realized.",
        "currency": "ISO 4217 code.",
        "date": "Day it took effect.",
        "document": "Document that proves it.",
    },
    business.EventRetracted: {
        "source": "`source` of the event to take back.",
        "id": "`id` of the event to take back.",
        "reason": "Why; kept for ever.",
    },
    business.BackfillReverted: {
        "backfill": "`backfillid` of the events to take back, those to come included.",
        "reason": "Why; kept for ever.",
        "through_source": "Of a slice: `source` of the last event it takes back.",
        "through_id": "Of a slice: `id` of the last event it takes back.",
    },
    model.ModelVersionRegistered: {
        "model": _MODEL,
        "version": _VERSION,
        "artefact_hash": "Digest of what is deployed.",
        "training_data": "Name or digest of what it was trained on.",
        "risk_tier": "Risk class under the AI act.",
    },
    model.DeploymentChanged: {
        "model": _MODEL,
        "version": _VERSION,
        "state": "What it is now: `shadow` decides nothing.",
        "unit": "Unit it is deployed on; empty is everywhere.",
    },
    model.DecisionMade: {
        "decision": "Identity of the decision; the outcome names it.",
        "model": "Model, or the policy it competes with.",
        "version": _VERSION,
        "unit": _UNIT,
        "segment": _SEGMENT,
        "arm": _ARM,
        "initiative": _INITIATIVE,
        "score": "What the model computed.",
        "threshold": "What the score was compared with.",
        "action": "What was done.",
        "propensity": "Probability, over 0 and up to 1, with which this action was chosen.",
    },
    model.QualityMeasured: {
        "model": _MODEL,
        "version": _VERSION,
        "metric": "What was measured, such as recall.",
        "value": "The figure.",
        "window": _WINDOW,
    },
    model.DriftDetected: {
        "model": _MODEL,
        "version": _VERSION,
        "kind": "`data`: the inputs changed; `concept`: what they mean changed.",
        "metric": "Metric that showed it.",
        "value": "Its value.",
        "unit": "Unit it was seen on; empty is everywhere.",
    },
    changes.SeriesChanged: {
        "kpi": _KPI,
        "units": "Units whose series changed, at most 500 an event.",
        "start": "First day that changed.",
        "end": "Day after the last.",
        "snapshot": "Identity of the log positions at which it held.",
    },
    changes.InterventionsChanged: {"initiative": _INITIATIVE},
    changes.CostsChanged: {"initiative": _INITIATIVE},
    value.DefinitionsChanged: {
        "changes": "What changed: kind, key and new version of each.",
        "initiatives": "Initiatives whose figures may change.",
        "chain_hash": _CHAIN_HASH,
    },
    value.BaselineFrozen: {
        "baseline_id": "Identity, derived from the content.",
        "initiative": _INITIATIVE,
        "kpi": _KPI,
        "kpi_version": "Version of the KPI's definition.",
        "version": "Version of the baseline.",
        "start": "First day.",
        "end": "Day after the last.",
        "sha256": f"{_HASH} Of the baseline's canonical bytes.",
        "reconstructed": "Whether it was frozen when the AI was live already.",
        "snapshot": "Identity of the log positions that its measurements were read at.",
        "merkle_root": f"{_HASH} Over the units' measurements.",
        "chain_hash": _CHAIN_HASH,
    },
    value.RulesChanged: {
        "changes": "What changed: kind, key and new version of each.",
        "initiatives": "Initiatives that the rules price, or priced.",
    },
    value.AttributionCompleted: {
        "initiative": _INITIATIVE,
        "run_id": "Identity of the run; `GET /v1/runs/{run_id}` explains it.",
        "number": "Number of the run within the initiative.",
        "status": "`refused` where no KPI could be estimated.",
        "input_hash": f"{_HASH} Of what was computed with.",
        "output_hash": f"{_HASH} Of what was computed.",
    },
}
