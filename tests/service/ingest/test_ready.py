"""Whether a batch is told apart before PostgreSQL is asked: twins, order, what came lately."""

from collections.abc import Set as AbstractSet
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from aivalue.events.columns import Columns
from services.ingest.batch import Batch, Origin, Record, stretch_of
from services.ingest.storing import wire
from services.ingest.storing.identities import Ids
from services.ingest.storing.keys import KeyStore, Stored
from services.ingest.storing.ready import Ready, twins_of
from services.ingest.storing.recent import RecentIdentities

NOW = datetime(2026, 5, 1, tzinfo=UTC)
ORIGIN = Origin(log_id=1, partition=0, epoch=1, next_offset=0, head_hash=bytes(32), topic="t")
Said = tuple[int, str, int]
"""Source id, event id, and what the event says."""
events = st.lists(st.tuples(st.integers(1, 2), st.sampled_from("abc"), st.integers(1, 2)))


def _fingerprint(said: int) -> bytes:
    return bytes([said]) * 32


def _batch(said: list[Said]) -> tuple[Batch, Ids]:
    """Return a batch of measurements that say so."""
    columns = Columns(
        sources=[f"urn:{source_id}" for source_id, _, _ in said],
        ids=[event_id for _, event_id, _ in said],
        types=["aivalue.measurement.recorded.v1"] * len(said),
        microseconds=[0] * len(said),
        days=[730_000] * len(said),
        fingerprints=[_fingerprint(what) for _, _, what in said],
        series=[("kpi", "unit", "", "")] * len(said),
        measured=["1"] * len(said),
    )
    records = [
        Record(offset=offset, timestamp=0, key=None, value=b"", headers=[])
        for offset in range(len(said))
    ]
    ids = Ids(sources=[source_id for source_id, _, _ in said], series=[1] * len(said), by_source={})
    stretches = [stretch_of(ORIGIN, records, records, columns, [])] if said else []
    return Batch(tenant="t", received_at=NOW, stretches=stretches), ids


def _twins(said: list[Said], without: AbstractSet[int]) -> dict[int, int]:
    """Tell twins as one would by hand: each event beside the first that has its identity."""
    twins = {}
    for seq, (source_id, event_id, what) in enumerate(said):
        same = [
            other
            for other, each in enumerate(said)
            if each[:2] == (source_id, event_id) and other not in without
        ]
        if seq in same and seq != same[0] and said[same[0]][2] == what:
            twins[seq] = same[0]
    return twins


@given(said=events, without=st.sets(st.integers(0, 5)))
def test_what_repeats_an_earlier_event_that_counts_is_its_twin(
    said: list[Said], without: set[int]
) -> None:
    batch, ids = _batch(said)
    ready = Ready.of(batch, ids)

    assert ready.twins == _twins(said, frozenset())
    assert twins_of(batch.events, ids, ready.order, without=without) == _twins(said, without)


@given(said=events, gone=st.sets(st.integers(0, 5)))
def test_rows_of_keys_are_those_of_what_is_kept_in_the_order_of_the_key(
    said: list[Said], gone: set[int]
) -> None:
    batch, ids = _batch(said)
    ready = Ready.of(batch, ids)

    kept = [seq for seq in range(len(said)) if seq not in gone]
    in_order = sorted(kept, key=lambda seq: (said[seq][:2], seq))
    assert ready.keys_without(batch, gone) == b"".join(
        wire.key_rows(batch, ids, [seq]) for seq in in_order
    )


@given(before=events, said=events)
def test_an_identity_that_was_stored_is_known_with_what_was_stored_under_it(
    before: list[Said], said: list[Said]
) -> None:
    store, stored = KeyStore(), Stored()
    earlier, ids = _batch(before)
    taken: dict[tuple[int, str], int] = {}
    for seq, (source_id, event_id, what) in enumerate(before):
        if taken.setdefault((source_id, event_id), what) != what:
            stored.refused[seq] = "id_conflict"
    store.remember(earlier, ids, stored)

    batch, ids = _batch(said)
    found = Stored()
    store.recognise(batch, Ready.of(batch, ids), found)

    for seq, (source_id, event_id, what) in enumerate(said):
        known = taken.get((source_id, event_id))
        if known is not None:
            assert (seq in found.duplicates, seq in found.refused) == (known == what, known != what)
            assert seq not in found.twins


def test_what_repeats_in_other_digits_does_not_replace_what_was_stored() -> None:
    store = KeyStore()
    batch, ids = _batch([(1, "a", 1), (1, "a", 2)])
    stored = Stored(refused={1: "id_conflict"})
    # As it is told once both were read again: a twin of the first, with another fingerprint.
    stored.recognise({1: 0})
    store.remember(batch, ids, stored)

    again, ids = _batch([(1, "a", 1)])
    found = Stored()
    store.recognise(again, Ready.of(again, ids), found)
    assert (found.duplicates, found.refused) == ({0}, {})


def test_one_generation_is_kept_behind_the_one_that_grows() -> None:
    recent = RecentIdentities(size=2)
    recent.remember(("t", 1), [("a", b"1"), ("b", b"2")])
    recent.remember(("t", 1), [("c", b"3")])

    assert recent.known_among(("t", 1), ["a", "c", "d"]) == {"a": b"1", "c": b"3"}

    recent.remember(("t", 2), [("d", b"4")])
    assert recent.known_among(("t", 1), ["a", "b", "c"]) == {"c": b"3"}


def test_an_id_of_another_source_or_tenant_is_not_known() -> None:
    recent = RecentIdentities()
    recent.remember(("t", 1), [("a", b"1")])

    assert recent.known_among(("t", 2), ["a"]) == {}
    assert recent.known_among(("other", 1), ["a"]) == {}
