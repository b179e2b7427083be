"""The payments of the small world, and the gateways by which they come. What the bank tells of them a worker credits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from gateways.wiring import issuers
from models.inbox import operations as inbox
from models.inbox.topics import webhook
from models.kernel.money import Money
from models.kernel.pages import Cut
from models.payments import operations as payments
from models.payments import reads
from models.payments.operations import Asked, Terms
from models.payments.reads import PaymentRecord
from models.payments.wiring import BANK_TOPIC
from models.wiring import TOPICS
from server.seed.asking import SEEDER, once, person
from server.seed.people import Known

ANNA, BORIS = "demo-anna", "demo-boris"
USDT, BANK = "usdt", "bank"


def _within(least: str, most: str, currency: str) -> tuple[Money, Money]:
    return Money.of(Decimal(least), currency), Money.of(Decimal(most), currency)


GATEWAYS = {
    USDT: Terms("USDT on Tron", "tron", {"USDT": _within("1", "100000", "USDT")}, confirmations=19),
    BANK: Terms(
        "Bank transfer",
        "bank_transfer",
        {
            "RUB": _within("500", "5000000", "RUB"),
            "EUR": _within("5", "50000", "EUR"),
            "USD": _within("5", "50000", "USD"),
        },
    ),
}


@dataclass(frozen=True, slots=True)
class Made:
    """A payment, what the bank says came for it, and why an operator ended it."""

    person: str
    gateway: str
    amount: str
    currency: str
    came: str = ""
    failed: str = ""

    @property
    def name(self) -> str:
        return f"{self.gateway}:{self.amount} {self.currency}"

    @property
    def money(self) -> Money:
        return Money.of(Decimal(self.amount), self.currency)


WORLD = (
    Made(BORIS, BANK, "5000", "RUB", came="5000.00"),
    Made(BORIS, BANK, "50", "USD", came="60.00"),
    Made(BORIS, BANK, "200", "EUR", came="120.00"),
    Made(ANNA, USDT, "20", "USDT", failed="asked for twice"),
    Made(ANNA, USDT, "50", "USDT"),
    Made(BORIS, BANK, "80", "EUR"),
)
"""Whole, too much, too little, ended, and two for which nothing came. Where the last one is, the world is whole."""
UNMATCHED = ("Invoice 17", "75.00", "EUR", "Dora Nowak")
"""A transfer that names no payment: what it is for, and from whom."""


async def are_there(known: Known) -> bool:
    """Whether the last of the payments was made, and so all of them."""
    wanted = _offered()
    return not wanted or await _found(known, wanted[-1]) is not None


async def bring(known: Known) -> None:
    """Nothing that an operator has changed since: a gateway that is there stays as it is."""
    there = {gateway.code for gateway in await reads.offered(None, all_of_them=True)}
    for code, terms in GATEWAYS.items():
        if code not in there and terms.service in issuers():
            await payments.upsert_gateway(code, terms, by=SEEDER)
    if any(made.gateway == BANK for made in _offered()):
        await _book("seed-unmatched", *UNMATCHED)
    for made in _offered():
        await _bring(known[made.person].id, made)


async def told(known: Known) -> list[str]:
    gateways = [f"gateway {one.code}: {one.name}" for one in await reads.offered(None) if one.code in GATEWAYS]
    return [*gateways, *_lines(known, [found for made in _offered() if (found := await _found(known, made))])]


def _lines(known: Known, found: list[PaymentRecord]) -> Iterator[str]:
    names = {person.id: person.name for person in known.values()}
    for one in sorted(found, key=lambda payment: payment.id):
        yield f"payment {one.id}: {one.amount} by {names[one.person_id]}, {one.status.name}"


def _offered() -> list[Made]:
    """Those that can be made with the settings of this process."""
    return [made for made in WORLD if GATEWAYS[made.gateway].service in issuers()]


async def _bring(number: int, made: Made) -> None:
    asked = Asked(made.gateway, number, Decimal(made.amount), made.currency)
    words = {"person": made.person, "amount": made.amount, "currency": made.currency}
    request = once("createPayment", f"payment:{made.name}", **words)
    payment = await payments.make(asked, issuers(), by=person(number), request=request)
    if made.came:
        reference = payment.gateway_data["reference"]
        await _book(f"seed-{reference}", reference, made.came, made.currency, "Boris Ivanov")
    if made.failed:
        request = once("failPayment", f"payment:{made.name}:fail", **words)
        await payments.fail(payment.id, made.failed, by=SEEDER, request=request)


async def _book(id: str, reference: str, amount: str, currency: str, sender: str) -> None:
    """As the bank's webhook would bring it. Told again it is the same message."""
    said = {
        "id": id, "type": "transfer.received", "reference": reference, "amount": amount, "currency": currency,
        "senderName": sender,
    }  # fmt: skip
    await inbox.ingest(BANK_TOPIC, id, said, TOPICS, by=webhook("bank"))


async def _found(known: Known, made: Made) -> PaymentRecord | None:
    """The oldest that looks like it."""
    wanted = reads.Wanted(person=known[made.person].id, currency=made.currency, gateway=made.gateway)
    page = await reads.listed(SEEDER, wanted, reads.OLDEST, Cut(first=20))
    return next((one for one in page.items if one.amount == made.money), None)
