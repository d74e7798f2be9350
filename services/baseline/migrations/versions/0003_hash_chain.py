"""A hash chain over all that was recorded, and the Merkle root of baselines.

What is there already is sealed in the order in which it was recorded.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from alembic import op

from services.baseline.queries.baselines import StoredBaseline
from services.baseline.queries.definitions import Stored
from services.baseline.queries.drafts import Review
from services.baseline.sealing import (
    Seal,
    chained,
    seal_of_baseline,
    seal_of_definition,
    seal_of_review,
)

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

Recorded = tuple[str, datetime, Seal]
Row = TypeVar("Row", Stored, StoredBaseline, Review)


def upgrade() -> None:
    op.add_column("baselines", sa.Column("merkle_root", sa.Text), schema="baseline")
    op.create_table(
        "chain",
        sa.Column("tenant_id", sa.Text, primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("previous_hash", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        schema="baseline",
    )
    for name, event, scope in (
        ("refuse_row_change", "update or delete", "row"),
        ("refuse_truncate", "truncate", "statement"),
    ):
        op.execute(
            f"create trigger {name} before {event} on baseline.chain "
            f"for each {scope} execute function baseline.refuse_change()"
        )
        op.execute(f"alter table baseline.chain enable always trigger {name}")
    _seal(sorted([*_definitions(), *_baselines(), *_reviews()], key=lambda each: each[:2]))


def _seal(recorded: Iterable[Recorded]) -> None:
    by_tenant: dict[str, list[Seal]] = {}
    for tenant, _, seal in recorded:
        by_tenant.setdefault(tenant, []).append(seal)
    rows = [
        {"tenant_id": tenant, **asdict(link)}
        for tenant, seals in by_tenant.items()
        for link in chained(None, seals, now=datetime.now(UTC))
    ]
    chain = sa.table("chain", *map(sa.column, rows[0] if rows else ()), schema="baseline")
    if rows:
        op.bulk_insert(chain, rows)


def _definitions() -> list[Recorded]:
    return [
        (row["tenant_id"], row["recorded_at"], seal_of_definition(_read(Stored, row)))
        for row in _rows("definitions")
    ]


def _baselines() -> list[Recorded]:
    return [
        (row["tenant_id"], row["frozen_at"], seal_of_baseline(_read(StoredBaseline, row)))
        for row in _rows("baselines")
    ]


def _reviews() -> list[Recorded]:
    return [
        (
            row["tenant_id"],
            row["reviewed_at"],
            seal_of_review(row["baseline_id"], _read(Review, row)),
        )
        for row in _rows("reviews")
    ]


def _rows(table: str) -> list[dict[str, Any]]:
    statement = sa.text(f"select * from baseline.{table}")  # noqa: S608 - names of this file
    return [dict(row) for row in op.get_bind().execute(statement).mappings()]


def _read(record: type[Row], row: Mapping[str, Any]) -> Row:
    # Fields of later migrations are not there yet, and count as absent.
    return record(**{each.name: row[each.name] for each in fields(record) if each.name in row})
