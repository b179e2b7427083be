"""Wherever two can meet over a deal nothing goes wrong; and with its guard taken out something does. [spec/deals §9]"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from models.deals import operations as deals
from models.deals.errors import DealDisputeAlreadyClosed, DealDisputeAlreadyCreated, DealHasOpenDispute
from models.kernel.refusals import IllegalMove, NotFound
from models.kernel.sql import fetch, sql
from models.kernel.viewer import Viewer
from models.ledger.audit import audit
from models.unit import Unit
from models.wiring import CHECKS
from tests.deals.situations import books, done, last_event, offer, standing
from tests.races.planted import without
from tests.races.scenarios import clashes, outcomes, surprises
from tests.races.test_races import LOCK, UNORDERED

JOB = Viewer.system("test")
ROUNDS = 4


async def statuses(*wanted):
    rows = await fetch(sql("SELECT id, status FROM deal WHERE id = ANY({}::bigint[])", [deal.id for deal in wanted]))
    by_id = {row["id"]: row["status"] for row in rows}
    return [by_id[deal.id] for deal in wanted]


async def differences():
    return [text for finding in (await audit(CHECKS)).findings for text in finding.differences]


async def moves(deal):
    rows = await fetch(sql("SELECT name FROM event WHERE subject = {} ORDER BY version", deal.subject))
    return [row["name"] for row in rows]


async def versus(make, stands, *verbs, expected=(), paid=False):
    """Several do different things with one deal at once. What went wrong, and the deals with what was answered."""
    wrong, found = [], []
    for _ in range(ROUNDS):
        deal = await standing(make, stands)
        if paid:
            await done(make, deal, "pay")
        answers = await outcomes(act(make, deal, verb) for verb in verbs)
        wrong += surprises(answers, expected)
        found.append((deal, answers))
    return wrong + await differences(), found


def act(make, deal, verb):
    match verb:
        case "promote":
            return deals.promote(deal.id, by=JOB)
        case "expire":
            return deals.expire(deal.id, by=JOB)
        case _:
            return done(make, deal, verb)


def one_of(found, *wanted):
    """What is wrong where a deal ended in none of the ways that are allowed."""
    return [f"{deal.id} ended as {moves_}" for deal, moves_ in found if moves_ not in wanted]


async def ended(found):
    return [(deal, (await moves(deal))[-1]) for deal, _ in found]


async def ten_confirmations(make):
    """Ten confirm one deal at once: one hold, one move, ten equal answers."""
    wrong, found = await versus(make, "CREATED", *["confirm"] * 10, paid=True)
    for deal, answers in found:
        if not wrong and any(answer != answers[0] for answer in answers):
            wrong.append("different answers")
        if (told := await moves(deal)) != ["open", "confirm"]:
            wrong.append(f"{deal.id}: {told}")
    holds = await fetch(sql("SELECT 1 FROM ledger_transfer WHERE kind = 'deal.hold'"))
    return wrong + ([] if len(holds) == ROUNDS else [f"{len(holds)} holds"])


async def two_deals_with_money_for_one(make):
    """Two deals of one customer are confirmed at once with money for one: one is held, the other waits."""
    wrong = []
    for _ in range(ROUNDS):
        anna, bert = await make.person("100 USDT"), await make.person()
        pair = [await deals.offer(offer(anna.id, bert.id, "100 USDT"), by=make.user(anna).viewer) for _ in range(2)]
        wrong += surprises(await outcomes(act(make, deal, "confirm") for deal in pair))
        if sorted(await statuses(*pair)) != ["confirm_performer", "waiting_for_payment"]:
            wrong.append(f"{await statuses(*pair)}")
        if (left := str(await make.available(anna, "USDT"))) != "0.000000 USDT":
            wrong.append(f"{left} left")
    return wrong + await differences()


async def confirmed_and_denied(make):
    """One wins, the other is told that the status forbids it."""
    wrong, found = await versus(make, "CREATED", "confirm", "deny", expected=IllegalMove, paid=True)
    lost = [sum(isinstance(answer, IllegalMove) for answer in answers) for _, answers in found]
    wrong += [] if lost == [1] * ROUNDS else [f"{lost} lost"]
    return wrong + one_of(await ended(found), "confirm", "deny")


async def confirmed_and_cancelled(make):
    """The same between the performer who agrees and the customer who withdraws."""
    wrong, found = await versus(make, "WAITING_FOR_PAYMENT", "cancel", "confirm", expected=IllegalMove, paid=True)
    lost = [sum(isinstance(answer, IllegalMove) for answer in answers) for _, answers in found]
    wrong += [] if lost == [1] * ROUNDS else [f"{lost} lost"]
    return wrong + one_of(await ended(found), "confirm", "cancel")


async def closed_and_disputed(make):
    """Either it is closed and the dispute declined, or it is disputed and the closing declined."""
    no = (IllegalMove, DealHasOpenDispute)
    wrong, found = await versus(make, "CONFIRM_PERFORMER", "close", "open_dispute", expected=no)
    for _, (closing, dispute) in found:
        if isinstance(closing, DealHasOpenDispute) == isinstance(dispute, IllegalMove):
            wrong.append(f"{closing!r} and {dispute!r}")
    return wrong + one_of(await ended(found), "close", "open_dispute")


async def decided_in_four_ways(make):
    """A dispute is decided in three ways and the deal closed, at once: the escrow is emptied once."""
    verbs = ("close_for_performer", "close", "close_for_customer", "close_by_split")
    no = (IllegalMove, DealHasOpenDispute, DealDisputeAlreadyClosed)
    wrong, found = await versus(make, "DISPUTED", *verbs, expected=no)
    for deal, answers in found:
        if sum(not isinstance(answer, BaseException) for answer in answers) != 1:
            wrong.append(f"{answers}")
        if sum(map(Decimal, await books(make, deal))) != 100:
            wrong.append(f"{await books(make, deal)}")
    return wrong


async def disputed_by_both(make):
    """Both sides dispute a deal at once: one does, the other is told so."""
    wrong = []
    for _ in range(ROUNDS):
        deal = await standing(make, "CONFIRM_PERFORMER")
        sides = [make.user(person).viewer for person in (deal.customer_id, deal.performer_id)]
        answers = await outcomes(deals.open_dispute(deal.id, "T", "D", by=by) for by in sides)
        wrong += surprises(answers, DealDisputeAlreadyCreated)
        wrong += [] if (await moves(deal))[2:] == ["open_dispute"] else [f"{await moves(deal)}"]
    return wrong + await differences()


async def confirmed_and_promoted(make):
    """The performer confirms again what three workers promote: one hold, one move."""
    verbs = ("promote", "confirm", "promote", "promote")
    wrong, found = await versus(make, "WAITING_FOR_PAYMENT", *verbs, paid=True)
    wrong += one_of(await ended(found), "confirm", "promote")
    for deal, _ in found:
        if (await last_event(deal))[3] != 2 or await books(make, deal) != ("0.00", "100.00", "0.00"):
            wrong.append(f"{await last_event(deal)}, {await books(make, deal)}")
    return wrong


async def paid_while_others_are_confirmed(make):
    """Ten deposits come while two deals are confirmed with money for one, and the price of a third comes back: nothing is
    lost, and what is confirmed is paid for."""
    wrong = []
    for _ in range(ROUNDS):
        anna, bert = await make.person("100 USDT"), await make.person()
        back, *others = [
            await deals.offer(offer(anna.id, bert.id, "50 USDT"), by=make.user(anna).viewer) for _ in range(3)
        ]
        for verb in ("confirm", "open_dispute"):
            await act(make, back, verb)
        calls = [act(make, deal, "confirm") for deal in others] + [make.adjust(anna, "1 USDT") for _ in range(10)]
        wrong += surprises(await outcomes([*calls, act(make, back, "close_for_customer")]))
        held = (await statuses(*others)).count("confirm_performer")
        if (left := str(await make.available(anna, "USDT"))) != f"{110 - 50 * held}.000000 USDT" or not held:
            wrong.append(f"{left} left, {held} held")
    return wrong + await differences()


async def expired_and_confirmed(make):
    """Either it is cancelled and the performer declined, or it is confirmed and overdue."""
    wrong, found = await versus(make, "CREATED", "expire", "confirm", expected=IllegalMove, paid=True)
    for deal, (_, confirmation) in found:
        declined = isinstance(confirmation, IllegalMove)
        if (await moves(deal))[1:] != (["expire"] if declined else ["confirm", "note_overdue"]):
            wrong.append(f"{await moves(deal)}")
    return wrong


async def a_circle_is_decided_at_once(make):
    """People who have deals with each other in a circle, all decided by splits, confirmed and paid at once: no deadlock."""
    people = [await make.person("1000 USDT") for _ in range(3)]
    pairs = [(a, b) for a in people for b in people if a is not b] * 3
    disputed, fresh = [
        [await deals.offer(offer(a.id, b.id, "10 USDT"), by=make.user(a).viewer) for a, b in pairs] for _ in range(2)
    ]
    for deal in disputed:
        await act(make, deal, "confirm")
        await act(make, deal, "open_dispute")
    before = clashes()
    calls = [act(make, deal, "close_by_split") for deal in disputed] + [act(make, deal, "confirm") for deal in fresh]
    wrong = surprises(await outcomes(calls))
    if clashes() != before:
        wrong.append(f"{clashes() - before} deadlocks")
    left = {str(await make.available(person, "USDT")) for person in people}
    return wrong + ([] if left == {"940.000000 USDT"} else [f"{left} left"]) + await differences()


@asynccontextmanager
async def slow_money(first):
    """What `first` moves takes a while."""
    post = Unit.post

    async def slowly(work, subject, moved):
        if subject.id == first.id:
            await asyncio.sleep(0.05)
        return await post(work, subject, moved)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Unit, "post", slowly)
        yield


async def two_workers_promote(make):
    """The older of two deals is promoted slowly while another worker goes through both: it still comes first."""
    wrong, anna, bert = [], await make.person(), await make.person()
    older, younger = [
        await deals.offer(offer(anna.id, bert.id, price), by=make.user(anna).viewer) for price in ("60 USDT", "50 USDT")
    ]
    for deal in (older, younger):
        await act(make, deal, "confirm")
    await make.adjust(anna, "100 USDT")

    async def worker():
        for deal in (older, younger):
            try:
                await deals.promote(deal.id, by=JOB)
            except NotFound as no:
                wrong.append(repr(no))

    async with slow_money(older):
        wrong += surprises(await outcomes(worker() for _ in range(2)))
    if (now := await statuses(older, younger)) != ["confirm_performer", "waiting_for_payment"]:
        wrong.append(f"{now}")
    return wrong


GUARDED_BY_ROWS = [
    (ten_confirmations, ""), (confirmed_and_denied, ""), (confirmed_and_cancelled, ""), (closed_and_disputed, ""),
    (decided_in_four_ways, ""), (disputed_by_both, ""), (confirmed_and_promoted, ""), (expired_and_confirmed, ""),
    (two_workers_promote, "FOR NO KEY UPDATE OF r SKIP LOCKED"),
]  # fmt: skip
GUARDED_BY_ACCOUNTS = [
    (two_deals_with_money_for_one, "NULL;"),
    (paid_while_others_are_confirmed, "NULL;"),
    (a_circle_is_decided_at_once, UNORDERED),
]
by_name = {"ids": lambda value: getattr(value, "__name__", "")}


@pytest.mark.parametrize("scenario", [row[0] for row in GUARDED_BY_ROWS + GUARDED_BY_ACCOUNTS], **by_name)
async def test_nothing_goes_wrong(make, scenario):
    assert await scenario(make) == []


@pytest.mark.broken_books
@pytest.mark.parametrize(("scenario", "instead"), GUARDED_BY_ROWS, **by_name)
async def test_without_the_lock_of_the_deal_something_does(make, scenario, instead, monkeypatch):
    monkeypatch.setattr("models.unit.ROW_LOCK", instead)
    assert await scenario(make) != []


@pytest.mark.broken_books
@pytest.mark.parametrize(("scenario", "instead"), GUARDED_BY_ACCOUNTS, **by_name)
async def test_without_the_lock_of_the_accounts_something_does(make, scenario, instead):
    async with without("ledger_lock", LOCK, instead):
        assert await scenario(make) != []
