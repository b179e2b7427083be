"""Where two can meet over a payment: nothing goes wrong; and with its guard taken out something does. [spec/deals §9]"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from jobs.inbox import drain_inbox
from jobs.running import Tools
from models.deals import operations as deals
from models.inbox import operations as inbox
from models.inbox.topics import webhook
from models.kernel.clock import now
from models.kernel.money import Money
from models.kernel.refusals import NotFound
from models.kernel.sql import TRUE, fetch, fetch_one, sql, transaction
from models.ledger.audit import audit
from models.payments import operations as payments
from models.payments.lifecycle import Purpose
from models.payments.wiring import BANK_TOPIC, CHECKS
from models.wiring import TOPICS
from tests.deals.situations import done, offer
from tests.payments.dying import leases_end
from tests.payments.paid import BY, UNITS, arrived, asked, claimed, credited

WHOLE = Money(100 * UNITS, "USDT")


async def differences():
    return [d for finding in (await audit(CHECKS)).findings for d in finding.differences]


async def stale_worker(make):
    """A worker sleeps over the end of its lease; another does the work; then the first wakes up and goes on."""
    payment = await asked(make)
    one = await arrived(payment)
    await payments.take_blocks("tron", 1, 1, [one], at=now(), by=BY)
    sleepy = await claimed()
    await leases_end()
    awake = await claimed()
    wrong = []
    for claim, tx in ((awake, "first"), (sleepy, "second")):
        try:
            await payments.credit(claim, [one], [], by=BY)
            sweep = await payments.plan(claim, Purpose.SWEEP, "TMAIN", WHOLE, by=BY)
            if sweep is not None and await payments.sign(claim, sweep.id, tx, "raw", now(), block=1, by=BY):
                wrong.append(tx)
            await payments.release_checked(claim, again_at=now(), busy=True, by=BY)
        except Exception as error:  # noqa: BLE001  whatever it is, it is what went wrong
            wrong.append(repr(error))
    signed = [row["tx_id"] for row in await fetch(sql("SELECT tx_id FROM sweep"))]
    return [*wrong[1:], *([] if signed == ["first"] else [f"signed {signed}"]), *await differences()]


async def expired_while_credited(make):
    """The hour is over just as the money comes, again and again: it is late, or in time, and never lost."""
    wrong = []
    for number in range(24):
        payment = await asked(make)
        async with transaction() as db:
            await db.execute(
                "UPDATE payment SET expires_at = saldo_now(), next_check_at = saldo_now() WHERE id = $1", payment.id
            )
        one, claim = await arrived(payment), await claimed(marked=False)
        await asyncio.gather(
            payments.credit(claim, [one], [], by=BY), _after(number * 0.0005, payments.expire, payment.id)
        )
        row = await fetch_one(sql("SELECT status, exception, received_minor FROM payment WHERE id = {}", payment.id))
        await payments.release_checked(claim, again_at=None, busy=False, by=BY)
        async with transaction() as db:
            await db.execute("UPDATE payment SET next_check_at = NULL, marks = 0")
        if tuple(row) not in {("error", "late", 100 * UNITS), ("waiting", "none", 100 * UNITS)}:
            wrong.append(str(tuple(row)))
    return [*wrong, *await differences()]


async def _after(seconds, call, *args):
    await asyncio.sleep(seconds)
    return await call(*args, by=BY)


async def two_scanners(make):
    """Several workers read the same blocks at once: what they found is marked once, and the cursor moves once."""
    payment = await asked(make)
    one = await arrived(payment)
    await payments.take_blocks("tron", 1, 1, [], at=now(), by=BY)
    found = await asyncio.gather(
        *(payments.take_blocks("tron", 2, 3, [one], at=now(), by=BY) for _ in range(8)), return_exceptions=True
    )
    row = await fetch_one(sql("SELECT marks, (SELECT block FROM chain_cursor) AS block FROM payment"))
    counted = [n for n in found if n is not None]
    return [] if (counted, tuple(row)) == ([1], (1, 3)) else [f"{found}, {tuple(row)}"]


async def credited_while_deals_are_confirmed(make):
    """Money comes while the customer's deals are confirmed: nothing of it is lost, and none is spent twice."""
    payment, _ = await credited(make)
    anna, bert = payment.person_id, await make.person()
    made = [await deals.offer(offer(anna, bert.id, "30 USDT"), by=make.user(anna).viewer) for _ in range(6)]
    claim = await _claimed_again(payment.id)
    more = [await arrived(payment, 10 * UNITS) for _ in range(2)]
    await asyncio.gather(
        *(done(make, deal, "confirm") for deal in made[:3]),
        payments.credit(claim, more, [], by=BY),
        *(done(make, deal, "confirm") for deal in made[3:]),
    )
    for deal in made:
        await deals.promote(deal.id, by=BY)
    held = [row["status"] for row in await fetch(sql("SELECT status FROM deal"))].count("confirm_performer")
    left = (await make.available(anna, "USDT")).minor
    return [*([] if (held, left) == (4, 0) else [f"{held} deals, {left} left"]), *await differences()]


async def _claimed_again(payment):
    await leases_end()
    async with transaction() as db:
        await db.execute("UPDATE payment SET marks = 1, next_check_at = saldo_now() WHERE id = $1", payment)
    return await claimed()


async def _whoever_asks(work, table, id, _token):
    return await work.lock(table, sql("r.id = {}", id), visible_to=TRUE)


async def _nobody_waits(*_):
    return None


OPERATIONS = "models.payments.operations"
GUARDED = [
    (stale_worker, [f"{OPERATIONS}.checking.still_ours", f"{OPERATIONS}.sweeping.still_ours"], _whoever_asks),
    (expired_while_credited, ["models.unit.ROW_LOCK"], ""),
    (two_scanners, ["models.unit.Unit.alone"], _nobody_waits),
]
SCENARIOS = [*(row[0] for row in GUARDED), credited_while_deals_are_confirmed]
by_name = {"ids": lambda value: getattr(value, "__name__", "")}


@pytest.mark.parametrize("scenario", SCENARIOS, **by_name)
async def test_nothing_goes_wrong(scenario, make):
    assert await scenario(make) == []


@pytest.mark.broken_books
@pytest.mark.parametrize(("scenario", "guards", "instead"), GUARDED, **by_name)
async def test_without_its_guard_something_does(scenario, guards, instead, make, monkeypatch):
    for guard in guards:
        monkeypatch.setattr(guard, instead)
    assert await scenario(make) != []


async def test_a_payment_that_is_marked_while_it_is_checked_is_checked_again(make):
    """The check looked before the block came: what the block marked is not forgotten with its claim."""
    payment = await asked(make)
    await payments.take_blocks("tron", 1, 1, [await arrived(payment)], at=now(), by=BY)
    claim = await claimed()
    await payments.take_blocks("tron", 2, 2, [await arrived(payment)], at=now(), by=BY)
    await payments.release_checked(claim, again_at=now() + timedelta(hours=1), busy=False, by=BY)
    again = await claimed()
    assert (again.id, again.marks) == (payment.id, 1)
    await payments.release_checked(again, again_at=now() + timedelta(hours=1), busy=False, by=BY)
    assert await payments.claim_due(marked=True, before=now(), limit=1, lease_seconds=60, by=BY) == []


async def test_four_workers_share_what_is_due(make):
    made = [await asked(make) for _ in range(12)]
    await payments.take_blocks("tron", 1, 1, [await arrived(payment) for payment in made], at=now(), by=BY)
    took = await asyncio.gather(
        *(
            payments.claim_due(marked=True, before=now() + timedelta(days=1), limit=5, lease_seconds=60, by=BY)
            for _ in range(4)
        )
    )
    assert sorted(claim.id for one in took for claim in one) == sorted(payment.id for payment in made)


async def test_one_deposit_is_matched_by_one_of_five(make):
    made = [await asked(make, "100 EUR") for _ in range(5)]
    said = {"id": "b1", "type": "transfer.received", "reference": "?", "amount": "5", "currency": "EUR"}
    await inbox.ingest(BANK_TOPIC, "b1", said, TOPICS, by=webhook("bank"))
    await drain_inbox(Tools(BY))
    deposit = (await fetch_one(sql("SELECT id FROM deposit")))["id"]
    found = await asyncio.gather(
        *(payments.match(deposit, payment.id, by=make.operator.viewer) for payment in made), return_exceptions=True
    )
    assert [type(one) for one in found].count(NotFound) == 4
    received = [row["received_minor"] for row in await fetch(sql("SELECT received_minor FROM payment"))]
    assert sorted(received) == [0, 0, 0, 0, 500]
