"""How a payout stands in the ledger: the plan that holds it, and what leaves when it is delivered. Pure. [spec/payouts §4.2]"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType, SimpleNamespace
from typing import Any, cast

from models.kernel.money import Money
from models.ledger.chart import HOUSE, Account, Line, Policy, Side
from models.ledger.plans import Batch, Plan, Posting
from models.ledger.transfers import Movement, Transfer
from models.parties.lifecycle import ToolKind
from models.parties.postings import AccountType, shop_account, system_account
from models.payouts.postings.quoting import Quote
from models.payouts.tables import Payout

BATCH = 1
HELD, DELIVERED = "payout", "payout.delivered"
OUTSIDE_LINES: Mapping[ToolKind, Line] = MappingProxyType(
    {
        kind: Line(
            f"outside.{kind}",
            f"outside:{kind}",
            Side.ASSET,
            Policy.HOT,
            f"What went out to {about}, and is no business of ours any more.",
        )
        for kind, about in (
            (ToolKind.RUSSIAN_BANK_ACCOUNT, "Russian bank accounts"),
            (ToolKind.INTERNATIONAL_BANK_ACCOUNT, "international bank accounts"),
            (ToolKind.WALLET, "wallets"),
            (ToolKind.PAYMENT_INSTITUTION, "accounts at the payment institution itself"),
        )
    }
)
LINES = tuple(OUTSIDE_LINES.values())


def plan(payout: Payout) -> Plan:
    """The plan that holds its cash flow: its id is the key under which outside systems know it, too."""
    return Plan(key(payout.payout_id), HOUSE, HELD, payout.subject)


def revert_id(payout: Payout) -> str:
    return f"revert_{key(payout.payout_id)}"


def revert_note(payout: Payout) -> str:
    return f"Revert payout: {payout.payout_id}"


def key(payout_id: str) -> str:
    return f"payout_{payout_id}"


def batch(payout_id: str, quoted: Quote) -> Batch:
    """All of its postings, those of zero and those that are no part of the two numbers too, in their order."""
    note = f"PAYOUT-{payout_id}"
    return Batch(
        BATCH,
        tuple(
            Posting(one.source, one.destination, one.amount.minor, one.amount.currency, one.details or note)
            for one in quoted.postings
        ),
    )


def cash_flow(quoted: Quote, ids: Mapping[AccountType, int]) -> list[dict[str, Any]]:
    """The same, as the payout keeps it."""
    return [
        {
            "source_type": one.source_type.value,
            "source_id": ids[one.source_type],
            "destination_type": one.destination_type.value,
            "destination_id": ids[one.destination_type],
            "amount_minor": one.amount.minor,
            "details": one.details,
        }
        for one in quoted.postings
    ]


def delivered(payout: Payout) -> list[Transfer]:
    """It has arrived: what stood on the shop's payout account is gone."""
    its = shop_account(AccountType.MERCHANT_PAYOUT, payout.party_code, payout.shop_code, payout.currency)
    gone = outside(payout.tool_kind, payout.currency)
    return [Transfer(DELIVERED, its, gone, payout.amount, f"delivered:payout:{payout.id}")]


def outside(kind: ToolKind, currency: str) -> Account:
    return OUTSIDE_LINES[kind].account(HOUSE, currency, owner=HOUSE)


def worked() -> Iterator[Movement]:
    """What each posts: a payout of 10.00 of shop s of party p to a wallet, less a fee of 0.10."""
    sample = SimpleNamespace(
        id=7, party_code="p", shop_code="s", currency="RUB", amount=Money(990, "RUB"), tool_kind=ToolKind.WALLET
    )
    settlement, its = (
        shop_account(kind, "p", "s", "RUB") for kind in (AccountType.MERCHANT_SETTLEMENT, AccountType.MERCHANT_PAYOUT)
    )
    fees = system_account(AccountType.SYSTEM_SETTLEMENT, "i", "RUB")
    flow = ((settlement, its, Money(1_000, "RUB")), (its, fees, Money(10, "RUB")))
    yield "confirm", [Transfer(HELD, *moved, f"plan:house/payout_x:1:{n}") for n, moved in enumerate(flow)]
    yield (
        "revert",
        [Transfer(HELD, to, of, much, f"plan:house/revert_payout_x:1:{n}") for n, (of, to, much) in enumerate(flow)],
    )
    yield "deliver", delivered(cast(Payout, sample))
