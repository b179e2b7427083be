"""A small world to look at, brought in through the operations, like everything else.

Each kind of thing has a file of its own here. The keys of the requests make bringing it again harmless while they are
kept; a world that is whole is left alone for ever.
"""

from __future__ import annotations

from server.seed import deals, disputes, payments, payouts, people


async def seed() -> list[str]:
    """Bring the world; bringing it again changes nothing. Answers a line for each thing in it."""
    known = await people.bring()
    if not await deals.are_there(known):
        await people.give(known)
        await deals.bring(known)
    if not await payments.are_there(known):
        await payments.bring(known)
    if not await payouts.are_there():
        await payouts.bring()
    await disputes.bring()
    return [
        *people.told(known),
        *await deals.told(known),
        *await payments.told(known),
        *await payouts.told(),
        *await disputes.told(),
    ]
