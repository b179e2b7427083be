"""The sandbox as a process."""

from __future__ import annotations

import asyncio
import os
import sys

import httpx
import pytest

from tests.faults.processes import free_ports


async def start(*argv: str, **env: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-m", *argv, env={**os.environ, **env},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip


async def test_it_answers_until_it_is_told_to_stop():
    port = free_ports()
    process = await start("server.cli", "sandbox", SALDO_PORT=str(port))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port + 2}", trust_env=False) as client:
        for _ in range(1_000):
            try:
                assert (await client.get("/healthz")).json() == {"status": "ok"}
                break
            except httpx.ConnectError:
                await asyncio.sleep(0.02)
        given = {"system": "tron", "operation": "*", "outcome": "timeout"}
        assert (await client.post("/control/script", json=given)).status_code == 200
        held = asyncio.create_task(client.post("/tron/wallet/getnowblock", json={}, timeout=30))
        await asyncio.sleep(0.1)
        process.terminate()
        with pytest.raises(httpx.RemoteProtocolError):
            await held
    said, _ = await asyncio.wait_for(process.communicate(), 5)
    assert (process.returncode, said) == (0, b"")


@pytest.mark.parametrize(
    "settings",
    [{}, {"SALDO_DATABASE_URL": "postgres://x", "SALDO_REDIS_URL": "redis://x", "SALDO_TOKEN_SECRET": "x" * 32}],
)
async def test_production_has_none(settings):
    process = await start("sandbox", SALDO_ENV="production", **settings)
    said, _ = await process.communicate()
    assert (process.returncode, b"in development only" in said) == (2, True)
