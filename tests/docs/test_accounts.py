"""The page of accounts says what moves when: nothing that the books hold is missing there, and no move is made up."""

from __future__ import annotations

import importlib

from models.deals import operations as deals
from models.deals.lifecycle import Resolution
from models.kernel.rows import LivingRow
from models.kernel.sql import fetch, sql
from models.wiring import CORRECTION_KINDS, MOVEMENTS
from server.graphql.schema import schema
from server.seed import seed

SHOWN = {
    (each.kind, each.source.line.kind, each.target.line.kind): noun for noun, _, moved in MOVEMENTS for each in moved
}


async def test_all_that_deals_and_people_posted_is_on_the_page(make, knobs):
    knobs(deal_fee_bps=250)
    await seed()
    for resolution in (Resolution.PERFORMER, Resolution.CUSTOMER):
        deal = await make.deal(confirmed=True)
        await deals.open_dispute(deal.id, "Not done", "Nothing came", by=make.user(deal.customer_id).viewer)
        await deals.close_dispute(deal.id, resolution, by=make.operator.viewer)
    anna = await make.person("2 EUR")
    await make.adjust(anna, "-1 EUR")
    rows = await fetch(
        sql(
            """SELECT DISTINCT t.kind, s.kind AS source, g.kind AS target FROM ledger_transfer t
                 JOIN ledger_account s ON s.id = t.from_id JOIN ledger_account g ON g.id = t.to_id"""
        )
    )
    assert {tuple(row) for row in rows} == {shown for shown, noun in SHOWN.items() if noun in ("deals", "people")}


def test_every_kind_that_touches_a_person_is_on_the_page():
    assert set(CORRECTION_KINDS) <= {kind for kind, _, _ in SHOWN}


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
