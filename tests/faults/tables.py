"""Statements of the controls."""

NAIVE_TABLES = """
create table if not exists naive (id text not null);
create table if not exists naive_offset (p int primary key, n bigint not null);
create table if not exists naive_lease (
    one int primary key, owner text not null, until timestamptz not null
);
"""
NAIVE_POSITIONS = "select p, n from naive_offset"
NAIVE_INSERT = "insert into naive values ($1)"
NAIVE_ADVANCE = (
    "insert into naive_offset values ($1, $2) on conflict (p) do update set n = excluded.n"
)
NAIVE_LEASE = (
    "insert into naive_lease values (1, $1, clock_timestamp() + make_interval(secs => $2)) "
    "on conflict (one) do update set owner = excluded.owner, until = excluded.until "
    "where naive_lease.owner = $1 or naive_lease.until < clock_timestamp() returning true"
)
NAIVE_READ = "select coalesce(sum(n), 0) from naive_offset where p >= 0"
NAIVE_STORED = "select count(distinct id) from naive"
