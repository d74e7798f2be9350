"""A real experiment: an AI recommender against a random one, in a fashion shop, for one week.

Each impression went to one of the two policies at random; the click is the outcome. Three
campaigns, two policies, 10,000 impressions each, with the propensity that the policy logged.
Data: examples/open-bandit/data, whose README names origin and licence.
"""

import csv
import gzip
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Literal

from aivalue.cli.demo.case import Addressed, Case, example
from aivalue.events.business import InterventionAssigned, OutcomeRecorded
from aivalue.events.encode import kafka_message
from aivalue.events.model import DecisionMade, ModelVersionRegistered
from aivalue.events.topics import BUSINESS, MODEL

CAMPAIGNS = ("all", "men", "women")
GO_LIVE = datetime(2019, 11, 24, tzinfo=UTC)
AI_POLICY = "bts"
KPI = "click-rate"
_CLICK_DELAY = timedelta(seconds=30)
_IMPRESSIONS = 60_000


def open_bandit() -> Case:
    """Describe the case."""
    home = example("open-bandit")
    return Case(
        name="open-bandit",
        title="Fashion recommender: AI policy against random, click rate (real, randomized)",
        definitions=home,
        events=lambda: _events(home / "data"),
        n_events=2 * _IMPRESSIONS + len(CAMPAIGNS) + 2,
    )


def _events(data: Path) -> Iterator[Addressed]:
    for version in (AI_POLICY, "random"):
        registered = ModelVersionRegistered(model="recommender", version=version)
        message = kafka_message(
            registered, source="urn:demo:recommender", event_id=version, time=GO_LIVE
        )
        yield Addressed(MODEL, message)
    for campaign in CAMPAIGNS:
        assigned = InterventionAssigned(
            initiative=f"recommender-{campaign}",
            unit=campaign,
            arm="treatment",
            start=GO_LIVE,
            assignment="random",
            randomized_by="event",
        )
        message = kafka_message(
            assigned, source="urn:demo:programme", event_id=f"recommender-{campaign}", time=GO_LIVE
        )
        yield Addressed(BUSINESS, message)
    for campaign in CAMPAIGNS:
        yield from _impressions(data / f"{campaign}.csv.gz", campaign)


def _impressions(path: Path, campaign: str) -> Iterator[Addressed]:
    with gzip.open(path, "rt", newline="") as lines:
        for number, row in enumerate(csv.DictReader(lines)):
            policy = row["policy"]
            arm: Literal["treatment", "control"] = "treatment" if policy == AI_POLICY else "control"
            at = datetime.fromisoformat(row["timestamp"])
            name = f"{campaign}/{policy}/{number:06d}"
            decision = DecisionMade(
                decision=name,
                model="recommender",
                version=policy,
                unit=campaign,
                arm=arm,
                initiative=f"recommender-{campaign}",
                action=f"item-{row['item_id']}@{row['position']}",
                propensity=Decimal(row["propensity_score"]),
            )
            yield Addressed(
                MODEL,
                kafka_message(
                    decision, source="urn:demo:recommender", event_id=f"decision/{name}", time=at,
                    key=name, mode="binary",
                ),
            )  # fmt: skip
            outcome = OutcomeRecorded(decision=name, kpi=KPI, label=row["click"] == "1")
            yield Addressed(
                BUSINESS,
                kafka_message(
                    outcome, source="urn:demo:shop", event_id=f"outcome/{name}",
                    time=at + _CLICK_DELAY, key=name,
                ),
            )  # fmt: skip
