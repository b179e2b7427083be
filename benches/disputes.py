"""Disputes carried by one worker, against the calls alone; and what a tick costs while very many are open.

Billing and the provider are one cheap server in a process of its own, and the worker's jobs run in this one. Billing answers at
once and the provider after 100 ms. What is carried is held against what so many calls in flight could give, and against the
very same calls by the HTTP client and nothing else. A tick beside 100,000 open disputes is held against one beside 1,000.
"""

from __future__ import annotations

from benches.disputed import carrying, waiting
from benches.disputed.worker import outside, worker
from benches.measure import Group, Pace
from benches.tron.ticking import counted
from benches.world import World


async def run(world: World, pace: Pace) -> Group:
    with counted(world):
        await world.visit(world.name)  # with connections that count
        async with outside(world) as place:
            async with worker(world, place) as at_work:
                group = await carrying.run(at_work, pace)
            group.facts |= await world.books(pace.check_seconds)
            group = group.add(await waiting.run(world, place, pace))
    group.about = (__doc__ or "").splitlines()[0]
    return group
