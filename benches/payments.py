"""Payments over Tron by one worker, against the node's calls alone; and what a tick costs while nothing is paid.

The node is the sandbox in a process of its own, and the worker's tick runs in this one. What is settled is held against the
very same calls, repeated by the HTTP client and nothing else. A tick with 100,000 payments waiting is held against one with
1,000; and the longest tick against its period.
"""

from __future__ import annotations

from dataclasses import replace

from benches.measure import Group, Pace
from benches.tron import idle, longest, settling
from benches.tron.chain import chain
from benches.tron.made import offered
from benches.tron.ticking import counted
from benches.world import World


async def run(world: World, pace: Pace) -> Group:
    pace = replace(pace, rounds=pace.rounds + 2 * (pace.rounds > 1))
    with counted(world):
        await world.visit(world.name)  # with connections that count
        async with chain(world) as node:
            await offered()
            group = await settling.run(node, pace)
            group = group.add(await longest.run(node, pace))
        group.facts |= await world.books(pace.check_seconds)
        group = group.add(await idle.run(world, pace))
    group.about = (__doc__ or "").splitlines()[0]
    return group
