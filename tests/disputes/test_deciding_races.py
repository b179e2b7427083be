"""Whoever comes too late over a dispute writes nothing, and whoever comes at the same moment as another is judged behind it; with
its guard taken out that is not so. [spec/disputes §10.2, H-O4, H-O5, H-O13; §11, 44, 45]"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from models.disputes import operations as disputes
from models.disputes.lifecycle import DisputeStatus
from models.disputes.operations import NOTHING, Confirmed, locking, supporting
from models.kernel.clock import now
from models.kernel.sql import fetch, sql
from tests.disputes.racing import (
    NOBODY_WAITS,
    OPERATIONS,
    ROW_LOCK,
    claimed,
    differences,
    leases_end,
    slow_writes,
    that_write,
    until_called,
    whoever_asks,
)
from tests.disputes.test_races import ended
from tests.disputes.world import MERCHANT, WORKER, World
from tests.races.scenarios import outcomes, surprises

S = DisputeStatus


async def a_sleepy_worker(world: World) -> list[str]:
    """A worker sleeps over the end of its lease, and another claims: whatever the first says when it wakes up writes nothing."""
    dispute = await world.pending()
    sleepy = await claimed(world, S.PENDING)
    await leases_end()
    awake = await claimed(world, S.PENDING)
    later, word = now() + timedelta(hours=1), Confirmed()
    wrong = await that_write(
        {
            "later": lambda: disputes.later([(sleepy, later)], by=WORKER),
            "put_off": lambda: disputes.put_off(sleepy, "late", begun=True, by=WORKER),
            "called_for": lambda: disputes.called_for(sleepy, by=WORKER),
            "stepped_back": lambda: disputes.stepped_back(sleepy, by=WORKER),
            "expired": lambda: disputes.expired(sleepy, by=WORKER),
            "escalated": lambda: disputes.escalated(sleepy, technical="late", by=WORKER),
            "declined": lambda: disputes.declined(sleepy, "late", None, by=WORKER),
            "confirmed": lambda: disputes.confirmed(sleepy, word, by=WORKER),
            "failed": lambda: disputes.failed(sleepy, "late", by=WORKER),
            "succeeded": lambda: disputes.succeeded(sleepy, None, by=WORKER),
        }
    )
    wrong += surprises(await outcomes([disputes.expired(awake, by=WORKER)]))
    stood = await world.stands(dispute)
    return wrong + ([] if stood == "POOLING_EXPIRED" else [stood]) + await differences()


async def a_sleepy_messenger(world: World) -> list[str]:
    """The same of whoever tells a merchant, or the desk."""
    await ended(world, f"{world.box.url}/receiver/hooks/shop")
    pairs = []
    for claim in (disputes.claim_notices, disputes.claim_messages):
        (sleepy, *_) = await claim(limit=10, lease_seconds=60, by=WORKER)
        await leases_end()
        pairs.append((sleepy, await claim(limit=10, lease_seconds=60, by=WORKER)))
    (notice, _), (message, _) = pairs
    wrong = await that_write(
        {
            "not_notified": lambda: disputes.not_notified(notice, "late", by=WORKER),
            "notified": lambda: disputes.notified(notice, by=WORKER),
            "not_told": lambda: disputes.not_told(message, "late", by=WORKER),
            "told": lambda: disputes.told(message, by=WORKER),
        }
    )
    return wrong + await differences()


CONCLUSIONS = {
    "accept": lambda one: disputes.accepted(one, "theirs", now() + timedelta(hours=1), NOTHING, by=WORKER),
    "find_existing": lambda one: disputes.exists(one, NOTHING, by=WORKER),
    "escalate": lambda one: disputes.escalated(one, technical="why", by=WORKER),
    "confirm": lambda one: disputes.confirmed(one, Confirmed(), by=WORKER),
    "fail": lambda one: disputes.declined(one, "no_transfer", None, by=WORKER),
    "succeed": lambda one: disputes.succeeded(one, None, by=WORKER),
}


async def cancelled_while_concluded(world: World) -> list[str]:
    """An operator cancels what a worker concludes: it was concluded and then cancelled, or cancelled and never concluded."""
    wrong: list[str] = []
    for number, (move, conclude) in enumerate((*CONCLUSIONS.items(), *CONCLUSIONS.items())):
        dispute = await world.created(f"inv-{number}")
        one = await claimed(world, S.CREATED)
        calls = [conclude(one), world.desk("cancelDisputes", dispute)]
        async with slow_writes():
            found = await outcomes(calls if number < len(CONCLUSIONS) else reversed(calls))
        wrong += surprises(found)
        concluded = any(one is True for one in found)
        told = await world.events(dispute)
        ends = move in ("fail", "succeed")
        right = ["open", move, *["cancel"] * (not ends)] if concluded else ["open", "cancel"]
        if told != right:
            wrong.append(f"{move}: {concluded}, {told}")
        if await world.stands(dispute) != "CANCELLED":
            await world.desk("cancelDisputes", dispute)
    return wrong + await differences()


async def resumed_while_looked_at(world: World) -> list[str]:
    """H-O4: an operator lets a provider be asked again, of what the forgotten task looks at just now: that is not undone."""
    wrong: list[str] = []
    for number, say in enumerate((disputes.called_for, disputes.failed, disputes.put_off, disputes.later)):
        dispute = await world.expired()
        one = await claimed(world, S.POOLING_EXPIRED)
        await world.desk("resumeDisputes", dispute)
        more = {"begun": True} if say is disputes.put_off else {}
        words = ("late",) * (say in (disputes.failed, disputes.put_off))
        first = [(one, now() + timedelta(hours=9))] if say is disputes.later else one
        wrong += await that_write({f"{number}": lambda s=say, f=first, w=words, m=more: s(f, *w, **m, by=WORKER)})
        if await world.stands(dispute) != "PENDING":
            wrong.append(await world.stands(dispute))
        await world.desk("cancelDisputes", dispute)
    return wrong + await differences()


async def approved_by_two(world: World) -> list[str]:
    """Two operators approve at once, a third settles: it is decided once, all are answered, there is one job at most."""
    wrong: list[str] = []
    for number in range(4):
        trx = f"trx-undecided-{number}"
        dispute = await world.created(f"inv-{number}", paid={"providerTrxId": trx})
        await world.create_tick()
        await world.box.tell("quickpay/payments", providerTrxId=trx, success=True)
        calls = [world.desk("approveDisputes", {"dispute": dispute, "skipProviderCheck": n == 2}) for n in range(3)]
        async with slow_writes():
            found = await outcomes(calls if number % 2 else reversed(calls))
        wrong += surprises(found)
        told = (await world.events(dispute))[2:]
        if told not in (["approve", "settle"], ["settle"], ["approve"]):
            wrong.append(f"{told}")
    return wrong + await differences()


async def resent_while_delivered(world: World) -> list[str]:
    """An operator has a notification sent again that a worker delivers: both may send, one of them delivers it."""
    wrong: list[str] = []
    await ended(world, f"{world.box.url}/receiver/hooks/shop")
    for one in await disputes.claim_notices(limit=10, lease_seconds=60, by=WORKER):
        dispute = one.notice.key
        which = (await fetch(sql("SELECT id FROM dispute WHERE dispute_id = {}", dispute)))[0]["id"]
        calls = [disputes.notified(one, by=WORKER), disputes.resent(which, None, by=world.make.operator.viewer)]
        async with slow_writes():
            found = await outcomes(calls)
        wrong += surprises(found)
        told = await world.events(dispute)
        if told not in (["open", "want_notification", "cancel", *end] for end in END):
            wrong.append(f"{told}")
    return wrong + await differences()


END = (["notify"], ["notify", "resend_notification"])


# --- with and without -------------------------------------------------------------------------------------------------


async def _without_a_token(work, one):
    return await locking._held(work, one.id, one.invoice, one.payment, work.by)


async def _put_back_by_whoever(work, table, looked_at):
    for id, _, at in looked_at:
        await work.db.execute(f"UPDATE {table._meta.db_table} SET next_check_at = $2 WHERE id = $1", id, at)
    return len(looked_at)


async def _anybodys_message(_work, one):
    return await supporting.SupportMessage.get(id=one.id)


WHOEVER = {
    f"{OPERATIONS}.working.still_ours": whoever_asks,
    f"{OPERATIONS}.working.still_held": _without_a_token,
    f"{OPERATIONS}.working.put_back": _put_back_by_whoever,
}
GUARDED = [
    *((a_sleepy_worker, {guard: instead}) for guard, instead in WHOEVER.items()),
    (a_sleepy_messenger, {f"{OPERATIONS}.supporting._ours": _anybodys_message}),
    (cancelled_while_concluded, NOBODY_WAITS),
    (resumed_while_looked_at, WHOEVER),
    (approved_by_two, NOBODY_WAITS),
    (resent_while_delivered, {ROW_LOCK: ""}),
]
by_name = {"ids": lambda value: getattr(value, "__name__", "")}


@pytest.mark.parametrize("scenario", dict.fromkeys(row[0] for row in GUARDED), **by_name)
async def test_nothing_goes_wrong(world, scenario):
    assert await scenario(world) == []


@pytest.mark.broken_books
@pytest.mark.parametrize(("scenario", "guards"), GUARDED, **by_name)
async def test_without_its_guard_something_does(world, scenario, guards, monkeypatch):
    for guard, instead in guards.items():
        monkeypatch.setattr(guard, instead)
    assert await scenario(world) != []


async def test_a_worker_that_is_overtaken_in_the_call_writes_nothing(world):
    """What a provider says of a dispute that was cancelled meanwhile, or bound, comes too late."""
    dispute = await world.pending()
    await world.script("quickpay", "check_dispute", "slow", seconds=0.4)
    polling = asyncio.create_task(world.poll_tick())
    await until_called(world, "quickpay", "check_dispute")
    await world.desk("cancelDisputes", dispute)
    before = await world.read(dispute)
    await polling
    assert await world.read(dispute) == before
    assert await world.events(dispute) == ["open", "accept", "cancel"]
    assert (await world.read(dispute, MERCHANT))["publicStatus"] == "FAILED"
