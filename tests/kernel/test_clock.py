"""One development setting moves business time and the database's together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg

from models.database import server_settings
from models.kernel import clock


async def test_a_process_that_lives_tomorrow_has_a_database_that_does(pool, database_url, knobs):
    knobs(clock_offset_seconds=86_400)
    connection = await asyncpg.connect(database_url, server_settings=server_settings())
    try:
        there = await connection.fetchval("SELECT saldo_now()")
    finally:
        await connection.close()
    for moved in (there, clock.now()):
        assert abs(moved - datetime.now(UTC) - timedelta(days=1)) < timedelta(minutes=1)
