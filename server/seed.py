"""A small world to look at, brought in through the operations, like everything else."""

from __future__ import annotations

from decimal import Decimal

from models.events.requests import Request
from models.kernel.money import Money
from models.kernel.viewer import OPERATOR, Viewer
from models.people import operations as people

SEEDER = Viewer("seed", frozenset({OPERATOR}))
WORLD = (
    ("demo-anna", "Anna Petrova", (("1500.00", "EUR"), ("250", "USDT"))),
    ("demo-boris", "Boris Ivanov", (("300.00", "EUR"), ("40000", "RUB"))),
    ("demo-clara", "Clara Weiss", ()),
)


async def seed() -> list[tuple[int, str]]:
    """Bring the world; bringing it again changes nothing. Answers the numbers and names of its people."""
    brought = []
    for external_id, name, balances in WORLD:
        person = await people.upsert(external_id, name, by=SEEDER)
        for amount, currency in balances:
            money = Money.of(Decimal(amount), currency)
            content = {"person": external_id, "amount": amount, "currency": currency}
            request = Request("adjustBalance", content, key=f"seed:{external_id}:{currency}")
            await people.adjust(person.id, money, "a first balance", by=SEEDER, request=request)
        brought.append((person.id, person.name))
    return brought
