"""Dead letters that are given another chance: the same path, the same identity, counted once.

A replay stores the original bytes, or what a merge patch makes of them, in a log of its own, in
one transaction with what became of every letter. An event that has been stored meanwhile is a
duplicate, so replaying twice, or after the producer has sent it again, changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import asyncpg
import msgspec

from aivalue.errors import InvalidEvent
from aivalue.events import strict_json
from aivalue.events.columns import Columns
from aivalue.events.event import Event
from aivalue.events.http_binding import decode_header
from aivalue.events.kafka_binding import STRUCTURED_JSON
from aivalue.runtime.clock import utc_now
from services.ingest import metrics
from services.ingest.batch import Batch, Headers, Record, stretch_of
from services.ingest.originals import decode_original
from services.ingest.queries import dead_letters, partitions
from services.ingest.queries.dead_letters import Letter, Resolution
from services.ingest.storing.handler import REASONS, Store
from services.ingest.storing.identities import Ids
from services.ingest.storing.isolating import refused_events
from services.ingest.storing.keys import Stored
from services.ingest.taxonomy import Action, action_for

TOPIC: Final = "dead-letters"
Patch = Mapping[str, object]
Outcome = Literal["replayed", "duplicate", "rejected_again"]
Written = tuple[Batch, Stored]
Candidate = tuple[Letter, bytes | None, Headers, Event]
_encode = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What became of a letter."""

    dead_letter_id: int
    outcome: Outcome
    reason: str | None = None
    detail: str | None = None


class Replayer:
    """Replays dead letters of one tenant at a time."""

    def __init__(self, pool: asyncpg.Pool, store: Store) -> None:
        self._pool = pool
        self._store = store

    async def replay(
        self, tenant: str, ids: Sequence[int], *, patch: Patch | None, dry_run: bool, by: str
    ) -> list[Replayed]:
        """Replay open letters, say what became of each; those that are not open are left out.

        `patch` is a JSON merge patch (RFC 7396) of the event in its JSON form.
        """
        now = utc_now()
        async with self._pool.acquire() as connection:
            whole = connection.transaction()
            await whole.start()
            try:
                letters = await dead_letters.lock_open(connection, tenant, ids)
                candidates, results = _decoded(letters, patch, now=now)
                done, written = await self._store_all(connection, tenant, candidates, now=now)
                results += done
                await dead_letters.resolve(connection, tenant, _resolutions(results), by=by)
            except BaseException:
                await whole.rollback()
                raise
            await (whole.rollback() if dry_run else whole.commit())
        if written is not None and not dry_run:
            metrics.observe_stored(*written, seconds=(utc_now() - now).total_seconds())
        return sorted(results, key=lambda each: each.dead_letter_id)

    async def _store_all(
        self,
        connection: asyncpg.Connection,
        tenant: str,
        candidates: Sequence[Candidate],
        *,
        now: datetime,
    ) -> tuple[list[Replayed], Written | None]:
        """Store what can be stored; what the store refuses stays the letter that it is."""
        results: list[Replayed] = []
        while candidates:
            events = Columns.of(event for *_, event in candidates)
            # Ids that this transaction creates are not remembered: it may yet be undone.
            ids = await Store(changes_topic="").resolve(connection, tenant, events)
            batch, stored = await self._try(connection, tenant, candidates, ids, now=now)
            if batch is not None and not stored.refused:
                results += [
                    Replayed(
                        dead_letter_id=letter.dead_letter_id,
                        outcome="duplicate" if seq in stored.duplicates else "replayed",
                    )
                    for seq, (letter, *_) in enumerate(candidates)
                ]
                return results, (batch, stored)
            for seq, reason in stored.refused.items():
                letter = candidates[seq][0]
                results.append(_rejected(letter, reason, REASONS[reason]))
            candidates = [each for seq, each in enumerate(candidates) if seq not in stored.refused]
        return results, None

    async def _try(
        self,
        connection: asyncpg.Connection,
        tenant: str,
        candidates: Sequence[Candidate],
        ids: Ids,
        *,
        now: datetime,
    ) -> tuple[Batch | None, Stored]:
        """Store all of them, or none where one is refused; say which."""

        async def write(refused: frozenset[int]) -> None:
            some = [each for seq, each in enumerate(candidates) if seq not in refused]
            chosen = Ids(
                sources=[each for seq, each in enumerate(ids.sources) if seq not in refused],
                series=[each for seq, each in enumerate(ids.series) if seq not in refused],
                by_source=ids.by_source,
            )
            if some:
                await self._write(connection, tenant, some, chosen, now=now)

        trial = connection.transaction()
        await trial.start()
        try:
            batch, stored = await self._write(connection, tenant, candidates, ids, now=now)
        except (asyncpg.PostgresError, asyncpg.DataError) as error:
            await trial.rollback()
            if action_for(error) is not Action.DEAD_LETTER:
                raise
            refused = await refused_events(connection, write, n_events=len(candidates), began=error)
            return None, Stored(refused=dict.fromkeys(refused, "refused_by_database"))
        await (trial.rollback() if stored.refused else trial.commit())
        return batch, stored

    async def _write(
        self,
        connection: asyncpg.Connection,
        tenant: str,
        candidates: Sequence[Candidate],
        ids: Ids,
        *,
        now: datetime,
    ) -> Written:
        log_id, _ = await partitions.open_log(connection, tenant, TOPIC, kind="http", identity="")
        claim = await partitions.lock(connection, tenant, TOPIC, log_id, 0)
        records = [
            Record(
                offset=claim.origin.next_offset + index,
                timestamp=int(now.timestamp() * 1_000),
                key=letter.key,
                value=value,
                headers=headers,
            )
            for index, (letter, value, headers, _) in enumerate(candidates)
        ]
        stretch = stretch_of(
            claim.origin,
            records,
            records,
            Columns.of(event for *_, event in candidates),
            [],
        )
        batch = Batch(tenant=tenant, received_at=now, stretches=[stretch], may_take_long=True)
        return batch, await self._store.write(connection, batch, ids)


def _decoded(
    letters: Sequence[Letter], patch: Patch | None, *, now: datetime
) -> tuple[list[Candidate], list[Replayed]]:
    """Return the letters that are events now, and those that still are none."""
    candidates: list[Candidate] = []
    rejected: list[Replayed] = []
    for letter in letters:
        try:
            value, headers = (
                (letter.value, letter.headers) if patch is None else _patched(letter, patch)
            )
            event = decode_original(value, headers, kind=letter.kind, now=now)
        except InvalidEvent as error:
            rejected.append(_rejected(letter, error.reason, str(error)))
        else:
            candidates.append((letter, value, headers, event))
    return candidates, rejected


def _patched(letter: Letter, patch: Patch) -> tuple[bytes, Headers]:
    """Apply a merge patch to the event's JSON form, every digit of its numbers kept."""
    event = _json_form(letter)
    try:
        return _encode(_merged(event, patch)), [("content-type", STRUCTURED_JSON)]
    except UnicodeEncodeError as error:
        raise InvalidEvent("the patch has a lone surrogate", reason="invalid_text") from error
    except RecursionError as error:
        raise InvalidEvent("the patch is nested too deeply", reason="too_deep") from error


def _json_form(letter: Letter) -> object:
    value = strict_json.parse(letter.value or b"null")
    attributes: dict[str, object] = {}
    for name, text in letter.headers:
        if text is not None and name.startswith(("ce_", "ce-")):
            is_http = name.startswith("ce-")
            attributes[name[3:]] = (
                decode_header(text.decode("latin-1")) if is_http else _text(name, text)
            )
    return {**attributes, "data": value} if attributes else value


def _text(name: str, text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise InvalidEvent(f"header {name}: {error}", reason="not_utf8") from error


def _merged(target: object, patch: object) -> object:
    if not isinstance(patch, Mapping):
        return patch
    members = dict(target) if isinstance(target, Mapping) else {}
    for name, change in patch.items():
        if change is None:
            members.pop(name, None)
        else:
            members[name] = _merged(members.get(name), change)
    return members


def _rejected(letter: Letter, reason: str, detail: str) -> Replayed:
    return Replayed(
        dead_letter_id=letter.dead_letter_id,
        outcome="rejected_again",
        reason=reason,
        detail=detail,
    )


def _resolutions(results: Sequence[Replayed]) -> list[Resolution]:
    return [
        Resolution(
            dead_letter_id=each.dead_letter_id,
            outcome="rejected_again" if each.outcome == "rejected_again" else "replayed",
            reason=each.detail or each.outcome,
        )
        for each in results
    ]
