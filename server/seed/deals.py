"""The deals of the small world: one in each situation that a front end has to show."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from models.deals import operations as deals
from models.deals import reads
from models.deals.lifecycle import Resolution
from models.deals.reads import DealRecord
from models.kernel.money import Money
from models.kernel.pages import Cut
from server.seed.asking import SEEDER, once, person
from server.seed.people import Known

ANNA, BORIS, CLARA = "demo-anna", "demo-boris", "demo-clara"


@dataclass(frozen=True, slots=True)
class Made:
    """A deal, and what became of it."""

    customer: str
    performer: str
    title: str
    description: str
    amount: str
    currency: str
    then: tuple[str, ...] = ()

    @property
    def price(self) -> Money:
        return Money.of(Decimal(self.amount), self.currency)


WORLD = (
    Made(ANNA, BORIS, "A logo", "For a bakery, in two colours", "120", "EUR", ("confirm", "close")),
    Made(ANNA, CLARA, "A translation", "Twelve pages", "100", "USDT", ("confirm", "dispute", "split")),
    Made(BORIS, ANNA, "Photographs", "Of the harvest", "25000", "RUB", ("confirm",)),
    Made(ANNA, BORIS, "A boat repaired", "New planks, tar, paint", "300", "EUR", ("confirm", "dispute")),
    Made(CLARA, BORIS, "A kitchen table", "Oak, for six", "400", "EUR", ("confirm",)),
    Made(ANNA, CLARA, "A poem", "For a birthday", "15", "EUR", ("deny",)),
    Made(BORIS, CLARA, "German lessons", "Ten hours", "60", "EUR"),
)
"""Clara has no money: hers waits. The last one stands as it was offered: where it is, the world is whole."""


async def are_there(known: Known) -> bool:
    """Whether the last of the deals was made, and so all of them."""
    last = WORLD[-1]
    return any(deal.title == last.title for deal in await _oldest(known, last.customer))


async def bring(known: Known) -> None:
    for made in WORLD:
        customer, performer = (known[side].id for side in (made.customer, made.performer))
        offer = deals.Offer(customer, performer, made.title, made.description, Decimal(made.amount), made.currency)
        request = once("createDeal", f"deal:{made.title}", **_words(made))
        deal = await deals.offer(offer, by=person(customer), request=request)
        for verb in made.then:
            await _do(verb, deal, made)


async def told(known: Known) -> list[str]:
    found = {deal.id: deal for made in WORLD for deal in await _oldest(known, made.customer)}
    names = {person.id: person.name for person in known.values()}
    return [
        f"deal {deal.id}: {deal.title}, {deal.price}, {deal.status.name}, {names[deal.customer_id]} and "
        f"{names[deal.performer_id]}"
        for deal in sorted(found.values(), key=lambda deal: deal.id)
        if deal.title in {made.title for made in WORLD} and deal.performer_id in names
    ]


async def _do(verb: str, deal: DealRecord, made: Made) -> None:
    request = once(verb, f"deal:{made.title}:{verb}", title=made.title)
    customer, performer = person(deal.customer_id), person(deal.performer_id)
    match verb:
        case "confirm":
            await deals.confirm(deal.id, by=performer, request=request)
        case "deny":
            await deals.deny(deal.id, by=performer, request=request)
        case "close":
            await deals.close(deal.id, by=customer, request=request)
        case "dispute":
            await deals.open_dispute(deal.id, "Not as agreed", "Half of it is missing", by=customer, request=request)
        case "split":
            part = Money(deal.price.minor * 2 // 5, deal.price.currency).amount
            await deals.close_dispute(
                deal.id, Resolution.SPLIT, part, "Two fifths were done", by=SEEDER, request=request
            )


async def _oldest(known: Known, customer: str) -> tuple[DealRecord, ...]:
    wanted = reads.Wanted(customer=known[customer].id)
    return (await reads.listed(SEEDER, wanted, reads.OLDEST, Cut(first=20))).items


def _words(made: Made) -> dict[str, str]:
    return {"customer": made.customer, "performer": made.performer, "title": made.title, "price": str(made.price)}
