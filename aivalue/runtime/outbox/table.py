"""The outbox table; every service that publishes has one in its own schema."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    LargeBinary,
    MetaData,
    Table,
    Text,
    func,
)


def outbox_table(metadata: MetaData) -> Table:
    """Declare the outbox in a service's schema."""
    return Table(
        "outbox",
        metadata,
        Column("tenant_id", Text, primary_key=True),
        Column("outbox_id", BigInteger, Identity(always=True), primary_key=True),
        Column("topic", Text, nullable=False),
        Column("key", LargeBinary),
        Column("value", LargeBinary, nullable=False),
        Column(
            "recorded_at",
            DateTime(timezone=True),
            nullable=False,
            server_default=func.clock_timestamp(),
        ),
    )
