"""What a payout would be: the same code as when it is made, and nothing written. [spec/payouts §6.1]"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from models.kernel.clock import now
from models.kernel.money import Money
from models.kernel.viewer import Viewer
from models.parties.postings import AccountType
from models.parties.reads import checkout, checkout_at, shop
from models.payouts.postings.quoting import Quote, quote, something
from settings import settings


@dataclass(frozen=True, slots=True)
class Preview:
    """What it would be, and the ids of the accounts that it would touch."""

    quote: Quote
    ids: Mapping[AccountType, int]


async def preview(
    viewer: Viewer, party: str, shop_code: str, money: Money, tool: str | None, at: datetime | None
) -> Preview:
    """As of a moment, or now. Whether the settlement has so much is not asked. Refuses what `make` would of the state then,
    and PARTY_NOT_EXISTS_YET."""
    something(money)
    seen = await shop(viewer, party, shop_code)
    state = await (checkout(party, seen.code) if at is None else checkout_at(party, seen.code, at))
    return Preview(quote(state, money, tool, at or now(), strict=settings().payout_strict), state.account_ids)
