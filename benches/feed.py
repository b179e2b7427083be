"""The feed, from a commit to those who watch: one API process and one worker, against bare sockets fed by Redis.

The floor (push/bare.py) sends ready-made text that comes over Redis to the same number of sockets, under the same
server, to the same client. It knows nobody, keeps nothing, and loses what comes while nobody listens.
"""

from __future__ import annotations

from dataclasses import replace

from benches.measure import Group, Pace
from benches.push import catching_up, deliveries, latency, memory, placing
from benches.world import World

SECONDS = 3.0  # of each of its many cases


async def run(world: World, pace: Pace) -> Group:
    pace = replace(pace, seconds=min(pace.seconds, SECONDS))
    group = await latency.run(world, pace)
    for part in (deliveries, catching_up, placing):
        group = group.add(await part.run(world, pace))
    group.about = (__doc__ or "").splitlines()[0]
    group.facts |= await memory.found(world)
    group.facts |= await world.books(pace.check_seconds)
    return group
