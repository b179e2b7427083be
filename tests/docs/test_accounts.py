"""The page of accounts says what moves when: nothing that the books hold is missing there, and no move is made up."""

from __future__ import annotations

import importlib

import pytest

from jobs.inbox import drain_inbox
from jobs.payouts import deliver_payouts
from models.deals import operations as deals
from models.deals.lifecycle import Resolution
from models.inbox import operations as inbox
from models.inbox.topics import webhook
from models.kernel.pages import Cut
from models.kernel.rows import LivingRow
from models.kernel.sql import fetch, sql
from models.parties import operations as parties
from models.payments import operations as payments
from models.payments import reads
from models.payments.wiring import BANK_TOPIC
from models.payouts import operations as payouts
from models.wiring import CORRECTION_KINDS, MOVEMENTS, TOPICS
from server.graphql.schema import schema
from server.seed import seed
from tests.make import money
from tests.payments.conftest import world
from tests.payouts.shops import F1, paid_out, shop
from tests.payouts.tills import Till, tools
from tests.sandbox.conftest import box

pytestmark = pytest.mark.usefixtures("database")
__all__ = ["box", "world"]


def shown(*nouns: str) -> set[tuple[str, str, str]]:
    """What the page says that these nouns post: the kind, from which kind of account, to which."""
    moved = [each for noun, _, moved in MOVEMENTS if noun in nouns for each in moved]
    return {(each.kind, each.source.line.kind, each.target.line.kind) for each in moved}


async def posted() -> set[tuple[str, str, str]]:
    rows = await fetch(
        sql(
            """SELECT DISTINCT t.kind, s.kind AS source, g.kind AS target FROM ledger_transfer t
                 JOIN ledger_account s ON s.id = t.from_id JOIN ledger_account g ON g.id = t.to_id"""
        )
    )
    return {(row["kind"], row["source"], row["target"]) for row in rows}


async def test_all_that_deals_and_people_posted_is_on_the_page(make, knobs):
    knobs(deal_fee_bps=250)
    await seed()
    for resolution in (Resolution.PERFORMER, Resolution.CUSTOMER):
        deal = await make.deal(confirmed=True)
        await deals.open_dispute(deal.id, "Not done", "Nothing came", by=make.user(deal.customer_id).viewer)
        await deals.close_dispute(deal.id, resolution, by=make.operator.viewer)
    anna = await make.person("2 EUR")
    await make.adjust(anna, "-1 EUR")
    assert await posted() - shown("parties", "payouts") == shown("deals", "people")


async def test_all_that_payments_posted_is_on_the_page(world, make):
    payment = await world.create()
    await world.pay(payment)
    await world.done()
    await world.gateway("bank", service="bank_transfer", limits={"EUR": (money("1 EUR"), money("1000 EUR"))})
    meant = await world.create("10 EUR", gateway="bank")
    said = {"id": "t1", "type": "transfer.received", "reference": "?", "amount": "10.00", "currency": "EUR"}
    await inbox.ingest(BANK_TOPIC, "t1", said, TOPICS, by=webhook("bank"))
    await drain_inbox(world.tools)
    (left,) = (await reads.unmatched(make.operator.viewer, Cut(first=2))).items
    await payments.match(left.id, meant["number"], by=make.operator.viewer)
    assert await posted() == shown("payments")


async def test_all_that_parties_and_payouts_posted_is_on_the_page(make):
    await seed()
    its = await shop(make, fees=F1)
    await parties.adjust_shop(its.party_code, its.code, money("-1 RUB"), "a test", by=make.operator.viewer)
    await paid_out(make, its, "20.00", payout_id="taken-back")
    await payouts.confirm("taken-back", by=make.operator.viewer)
    await payouts.cancel("taken-back", "a test", by=make.operator.viewer)
    await drain_inbox(tools(Till()))
    await deliver_payouts(tools(Till()))
    kinds = {kind for kind, _, _ in shown("parties", "payouts")}
    assert {one for one in await posted() if one[0] in kinds} >= shown("parties", "payouts")


def test_every_kind_that_touches_a_person_is_on_the_page():
    assert set(CORRECTION_KINDS) <= {kind for kind, _, _ in shown("deals", "people", "payments", "services")}


def test_the_moves_are_those_of_the_lifecycles():
    schema()
    tables = {noun: importlib.import_module(f"models.{noun}.tables") for noun, _, _ in MOVEMENTS if noun != "services"}
    for noun, table in tables.items():
        rows = [row for row in vars(table).values() if isinstance(row, type) and issubclass(row, LivingRow)]
        known = {
            name
            for row in rows
            if row is not LivingRow
            for name in (*row.lifecycle.moves, *row.lifecycle.deeds, "open")
        }
        assert {move for of, move, _ in MOVEMENTS if of == noun} <= known
