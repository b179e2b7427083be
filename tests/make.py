"""Rows for tests, made the way the house makes them: through its operations, and asked through its API."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx

from models.deals import operations as deals
from models.deals.reads import DealRecord
from models.kernel.money import Money
from models.kernel.viewer import Role, Viewer
from models.people import operations as people
from models.people import reads
from models.people.reads import PersonRecord
from server.auth import development_token

numbers = itertools.count(1)


def money(text: str) -> Money:
    """`money("10.50 EUR")`."""
    amount, currency = text.split()
    return Money.of(Decimal(amount), currency)


def amount(text: str) -> tuple[Decimal, str]:
    """The same, as it is asked for."""
    number, currency = text.split()
    return Decimal(number), currency


@dataclass(frozen=True)
class Asker:
    """Somebody with a token."""

    viewer: Viewer
    token: str

    @classmethod
    def of(cls, role: Role, subject: str | None = None, **claims: Any) -> Asker:
        name = subject or role.value
        shops = frozenset(claims.get("shops", ()))
        viewer = Viewer(name, frozenset({role}), claims.get("person"), claims.get("party"), shops)
        return cls(viewer, development_token(role, subject=name, **claims))


class Make:
    """Makes people and money, and asks the API."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self.operator, self.auditor, self.service, self.channel, self.merchant = (
            Asker.of(role) for role in (Role.OPERATOR, Role.AUDITOR, Role.SERVICE, Role.CHANNEL, Role.MERCHANT)
        )
        self.other_service = Asker.of(Role.SERVICE, "other")

    def user(self, person: PersonRecord | int) -> Asker:
        number = person if isinstance(person, int) else person.id
        return Asker.of(Role.USER, f"user-{number}", person=number)

    async def person(self, *balances: str, name: str = "Anna") -> PersonRecord:
        """A person with balances: `await make.person("100 EUR", "5 USDT")`."""
        person = await people.upsert(f"ext-{next(numbers)}", name, by=self.operator.viewer)
        for balance in balances:
            person = await self.adjust(person, balance)
        return person

    async def adjust(self, person: PersonRecord, amount: str) -> PersonRecord:
        return await people.adjust(person.id, money(amount), "a test", by=self.operator.viewer)

    async def read(self, number: int) -> PersonRecord:
        return await reads.person(self.operator.viewer, number)

    async def deal(
        self,
        price: str = "100 USDT",
        *,
        customer: PersonRecord | None = None,
        performer: PersonRecord | None = None,
        confirmed: bool = False,
        **more: Any,
    ) -> DealRecord:
        """A deal as its customer offered it; `confirmed`: and as its performer took it."""
        customer = customer or await self.person(*[price] * confirmed, name="Customer")
        performer = performer or await self.person(name="Performer")
        made = deals.Offer(customer.id, performer.id, "A title", "What is to be done", *amount(price), **more)
        deal = await deals.offer(made, by=self.user(customer).viewer)
        return await deals.confirm(deal.id, by=self.user(performer).viewer) if confirmed else deal

    async def available(self, person: PersonRecord | int, currency: str = "EUR") -> Money:
        number = person if isinstance(person, int) else person.id
        return next(b.available for b in (await reads.balances([number]))[number] if b.available.currency == currency)

    async def send(
        self, query: str, *, by: Asker | None = None, headers: Any = None, **variables: Any
    ) -> httpx.Response:
        """The whole answer."""
        bearer = {"authorization": f"Bearer {by.token}"} if by else {}
        return await self.http.post(
            "/graphql", json={"query": query, "variables": variables}, headers=bearer | (headers or {})
        )

    async def ask(self, query: str, *, by: Asker, **variables: Any) -> Any:
        """The one root field of an answer without errors."""
        answer = (await self.send(query, by=by, **variables)).json()
        assert "errors" not in answer, answer["errors"]
        (value,) = answer["data"].values()
        return value

    async def error(self, query: str, *, by: Asker | None, **variables: Any) -> dict[str, Any]:
        """The one error of an answer: its code and status."""
        answer = (await self.send(query, by=by, **variables)).json()
        (error,) = answer["errors"]
        return {name: error["extensions"][name] for name in ("code", "status")}
