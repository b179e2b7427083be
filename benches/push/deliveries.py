"""How many deliveries one API process makes: 500 sockets that see the same, and 500 that each see their own."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from statistics import median

from benches.measure import Case, Group, Pace, Sample, measure
from benches.push.bare import message
from benches.push.bursts import Bursts, bursts
from benches.push.listener import Listener, listening
from benches.push.sockets import Order
from benches.world import Process, World
from models.kernel.viewer import Role
from server.auth import development_token

SOCKETS, BURST = 500, 100
AT_LEAST = 0.4
BALANCES = """subscription { balanceChanged { __typename ... on BalanceEvent {
  currency version available { amount } change { amount } cursor } ... on Heartbeat { cursor } } }"""
SIZE = 330  # of a delivery by the API, whose numbers differ in length
ALL = ["all"] * BURST
EACH = [str(number) for number in range(SOCKETS)]


def operators(sockets: int = SOCKETS) -> list[str]:
    """Tokens of one sight."""
    return [development_token(Role.OPERATOR, subject="bench")] * sockets


def users(sockets: int = SOCKETS) -> list[str]:
    """Tokens of one sight each."""
    return [development_token(Role.USER, subject=f"user-{n}", person=n) for n in range(1, sockets + 1)]


async def _bursts(
    server: Process, listener: Listener, once: Callable[[], Awaitable[float]], number: int, pace: Pace
) -> Sample:
    """Burst after burst, each when the one before is delivered. The rate is that of the middle one."""
    samples, used, end = list[Sample](), list[float](), time.monotonic() + pace.warm_up_seconds + pace.seconds
    while time.monotonic() < end or not samples:
        before = server.cpu_seconds()
        samples.append(await listener.expect(number, await once()))
        after = server.cpu_seconds()
        if before is not None and after is not None:
            used.append(after - before)
    kept = sorted(samples[1:] or samples, key=lambda sample: sample.per_second)
    middle = kept[len(kept) // 2]
    cpu = sum(used) * 1e6 / (number * len(used)) if used else None
    return Sample(middle.per_second, middle.p50_ms, middle.p99_ms, cpu)


async def same(api: Process, bare: Process, written: Bursts, pace: Pace) -> Group:
    """Everybody gets every event."""
    persons = list(range(1, BURST + 1))
    async with (
        listening(Order(api.port, operators(), BALANCES)) as watching,
        listening(Order(bare.port, operators(), BALANCES, begins_with=0)) as hearing,
    ):
        text = message({"__typename": "BalanceEvent"}, SIZE)
        group = await measure(
            __doc__ or "",
            [
                Case(
                    "bare_fan_out",
                    "ready-made text from Redis to 500 sockets",
                    lambda pace: _bursts(bare, hearing, lambda: written.publish(ALL, text), SOCKETS * BURST, pace),
                    floor=True,
                ),
                Case(
                    "fan_out",
                    "bursts of 100 events to 500 sockets of one sight: deliveries",
                    lambda pace: _bursts(api, watching, lambda: written.write(persons), SOCKETS * BURST, pace),
                ),
            ],
            pace,
        )
    group.compare("deliveries to 500 sockets / ready-made text", "fan_out", "bare_fan_out", AT_LEAST)
    return group


async def own(api: Process, bare: Process, written: Bursts, pace: Pace) -> Group:
    """Everybody gets his own."""
    persons = list(range(1, SOCKETS + 1))
    async with (
        listening(Order(api.port, users(), BALANCES, begins_with=2)) as watching,
        listening(Order(bare.port, operators(), BALANCES, begins_with=0)) as hearing,
    ):
        text = message({"__typename": "BalanceEvent"}, SIZE)
        group = await measure(
            __doc__ or "",
            [
                Case(
                    "bare_own",
                    "ready-made text from Redis, each to one of 500 sockets",
                    lambda pace: _bursts(bare, hearing, lambda: written.publish(EACH * 2, text), 2 * SOCKETS, pace),
                    floor=True,
                ),
                Case(
                    "own",
                    "bursts of 1,000 events, each for one of 500 sights: deliveries",
                    lambda pace: _bursts(api, watching, lambda: written.write(persons, 2), 2 * SOCKETS, pace),
                ),
            ],
            pace,
        )
    group.compare("deliveries to 500 sights / ready-made text", "own", "bare_own")
    return group


async def run(world: World, pace: Pace) -> Group:
    async with (
        world.serve("server.cli", "api", sockets_per_viewer_max=10_000) as api,
        world.serve("server.cli", "worker"),
        world.serve("benches.push.bare") as bare,
        bursts(world) as written,
    ):
        await written.placed()
        group = (await same(api, bare, written, pace)).add(await own(api, bare, written, pace))
    for case in ("bare_fan_out", "fan_out", "bare_own", "own"):
        if used := [sample.cpu_us for sample in group.samples[case] if sample.cpu_us]:
            group.facts[f"{case}_cpu_us_per_delivery"] = round(median(used))
    return group
