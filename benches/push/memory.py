"""What a quiet socket with one subscription takes of the API's memory."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from benches.push.bursts import bursts
from benches.push.deliveries import BALANCES, operators, users
from benches.push.listener import listening
from benches.push.sockets import Order
from benches.world import Process, World

SOCKETS, SIGHTS = 1_000, 500
SETTLE_SECONDS = 1.0


def _resident_kb(process: Process) -> int | None:
    """None where the system does not say."""
    if sys.platform != "linux":
        return None
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


async def _per_socket(world: World, command: tuple[str, ...], tokens: list[str], begins_with: int) -> float | None:
    """Of a fresh process: what so many sockets add to it, after a first one has warmed it up."""
    async with world.serve(*command, sockets_per_viewer_max=10_000) as server:
        order = Order(server.port, tokens[:1], BALANCES, begins_with=begins_with)
        async with listening(order):
            await asyncio.sleep(SETTLE_SECONDS)
        before = _resident_kb(server)
        async with listening(Order(server.port, tokens, BALANCES, begins_with=begins_with)):
            await asyncio.sleep(SETTLE_SECONDS)
            after = _resident_kb(server)
    return None if before is None or after is None else (after - before) / len(tokens)


async def found(world: World) -> dict[str, float]:
    api = ("server.cli", "api")
    async with bursts(world) as written:
        await written.placed()
    taken = {
        "bare_kb_per_socket": await _per_socket(world, ("benches.push.bare",), operators(SOCKETS), 0),
        "kb_per_socket_of_1000_of_one_sight": await _per_socket(world, api, operators(SOCKETS), 1),
        "kb_per_socket_of_500_sights": await _per_socket(world, api, users(SIGHTS), 2),
    }
    return {name: round(kb, 1) for name, kb in taken.items() if kb is not None}
