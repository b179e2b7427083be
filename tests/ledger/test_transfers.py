from __future__ import annotations

import asyncpg
import pytest

from models.kernel.money import MINOR_MAX, Money
from models.kernel.refusals import InvalidAmount
from models.kernel.sql import fetch, sql, transaction
from models.ledger.errors import AlreadyPosted, InsufficientFunds
from models.ledger.transfers import Transfer
from tests.ledger.books import floored, fold_all, house, may_go_below, post, state

pytestmark = pytest.mark.usefixtures("database")


async def test_a_transfer_takes_from_one_and_gives_to_another():
    await post((house(), floored(1), 1000), (floored(1), floored(2), 300))
    assert [await state(a) for a in (floored(1), floored(2), house())] == [(700,) * 3, (300,) * 3, (-1000,) * 3]


async def test_a_call_is_judged_as_a_whole_whatever_the_order_inside():
    await post((floored(1), floored(2), 300), (house(), floored(1), 300))
    assert await state(floored(1)) == (0, 0, 0)


async def test_a_floor_refuses_with_what_is_there_and_what_was_needed(nothing_written):
    await post((house(), floored(1), 1000))
    async with nothing_written():
        with pytest.raises(InsufficientFunds) as no:
            await post((floored(1), floored(2), 1001))
    assert (no.value.available, no.value.required) == (Money(1000, "EUR"), Money(1001, "EUR"))


async def test_a_refused_posting_leaves_no_account_behind(nothing_written):
    async with nothing_written():
        with pytest.raises(InsufficientFunds):
            await post((floored(8), floored(9), 1))


async def test_a_key_can_be_posted_once(nothing_written):
    await post((house(), floored(1), 5), key="deposit:1")
    async with nothing_written():
        with pytest.raises(AlreadyPosted):
            await post((house(), floored(1), 5), key="deposit:1")


@pytest.mark.broken_books
async def test_an_account_that_would_be_full_refuses(nothing_written):
    rich, poor = may_go_below(1), may_go_below(2)
    await post((poor, rich, 1))
    async with transaction() as db:
        await db.execute("SET LOCAL session_replication_role = replica")
        await db.execute("UPDATE ledger_account SET own = own * (2::numeric ^ 62 - 5)")
    async with nothing_written():
        with pytest.raises(InvalidAmount) as no:
            await post((poor, rich, 6))
    assert no.value.code == "ACCOUNT_FULL"


def test_a_transfer_that_cannot_be_is_a_bug_where_it_is_made():
    for amount in (0, -1, MINOR_MAX + 1):
        with pytest.raises(ValueError):
            Transfer("test", house(), floored(1), Money(amount, "EUR"), "k")
    with pytest.raises(ValueError):
        Transfer("test", floored(1), floored(1), Money(1, "EUR"), "k")
    with pytest.raises(ValueError):
        Transfer("test", house("USD"), floored(1, "EUR"), Money(1, "EUR"), "k")


async def test_an_announced_account_tells_its_owner_with_its_own_version():
    await post((house(), floored(1), 1000))
    await post((floored(1), floored(2), 300))
    events = await fetch(sql("SELECT * FROM event WHERE snapshot->>'owner' = 'person:1' ORDER BY version"))
    assert [(e["noun"], e["name"], e["version"], e["audience"], e["actor"]) for e in events] == [
        ("balance", "change", 1, ["person:1", "ops"], "test"),
        ("balance", "change", 2, ["person:1", "ops"], "test"),
    ]


async def test_entries_follow_each_other_on_locked_accounts_and_on_folded_ones():
    for amount in (100, 200, 300):
        await post((house(), floored(1), amount))
    await fold_all()
    for account, signed in ((floored(1), 1), (house(), -1)):
        rows = await fetch(
            sql(
                """SELECT e.version, e.own FROM ledger_entry e JOIN ledger_account a ON a.id = e.account_id
                    WHERE a.name = {} ORDER BY 1""",
                account.name,
            )
        )
        assert [(row["version"], row["own"]) for row in rows] == [
            (1, signed * 100),
            (2, signed * 300),
            (3, signed * 600),
        ]


@pytest.mark.parametrize("table", ["ledger_transfer", "ledger_entry", "ledger_posting", "ledger_answer", "event"])
@pytest.mark.parametrize("change", ["UPDATE {} SET call = call", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
async def test_history_is_append_only(table, change, nothing_written):
    await post((house(), floored(1), 1))
    statement = change.format(table)
    if change.startswith("UPDATE"):
        column = {"ledger_posting": "description", "ledger_answer": "op", "event": "name"}.get(table, "call")
        statement = f"UPDATE {table} SET {column} = {column}"
    async with nothing_written():
        with pytest.raises(asyncpg.RestrictViolationError):
            async with transaction() as db:
                await db.execute(statement)


TRANSFER = """INSERT INTO ledger_transfer (call, key, kind, subject, from_id, to_id, amount, currency, at)
              SELECT 1, {key}, '', '', min(id), max(id), {amount}, {currency}, now() FROM ledger_account"""


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE ledger_account SET own = -1 WHERE policy = 'floored'", "floor"),
        (TRANSFER.format(key="'k'", amount=-5, currency="'EUR'"), "ledger_transfer_amount_check"),
        (TRANSFER.format(key="'k'", amount=5, currency="'USD'"), "ledger_transfer_from_id_currency_fkey"),
        (TRANSFER.format(key="'guard'", amount=5, currency="'EUR'"), "ledger_transfer_key_key"),
        ("UPDATE ledger_account SET policy = 'open'", "ledger_account_kind_policy_announced_fkey"),
    ],
    ids=["floor", "amount", "currency", "key", "chart"],
)
async def test_postgresql_itself_guards(statement, constraint, nothing_written):
    await post((house(), floored(1), 100), key="guard")
    async with nothing_written():
        with pytest.raises(asyncpg.IntegrityConstraintViolationError) as no:
            async with transaction() as db:
                await db.execute(statement)
        assert no.value.constraint_name == constraint
