"""What an error of the store, the log or the client means: one table, first match wins.

Nothing is decided where an error is caught. What no row knows stops the process: its supervisor
starts it anew, it reads the truth again, and an error nobody foresaw is never counted as an event.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

import asyncpg
from aiokafka import errors as kafka

from aivalue.errors import InvalidEvent
from aivalue.runtime.postgres import CONNECTION_ERRORS
from services.ingest.queries.partitions import Fenced


class LogBroken(Exception):
    """The log is not the one that was read before; only an operator can say what is true."""


class MassRefusal(Exception):
    """PostgreSQL refuses so much of a batch that it is not the events that are wrong."""


class Action(Enum):
    """What is done about an error."""

    DEAD_LETTER = "one record is to blame: it becomes a dead letter, its neighbours count"
    START_OVER = "drop what is in flight, pause, claim again, read the truth; never retry blindly"
    HALT = "stop the partition for an operator; guessing loses events"
    STOP = "end the process; its supervisor starts it anew"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Errors with one meaning, by type or by the beginning of their SQLSTATE and their table."""

    action: Action
    why: str
    errors: tuple[type[BaseException], ...] = ()
    sqlstates: tuple[str, ...] = ()
    table: str | None = None

    def matches(self, error: BaseException) -> bool:
        """Whether this rule speaks of the error."""
        if isinstance(error, self.errors):
            return True
        state = error.sqlstate or "" if isinstance(error, asyncpg.PostgresError) else ""
        if self.table is not None and self.table != getattr(error, "table_name", None):
            return False
        return any(state.startswith(prefix) for prefix in self.sqlstates)


_RETRIABLE: Final = tuple(
    each
    for each in vars(kafka).values()
    if isinstance(each, type) and issubclass(each, kafka.KafkaError) and vars(each).get("retriable")
)

TABLE: Final = (
    Rule(action=Action.DEAD_LETTER, why="no event", errors=(InvalidEvent,)),
    Rule(
        action=Action.HALT,
        why="a day would hold less than nothing: our sums are wrong, and no event is to blame",
        sqlstates=("23514",),
        table="daily_statistics",
    ),
    Rule(
        action=Action.DEAD_LETTER,
        why="data exception, integrity violation, statement too complex (nested too deep)",
        sqlstates=("22", "23", "54"),
    ),
    Rule(
        action=Action.HALT,
        why="the log is not the one that was read, or holds what cannot be read",
        errors=(LogBroken, kafka.OffsetOutOfRangeError, kafka.RecordTooLargeError),
    ),
    Rule(
        action=Action.HALT,
        why="a constraint or a producer is wrong, and dead letters would be all there is",
        errors=(MassRefusal,),
    ),
    Rule(
        action=Action.STOP,
        why="the broker refuses us; only an operator can change that",
        errors=(kafka.TopicAuthorizationFailedError, kafka.GroupAuthorizationFailedError),
    ),
    Rule(action=Action.START_OVER, why="another worker was faster", errors=(Fenced,)),
    Rule(
        action=Action.START_OVER,
        why="a partition was taken from us between two calls",
        errors=(kafka.IllegalStateError,),
    ),
    Rule(
        action=Action.START_OVER,
        why="the broker is away for a while",
        errors=(kafka.KafkaTimeoutError, *_RETRIABLE),
    ),
    Rule(
        action=Action.START_OVER,
        why="connection lost, also during COMMIT: only PostgreSQL knows whether it counted",
        errors=CONNECTION_ERRORS,
        sqlstates=("08",),
    ),
    Rule(
        action=Action.START_OVER,
        why="serialization failure, deadlock, lock timeout, statement of a schema that changed",
        errors=(asyncpg.InvalidCachedStatementError,),
        sqlstates=("40", "55P03"),
    ),
    Rule(
        action=Action.START_OVER,
        why="resources (53100 is a full disk), shutdown, system error, read-only after failover",
        sqlstates=("53", "57", "58", "25006", "25P03"),
    ),
    Rule(action=Action.STOP, why="any other error of the client", errors=(kafka.KafkaError,)),
)


def action_for(error: BaseException) -> Action:
    """Look an error up."""
    for rule in TABLE:
        if rule.matches(error):
            return rule.action
    return Action.STOP
