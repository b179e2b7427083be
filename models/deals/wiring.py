"""What the house needs to know of deals."""

from typing import Any

from models.deals.errors import CUSTOMER_USER_NOT_FOUND, DEAL_NOT_FOUND, PERFORMER_USER_NOT_FOUND
from models.deals.postings import CORRECTIONS, ESCROW, FEES, worked
from models.events.exporting import Export
from models.events.log import View, as_it_is
from models.inbox.topics import Topic
from models.ledger.audit import Check
from models.work.jobs import Job

PROMOTE = Job(
    "promote_waiting_deals", "promote", "Confirms deals that waited for money which has come, the oldest first."
)
EXPIRE = Job(
    "expire_deals", "expire_deals", "Cancels deals that were not confirmed in time, and notes which are overdue."
)
RECONCILE = Job(
    "reconcile_deals", "reconcile", "Proves that every escrow holds what its deal's status says.", timeout="audit"
)

LINES = (ESCROW, FEES)
TABLES = ("models.deals.tables",)
CODES = (DEAL_NOT_FOUND, CUSTOMER_USER_NOT_FOUND, PERFORMER_USER_NOT_FOUND)
CORRECTION_KINDS = CORRECTIONS
MOVEMENTS = tuple(worked())
JOBS = (PROMOTE, EXPIRE, RECONCILE)
TOPICS: tuple[Topic[Any], ...] = ()
VIEWS: dict[str, View] = {"deal": as_it_is}
REACTIONS = {("balance", "change"): PROMOTE, ("deal", "wait"): PROMOTE}
EXPORTS: tuple[Export, ...] = ()
CHECKS = (
    Check(
        "escrow_is_status",
        "a deal's escrow holds its price while it is confirmed, and nothing otherwise",
        """SELECT 'deal ' || d.id || ' is ' || d.status || ' and its escrow holds ' || coalesce(a.own, 0) AS difference
             FROM deal d LEFT JOIN ledger_account a ON a.name = 'deal:' || d.id || ':escrow' AND a.currency = d.currency
            WHERE coalesce(a.own, 0) <> CASE WHEN d.status = 'confirm_performer' THEN d.price_minor ELSE 0 END
               OR coalesce(a.pending_out, 0) <> 0 OR coalesce(a.pending_in, 0) <> 0""",
    ),
    Check(
        "escrows_belong_to_deals",
        "every escrow belongs to a deal, in its currency",
        """SELECT a.name || ' ' || a.currency || ' belongs to no deal' AS difference FROM ledger_account a
            WHERE a.kind = 'deal.escrow' AND NOT EXISTS (
              SELECT FROM deal d WHERE 'deal:' || d.id || ':escrow' = a.name AND d.currency = a.currency)""",
    ),
    Check(
        "disputes_are_told",
        "a deal knows of its dispute what the dispute itself says",
        """SELECT 'deal ' || d.id || ' has dispute ' || coalesce(d.dispute_status, 'none') AS difference
             FROM deal d LEFT JOIN deal_dispute x ON x.deal_id = d.id
            WHERE coalesce(d.dispute_status, 'none') <>
              CASE WHEN x.id IS NULL THEN 'none' WHEN x.resolution IS NULL THEN 'open' ELSE 'closed' END
               OR (d.status LIKE 'arb_close%') <> (x.resolution IS NOT NULL)""",
    ),
)
