"""Whether a cost export in FOCUS arrives to the last digit, of version 1.2 and of later ones.

The export has every mandatory column of FOCUS 1.2 and what real ones are full of: daily usage with
twelve decimals, a prepaid purchase, a credit, tax, a correction, nulls, tags with commas.
"""

import csv
import io
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from aivalue.cli.events.delivery import Summary
from aivalue.cli.events.import_run import Origin
from tests.integration.cli_events.conftest import Running
from tests.integration.cli_events.test_capture import imported

MAPPING = """\
type: cost
source: urn:example:cloud:billing
focus: true
id: "{invoice_id}/{SkuId}/{charge_period_start}/{charge_category}/{ChargeClass}"
empty: ["NULL"]
fields:
  initiative: {column: x_initiative}
  treatment: {constant: opex}
  status: {constant: billed}
  category:
    column: ServiceCategory
    values: {AI and Machine Learning: model, Compute: infra, Other: licence}
"""
Row = dict[str, str]


def _row(day: int, **columns: str) -> Row:
    billed = columns["BilledCost"]
    return {
        "BillingAccountId": "4711",
        "BillingAccountName": 'Plant "North", Inc.',
        "BillingCurrency": "USD",
        "BillingPeriodStart": "2024-02-01T00:00:00Z",
        "BillingPeriodEnd": "2024-03-01T00:00:00Z",
        "ChargeCategory": "Usage",
        "ChargeClass": "NULL",
        "ChargeDescription": "Tokens, input",
        "ChargePeriodStart": f"2024-02-{day:02}T00:00:00Z",
        "ChargePeriodEnd": f"2024-02-{day + 1:02}T00:00:00Z",
        "ContractedCost": billed,
        "EffectiveCost": billed,
        "InvoiceIssuer": "Cloud",
        "ListCost": billed,
        "PricingQuantity": "1",
        "PricingUnit": "1M tokens",
        "Provider": "Cloud",
        "Publisher": "Cloud",
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": "Models",
        "InvoiceId": "INV-2024-02",
        "SkuId": "sku-1",
        "Tags": json.dumps({"team": 'main, "line"'}),
        "x_initiative": "maintenance",
        **columns,
    }


def _rows() -> Iterator[Row]:
    for day in range(1, 29):
        yield _row(day, BilledCost=f"{day}.{day:012}")
        yield _row(
            day, BilledCost=f"0.{day:03}", ServiceCategory="Compute", SkuId="sku-2",
            EffectiveCost="NULL", Tags="NULL", x_initiative="pricing",
        )  # fmt: skip
    yield _row(1, BilledCost="1200.00", ChargeCategory="Purchase", ServiceCategory="Other")
    yield _row(2, BilledCost="-50.005", ChargeCategory="Credit")
    yield _row(3, BilledCost="228.19", ChargeCategory="Tax", ServiceCategory="Other")
    yield _row(4, BilledCost="-3.000000000001", ChargeClass="Correction")


def _written(rows: list[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


async def _imported(rows: list[Row], ingest: Running, directory: Path) -> Summary:
    path = directory / "focus.csv"
    path.write_text(_written(rows))
    return await imported(Origin(path=path), ingest, mapping=MAPPING)


async def _total(ingest: Running, initiative: str, column: str = "billed_cost") -> Decimal:
    answer = await ingest.client.get("/v1/costs", params={"initiative": initiative})
    return sum(
        (Decimal(each[column]) for each in answer.json()["costs"] if each[column]), Decimal()
    )


async def test_every_cent_of_an_export_arrives_once(ingest: Running, tmp_path: Path) -> None:
    first = await _imported(list(_rows()), ingest, tmp_path)
    again = await _imported(list(_rows()), ingest, tmp_path)

    assert (first.counts, again.counts) == ({"accepted": 60}, {"duplicate": 60})
    # 1 + .. + 28 is 406, and so many billionths of a thousandth; then what stands alone.
    alone = Decimal("1200.00") - Decimal("50.005") + Decimal("228.19") - Decimal("3.000000000001")
    assert await _total(ingest, "maintenance") == Decimal("406.000000000406") + alone
    assert await _total(ingest, "pricing") == Decimal("0.406")
    # Null is not zero: no effective cost is no number.
    assert await _total(ingest, "pricing", "effective_cost") == 0
    costs = (await ingest.client.get("/v1/costs", params={"initiative": "pricing"})).json()["costs"]
    assert {each["effective_cost"] for each in costs} == {None}


async def test_an_export_of_a_later_version_says_the_same(ingest: Running, tmp_path: Path) -> None:
    later = [
        {name: text for name, text in row.items() if name not in {"Provider", "Publisher"}}
        | {
            "ServiceProviderName": "Cloud", "HostProviderName": "Cloud", "AllocatedMethodId": "m",
            "AllocatedResourceId": "r", "AllocatedTags": "NULL", "ContractApplied": "NULL",
        }
        for row in _rows()
    ]  # fmt: skip
    await _imported(list(_rows()), ingest, tmp_path)

    summary = await _imported(later, ingest, tmp_path)

    assert summary.counts == {"duplicate": 60}
