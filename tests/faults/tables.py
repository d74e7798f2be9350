"""Statements of the controls and of the checker."""

NAIVE_TABLES = """
create table if not exists naive (id text not null);
create table if not exists naive_offset (p int primary key, n bigint not null);
"""
NAIVE_POSITIONS = "select p, n from naive_offset"
NAIVE_INSERT = "insert into naive values ($1)"
NAIVE_ADVANCE = (
    "insert into naive_offset values ($1, $2) on conflict (p) do update set n = excluded.n"
)
