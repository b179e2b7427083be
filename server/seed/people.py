"""The people of the small world, and what they have at first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from models.kernel.money import Money
from models.people import operations as people
from models.people.reads import PersonRecord
from server.seed.asking import SEEDER, once

WORLD = (
    ("demo-anna", "Anna Petrova", (("1500.00", "EUR"), ("250", "USDT"))),
    ("demo-boris", "Boris Ivanov", (("300.00", "EUR"), ("40000", "RUB"))),
    ("demo-clara", "Clara Weiss", ()),
)
Known = Mapping[str, PersonRecord]
"""The people by their external ids."""


async def bring() -> Known:
    return {external_id: await people.upsert(external_id, name, by=SEEDER) for external_id, name, _ in WORLD}


async def give(known: Known) -> None:
    for external_id, _, balances in WORLD:
        for amount, currency in balances:
            money = Money.of(Decimal(amount), currency)
            request = once(
                "adjustBalance", f"{external_id}:{currency}", person=external_id, amount=amount, currency=currency
            )
            await people.adjust(known[external_id].id, money, "a first balance", by=SEEDER, request=request)


def told(known: Known) -> Iterator[str]:
    return (f"person {person.id}: {person.name}" for person in known.values())
