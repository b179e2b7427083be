"""Shops whose money can be paid out, made through the operations; and how payouts are asked for."""

from __future__ import annotations

import itertools
from typing import Any

from models.kernel.money import Money
from models.kernel.sql import fetch, sql
from models.kernel.viewer import Role
from models.parties import operations as parties
from models.parties.lifecycle import ToolKind
from models.parties.reads import ShopRecord
from models.payouts import operations as payouts
from models.payouts.reads import PayoutRecord
from tests.make import Asker, Make, money

codes = itertools.count(1)
S, P, Y, G = "merchant_settlement", "merchant_payout", "system_settlement", "merchant_guarantee"


def share(parts: str) -> dict[str, Any]:
    return {"share": {"parts": parts}}


def fixed(amount: str, currency: str = "RUB") -> dict[str, Any]:
    return {"fixed": {"amount": amount, "currency": currency}}


def posting(source: str, destination: str, volume: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"source": source, "destination": destination, "volume": volume, **more}


F1 = [posting(S, P, share("1/1")), posting(P, Y, fixed("10.00"))]
"""All of it to the merchant, less 10.00 for the house. [spec/payouts §13]"""
F2 = [posting(S, P, share("3/4")), posting(S, Y, share("1/4"))]
"""Three quarters to the merchant, one to the house. [spec/payouts §13]"""
BANK = {
    "account": "40702810400000012345",
    "bank_name": "A bank",
    "bank_post_account": "30101810400000000225",
    "bank_bik": "044525225",
}
WALLET = {"wallet_id": "wallet-7"}


def terms(fees: Any = F2, **more: Any) -> list[dict[str, Any]]:
    """Timed sets that say what payouts cost, always."""
    return [{"terms": {"payouts": {"fees": {"value": fees}, **more}}}]


async def institution(make: Make, *currencies: str, code: str = "house", criteria: Any = None) -> None:
    await parties.upsert_institution(
        code, "The house", currencies or ("RUB", "EUR"), (), criteria or {}, by=make.operator.viewer
    )


async def shop(
    make: Make,
    *,
    fees: Any = F2,
    timed: Any = None,
    earned: str | None = "1000.00",
    tool: ToolKind | None = ToolKind.RUSSIAN_BANK_ACCOUNT,
    currency: str = "RUB",
    party: str | None = None,
    **more: Any,
) -> ShopRecord:
    """A shop of a party of its own (or of `party`), with a contract, a tool, and what it has earned."""
    by, number = make.operator.viewer, next(codes)
    code = party or f"p{number}"
    await institution(make)
    await parties.upsert_term_set(f"t{number}", "Terms", None, terms(fees) if timed is None else timed, by=by)
    await parties.upsert_party(code, f"Party {code}", by=by)
    await parties.upsert_contract(code, f"c{number}", parties.Agreed("house", f"t{number}"), by=by)
    if tool is not None:
        await add_tool(make, code, f"c{number}", "own", tool, currency)
    opened = parties.Opened("A shop", currency, 1, f"c{number}", "own" if tool else None, **more)
    made = await parties.upsert_shop(code, f"s{number}", opened, by=by)
    return await earn(make, made, earned) if earned else made


async def add_tool(
    make: Make, party: str, contract: str, code: str, kind: ToolKind, currency: str = "RUB", **details: str
) -> None:
    said = details or {ToolKind.WALLET: WALLET, ToolKind.RUSSIAN_BANK_ACCOUNT: BANK}.get(kind, {})
    await parties.upsert_payout_tool(party, contract, code, currency, kind, said, by=make.operator.viewer)


async def earn(make: Make, its: ShopRecord, amount: str) -> ShopRecord:
    earned = money(f"{amount} {its.currency}")
    return await parties.adjust_shop(its.party_code, its.code, earned, "a test", by=make.operator.viewer)


def merchant(its: ShopRecord, *, shops: bool = False) -> Asker:
    """The merchant of a shop; restricted to it, or of the whole party."""
    more = {"shops": [its.code]} if shops else {}
    return Asker.of(Role.MERCHANT, f"merchant-{its.party_code}", party=its.party_code, **more)


async def paid_out(make: Make, its: ShopRecord, amount: str = "1000.00", **more: Any) -> PayoutRecord:
    asked = payouts.Asked(its.party_code, its.code, money(f"{amount} {its.currency}"), **more)
    return await payouts.make(asked, by=make.operator.viewer)


async def stands(its: ShopRecord) -> dict[str, tuple[int, int, int]]:
    """Own, min and max available of the shop's accounts and of the house's fees, in minor units."""
    rows = await fetch(
        sql(
            """SELECT CASE WHEN kind = 'system.settlement' THEN 'Y' WHEN kind = 'shop.settlement' THEN 'S'
                           WHEN kind = 'shop.payout' THEN 'P' ELSE 'G' END AS name,
                      own + coalesce(sum(d.own_delta), 0) AS own,
                      own + coalesce(sum(d.own_delta), 0) - pending_out - coalesce(sum(d.out_delta), 0) AS low,
                      own + coalesce(sum(d.own_delta), 0) + pending_in + coalesce(sum(d.in_delta), 0) AS high
                 FROM ledger_account a LEFT JOIN ledger_delta d ON d.account_id = a.id
                WHERE a.owner = {} OR a.kind = 'system.settlement' AND a.currency = {} GROUP BY a.id""",
            f"shop:{its.party_code}/{its.code}",
            its.currency,
        )
    )
    return {row["name"]: (int(row["own"]), int(row["low"]), int(row["high"])) for row in rows}


async def events_of(payout_id: str) -> list[tuple[str, int]]:
    """Names of a payout's events, and the sequence after each."""
    rows = await fetch(
        sql(
            """SELECT e.name, (e.snapshot ->> 'sequence')::int AS sequence FROM event e
                 JOIN payout p ON e.subject = 'payout:' || p.id WHERE p.payout_id = {} ORDER BY e.version""",
            payout_id,
        )
    )
    return [(row["name"], row["sequence"]) for row in rows]


async def plan_of(payout_id: str) -> list[tuple[str, str]]:
    """The plans of a payout and their states: its own, and the one that reverts it."""
    rows = await fetch(
        sql(
            "SELECT id, state FROM ledger_plan WHERE id IN ({}, {}) ORDER BY id",
            f"house/payout_{payout_id}",
            f"house/revert_payout_{payout_id}",
        )
    )
    return [(row["id"].removeprefix("house/"), row["state"]) for row in rows]


def rub(amount: str) -> Money:
    return money(f"{amount} RUB")


PAYOUT = """... on Payout { payoutId status sequence version requested { amount } amount { amount } fee { amount }
  cancelDetails deliveryStatus destination { kind account walletId }
  cashFlow { source { type account { kind } } destination { type account { kind } } amount { amount } details } }"""
REFUSED = "... on Refusal { code message }"
CREATE = f"mutation ($input: CreatePayoutInput!) {{ createPayout(input: $input) {{ __typename {PAYOUT} {REFUSED} }} }}"
CONFIRM = f"""mutation ($id: String!) {{ confirmPayout(input: {{payout: {{payoutId: $id}}}}) {{
  __typename {PAYOUT} {REFUSED} ... on IllegalMove {{ currentStatus allowed }} }} }}"""
CANCEL = f"""mutation ($id: String!, $why: String = "x") {{ cancelPayout(input: {{payout: {{payoutId: $id}}, details: $why}}) {{
  __typename {PAYOUT} {REFUSED} ... on IllegalMove {{ currentStatus allowed }} }} }}"""
READ = f"""query ($id: String!) {{ payout(ref: {{payoutId: $id}}) {{
  {PAYOUT.removeprefix("... on Payout {").strip().removesuffix("}")} }} }}"""
keys = itertools.count(1)


def asked(its: ShopRecord, amount: str = "1000.00", **more: Any) -> dict[str, Any]:
    """The input of `createPayout`, under a key of its own."""
    given = {"amount": amount, "currency": more.pop("currency", its.currency)}
    return {
        "partyId": its.party_code, "shopId": its.code, "money": given, "idempotencyKey": f"k{next(keys)}", **more,
    }  # fmt: skip
