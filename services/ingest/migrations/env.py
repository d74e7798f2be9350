"""Alembic's entry: runs this service's history on the connection that `migrate` opened."""

from aivalue.runtime.migrations import run
from services.ingest.tables import metadata

run(metadata)
