"""Settings of the ingest service: `AIVALUE_INGEST__*` beside those that every service has."""

from pydantic import BaseModel, ConfigDict, Field

from aivalue.events.topics import INPUTS
from aivalue.runtime.settings import RuntimeSettings

SERVICE = "ingest"
PORT = 8101


class IngestGroup(BaseModel):
    """How events are taken in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    consume: bool = Field(default=True, description="Off where a replica only answers HTTP.")
    group: str = Field(default="aivalue-ingest", description="Consumer group.")
    batch_records_max: int = Field(default=20_000, ge=1, le=50_000)
    poll_ms: int = Field(default=200, ge=1, description="Longest wait for a batch to begin.")
    allow_gaps: bool = Field(
        default=False,
        description="Offsets may have gaps: producers use transactions, or topics are compacted.",
    )
    breaker_share: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="Partitions halt where a larger share of records is refused; 1 never.",
    )
    broker_silent_seconds: float = Field(
        default=30,
        gt=0,
        description="Not ready where the broker has answered nothing for so long.",
    )
    broker_identity: str = Field(
        default="",
        description="Whoever starts a broker that forgets its topics names it anew each time; "
        "another name opens a new incarnation of every log.",
    )
    http_partitions: int = Field(default=4, ge=1, description="HTTP requests stored at a time.")
    http_requests_max: int = Field(
        default=64, ge=1, description="HTTP requests under way; more are told to come again."
    )
    http_events_max: int = Field(default=1_000, ge=1)
    http_bytes_max: int = Field(default=1_048_576, ge=1)
    revert_slice_events: int = Field(
        default=20_000,
        ge=1,
        description="Events of a backfill taken back, or restored, in one transaction.",
    )


class IngestSettings(RuntimeSettings):
    """Everything the service reads at start."""

    ingest: IngestGroup = IngestGroup()

    def tenants_by_topic(self) -> dict[str, str]:
        """Return every input topic and the tenant whose it is."""
        return {
            self.kafka.input_topic(tenant, topic): tenant
            for tenant in self.kafka.tenants
            for topic in INPUTS
        }
