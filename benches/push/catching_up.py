"""How long it takes to be told 10,000 missed events: of everybody, and of one person who has a hundredth of them."""

from __future__ import annotations

from dataclasses import replace

from benches.measure import Case, Group, Pace, Sample, measure
from benches.push.bursts import Bursts, bursts
from benches.push.deliveries import operators, users
from benches.push.listener import listening
from benches.push.sockets import Order
from benches.world import World
from models.events.cursors import read_seal

MISSED, HIS = 10_000, 100
PERSON, STRANGERS = 1, 5_000
BALANCES = """subscription ($after: Cursor) { balanceChanged(after: $after) { __typename ... on BalanceEvent {
  currency version available { amount } change { amount } cursor } } }"""


async def _missed(written: Bursts) -> int:
    """Writes them, each hundredth for the one person. The position before them."""
    before = await written.placed()
    others = MISSED // HIS - 1
    for n in range(HIS):
        first = 2 + n * others % STRANGERS
        await written.write([PERSON, *range(first, first + others)])
    assert await written.placed() == before + MISSED
    return before


async def _caught_up(order: Order, number: int) -> Sample:
    """From the opening of the socket to the last event; the rate is that of events passed over, whosever they are."""
    async with listening(order) as listener:
        seen = await listener.expect(number)
    return replace(seen, per_second=seen.per_second * MISSED / number)


async def run(world: World, pace: Pace) -> Group:
    async with (
        world.serve("server.cli", "api", sockets_per_viewer_max=10_000) as api,
        world.serve("benches.push.bare") as bare,
        bursts(world) as written,
    ):
        position = await _missed(written)
        after = {"after": (await read_seal()).cursor(position)}
        log = Order(bare.port, operators(1), "", "next", 0, {"position": position}, "/log")
        everybody = Order(api.port, operators(1), BALANCES, begins_with=0, variables=after)
        person = replace(everybody, tokens=users(PERSON))
        group = await measure(
            __doc__ or "",
            [
                Case(
                    "bare_log", "10,000 events out of PostgreSQL as they are", lambda _: _caught_up(log, MISSED), True
                ),
                Case("missed", "10,000 missed events of everybody's", lambda _: _caught_up(everybody, MISSED)),
                Case("missed_own", "the same 10,000, for one whose are 100", lambda _: _caught_up(person, HIS)),
            ],
            pace,
        )
    group.compare("10,000 missed events / out of PostgreSQL as they are", "missed", "bare_log")
    group.facts = {"seconds_for_10000_missed": round(group.middle("missed").p99_ms / 1000, 2)}
    return group
