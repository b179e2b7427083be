"""What the house needs to know of parties."""

from typing import Any

from models.events.exporting import Export
from models.events.log import View, as_it_is
from models.inbox.topics import Topic
from models.ledger.audit import Check
from models.parties import errors, postings
from models.parties.operations import ShopCredited, credited
from models.work.jobs import Job

LINES = postings.LINES
TABLES = ("models.parties.tables",)
CODES = (
    errors.PARTY_NOT_FOUND,
    errors.PARTY_NOT_EXISTS_YET,
    errors.SHOP_NOT_FOUND,
    errors.CONTRACT_NOT_FOUND,
    errors.PAYOUT_TOOL_NOT_FOUND,
    errors.PAYMENT_INSTITUTION_NOT_FOUND,
    errors.TERM_SET_NOT_FOUND,
)
CORRECTION_KINDS: tuple[str, ...] = ()
MOVEMENTS = tuple(postings.worked())
JOBS: tuple[Job, ...] = ()
TOPICS: tuple[Topic[Any], ...] = (Topic("shop.credited", ShopCredited, key=lambda said: None, handle=credited),)
VIEWS: dict[str, View] = dict.fromkeys(
    ("party", "shop", "contract", "payout_tool", "payment_institution", "term_set"), as_it_is
)
REACTIONS: dict[tuple[str, str], Job] = {}
EXPORTS: tuple[Export, ...] = ()
CHECKS = (
    Check(
        "shops_own_their_accounts",
        "a shop has its three accounts, in its currency, and no others belong to a shop",
        """SELECT 'shop ' || s.party_code || '/' || s.code || ' lacks ' || w.kind AS difference
             FROM shop s CROSS JOIN LATERAL (VALUES ('shop.settlement', s.settlement_account),
                    ('shop.guarantee', s.guarantee_account), ('shop.payout', s.payout_account)) w(kind, id)
             LEFT JOIN ledger_account a ON a.id = w.id AND a.kind = w.kind AND a.currency = s.currency
                   AND a.owner = 'shop:' || s.party_code || '/' || s.code
            WHERE a.id IS NULL
            UNION ALL
           SELECT a.name || ' ' || a.currency || ' belongs to no shop' FROM ledger_account a
            WHERE a.kind IN ('shop.settlement', 'shop.guarantee', 'shop.payout') AND NOT EXISTS (
              SELECT FROM shop s WHERE a.owner = 'shop:' || s.party_code || '/' || s.code
                 AND a.id IN (s.settlement_account, s.guarantee_account, s.payout_account))""",
    ),
)
