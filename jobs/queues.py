"""The two queues and what travels on them: JSON, never pickle. What cannot be understood becomes a dead letter."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import orjson
import sentry_sdk
import structlog
from arq import Retry as TryAgain
from arq.connections import RedisSettings
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from models.inbox import operations as inbox
from models.inbox.operations.letters import QUEUE
from models.kernel.refusals import Busy
from settings import settings

log = structlog.get_logger("jobs")
PUBLIC_QUEUE, INNER_QUEUE = "saldo:public", "saldo:inner"
BURY = "bury_message"
FAR_MS = 4_102_444_800_000  # the year 2100
BACK_OFF_MAX_SECONDS = 300
TRIES_MAX = 100_000
"""A message is tried until it is kept, or until Redis forgets it, a day after it was sent."""
NOT_NOW = (Busy, OSError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError)
GONE = [RedisConnectionError, RedisTimeoutError, OSError]


def redis_settings() -> RedisSettings:
    """How arq reaches Redis. With OSError among what is retried a worker outlives a restart of Redis."""
    given = RedisSettings.from_dsn(settings().redis_url)
    given.conn_timeout, given.conn_retries, given.conn_retry_delay = 5, 30, 1
    given.retry_on_timeout, given.retry_on_error = True, list(GONE)
    given.retry = Retry(ConstantBackoff(0.2), 50)
    return given


def serialize(job: dict[str, Any]) -> bytes:
    return orjson.dumps(job, default=str)


def deserializer(queue: str, functions: Mapping[str, Callable[..., Any]]) -> Callable[[bytes], dict[str, Any]]:
    """Reads a message, and never raises: one that is no call of a known function becomes a call that buries it."""

    def read(message: bytes) -> dict[str, Any]:
        try:
            job: dict[str, Any] = orjson.loads(message)
            name, args, kwargs = job["f"], job["a"], job["k"]
            inspect.signature(functions[name]).bind(None, *args, **kwargs)
            asked = int(job["et"])  # the sender's word; arq would fall over a moment that no calendar has
            at = asked if 0 <= asked < FAR_MS else 0
            return {"t": 1, "f": name, "a": tuple(args), "k": dict(kwargs), "et": at}
        except KeyError as error:
            return _burial(queue, message, f"unknown function or missing field {error}")
        except (TypeError, ValueError, OverflowError) as error:
            return _burial(queue, message, f"not a call of a known function: {error}")

    return read


def _burial(queue: str, message: bytes, reason: str) -> dict[str, Any]:
    return {"t": 1, "f": BURY, "a": (queue, message.decode("utf-8", "replace"), reason), "k": {}, "et": 0}


@asynccontextmanager
async def kept(ctx: Mapping[Any, Any]) -> AsyncIterator[None]:
    """What happens within is tried again later where it fails, for arq would drop the message: PostgreSQL may be out of
    reach, or busy. What that does not explain is told to Sentry too."""
    try:
        async with asyncio.timeout(settings().job_timeout_seconds * 0.9):  # before arq ends it, and with it the message
            yield
    except Exception as error:
        if not isinstance(error, NOT_NOW):
            sentry_sdk.capture_exception(error)
        log.warning("message_not_kept_yet", attempt=ctx["job_try"], error=repr(error))
        raise TryAgain(defer=min(2 ** min(ctx["job_try"], 10), BACK_OFF_MAX_SECONDS)) from error


async def bury_message(ctx: dict[Any, Any], queue: str, message: str, reason: str) -> None:
    """Keep a message that could not be understood."""
    async with kept(ctx):
        await inbox.bury(f"queue:{queue}", "message", message, reason, by=QUEUE)
