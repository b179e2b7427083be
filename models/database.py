"""How every process reaches PostgreSQL: one pool of asyncpg connections, shared by Tortoise and our own SQL."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg
from tortoise import Tortoise

from models.wiring import TABLES
from settings import settings

APP = "models"


class Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg ships no types
    """Nothing here changes a session, so a connection goes back to the pool without the round trip of a reset.

    But for one whose call failed or was cut off: what asyncpg has prepared and not yet asked leaves the server within a
    transaction that the client knows nothing of. It would hold a snapshot, and whoever comes next would begin in it.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._cut_off = False

    def get_reset_query(self) -> str:
        cut_off, self._cut_off = self._cut_off, False
        return str(super().get_reset_query()) if cut_off else ""

    async def _do_execute(self, *args: Any, **kwargs: Any) -> Any:
        """All that is prepared and then asked goes through here."""
        try:
            return await super()._do_execute(*args, **kwargs)
        except BaseException:
            self._cut_off = True
            raise


def credentials(url: str) -> dict[str, Any]:
    """What asyncpg takes, from postgres://user:password@host:port/name or …/name?host=/folder/of/the/socket."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise ValueError("SALDO_DATABASE_URL must begin with postgres:// or postgresql://")
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    return {
        "host": query.get("host") or parts.hostname or "localhost",
        "port": int(query.get("port") or parts.port or 5432),
        "user": unquote(parts.username or "") or "postgres",
        "password": unquote(parts.password) if parts.password else None,
        "database": parts.path.lstrip("/") or "saldo",
        **({"ssl": query["sslmode"]} if "sslmode" in query else {}),
    }


def server_settings() -> dict[str, str]:
    """What every session starts with: no wait without an end, and the clock moved where development asks for it."""
    limits = settings()
    return {
        "application_name": "saldo",
        "lock_timeout": str(limits.database_lock_timeout_ms),
        "statement_timeout": str(limits.database_statement_timeout_ms),
        "idle_in_transaction_session_timeout": "30000",
        "saldo.clock_offset_seconds": str(limits.clock_offset_seconds),
    }


def config(url: str) -> dict[str, Any]:
    pool = {"minsize": settings().database_pool_min, "maxsize": settings().database_pool_max}
    extra = {"connection_class": Connection, "server_settings": server_settings(), "timeout": 10}
    return {
        "connections": {
            "default": {"engine": "tortoise.backends.asyncpg", "credentials": credentials(url) | pool | extra}
        },
        "apps": {APP: {"models": list(TABLES), "migrations": "models.migrations", "default_connection": "default"}},
        "use_tz": True,
        "timezone": "UTC",
    }


async def connect(url: str | None = None) -> None:
    """Open the pool of this process; everything below models/ then uses it."""
    await Tortoise.init(config=config(url or settings().database_url), _enable_global_fallback=True)


async def disconnect() -> None:
    await Tortoise.close_connections()
