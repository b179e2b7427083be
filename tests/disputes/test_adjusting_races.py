"""Wherever two can meet over an adjustment: billing is told once, a dispute and its job end together or neither does, and what was
cancelled is never ordered. With its guard taken out it is. [spec/disputes §10.2, H-O3, H-O7, H-O9; §11, 36, 37, 51, 52]"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from jobs.wiring import BODIES
from models.disputes import operations as disputes
from models.disputes.lifecycle import DisputeStatus
from models.disputes.operations import Confirmed, locking
from models.disputes.operations.locking import Held
from models.disputes.postings import Order
from models.disputes.tables import PaymentCallback
from models.kernel.money import Money
from settings import settings
from tests.disputes.racing import (
    ALONE,
    FREE,
    MINE,
    NOBODY_WAITS,
    OPERATIONS,
    ROW_LOCK,
    claimed,
    differences,
    leases_end,
    nobody_waits,
    rows,
    slow_writes,
    that_write,
    until_called,
)
from tests.disputes.test_telling import TELL
from tests.disputes.world import WORKER, World
from tests.races.scenarios import outcomes, surprises

ROUNDS = 6


async def confirmed(world: World, number: int, trx: str = "paid") -> str:
    """A dispute that waits for its adjustment, of a payment of its own."""
    dispute = await world.created(f"inv-{number}", paid={"providerTrxId": f"trx-{trx}-{number}"})
    await world.create_tick()
    if trx == "changed":
        await world.poll_tick()
    assert await world.stands(dispute) == "CREATE_ADJUSTMENT"
    return dispute


async def job_of(number: int) -> disputes.ClaimedJob:
    await leases_end()
    return next(one for one in await disputes.claim_jobs(**MINE) if one.invoice == f"inv-{number}")


async def word(world: World, number: int = 0) -> None:
    """A provider's, that the payment succeeded after all."""
    await world.make.ask(TELL, by=world.make.service, input={"invoiceId": f"inv-{number}", "paymentId": "pay"})


@asynccontextmanager
async def held_by_another(dispute: str, seconds: float) -> AsyncIterator[None]:
    """Somebody else has its row for that long, from now on."""
    other = await asyncpg.connect(settings().database_url)
    try:
        async with other.transaction():
            await other.fetch("SELECT FROM dispute WHERE dispute_id = $1 FOR NO KEY UPDATE", dispute)
            yield
            await asyncio.sleep(seconds)
    finally:
        await other.close()


async def stands(number: int) -> list[str]:
    """The dispute and the job of a payment."""
    ((dispute, job),) = await rows(
        """SELECT d.status, a.status FROM dispute d JOIN adjustment a USING (invoice_id) WHERE d.invoice_id = {}""",
        f"inv-{number}",
    )
    return [dispute, job]


async def four_workers(world: World) -> list[str]:
    """Two begin at once, two more while those ask: each order is given once, and one payment's amount before its status."""
    for number in range(3):
        await confirmed(world, number, "changed")
    wrong: list[str] = []
    for _ in range(2):
        await world.due()
        await world.script("billing", "adjustments", "slow", times=99, seconds=0.5)
        first = [asyncio.create_task(BODIES["process_adjustments"](world.tools)) for _ in range(2)]
        await asyncio.sleep(0.2)
        found = await outcomes([*first, *(BODIES["process_adjustments"](world.tools) for _ in range(2))])
        wrong += surprises(found)
    made = await world.adjustments()
    asked = [one["asked"] for one in (await world.box.ask("billing/adjustments"))["adjustments"]]
    if (
        made != [("captured", 1)] * 3 + [("cash_flow", 1)] * 3
        and made != [("cash_flow", 1)] * 3 + [("captured", 1)] * 3
    ):
        wrong.append(f"made {made}")
    if asked != [1] * 6:
        wrong.append(f"asked {asked}")
    return wrong + await differences()


async def cancelled_while_ordered(world: World) -> list[str]:
    """H-O7: an operator ends a dispute whose order a worker begins: it is ended and nothing may be ordered, or it is begun and not
    ended."""
    wrong: list[str] = []
    for number in range(ROUNDS):
        dispute = await confirmed(world, number)
        job = await job_of(number)
        verb, more = [("cancelDisputes", {}), ("approveDisputes", {"skipProviderCheck": True})][number % 2]
        calls = [
            disputes.begin_order(job, Order.CAPTURED, by=WORKER),
            world.desk(verb, {"dispute": dispute, **more}),
        ]
        async with slow_writes():
            found = await outcomes(calls if number // 2 % 2 else reversed(calls))
        wrong += surprises(found)
        begun = any(isinstance(one, disputes.Begun) for one in found)
        refused = any(isinstance(one, list) and one[0]["__typename"] == "AdjustmentSent" for one in found)
        stood = await stands(number)
        ended = [["cancelled", "cancelled"], ["succeeded", "cancelled"]][number % 2]
        if (begun, refused, stood) not in (
            (True, True, ["create_adjustment", "create_adjustment"]),
            (False, False, ended),
        ):
            wrong.append(f"begun {begun}, refused {refused}, {stood}")
    return wrong + await differences()


async def cancelled_between(world: World) -> list[str]:
    """The same, one after the other: a worker has claimed the job, an operator ends the dispute, and then it is begun."""
    wrong: list[str] = []
    dispute = await confirmed(world, 0)
    job = await job_of(0)
    await world.desk("cancelDisputes", dispute)
    wrong += await that_write({"begin": lambda: disputes.begin_order(job, Order.CAPTURED, by=WORKER)})
    await world.adjust_tick()
    return wrong + [f"{one}" for one in await world.adjustments()] + await differences()


async def settled_while_done(world: World) -> list[str]:
    """An operator ends a dispute that its job ends: both end, once, and together."""
    wrong: list[str] = []
    for number in range(ROUNDS):
        dispute = await confirmed(world, number)
        job = await job_of(number)
        desk = [("approveDisputes", {"skipProviderCheck": True}), ("cancelDisputes", {})][number % 2]
        calls = [disputes.job_done(job, None, by=WORKER), world.desk(desk[0], {"dispute": dispute, **desk[1]})]
        async with slow_writes():
            found = await outcomes(calls if number // 2 % 2 else reversed(calls))
        wrong += surprises(found)
        end = (await world.events(dispute))[2:]
        if (end, await stands(number)) not in (
            (["succeed"], ["succeeded", "succeeded"]),
            (["settle"], ["succeeded", "cancelled"]),
            (["cancel"], ["cancelled", "cancelled"]),
        ):
            wrong.append(f"{end}, {await stands(number)}")
    return wrong + await differences()


async def done_while_locked(world: World) -> list[str]:
    """37, H-O9: somebody else holds the dispute for a moment when its job ends: that is waited for, and both end."""
    wrong: list[str] = []
    dispute = await confirmed(world, 0)
    await world.script("billing", "adjust", "slow", seconds=0.4)
    ending = asyncio.create_task(world.adjust_tick())
    await until_called(world, "billing", "adjust")
    async with held_by_another(dispute, 1.0):
        pass
    wrong += surprises(await outcomes([ending]))
    if await stands(0) != ["succeeded", "succeeded"] or await world.adjustments() != [("captured", 1)]:
        wrong.append(f"{await stands(0)}, {await world.adjustments()}")
    return wrong + await differences()


async def confirmed_by_two_ways(world: World) -> list[str]:
    """51, 52: a provider's word is confirmed while its payment's dispute is: there is one job, which the dispute shows as its own
    once it waits for it."""
    world.knobs(dispute_callbacks_enabled=True)
    wrong: list[str] = []
    for number in range(ROUNDS):
        dispute = await world.created(f"inv-{number}")
        await word(world, number)
        one = await claimed(world, DisputeStatus.CREATED)
        (said,) = await disputes.claim_callbacks(**MINE)
        calls = [
            disputes.callback_confirmed(said, one.cost, None, by=WORKER),
            disputes.confirmed(one, Confirmed(), by=WORKER),
        ]
        async with slow_writes():
            found = await outcomes(calls if number % 2 else reversed(calls))
        wrong += surprises(found)
        if found != [True, True] or await stands(number) != ["create_adjustment", "create_adjustment"]:
            wrong.append(f"{found}, {await stands(number)}")
        read = await world.read(dispute)
        if not read["adjustment"] or read["adjustment"]["status"] != "CREATE_ADJUSTMENT":
            wrong.append(f"{read['adjustment']}")
    await world.adjust_tick()
    if await world.adjustments() != [("captured", 1)] * ROUNDS:
        wrong.append(f"{await world.adjustments()}")
    return wrong + await differences()


async def told_by_ten(world: World) -> list[str]:
    """Ten bring a provider's word at once: it is asked about once, by two workers."""
    world.knobs(dispute_callbacks_enabled=True)
    await world.payment("inv-0", providerTrxId="trx-paid")
    async with slow_writes():
        wrong = surprises(await outcomes(word(world) for _ in range(10)))
    await world.script("quickpay", "check_payment", "slow", times=9, seconds=0.3)
    await world.due()
    check = BODIES["check_payment_callbacks"]
    first = asyncio.create_task(check(world.tools))
    await until_called(world, "quickpay", "check_payment")
    wrong += surprises(await outcomes([first, check(world.tools), check(world.tools)]))
    words, asked = (
        await rows("SELECT status FROM payment_callback"),
        len(await world.calls("quickpay", "check_payment")),
    )
    if words != [("confirmed",)] or asked != 1:
        wrong.append(f"{words}, asked {asked} times")
    return wrong + await differences()


async def a_sleepy_worker(world: World) -> list[str]:
    """A worker sleeps over the end of its lease, and another claims; or the job has ended, and another dispute began it again:
    whatever the first says when it wakes up writes nothing."""
    wrong: list[str] = []
    dispute = await confirmed(world, 0)
    first = await job_of(0)
    second = await job_of(0)
    await world.desk("cancelDisputes", dispute)
    await world.ask_to_create("inv-0")
    await world.create_tick()
    for n, job in enumerate((first, second)):
        wrong += await that_write(
            {
                f"{n} begin": lambda j=job: disputes.begin_order(j, Order.CAPTURED, by=WORKER),
                f"{n} ordered": lambda j=job: disputes.ordered(j, by=WORKER),
                f"{n} later": lambda j=job: disputes.job_later(j, by=WORKER),
                f"{n} put off": lambda j=job: disputes.job_put_off(j, "late", begun=True, by=WORKER),
                f"{n} contradicted": lambda j=job: disputes.job_contradicted(j, "late", by=WORKER),
                f"{n} failed": lambda j=job: disputes.job_failed(j, "late", by=WORKER),
                f"{n} done": lambda j=job: disputes.job_done(j, None, by=WORKER),
            }
        )
    return wrong + await differences()


async def a_sleepy_listener(world: World) -> list[str]:
    """The same of whoever asks about a provider's word."""
    world.knobs(dispute_callbacks_enabled=True)
    await world.payment("inv-0")
    await word(world)
    (sleepy,) = await disputes.claim_callbacks(**MINE)
    await leases_end()
    await disputes.claim_callbacks(**MINE)
    cost = Money(10_000, "RUB")
    return await that_write(
        {
            "delayed": lambda: disputes.callback_delayed(sleepy, sleepy.created_at, by=WORKER),
            "put off": lambda: disputes.callback_put_off(sleepy, "late", begun=True, by=WORKER),
            "ended": lambda: disputes.callback_ended(sleepy, "deny", "late", by=WORKER),
            "confirmed": lambda: disputes.callback_confirmed(sleepy, cost, None, by=WORKER),
        }
    )


# --- with and without -------------------------------------------------------------------------------------------------


async def _anybodys_job(work, job):
    row = await locking.locked_adjustment(work, job.invoice, job.payment)
    return Held(await locking.locked_open(work, job.invoice, job.payment), row)


async def _anybodys_word(_work, said):
    return await PaymentCallback.get(id=said.id)


BY_WHOEVER = {f"{OPERATIONS}.adjusting._held": _anybodys_job}
GUARDED = [
    (four_workers, {FREE: "TRUE"} | BY_WHOEVER),
    (cancelled_while_ordered, NOBODY_WAITS),
    (cancelled_between, BY_WHOEVER),
    (settled_while_done, NOBODY_WAITS),
    (done_while_locked, {ROW_LOCK: "FOR NO KEY UPDATE OF r SKIP LOCKED"}),
    (confirmed_by_two_ways, NOBODY_WAITS),
    (told_by_ten, {ALONE: nobody_waits}),
    (told_by_ten, {FREE: "TRUE"}),
    (a_sleepy_worker, BY_WHOEVER),
    (a_sleepy_listener, {f"{OPERATIONS}.calling._ours": _anybodys_word}),
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


async def test_37_where_the_dispute_is_held_for_too_long_neither_ends_and_later_both_do(world):
    dispute = await confirmed(world, 0)
    await world.script("billing", "adjust", "slow", seconds=0.4)
    ending = asyncio.create_task(world.adjust_tick())
    await until_called(world, "billing", "adjust")
    async with held_by_another(dispute, settings().database_lock_timeout_ms / 1000 + 0.8):
        pass
    assert (await ending).failures == 1
    assert await stands(0) == ["create_adjustment", "create_adjustment"]
    await leases_end()
    await world.adjust_tick()
    assert await stands(0) == ["succeeded", "succeeded"]
    assert await world.adjustments() == [("captured", 1)]
