"""Whether every error that was seen in production, here or at others, meets its one meaning."""

import asyncpg
import pytest
from aiokafka import TopicPartition
from aiokafka import errors as kafka

from aivalue.errors import InvalidEvent
from services.ingest.queries.partitions import Fenced
from services.ingest.taxonomy import TABLE, Action, LogBroken, MassRefusal, action_for


def _sqlstate(code: str) -> asyncpg.PostgresError:
    error: asyncpg.PostgresError = asyncpg.PostgresError.new({"C": code, "M": code})
    assert error.sqlstate == code
    return error


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.ConnectionDoesNotExistError(), asyncpg.SerializationError(),
        asyncpg.DeadlockDetectedError(), asyncpg.DiskFullError(), asyncpg.TooManyConnectionsError(),
        asyncpg.LockNotAvailableError(), asyncpg.AdminShutdownError(),
        asyncpg.CannotConnectNowError(), asyncpg.QueryCanceledError(),
        asyncpg.ReadOnlySQLTransactionError(), asyncpg.IdleInTransactionSessionTimeoutError(),
        asyncpg.InvalidCachedStatementError(), asyncpg.InterfaceError(""),
        asyncpg.InternalClientError(""), ConnectionResetError(), TimeoutError(), OSError(),
        _sqlstate("58030"), _sqlstate("08006"), Fenced(), kafka.IllegalStateError(),
        kafka.KafkaTimeoutError(), kafka.KafkaConnectionError(), kafka.LeaderNotAvailableError(),
        kafka.NotLeaderForPartitionError(), kafka.RequestTimedOutError(),
    ],
    ids=repr,
)  # fmt: skip
def test_what_may_pass_is_waited_for(error: Exception) -> None:
    assert action_for(error) is Action.START_OVER


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.UniqueViolationError(), asyncpg.CheckViolationError(),
        asyncpg.NumericValueOutOfRangeError(), asyncpg.CharacterNotInRepertoireError(),
        _sqlstate("22P05"), _sqlstate("22P02"), _sqlstate("54001"), asyncpg.DataError(""),
        InvalidEvent("", reason="not_json"),
    ],
    ids=repr,
)  # fmt: skip
def test_what_a_record_says_is_the_records_fault(error: Exception) -> None:
    assert action_for(error) is Action.DEAD_LETTER


@pytest.mark.parametrize(
    "error",
    [
        LogBroken(""), MassRefusal(""), kafka.RecordTooLargeError(""),
        kafka.OffsetOutOfRangeError({TopicPartition("t", 0): 7}),
    ],
    ids=repr,
)  # fmt: skip
def test_what_only_an_operator_can_decide_halts(error: Exception) -> None:
    assert action_for(error) is Action.HALT


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.UndefinedTableError(), asyncpg.InsufficientPrivilegeError(),
        asyncpg.InvalidPasswordError(), asyncpg.DataCorruptedError(), ValueError(),
        AssertionError(), kafka.TopicAuthorizationFailedError(), kafka.KafkaError("heartbeat"),
        kafka.UnsupportedVersionError(),
    ],
    ids=repr,
)  # fmt: skip
def test_anything_else_stops_the_process(error: Exception) -> None:
    assert action_for(error) is Action.STOP


def test_every_rule_says_why() -> None:
    assert all(rule.why and (rule.errors or rule.sqlstates) for rule in TABLE)
