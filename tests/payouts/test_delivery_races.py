"""Wherever two can meet over a delivery: the money goes out once, or comes back, and never both. With its guard taken out it does.
[spec/payouts §0; house.md, laws 5 and 6]"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from gateways.receipts import Unsure
from jobs.payouts import deliver_payouts, resolve_unknown_deliveries
from models.kernel.refusals import IllegalMove
from models.kernel.sql import TRUE, fetch, sql
from models.ledger.audit import audit
from models.payouts import operations as payouts
from models.payouts.errors import DeliveryNotOpen, DeliveryStarted
from models.payouts.lifecycle import AttemptKind
from models.unit import Unit
from models.wiring import CHECKS
from tests.conftest import everything
from tests.payouts.shops import paid_out, plan_of, shop, stands
from tests.payouts.tills import BY, Till, attempts, delivery, ended, leases_end, names, to_wallet, tools
from tests.races.scenarios import outcomes, surprises

ROUNDS = 4


async def differences():
    return [text for finding in (await audit(CHECKS)).findings for text in finding.differences]


@asynccontextmanager
async def slow_moves():
    """Between what is decided of a delivery and what is written others have their chance."""
    move = Unit.move_child

    async def slowly(work, child, name, parent, **facts):
        await asyncio.sleep(0.02)
        return await move(work, child, name, parent, **facts)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Unit, "move_child", slowly)
        yield


class Unanswering(Till):
    """Pays, and never says so."""

    async def send(self, order):
        await super().send(order)
        raise Unsure("till", "send", "timeout")


class Waiting(Till):
    """Asks nobody back until it is let."""

    def __init__(self):
        super().__init__()
        self.reached, self.let = asyncio.Event(), asyncio.Event()

    async def send(self, order):
        receipt = await super().send(order)
        self.reached.set()
        await self.let.wait()
        return receipt

    async def find(self, order_key):
        self.reached.set()
        await self.let.wait()
        return await super().find(order_key)


async def unknown(make, payout_id):
    """A payout to a wallet that was sent, and nobody knows what became of it; its shop, and the till."""
    its, _ = await to_wallet(make, payout_id)
    till = Unanswering()
    await deliver_payouts(tools(till))
    await leases_end()
    return its, till


# --- what may leave, and what comes back ------------------------------------------------------------------------------


async def cancelled_while_sent(make):
    """An operator takes back what a worker sends: it is withdrawn and never sent, or it is sent and never taken back."""
    wrong = []
    for number in range(ROUNDS):
        its, id, till = await shop(make), f"p{number}", Till()
        before = await stands(its)
        await paid_out(make, its, payout_id=id)
        await payouts.confirm(id, by=make.operator.viewer)
        calls = [deliver_payouts(tools(till)), payouts.cancel(id, "x", by=make.operator.viewer)]
        async with slow_moves():
            found = await outcomes(calls if number % 2 else reversed(calls))
        wrong += surprises(found, (DeliveryStarted, IllegalMove))
        refused = any(isinstance(one, DeliveryStarted | IllegalMove) for one in found)
        stood = (refused, till.paid.total(), await delivery(id), await plan_of(id), await stands(its) == before)
        if stood not in (
            (False, 0, ("withdrawn", None), [(f"payout_{id}", "COMMIT"), (f"revert_payout_{id}", "COMMIT")], True),
            (True, 1, ("delivered", f"ref-payout_{id}"), [(f"payout_{id}", "COMMIT")], False),
        ):
            wrong.append(f"{stood}")
    return wrong + await differences()


async def resolved_while_asked(make):
    """An operator says that it never arrived while a worker hears that it did: one of them is believed, the other writes
    nothing."""
    wrong = []
    for number in range(ROUNDS):
        id = f"p{number}"
        its, _ = await unknown(make, id)
        (claimed,) = await payouts.claim_unknown(limit=10, lease_seconds=60, by=BY)
        await payouts.begin(claimed, AttemptKind.INQUIRE, by=BY)
        calls = [
            payouts.delivered(claimed, "ref", by=BY),
            payouts.resolve_delivery(id, arrived=False, word="no", by=make.operator.viewer),
        ]
        async with slow_moves():
            found = await outcomes(calls if number % 2 else reversed(calls))
        wrong += surprises(found, (DeliveryNotOpen, IllegalMove))
        heard = [one for one in found if isinstance(one, bool)]
        stood = (heard, await delivery(id), [name for name, _ in await plan_of(id)], (await stands(its))["S"][0])
        if stood not in (
            ([True], ("delivered", "ref"), [f"payout_{id}"], 0),
            ([False], ("refused", None), [f"payout_{id}", f"revert_payout_{id}"], 100_000),
        ):
            wrong.append(f"{stood}")
    return wrong + await differences()


async def ten_workers(make):
    """Ten workers at once, of whom each looks twice: whatever is queued is sent once, and told once."""
    its, till = await shop(make), Till()
    for number in range(6):
        await paid_out(make, its, "10.00", payout_id=f"p{number}")
        await payouts.confirm(f"p{number}", by=make.operator.viewer)

    async def worker():
        for _ in range(2):
            await deliver_payouts(tools(till))
            await resolve_unknown_deliveries(tools(till))

    wrong = surprises(await outcomes(worker() for _ in range(10)))
    if till.paid != {f"payout_p{number}": 1 for number in range(6)} or till.asked:
        wrong.append(f"paid {dict(till.paid)}, asked {till.asked}")
    for number in range(6):
        told = await names(f"p{number}")
        if told != ["open", "confirm", "queue_delivery", "send_delivery", "deliver"]:
            wrong.append(f"{told}")
    return wrong + await differences()


async def stale_worker(make):
    """A worker sleeps over the end of its lease while it sends; another asks what became of it. Whatever the first says when
    it wakes up writes nothing: it does not even tell of its own no."""
    its, _ = await to_wallet(make)
    (sleepy,) = await payouts.claim_queued(limit=10, lease_seconds=60, by=BY)
    await payouts.begin(sleepy, AttemptKind.SEND, by=BY)
    await leases_end()
    (awake,) = await payouts.claim_unknown(limit=10, lease_seconds=60, by=BY)
    await payouts.begin(awake, AttemptKind.INQUIRE, by=BY)
    before, wrong = await everything(), []
    for word, call in (
        ("unsure", lambda: payouts.unsure(sleepy, "late", by=BY)),
        ("absent", lambda: payouts.absent(sleepy, by=BY)),
        ("begin", lambda: payouts.begin(sleepy, AttemptKind.SEND, by=BY)),
        ("inquire", lambda: payouts.begin(sleepy, AttemptKind.INQUIRE, by=BY)),
        ("refused", lambda: payouts.refused(sleepy, "late", by=BY)),
        ("delivered", lambda: payouts.delivered(sleepy, "late", by=BY)),
    ):
        wrong += surprises(await outcomes([call()]))
        if await everything() != before:
            wrong.append(word)
    wrong += surprises(await outcomes([payouts.delivered(awake, "ref", by=BY)]))
    if (await delivery("a"), (await stands(its))["P"]) != (("delivered", "ref"), (0, 0, 0)):
        wrong.append(f"{await delivery('a')}, {await stands(its)}")
    return wrong


async def sent_by_one_who_died(make):
    """Whoever sent it died before he heard: the next asks, and does not send."""
    its, till = await shop(make), Till()
    await paid_out(make, its, payout_id="a")
    await payouts.confirm("a", by=make.operator.viewer)
    (claimed,) = await payouts.claim_queued(limit=10, lease_seconds=60, by=BY)
    if await payouts.begin(claimed, AttemptKind.SEND, by=BY):
        till.paid["payout_a"] += 1
    await leases_end()
    for _ in range(2):
        await deliver_payouts(tools(till))
        await resolve_unknown_deliveries(tools(till))
        await leases_end()
    return [] if till.paid == {"payout_a": 1} else [f"paid {dict(till.paid)}"]


async def sent_again_while_unknown(make):
    """What got no answer is not sent again on a guess, however often and by however many it is looked at."""
    _, till = await unknown(make, "a")
    (claimed,) = await payouts.claim_unknown(limit=10, lease_seconds=60, by=BY)
    begun = await payouts.begin(claimed, AttemptKind.SEND, by=BY)
    return [] if begun is None and till.paid.total() == 1 else [f"{begun}"]


# --- with and without -------------------------------------------------------------------------------------------------


async def _whoever_asks(work, table, id, _token):
    return await work.lock(table, sql("r.id = {}", id), visible_to=TRUE)


async def _anything_goes(_delivery, _kind):
    return True


async def _told_afterwards(work, child, name, parent, **facts):
    """As if it were written down only once it was sent."""
    return parent if name == "send_delivery" else await MOVE(work, child, name, parent, **facts)


MOVE = Unit.move_child
DELIVERING = "models.payouts.operations.delivering"
GUARDED = [
    (cancelled_while_sent, "models.unit.ROW_LOCK", ""),
    (resolved_while_asked, "models.unit.ROW_LOCK", ""),
    (stale_worker, f"{DELIVERING}.still_ours", _whoever_asks),
    (sent_by_one_who_died, "models.unit.Unit.move_child", _told_afterwards),
    (sent_again_while_unknown, f"{DELIVERING}._may_ask", _anything_goes),
]
by_name = {"ids": lambda value: getattr(value, "__name__", "")}


@pytest.mark.parametrize("scenario", [*(row[0] for row in GUARDED), ten_workers], **by_name)
async def test_nothing_goes_wrong(make, scenario):
    assert await scenario(make) == []


@pytest.mark.broken_books
@pytest.mark.parametrize(("scenario", "guard", "instead"), GUARDED, **by_name)
async def test_without_its_guard_something_does(make, scenario, guard, instead, monkeypatch):
    monkeypatch.setattr(guard, instead)
    assert await scenario(make) != []


@pytest.mark.broken_books
async def test_without_leases_and_tokens_ten_workers_send_more_than_once(make, monkeypatch):
    monkeypatch.setattr("models.work.claims.FREE", "TRUE")
    monkeypatch.setattr(f"{DELIVERING}.still_ours", _whoever_asks)
    monkeypatch.setattr(f"{DELIVERING}._may_ask", _anything_goes)
    monkeypatch.setattr("models.unit.ROW_LOCK", "")
    assert await ten_workers(make) != []


async def test_given_a_worker_that_still_sends_when_an_operator_cancels_then_delivery_started(make):
    its, till = await shop(make), Waiting()
    await paid_out(make, its, payout_id="a")
    await payouts.confirm("a", by=make.operator.viewer)
    sending = asyncio.create_task(deliver_payouts(tools(till)))
    await till.reached.wait()
    with pytest.raises(DeliveryStarted):
        await payouts.cancel("a", "x", by=make.operator.viewer)
    till.let.set()
    await sending
    assert await delivery("a") == ("delivered", "ref-payout_a")


@pytest.mark.parametrize("arrived", [True, False])
async def test_given_a_worker_that_asks_when_an_operator_resolves_then_its_answer_comes_too_late(make, arrived):
    its, _ = await unknown(make, "a")
    till = Waiting()
    till.paid["payout_a"] = 1
    asking = asyncio.create_task(resolve_unknown_deliveries(tools(till)))
    await till.reached.wait()
    await payouts.resolve_delivery("a", arrived=arrived, word="by phone", by=make.operator.viewer)
    before = await ended(its, "a"), await names("a"), await attempts("a")
    till.let.set()
    await asking
    assert (await ended(its, "a"), await names("a"), await attempts("a")) == before
    assert before[2] == [("send", "unknown"), ("inquire", "unknown")]  # none is left open
    assert before[0]["payout"] == (("confirmed", 1, "delivered") if arrived else ("failed", 2, "refused"))
    assert before[0]["books"]["P"] == (0, 0, 0)
    assert before[0]["books"]["S"] == ((0, 0, 0) if arrived else (100_000,) * 3)


async def test_given_an_inquiry_that_finds_nothing_when_an_operator_has_resolved_then_it_is_not_sent_again(make):
    await unknown(make, "a")
    till = Waiting()
    asking = asyncio.create_task(resolve_unknown_deliveries(tools(till)))
    await till.reached.wait()
    await payouts.resolve_delivery("a", arrived=False, word="lost", by=make.operator.viewer)
    till.let.set()
    await asking
    assert till.paid.total() == 0
    assert await delivery("a") == ("refused", None)
    open_ones = await fetch(sql("SELECT FROM delivery WHERE lease_token IS NOT NULL OR next_check_at IS NOT NULL"))
    assert open_ones == []
