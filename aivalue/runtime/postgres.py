"""PostgreSQL: engines and transactions. The caller of a query owns its transaction."""

from typing import Final

import asyncpg
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from aivalue.errors import AivalueError
from aivalue.runtime.settings import DatabaseSettings

REACH_SECONDS = 5.0
# What asyncpg raises when a server dies under it; InternalClientError is a connection that was cut
# in the middle of a protocol exchange.
CONNECTION_ERRORS: Final = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class DatabaseUnreachable(AivalueError):
    """PostgreSQL does not answer, or lets this user not in."""


def database_address(settings: DatabaseSettings) -> URL:
    """Return the URL with the password of its own setting, where there is one."""
    url = make_url(settings.url.get_secret_value())
    if settings.password is not None:
        url = url.set(password=settings.password.get_secret_value())
    return url


def asyncpg_address(settings: DatabaseSettings) -> str:
    """Return the address as asyncpg itself wants it, for paths that bypass SQLAlchemy."""
    url = database_address(settings).set(drivername="postgresql")
    return url.render_as_string(hide_password=False)


async def require_reachable(settings: DatabaseSettings) -> None:
    """Connect once.

    Raises
    ------
    DatabaseUnreachable
        The message says where, why not, and which variable names another place.
    """
    try:
        connection = await asyncpg.connect(asyncpg_address(settings), timeout=REACH_SECONDS)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        where = database_address(settings).render_as_string(hide_password=True)
        why = str(error) or type(error).__name__
        raise DatabaseUnreachable(
            f"{where} cannot be used ({why}); AIVALUE_DATABASE__URL says where PostgreSQL is"
        ) from error
    await connection.close()


def create_engine(settings: DatabaseSettings, *, application_name: str) -> AsyncEngine:
    """Create the engine of one service; nothing connects before the first query."""
    return create_async_engine(
        database_address(settings).set(drivername="postgresql+asyncpg"),
        pool_size=settings.pool_size,
        max_overflow=0,
        pool_pre_ping=True,
        pool_recycle=1_800,
        connect_args={
            "timeout": 10,
            "command_timeout": settings.statement_timeout_ms / 1_000 + 5,
            "server_settings": {
                "application_name": application_name,
                # Just-in-time compilation slows the catalogue queries of every new connection.
                "jit": "off",
                "statement_timeout": str(settings.statement_timeout_ms),
                "idle_in_transaction_session_timeout": "15000",
                # Frees the backend of a request whose client went away.
                "client_connection_check_interval": "500",
                "timezone": "UTC",
            },
        },
    )
