"""Which accounts the terms of parties can name, and those of them that payouts have. Pure. [spec/payouts §6.4]"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType

from models.ledger.chart import HOUSE, Account, Line, Policy, Side


class AccountType(StrEnum):
    """What terms call an account. The last three can be written, but no payout has them."""

    MERCHANT_SETTLEMENT = "merchant_settlement"
    MERCHANT_GUARANTEE = "merchant_guarantee"
    MERCHANT_PAYOUT = "merchant_payout"
    SYSTEM_SETTLEMENT = "system_settlement"
    SYSTEM_SUBAGENT = "system_subagent"
    PROVIDER_SETTLEMENT = "provider_settlement"
    EXTERNAL_INCOME = "external_income"
    EXTERNAL_OUTCOME = "external_outcome"


A = AccountType
SHOP_LINES = MappingProxyType(
    {
        A.MERCHANT_SETTLEMENT: Line(
            "shop.settlement",
            "shop:{}:settlement",
            Side.LIABILITY,
            Policy.FLOORED,
            "What a shop has earned and can have paid out: we owe it to its party.",
        ),
        A.MERCHANT_GUARANTEE: Line(
            "shop.guarantee",
            "shop:{}:guarantee",
            Side.LIABILITY,
            Policy.OPEN,
            "What is kept back from a shop as a guarantee.",
        ),
        A.MERCHANT_PAYOUT: Line(
            "shop.payout",
            "shop:{}:payout",
            Side.LIABILITY,
            Policy.OPEN,
            "What has left a shop's settlement and is on its way out of the system.",
            # An item that ends has to end at zero; a shop never ends, and always has payouts on their way.
            ends_at_zero=False,
        ),
    }
)
SYSTEM_LINES = MappingProxyType(
    {
        A.SYSTEM_SETTLEMENT: Line(
            "system.settlement",
            "system:{}:settlement",
            Side.INCOME,
            Policy.HOT,
            "What a payment institution's terms bring us: the fees of its shops.",
        ),
        A.SYSTEM_SUBAGENT: Line(
            "system.subagent",
            "system:{}:subagent",
            Side.LIABILITY,
            Policy.HOT,
            "What a payment institution's terms set aside for its subagents.",
        ),
    }
)


def shop_account(kind: AccountType, party: str, shop: str, currency: str) -> Account:
    """One of the accounts of a shop, whose ids hold no "/": two shops would share an account otherwise."""
    if "/" in party or "/" in shop:
        raise ValueError(f"{party!r} and {shop!r} do not make the name of one shop")
    item = f"{party}/{shop}"
    return SHOP_LINES[kind].account(item, currency, owner=f"shop:{item}")


def system_account(kind: AccountType, institution: object, currency: str) -> Account:
    """One of the house's accounts at a payment institution."""
    return SYSTEM_LINES[kind].account(institution, currency, owner=HOUSE)
