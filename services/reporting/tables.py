"""Tables the reporting service owns: what it showed last, so that a restart shows it again."""

from sqlalchemy import Column, DateTime, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(schema="reporting")

snapshots = Table(
    "snapshots",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("taken_at", DateTime(timezone=True), nullable=False),
    Column("body", JSONB, nullable=False),
)
