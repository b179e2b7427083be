"""Each law of the books is proved: when it is broken by hand, its check names what differs, and no other law is needed."""

from __future__ import annotations

import pytest

from jobs.payouts import deliver_payouts
from models.disputes import operations as disputes
from models.kernel.sql import transaction
from models.ledger.audit import Report, audit
from models.wiring import CHECKS
from tests.disputes.filed import confirmed, filed
from tests.ledger.books import commit, floored, fold_all, hold, house, post
from tests.payments.paid import swept
from tests.payouts.tills import Till, to_wallet, tools

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.broken_books]

MESSAGE = """INSERT INTO inbox_message
  (version, created_at, updated_at, topic, event_id, key, digest, payload, sender, status, attempts, waiting_since)
  SELECT 0, now(), now(), 't', gen_random_uuid(), 'k', '', '[]', 's', {}, 0, now()"""
DEAL = """INSERT INTO deal (version, created_at, updated_at, title, description, price_minor, fee_minor, currency, status,
                  customer_id, performer_id, chat_id, overdue, dispute_status)
  SELECT 0, now(), now(), 't', 'd', 5, 0, 'EUR', '{}', 1, 2, gen_random_uuid(), false, {}"""
BROKEN = {
    "zero_sum": "UPDATE ledger_account SET own = own + 1 WHERE name = 'test:1'",
    "balance_is_transfers": "DELETE FROM ledger_transfer WHERE kind = 'test'",
    "balance_is_entries": "UPDATE ledger_account SET version = version + 1 WHERE name = 'test:1'",
    "entries_follow": "UPDATE ledger_entry SET own = own + 1 WHERE version = 1",
    "pending_is_plans": "UPDATE ledger_plan SET state = 'ROLLBACK' WHERE id = 'house/open'",
    "plans_are_postings": "UPDATE ledger_plan_net SET net = net + 1 WHERE plan_id = 'house/open'",
    "floors_hold": "UPDATE ledger_account SET pending_out = own + 1 WHERE name = 'test:1'",
    "announced_changes": "DELETE FROM event WHERE noun = 'balance'",
    "dead_messages_have_letters": MESSAGE.format("'dead'"),
    "messages_keep_their_order": MESSAGE.format("'waiting'") + ";" + MESSAGE.format("'processed'"),
    "positions_without_a_gap": "INSERT INTO place SELECT 7, min(event_id) FROM unplaced",
    "events_have_a_place": "DELETE FROM unplaced WHERE event_id = (SELECT min(event_id) FROM unplaced)",
    "escrow_is_status": DEAL.format("confirm_performer", "NULL"),
    "escrows_belong_to_deals": "UPDATE ledger_account SET kind = 'deal.escrow' WHERE name = 'test:1'",
    "disputes_are_told": DEAL.format("created", "'closed'"),
    "payments_are_deposits": "UPDATE payment SET received_minor = 6",
    "deposits_are_booked": "UPDATE deposit SET amount_minor = 6",
    "deposits_reach_their_person": "UPDATE payment SET person_id = person_id + 1",
    "wallets_are_deposits": "UPDATE wallet SET swept_minor = 6",
    "deposit_account_is_wallets": "UPDATE wallet SET swept_minor = 6",
    "sweeps_are_watched": "UPDATE sweep SET status = 'broadcast'",
    "sweeps_are_booked": "UPDATE sweep SET amount_minor = 6",
    "fees_are_booked": "UPDATE sweep SET fee_minor = 6",
    "suspense_is_unmatched": "UPDATE deposit SET payment_id = NULL, credited_at = NULL",
    "payout_is_plan": "UPDATE payout SET status = 'unpaid'",
    "plans_of_payouts": "UPDATE ledger_plan SET subject = 'payout:0' WHERE kind = 'payout'",
    "cash_flow_is_held": "UPDATE payout SET cash_flow = '[]'",
    "deliveries_are_told": "UPDATE payout SET delivery_status = 'sending'",
    "delivered_is_booked": "UPDATE payout SET amount_minor = 6",
    "payout_accounts_hold_what_is_under_way": "UPDATE payout SET amount_minor = 6",
    "payouts_are_numbered": "UPDATE payout SET sequence = 7",
    "open_deliveries_are_watched": "UPDATE delivery SET status = 'unknown'",
    "shops_own_their_accounts": "UPDATE shop SET payout_account = settlement_account",
    "adjustments_are_told": "UPDATE dispute SET adjustment_status = NULL",
    "adjusting_disputes_have_adjustments": "DELETE FROM adjustment",
    "notifications_are_told": "UPDATE dispute_notification SET status = 'delivered'",
    "one_newest_is_open": "UPDATE dispute SET payment_id = 'one'",
    "ended_disputes_say_so": "UPDATE dispute SET public_reason = 'approved'",
    "people_own_balances": "UPDATE ledger_account SET owner = 'person:0' WHERE kind = 'person.available'",
}


async def books(make) -> None:
    await make.person("5 EUR")
    await post((house(), floored(1), 100))
    await hold("done", 1, (floored(1), floored(2), 10))
    await commit("done")
    await hold("open", 1, (floored(1), floored(2), 20))
    await swept(make)
    await to_wallet(make)
    await deliver_payouts(tools(Till()))
    await disputed(make)
    await fold_all()


async def disputed(make) -> None:
    """One that waits for its adjustment and has somebody to notify, and one that was cancelled."""
    by = make.operator.viewer
    await confirmed(await filed(by, payment="one", url="https://m.example/hook"))
    await disputes.cancel((await filed(by, payment="two")).id, by=by)


@pytest.mark.parametrize("check", sorted(check.name for check in CHECKS))
async def test_what_is_broken_is_named(check, make):
    await books(make)
    assert (await audit(CHECKS)).clean
    async with transaction() as db:
        await db.execute("SAVEPOINT whole; SET LOCAL session_replication_role = replica")
        await db.execute("ALTER TABLE ledger_account DROP CONSTRAINT floor")
        await db.execute(BROKEN[check])
        query = next(one.query for one in CHECKS if one.name == check)
        differences = [row["difference"] for row in await db.fetch(query)]
        await db.execute("ROLLBACK TO SAVEPOINT whole")
    assert differences
    assert all(isinstance(difference, str) and difference for difference in differences)


async def test_a_report_survives_its_storage(make):
    await books(make)
    report = await audit(CHECKS)
    assert Report.read(report.wire()) == report
    assert (report.clean, report.transfers) == (True, 12)
