"""Whether every key of every table begins with the tenant, as a cluster of databases would need."""

from importlib import import_module

import pytest
from sqlalchemy import MetaData, Table, UniqueConstraint

SERVICES = ("ingest", "baseline", "attribution", "reporting")


def tables_of(service: str) -> list[Table]:
    module = import_module(f"services.{service}.tables")
    [metadata] = {each for each in vars(module).values() if isinstance(each, MetaData)}
    return list(metadata.tables.values())


@pytest.mark.parametrize("service", SERVICES)
def test_every_primary_key_begins_with_the_tenant(service: str) -> None:
    tables = tables_of(service)

    firsts = {table.name: table.primary_key.columns[0].name for table in tables}

    assert firsts
    assert {name: first for name, first in firsts.items() if first != "tenant_id"} == {}


@pytest.mark.parametrize("service", SERVICES)
def test_nothing_is_unique_or_refers_to_rows_across_tenants(service: str) -> None:
    across = []
    for table in tables_of(service):
        unique = [
            {column.name for column in each.columns}
            for each in table.constraints
            if isinstance(each, UniqueConstraint)
        ]
        unique += [
            {column.name for column in each.columns} for each in table.indexes if each.unique
        ]
        refers = [
            {column.name for column in each.columns} for each in table.foreign_key_constraints
        ]
        across += [
            f"{table.name}: {names}" for names in unique + refers if "tenant_id" not in names
        ]

    assert across == []
