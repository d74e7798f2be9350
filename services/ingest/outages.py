"""What an error of the store means: wait and read the truth again, or give up loudly."""

from typing import Final

import asyncpg

from services.ingest.queries.partitions import Fenced

# SQLSTATE classes and codes after which the same batch may succeed: lost connection, transaction
# rollback (serialization, deadlock), resources (53100 is a full disk), lock timeout,
# administrator's intervention, system error, read-only after a failover.
TRANSIENT_CLASSES: Final = frozenset({"08", "40", "53", "57", "58"})
TRANSIENT_CODES: Final = frozenset({"55P03", "25006", "25P03"})
# What asyncpg raises when a server dies under it; InternalClientError is a connection that was cut
# in the middle of a protocol exchange.
CONNECTION_ERRORS: Final = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError)
DATA_CLASSES: Final = frozenset({"22", "23"})


def is_transient(error: BaseException) -> bool:
    """Whether reading the position again and starting over is the answer."""
    if isinstance(error, asyncpg.PostgresError):
        state = str(error.sqlstate or "")
        return state[:2] in TRANSIENT_CLASSES or state in TRANSIENT_CODES
    return isinstance(error, (Fenced, TimeoutError, *CONNECTION_ERRORS))


def is_data(error: BaseException) -> bool:
    """Whether PostgreSQL refused what a record says, so that one record is to blame."""
    if isinstance(error, asyncpg.PostgresError):
        return str(error.sqlstate or "")[:2] in DATA_CLASSES
    return isinstance(error, asyncpg.DataError)
