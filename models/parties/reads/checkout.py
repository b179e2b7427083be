"""A shop with all that its payouts rest on, as of a moment. [spec/payouts §6.1]

Read by one statement, so that it fits together; `revision` tells whether it is still so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from models.events.log import as_of
from models.kernel.refusals import NotFound
from models.kernel.sql import Row, fetch, fetch_one, sql
from models.ledger.chart import Account
from models.parties.errors import PARTY_NOT_EXISTS_YET, PARTY_NOT_FOUND, SHOP_NOT_FOUND
from models.parties.postings import (
    AccountType,
    Adjustment,
    Predicate,
    Terms,
    TimedTerms,
    merged,
    read_predicate,
    read_timed,
    shop_account,
    system_account,
)
from models.parties.reads.records import (
    ContractRecord,
    InstitutionRecord,
    PartyRecord,
    ShopRecord,
    ToolRecord,
    read_json,
)

Revision = tuple[int, int]
"""Of the shop, and of the domain."""
TermSets = Mapping[int, tuple[int | None, tuple[TimedTerms, ...]]]
"""By id: the parent's id, and what the set says."""
SHOP_ACCOUNTS = (AccountType.MERCHANT_SETTLEMENT, AccountType.MERCHANT_GUARANTEE, AccountType.MERCHANT_PAYOUT)


@dataclass(frozen=True)
class CheckedOut:
    """A shop, its party and contract, the tools, the institution, and the terms with all their parents."""

    party: PartyRecord
    shop: ShopRecord
    contract: ContractRecord
    institution: InstitutionRecord
    tools: tuple[ToolRecord, ...]
    term_sets: TermSets = field(repr=False)
    revision: Revision

    def tool(self, code: str | None) -> ToolRecord | None:
        """The tool of that code; without one the shop's own. None: there is none."""
        wanted = ((t for t in self.tools if t.code == code) if code is not None
                  else (t for t in self.tools if t.id == self.shop.payout_tool_id))  # fmt: skip
        return next(wanted, None)

    def terms(self, at: datetime) -> Terms:
        """What the contract says at a moment. Refuses CONFIGURATION_ERROR where it says nothing."""
        return _terms(self.contract, self.term_sets, at)

    @cached_property
    def accounts(self) -> Mapping[AccountType, Account]:
        """The accounts that a payout of this shop can touch: its own, and the institution's in its currency."""
        party, shop, currency = self.party.code, self.shop.code, self.shop.currency
        own = {kind: shop_account(kind, party, shop, currency) for kind in SHOP_ACCOUNTS}
        known = self.institution.accounts.get(currency, {})
        system = {
            AccountType(kind): system_account(AccountType(kind), self.institution.code, currency) for kind in known
        }
        return own | system

    @cached_property
    def account_ids(self) -> Mapping[AccountType, int]:
        """Their ids in the ledger."""
        own = (self.shop.settlement_account, self.shop.guarantee_account, self.shop.payout_account)
        known = self.institution.accounts.get(self.shop.currency, {})
        return dict(zip(SHOP_ACCOUNTS, own, strict=True)) | {AccountType(kind): id for kind, id in known.items()}

    @cached_property
    def criteria(self) -> Mapping[str, Predicate]:
        return {name: read_predicate(said, f"criteria.{name}") for name, said in self.institution.criteria.items()}


def _terms(contract: ContractRecord, sets: TermSets, at: datetime) -> Terms:
    adjustments = [
        Adjustment(one.created_at, _chain(sets, one.terms_id), one.valid_since, one.valid_until)
        for one in contract.adjustments
    ]
    return merged(_chain(sets, contract.terms_id), adjustments, at)


def _chain(sets: TermSets, id: int) -> list[tuple[TimedTerms, ...]]:
    """From the root parent to the set itself."""
    chain: list[tuple[TimedTerms, ...]] = []
    at: int | None = id
    while at is not None:
        at, timed = sets[at]
        chain.insert(0, timed)
    return chain


_LIVE = """
WITH RECURSIVE p AS (SELECT * FROM party WHERE code = {}),
     s AS (SELECT s.* FROM shop s WHERE s.party_code = {} AND s.code = {}),
     c AS (SELECT c.* FROM contract c JOIN s ON s.contract_id = c.id),
     wanted AS (SELECT terms_id AS id FROM c
                 UNION SELECT (a ->> 'terms_id')::bigint FROM c, jsonb_array_elements(c.adjustments) a),
     chain AS (SELECT t.id, t.parent_id, t.timed FROM term_set t JOIN wanted w ON w.id = t.id
                UNION SELECT t.id, t.parent_id, t.timed FROM term_set t JOIN chain k ON k.parent_id = t.id)
SELECT to_jsonb(p.*) AS party, (SELECT to_jsonb(s.*) FROM s) AS shop, (SELECT to_jsonb(c.*) FROM c) AS contract,
       (SELECT to_jsonb(i.*) FROM payment_institution i JOIN c ON c.institution_id = i.id) AS institution,
       (SELECT coalesce(jsonb_agg(to_jsonb(t.*) ORDER BY t.id), '[]') FROM payout_tool t JOIN c ON c.id = t.contract_id)
         AS tools,
       (SELECT jsonb_agg(to_jsonb(chain.*)) FROM chain) AS term_sets,
       (SELECT revision FROM domain) AS domain
  FROM p
"""


async def checkout(party: str, shop: str) -> CheckedOut:
    """As it is now. Refuses PARTY_NOT_FOUND, SHOP_NOT_FOUND; rights are the caller's matter."""
    row = await fetch_one(sql(_LIVE.strip(), party, party, shop))
    if row is None:
        raise NotFound("party", code=PARTY_NOT_FOUND)
    if row["shop"] is None:
        raise NotFound("shop", code=SHOP_NOT_FOUND)
    return _checked_out(row)


def _checked_out(row: Row) -> CheckedOut:
    shop = read_json(row["shop"])
    return CheckedOut(
        PartyRecord.of(read_json(row["party"])),
        ShopRecord.of(shop),
        ContractRecord.of(read_json(row["contract"])),
        InstitutionRecord.of(read_json(row["institution"])),
        tuple(ToolRecord.of(tool) for tool in read_json(row["tools"])),
        _term_sets(row),
        (shop["revision"], row["domain"]),
    )


async def checkout_at(party: str, shop: str, at: datetime) -> CheckedOut:
    """As it was at a moment: party, shop, contract and tools by their events; institution and terms as they are now, for terms
    carry their own times. Refuses PARTY_NOT_EXISTS_YET beside what `checkout` refuses."""
    now = await checkout(party, shop)
    seen = await as_of([now.party.subject, now.shop.subject], at)
    if len(seen) < 2:
        raise NotFound("party", code=PARTY_NOT_EXISTS_YET)
    its_shop = ShopRecord.of(seen[now.shop.subject])
    its_contract = f"contract:{its_shop.contract_id}"
    tools = await fetch(sql("SELECT id FROM payout_tool WHERE contract_id = {} ORDER BY id", its_shop.contract_id))
    more = await as_of([its_contract, *(f"payout_tool:{row['id']}" for row in tools)], at)
    contract = ContractRecord.of(more.pop(its_contract))
    institution, sets = await _domain(contract)
    return CheckedOut(
        PartyRecord.of(seen[now.party.subject]),
        its_shop,
        contract,
        institution,
        tuple(ToolRecord.of(tool) for tool in more.values()),
        sets,
        now.revision,
    )


async def terms_of(contract: ContractRecord, at: datetime) -> Terms:
    """What a contract says at a moment. Refuses CONFIGURATION_ERROR where it says nothing."""
    _, sets = await _domain(contract)
    return _terms(contract, sets, at)


_CHAINS = """
WITH RECURSIVE chain AS (SELECT t.id, t.parent_id, t.timed FROM term_set t WHERE t.id = ANY ({}::bigint[])
                          UNION SELECT t.id, t.parent_id, t.timed FROM term_set t JOIN chain k ON k.parent_id = t.id)
SELECT (SELECT to_jsonb(i.*) FROM payment_institution i WHERE i.id = {}) AS institution,
       (SELECT jsonb_agg(to_jsonb(chain.*)) FROM chain) AS term_sets
"""


async def _domain(contract: ContractRecord) -> tuple[InstitutionRecord, TermSets]:
    ids = [contract.terms_id, *(one.terms_id for one in contract.adjustments)]
    row = await fetch_one(sql(_CHAINS.strip(), ids, contract.institution_id))
    if row is None:
        raise AssertionError("a contract has terms and an institution")
    return InstitutionRecord.of(read_json(row["institution"])), _term_sets(row)


def _term_sets(row: Row) -> TermSets:
    return {one["id"]: (one["parent_id"], read_timed(one["timed"], "timed")) for one in read_json(row["term_sets"])}
