"""Alembic's entry point for the schema `attribution`."""

from aivalue.runtime.migrations import run
from services.attribution.tables import metadata

run(metadata)
