"""The merchants of the small world: terms, parties, shops with what they have earned, payouts in each situation, a schedule."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from models.inbox import operations as inbox
from models.kernel.money import Money
from models.kernel.refusals import NotFound
from models.kernel.viewer import SERVICE, Viewer
from models.parties import operations as parties
from models.parties.lifecycle import ToolKind
from models.parties.reads import shop as read_shop
from models.payouts import operations as payouts
from models.payouts import reads
from models.wiring import TOPICS
from server.seed.asking import SEEDER, SUBJECT, once

S, P, Y = "merchant_settlement", "merchant_payout", "system_settlement"
INSTITUTION, STANDARD, SUMMER = "demo-house", "demo-standard", "demo-summer"
OAK, RIVER = "demo-oak", "demo-river"
CONTRACT = "2026"
PROCESSING = Viewer(SUBJECT, frozenset({SERVICE}))
"""The seeder as the service that captures payments."""


def _share(parts: str) -> dict[str, Any]:
    return {"share": {"parts": parts}}


def _fixed(amount: str, currency: str) -> dict[str, Any]:
    return {"fixed": {"amount": amount, "currency": currency}}


def _fees(fee: dict[str, Any]) -> dict[str, Any]:
    """All of it to the merchant, less the fee."""
    whole = {"source": S, "destination": P, "volume": _share("1/1")}
    return {"value": [whole, {"source": P, "destination": Y, "volume": fee, "details": "Payout fee"}]}


def _terms(share: str) -> list[Any]:
    """To a wallet 0.5 %; else the share, 50 roubles or 1 euro at least."""
    fees = {
        "decisions": [
            {"if": {"payout_method_is": "wallet"}, "then": _fees(_share("1/200"))},
            {"if": {"currency_is": "RUB"}, "then": _fees({"max_of": [_fixed("50.00", "RUB"), _share(share)]})},
            {"if": True, "then": _fees({"max_of": [_fixed("1.00", "EUR"), _share(share)]})},
        ]
    }
    limit = {
        "decisions": [
            {
                "if": {"currency_is": "RUB"},
                "then": {"value": {"lower": {"inclusive": {"amount": "500.00", "currency": "RUB"}}}},
            },
            {"if": True, "then": {"value": {}}},
        ]
    }
    methods = {"value": ["russian_bank_account", "international_bank_account", "wallet"]}
    return [{"terms": {"payouts": {"fees": fees, "cash_limit": limit, "payout_methods": methods}}}]


@dataclass(frozen=True, slots=True)
class Tool:
    code: str
    kind: ToolKind
    currency: str
    details: dict[str, str]


@dataclass(frozen=True, slots=True)
class Trade:
    """A shop, where its money goes, and what it has earned."""

    party: str
    code: str
    name: str
    currency: str
    tool: str
    earned: str


PARTIES = ((OAK, "Oak & Sons"), (RIVER, "River Books"))
TOOLS = {
    OAK: (
        Tool(
            "bank",
            ToolKind.RUSSIAN_BANK_ACCOUNT,
            "RUB",
            {
                "account": "40702810400000012345",
                "bank_name": "Demo Bank",
                "bank_post_account": "30101810400000000225",
                "bank_bik": "044525225",
            },
        ),
        Tool("wallet", ToolKind.WALLET, "RUB", {"wallet_id": "wallet-oak"}),
    ),
    RIVER: (
        Tool(
            "bank",
            ToolKind.INTERNATIONAL_BANK_ACCOUNT,
            "EUR",
            {"iban": "DE89370400440532013000", "bank_name": "Demo Bank Berlin", "bic": "COBADEFFXXX"},
        ),
    ),
}
SHOPS = (
    Trade(OAK, "tables", "Tables of oak", "RUB", "bank", "250000.00"),
    Trade(OAK, "stairs", "Stairs of oak", "RUB", "wallet", "40000.00"),
    Trade(RIVER, "books", "River Books, Berlin", "EUR", "bank", "3200.00"),
)


@dataclass(frozen=True, slots=True)
class Made:
    """A payout, and what becomes of it; a worker delivers those that are confirmed."""

    payout_id: str
    party: str
    shop: str
    amount: str
    currency: str
    then: str = ""


WORLD = (
    Made("demo-1", OAK, "tables", "60000.00", "RUB", "confirm"),
    Made("demo-2", OAK, "tables", "15000.00", "RUB", "cancel"),
    Made("demo-3", OAK, "stairs", "12000.00", "RUB", "confirm"),
    Made("demo-4", RIVER, "books", "700.00", "EUR"),
    Made("demo-5", OAK, "tables", "20000.00", "RUB"),
)
"""Delivered to a bank, cancelled, delivered to a wallet, and two that wait to be confirmed. Where the last one is, the world is
whole."""


async def are_there() -> bool:
    """Whether the last of the payouts was made, and so all of them."""
    try:
        await reads.payout(SEEDER, WORLD[-1].payout_id)
    except NotFound:
        return False
    return True


async def bring() -> None:
    await _bring_terms()
    for code, name in PARTIES:
        await _bring_party(code, name)
    for trade in SHOPS:
        await _bring_shop(trade)
    for made in WORLD:
        await _bring(made)
    least = Money.of(Decimal("100.00"), "EUR")
    planned = payouts.Planned("0 6 * * 1-5", "Europe/Berlin", least)
    await payouts.set_schedule(RIVER, "books", planned, by=SEEDER)


async def told() -> list[str]:
    shops = [await read_shop(SEEDER, trade.party, trade.code) for trade in SHOPS]
    found = [await reads.payout(SEEDER, made.payout_id) for made in WORLD]
    return [
        *(f"shop {shop.party_code}/{shop.code}: {shop.name}" for shop in shops),
        *(
            f"payout {one.payout_id}: {one.amount} of {one.party_code}/{one.shop_code}, {one.status.name}"
            for one in found
        ),
    ]


async def _bring_terms() -> None:
    await parties.upsert_institution(INSTITUTION, "The demo house", ("RUB", "EUR"), (), {}, by=SEEDER)
    await parties.upsert_term_set(STANDARD, "Standard terms", None, _terms("1/100"), by=SEEDER)
    await parties.upsert_term_set(SUMMER, "Half the fee", STANDARD, _terms("1/200"), by=SEEDER)


async def _bring_party(code: str, name: str) -> None:
    await parties.upsert_party(code, name, by=SEEDER)
    adjustments = [parties.Adjusted("summer", SUMMER)] if code == RIVER else []
    agreed = parties.Agreed(INSTITUTION, STANDARD, adjustments=adjustments)
    await parties.upsert_contract(code, CONTRACT, agreed, by=SEEDER)
    for tool in TOOLS[code]:
        await parties.upsert_payout_tool(code, CONTRACT, tool.code, tool.currency, tool.kind, tool.details, by=SEEDER)


async def _bring_shop(trade: Trade) -> None:
    opened = parties.Opened(trade.name, trade.currency, 1, CONTRACT, trade.tool)
    await parties.upsert_shop(trade.party, trade.code, opened, by=SEEDER)
    earned = Money.of(Decimal(trade.earned), trade.currency)
    words = {"party": trade.party, "shop": trade.code, "amount": trade.earned}
    request = once("adjustShopBalance", f"shop:{trade.party}/{trade.code}", **words)
    await parties.adjust_shop(trade.party, trade.code, earned, "a first balance", by=SEEDER, request=request)
    await _credit(trade)


async def _credit(trade: Trade) -> None:
    """As the processing would tell of a captured payment. Told again it is the same message."""
    id = f"seed-{trade.party}-{trade.code}"
    said = {"partyId": trade.party, "shopId": trade.code, "amount": "100.00", "currency": trade.currency}
    await inbox.ingest("shop.credited", id, said, TOPICS, by=PROCESSING)


async def _bring(made: Made) -> None:
    money = Money.of(Decimal(made.amount), made.currency)
    asked = payouts.Asked(made.party, made.shop, money, made.payout_id)
    words = {"party": made.party, "shop": made.shop, "amount": made.amount}
    await payouts.make(asked, by=SEEDER, request=once("createPayout", f"payout:{made.payout_id}", **words))
    if made.then == "confirm":
        await payouts.confirm(made.payout_id, by=SEEDER)
    if made.then == "cancel":
        await payouts.cancel(made.payout_id, "the customer has returned the tables", by=SEEDER)
