"""Alembic's entry: the service's own schema and nothing else."""

from aivalue.runtime.migrations import run
from services.reporting.tables import metadata

run(metadata)
