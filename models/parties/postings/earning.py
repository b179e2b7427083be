"""What comes onto a shop's settlement account beside its payouts. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

from models.inbox.topics import Received
from models.kernel.money import Money
from models.ledger.chart import HOUSE, Account, Line, Policy, Side, adjustments
from models.ledger.transfers import Movement, Transfer
from models.parties.postings.accounts import AccountType, shop_account
from models.parties.tables import Shop

CLEARING = Line(
    "house.clearing",
    "house:clearing",
    Side.ASSET,
    Policy.HOT,
    "What was captured for shops, as the processing tells us, and stands on our accounts.",
)
ADJUSTMENT, CREDIT = "shop.adjustment", "shop.credit"


def settlement(shop: Shop) -> Account:
    return shop_account(AccountType.MERCHANT_SETTLEMENT, shop.party_code, shop.code, shop.currency)


def adjusted(shop: Shop, money: Money, reason: str) -> list[Transfer]:
    """An operator's correction: given out of the house's adjustments, or taken back into them."""
    house, its = adjustments(money.currency), settlement(shop)
    source, target = (house, its) if money.minor > 0 else (its, house)
    key = f"adjust:{shop.subject}:{shop.version + 1}"
    return [Transfer(ADJUSTMENT, source, target, abs(money), key, note=reason)]


def credited(shop: Shop, money: Money, received: Received) -> list[Transfer]:
    """Captured and cleared elsewhere: the shop has earned it. The message's id names it for ever."""
    cleared = CLEARING.account(HOUSE, money.currency, owner=HOUSE)
    return [Transfer(CREDIT, cleared, settlement(shop), money, f"credited:{received.event_id}")]


def worked() -> Iterator[Movement]:
    """What each posts: an adjustment of shop s of party p by 1.00, and a credit of 10.00."""
    shop = cast(Shop, SimpleNamespace(party_code="p", code="s", currency="EUR", subject="shop:1", version=0))
    message = cast(Received, SimpleNamespace(event_id="e1"))
    yield "adjust", adjusted(shop, Money(100, "EUR"), "an example")
    yield "credit", credited(shop, Money(1_000, "EUR"), message)
