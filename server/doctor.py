"""What is wrong with a set-up, and what to do about it."""

from __future__ import annotations

import platform
from collections.abc import Callable

import asyncpg
from pydantic import ValidationError
from redis.asyncio import Redis

from models import database, migrating
from models.ledger.folding import backlog
from server.diagnosis import Diagnosis
from server.doctor_disputes import disputes
from server.doctor_payments import payments
from server.doctor_payouts import payouts
from server.doctor_storage import files
from server.embedded import MissingBinary
from server.embedded.binaries import postgres_binary, redis_binary
from server.telemetry import redis_answers
from settings import Settings, settings


async def examine() -> list[Diagnosis]:
    """Look at everything that a process needs; what comes later is skipped where it cannot be right."""
    found = [_python()]
    wrong = _settings()
    if wrong:
        return [*found, *wrong]
    found.append(Diagnosis("settings", f"{settings().env}, all valid"))
    try:
        found += (of_database := await _database())
        found += await _redis()
        reached = bool(settings().database_url) and not any(one.advice for one in of_database)
        found += await payments(database=reached)
        found += await payouts()
        found += await disputes(database=reached)
        found.append(await files())
    finally:
        await database.disconnect()
    return found


def _python() -> Diagnosis:
    version = platform.python_version_tuple()
    supported = ("3", "11") <= (version[0], version[1]) <= ("3", "13")
    return Diagnosis("Python", platform.python_version(), "" if supported else "Use Python 3.11, 3.12 or 3.13.")


def _settings() -> list[Diagnosis]:
    try:
        Settings()
    except ValidationError as error:
        return [
            Diagnosis(
                "settings", problem["msg"], f"Set SALDO_{'_'.join(map(str, problem['loc'])).upper() or '…'} rightly."
            )
            for problem in error.errors()
        ]
    return []


async def _database() -> list[Diagnosis]:
    if not settings().database_url:
        return [_embedded("PostgreSQL", lambda: postgres_binary("postgres"))]
    try:
        await database.connect()
        waiting, age_ms = await backlog()
    except asyncpg.UndefinedTableError:
        return [Diagnosis("database", "reached, without our tables", "Run `saldo migrate`.")]
    except (OSError, ValueError, asyncpg.PostgresError) as error:
        return [Diagnosis("database", repr(error), "Is SALDO_DATABASE_URL right, and does PostgreSQL run there?")]
    missing = await migrating.missing()
    late = age_ms > 60_000
    return [
        Diagnosis("database", "reached"),
        Diagnosis("migrations", f"{len(missing)} missing", "Run `saldo migrate`." if missing else ""),
        Diagnosis("hot accounts", f"{waiting} changes not folded", "Does a worker run?" if late else ""),
    ]


async def _redis() -> list[Diagnosis]:
    if not settings().redis_url:
        return [_embedded("Redis", redis_binary)]
    try:
        await redis_answers()
        beats = await _worker_beats()
    except Exception as error:  # noqa: BLE001  whatever it is, this is what the doctor is asked for
        return [Diagnosis("Redis", repr(error), "Is SALDO_REDIS_URL right, and does Redis run there?")]
    return [
        Diagnosis("Redis", "reached"),
        Diagnosis("worker", "beats" if beats else "silent", "" if beats else "Start one with `saldo worker`."),
    ]


async def _worker_beats() -> bool:
    client = Redis.from_url(settings().redis_url, socket_timeout=2)
    try:
        return bool(await client.exists("saldo:inner:health-check"))
    finally:
        await client.aclose()


def _embedded(name: str, find: Callable[[], object]) -> Diagnosis:
    try:
        return Diagnosis(name, f"embedded: {find()}")
    except MissingBinary as missing:
        return Diagnosis(name, "none", str(missing))
