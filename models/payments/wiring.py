"""What the house needs to know of payments."""

from typing import Any

from models.events.exporting import Export
from models.events.log import View, as_it_is
from models.inbox.topics import Topic
from models.ledger.audit import Check
from models.payments import postings
from models.payments.errors import DEPOSIT_NOT_FOUND, PAYMENT_GATEWAY_NOT_FOUND, PAYMENT_NOT_FOUND
from models.payments.operations.banking import TransferReceived, received
from models.work.jobs import Job

CHECK_PAYMENTS = Job(
    "check_payments",
    "check_payments",
    "Reads new blocks, credits what arrived, has waiting deals go on, and sweeps coins to the main wallet.",
    timeout="payment",
)
EXPIRE_PAYMENTS = Job(
    "expire_payments", "expire_payments", "Ends what nobody paid in time, and comes back to coins left behind."
)
PROVE_RESERVES = Job(
    "prove_reserves", "prove_reserves", "Compares what stands on the chain with what we owe.", timeout="audit"
)
BANK_TOPIC = "bank.transfer"

LINES = postings.LINES
TABLES = ("models.payments.tables",)
CODES = (PAYMENT_NOT_FOUND, PAYMENT_GATEWAY_NOT_FOUND, DEPOSIT_NOT_FOUND)
CORRECTION_KINDS = postings.CORRECTIONS
MOVEMENTS = tuple(postings.worked())
JOBS = (CHECK_PAYMENTS, EXPIRE_PAYMENTS, PROVE_RESERVES)
TOPICS: tuple[Topic[Any], ...] = (
    Topic(BANK_TOPIC, TransferReceived, key=lambda said: None, handle=received, webhook="bank"),
)
VIEWS: dict[str, View] = dict.fromkeys(("payment", "wallet", "sweep", "payment_gateway"), as_it_is)
REACTIONS: dict[tuple[str, str], Job] = {}
EXPORTS: tuple[Export, ...] = ()
CHECKS = (
    Check(
        "payments_are_deposits",
        "what a payment received is what was credited of its deposits",
        """SELECT 'payment ' || p.id || ' received ' || p.received_minor || ', its deposits say ' || coalesce(d.sum, 0)
                  AS difference
             FROM payment p LEFT JOIN (SELECT payment_id, sum(amount_minor) AS sum FROM deposit WHERE credited_at IS NOT NULL
                                        GROUP BY 1) d ON d.payment_id = p.id
            WHERE p.received_minor <> coalesce(d.sum, 0)""",
    ),
    Check(
        "deposits_are_booked",
        "a deposit that is credited or unmatched is booked once, as it is, and nothing else is booked as a deposit",
        """SELECT 'deposit ' || coalesce(d.key, t.key) || ' is ' || coalesce(d.amount, 0) || ', booked are '
                  || coalesce(t.amount, 0) AS difference
             FROM (SELECT 'deposit:' || network || ':' || tx_id || ':' || log_index AS key, amount_minor AS amount, currency
                     FROM deposit WHERE credited_at IS NOT NULL OR payment_id IS NULL) d
             FULL JOIN (SELECT key, amount, currency FROM ledger_transfer WHERE kind IN ('deposit', 'deposit.unmatched')) t
               ON t.key = d.key
            WHERE coalesce(d.amount, 0) <> coalesce(t.amount, 0) OR d.currency <> t.currency""",
    ),
    Check(
        "deposits_reach_their_person",
        "what is credited of a deposit stands with the person who pays",
        """SELECT 'deposit ' || d.id || ' went to ' || coalesce(a.name, 'nobody') AS difference
             FROM deposit d JOIN payment p ON p.id = d.payment_id
             LEFT JOIN ledger_transfer t ON t.key = 'match:deposit:' || d.id
                    OR (t.kind = 'deposit' AND t.key = 'deposit:' || d.network || ':' || d.tx_id || ':' || d.log_index)
             LEFT JOIN ledger_account a ON a.id = t.to_id
            WHERE d.credited_at IS NOT NULL AND (a.name IS DISTINCT FROM 'person:' || p.person_id || ':available'
                  OR t.amount <> d.amount_minor OR t.currency <> d.currency)""",
    ),
    Check(
        "wallets_are_deposits",
        "what a wallet received is what was credited of its payment's deposits on its network, what was swept its sweeps",
        """SELECT 'wallet ' || w.id || ' received ' || w.received_minor || ' and swept ' || w.swept_minor || ', not '
                  || coalesce(d.sum, 0) || ' and ' || coalesce(s.sum, 0) AS difference
             FROM wallet w
             LEFT JOIN (SELECT payment_id, network, sum(amount_minor) AS sum FROM deposit WHERE credited_at IS NOT NULL
                         GROUP BY 1, 2) d ON d.payment_id = w.payment_id AND d.network = w.network
             LEFT JOIN (SELECT wallet_id, sum(amount_minor) AS sum FROM sweep WHERE purpose = 'sweep' AND status = 'confirmed'
                         GROUP BY 1) s ON s.wallet_id = w.id
            WHERE w.received_minor <> coalesce(d.sum, 0) OR w.swept_minor <> coalesce(s.sum, 0)
               OR (w.status = 'waiting') <> (w.received_minor = 0)
               OR (w.status = 'transfered' AND w.swept_minor <> w.received_minor)""",
    ),
    Check(
        "deposit_account_is_wallets",
        "what the books hold on deposit addresses is what wallets received and was not swept",
        """SELECT a.name || ' ' || a.currency || ' holds ' || a.holds || ', wallets say ' || coalesce(w.sum, 0) AS difference
             FROM (SELECT a.name, a.currency,
                          -(a.own + coalesce((SELECT sum(own_delta) FROM ledger_delta d WHERE d.account_id = a.id), 0)) AS holds
                     FROM ledger_account a WHERE a.kind = 'gateway.deposit') a
             LEFT JOIN (SELECT network, currency, sum(received_minor - swept_minor) AS sum FROM wallet GROUP BY 1, 2) w
               ON a.name = 'gateway:' || w.network || ':deposit' AND a.currency = w.currency
            WHERE a.name <> 'gateway:bank:deposit' AND a.currency <> 'TRX' AND a.holds <> coalesce(w.sum, 0)""",
    ),
    Check(
        "sweeps_are_watched",
        "whoever has a sweep under way is looked at again",
        """SELECT 'sweep ' || s.id || ' is ' || s.status || ' and nobody comes back to it' AS difference
             FROM sweep s JOIN payment p ON p.id = s.payment_id
            WHERE s.status IN ('planned', 'signed', 'broadcast') AND (p.marks = 0 OR p.next_check_at IS NULL)""",
    ),
    Check(
        "sweeps_are_booked",
        "a sweep is booked when it is confirmed, as it is, and no other is",
        """SELECT 'sweep ' || coalesce(s.key, t.key) || ' is ' || coalesce(s.amount, 0) || ', booked are ' || coalesce(t.amount, 0)
                  AS difference
             FROM (SELECT 'sweep:' || id AS key, amount_minor AS amount FROM sweep WHERE status = 'confirmed') s
             FULL JOIN (SELECT key, amount FROM ledger_transfer WHERE kind IN ('sweep', 'sweep.top_up')) t ON t.key = s.key
            WHERE coalesce(s.amount, 0) <> coalesce(t.amount, 0)""",
    ),
    Check(
        "fees_are_booked",
        "what the network took for each sweep is booked, as it is, and nothing else is",
        """SELECT 'sweep ' || coalesce(s.key, t.key) || ' cost ' || coalesce(s.amount, 0) || ', booked are '
                  || coalesce(t.amount, 0) AS difference
             FROM (SELECT 'fee:sweep:' || id AS key, fee_minor AS amount FROM sweep WHERE fee_minor > 0) s
             FULL JOIN (SELECT key, amount FROM ledger_transfer WHERE kind = 'sweep.fee') t ON t.key = s.key
            WHERE coalesce(s.amount, 0) <> coalesce(t.amount, 0)""",
    ),
    Check(
        "suspense_is_unmatched",
        "what the books owe to nobody known is what deposits arrived that are not matched",
        """SELECT coalesce(a.currency, d.currency) || ' in suspense is ' || coalesce(a.sum, 0) || ', unmatched are '
                  || coalesce(d.sum, 0) AS difference
             FROM (SELECT currency, sum(own + coalesce((SELECT sum(own_delta) FROM ledger_delta x WHERE x.account_id = l.id), 0))
                          AS sum FROM ledger_account l WHERE kind = 'suspense.unmatched' GROUP BY 1) a
             FULL JOIN (SELECT currency, sum(amount_minor) AS sum FROM deposit WHERE payment_id IS NULL GROUP BY 1) d
               ON d.currency = a.currency
            WHERE coalesce(a.sum, 0) <> coalesce(d.sum, 0)""",
    ),
)
