"""What the house needs to know of payouts."""

from typing import Any

from models.events.exporting import Export
from models.events.log import View, as_it_is
from models.inbox.topics import Topic
from models.ledger.audit import Check
from models.payouts import errors, postings
from models.payouts.views.exported import exported
from models.work.jobs import Job

RUN_SCHEDULES = Job(
    "run_payout_schedules",
    "run_payout_schedules",
    "Pays out shops whose schedule's moment has come, once for each moment.",
    timeout="payout",
)
DELIVER = Job(
    "deliver_payouts",
    "deliver_payouts",
    "Tells wallets and banks of confirmed payouts, under one key for ever.",
    timeout="payout",
)
RESOLVE = Job(
    "resolve_unknown_deliveries",
    "resolve_deliveries",
    "Asks what became of deliveries that got no answer, and sends again what never came.",
    timeout="payout",
)

LINES = postings.LINES
TABLES = ("models.payouts.tables",)
CODES = (
    errors.PAYOUT_NOT_FOUND,
    errors.PAYOUT_TOOL_REQUIRED,
    errors.SHOP_CURRENCY_MISMATCH,
    errors.PAYOUT_TOOL_CURRENCY_MISMATCH,
    errors.PARTY_BLOCKED,
    errors.PARTY_SUSPENDED,
    errors.SHOP_SUSPENDED,
)
CORRECTION_KINDS: tuple[str, ...] = ()
MOVEMENTS = tuple(postings.worked())
JOBS = (RUN_SCHEDULES, DELIVER, RESOLVE)
TOPICS: tuple[Topic[Any], ...] = ()
VIEWS: dict[str, View] = dict.fromkeys(("payout", "payout_schedule"), as_it_is)
REACTIONS = {("payout", "queue_delivery"): DELIVER, ("payout", "recheck_delivery"): RESOLVE}
EXPORTS = (Export("pm-events-payout", frozenset({"payout"}), exported),)
CHECKS = (
    Check(
        "payout_is_plan",
        "an unpaid payout's plan holds, a confirmed one's is committed, a cancelled or failed one's is rolled back or reverted",
        """SELECT 'payout ' || p.payout_id || ' is ' || p.status || ', its plan ' || coalesce(l.state, 'is missing')
                  || CASE WHEN m.id IS NULL THEN '' ELSE ' and reverted' END AS difference
             FROM payout p LEFT JOIN ledger_plan l ON l.id = 'house/payout_' || p.payout_id
             LEFT JOIN ledger_plan m ON m.reverts = l.id
            WHERE (p.status, l.state, m.id IS NOT NULL) NOT IN (
                    ('unpaid', 'HOLD', false), ('confirmed', 'COMMIT', false), ('cancelled', 'ROLLBACK', false),
                    ('cancelled', 'COMMIT', true), ('failed', 'COMMIT', true)) OR l.id IS NULL""",
    ),
    Check(
        "plans_of_payouts",
        "every plan of a payout belongs to one",
        """SELECT 'plan ' || l.id || ' belongs to no payout' AS difference FROM ledger_plan l
            WHERE l.kind = 'payout' AND NOT EXISTS (SELECT FROM payout p WHERE 'payout:' || p.id = l.subject)""",
    ),
    Check(
        "cash_flow_is_held",
        "the postings that a payout shows are those of its plan, one for one",
        """SELECT 'payout ' || p.payout_id || ' shows what its plan does not hold' AS difference
             FROM payout p JOIN ledger_plan l ON l.id = 'house/payout_' || p.payout_id
            WHERE EXISTS (
              (SELECT (f ->> 'source_id')::bigint, (f ->> 'destination_id')::bigint, (f ->> 'amount_minor')::bigint,
                      p.currency::text FROM jsonb_array_elements(p.cash_flow) f
               EXCEPT ALL SELECT from_id, to_id, amount, currency FROM ledger_posting g WHERE g.plan_id = l.id)
              UNION ALL
              (SELECT from_id, to_id, amount, currency FROM ledger_posting g WHERE g.plan_id = l.id
               EXCEPT ALL SELECT (f ->> 'source_id')::bigint, (f ->> 'destination_id')::bigint, (f ->> 'amount_minor')::bigint,
                                 p.currency::text FROM jsonb_array_elements(p.cash_flow) f))""",
    ),
    Check(
        "deliveries_are_told",
        "a payout knows of its delivery what the delivery says, and has one only once it was confirmed",
        """SELECT 'payout ' || p.payout_id || ' is ' || p.status || ' and shows delivery '
                  || coalesce(p.delivery_status, 'none') || ', it is ' || coalesce(d.status, 'none') AS difference
             FROM payout p LEFT JOIN delivery d ON d.payout_id = p.id
            WHERE p.delivery_status IS DISTINCT FROM d.status
               OR d.id IS NOT NULL AND (p.status, d.status) NOT IN (
                    ('confirmed', 'queued'), ('confirmed', 'sending'), ('confirmed', 'unknown'), ('confirmed', 'delivered'),
                    ('failed', 'refused'), ('cancelled', 'withdrawn'))""",
    ),
    Check(
        "delivered_is_booked",
        "what was delivered is booked once, as it is, and nothing else is",
        """SELECT 'payout ' || coalesce(d.key, t.key) || ' delivered ' || coalesce(d.amount, 0) || ', booked are '
                  || coalesce(t.amount, 0) AS difference
             FROM (SELECT 'delivered:payout:' || p.id AS key, p.amount_minor AS amount, p.currency FROM payout p
                    WHERE p.delivery_status = 'delivered') d
             FULL JOIN (SELECT key, amount, currency FROM ledger_transfer WHERE kind = 'payout.delivered') t ON t.key = d.key
            WHERE coalesce(d.amount, 0) <> coalesce(t.amount, 0) OR d.currency <> t.currency""",
    ),
    Check(
        "payout_accounts_hold_what_is_under_way",
        "a shop's payout account holds what was confirmed and neither delivered nor given back",
        """SELECT a.name || ' ' || a.currency || ' holds ' || a.own || ', under way are ' || coalesce(w.sum, 0) AS difference
             FROM ledger_account a
             LEFT JOIN (SELECT n.account_id, sum(n.net - CASE WHEN p.delivery_status = 'delivered' THEN p.amount_minor ELSE 0 END)
                               AS sum
                          FROM payout p JOIN ledger_plan_net n ON n.plan_id = 'house/payout_' || p.payout_id
                         WHERE p.status = 'confirmed' GROUP BY 1) w ON w.account_id = a.id
            WHERE a.kind = 'shop.payout' AND a.own <> coalesce(w.sum, 0)""",
    ),
    Check(
        "payouts_are_numbered",
        "the statuses of a payout are numbered from 0 without a gap, an event for each",
        """SELECT 'payout ' || p.payout_id || ' is at ' || p.sequence || ', its events at ' || coalesce(e.seqs, '{}')::text
                  AS difference
             FROM payout p LEFT JOIN (
               SELECT subject, array_agg((snapshot ->> 'sequence')::int ORDER BY version) AS seqs FROM event
                WHERE noun = 'payout' AND name IN ('open', 'confirm', 'cancel', 'revert', 'fail') GROUP BY 1) e
               ON e.subject = 'payout:' || p.id
            WHERE e.seqs IS DISTINCT FROM ARRAY(SELECT generate_series(0, p.sequence))""",
    ),
    Check(
        "open_deliveries_are_watched",
        "whoever waits for the outside is looked at again",
        """SELECT 'delivery of payout ' || payout_id || ' is ' || status || ' and nobody comes back to it' AS difference
             FROM delivery WHERE status IN ('queued', 'sending', 'unknown') AND next_check_at IS NULL""",
    ),
)
