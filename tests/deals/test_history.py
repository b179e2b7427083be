"""Random histories: the API and a small model of deals live through the same and tell the same story. [spec/deals §13.35]"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from jobs.deals import expire_deals, promote_waiting_deals
from jobs.running import Tools
from models.deals.wiring import CHECKS as DEALS
from models.kernel.clock import now
from models.kernel.sql import fetch, sql, transaction
from models.kernel.viewer import Viewer
from models.ledger.audit import CHECKS, audit
from tests.deals.asking import CREATE
from tests.deals.situations import CLOSINGS, LEADS, QUERIES, WHO, refusal, status
from tests.make import Asker, money

TOOLS = Tools(Viewer.system("test"))
CURRENCIES = ("EUR", "USDT")
PEOPLE, STEPS = 4, 250
PARTS = {"close_for_performer": 10, "close_for_customer": 0, "close_by_split": 3}
"""Tenths of the price that the performer gets."""
CORRECTIONS = """query ($n: Int!, $c: CurrencyCode!, $a: Cursor) {
  corrections(person: {number: $n}, currency: $c, first: 100, after: $a) {
    edges { node { amount { minorUnits } } } pageInfo { hasNextPage endCursor } } }"""
BALANCE = "query ($n: Int!) { balance(person: {number: $n}) { currency available { minorUnits } held { minorUnits } } }"


@dataclass
class Imagined:
    """A deal as it should be."""

    number: int
    customer: int
    performer: int
    price: int
    currency: str
    stands: str = "CREATED"
    version: int = 0
    late: bool = False
    overdue: bool = False


@dataclass
class Model:
    """What everybody has, and how every deal stands."""

    has: dict[tuple[int, str], int] = field(default_factory=dict)
    deals: list[Imagined] = field(default_factory=list)

    def adjust(self, person: int, currency: str, minor: int) -> bool:
        if (after := self.has.get((person, currency), 0) + minor) < 0:
            return False
        self.has[person, currency] = after
        return True

    def tries(self, deal: Imagined, verb: str, asker: str) -> str | None:
        """Does what is asked, or answers the code of the refusal."""
        if asker not in WHO[verb] or (deal.stands, verb) not in LEADS:
            code = refusal(deal.stands, verb, asker)
            if code is None and deal.stands == "WAITING_FOR_PAYMENT":
                self.holds(deal)
            return code
        if verb == "confirm":
            if not self.holds(deal):
                self.moved(deal, "WAITING_FOR_PAYMENT")
            return None
        if verb in CLOSINGS or verb == "close":
            part = deal.price * PARTS.get(verb, 10) // 10
            self.adjust(deal.performer, deal.currency, part)
            self.adjust(deal.customer, deal.currency, deal.price - part)
        self.moved(deal, LEADS[deal.stands, verb])
        return None

    def holds(self, deal: Imagined) -> bool:
        if paid := self.adjust(deal.customer, deal.currency, -deal.price):
            self.moved(deal, "CONFIRM_PERFORMER")
        return paid

    def promote(self) -> None:
        for deal in self.deals:
            if deal.stands == "WAITING_FOR_PAYMENT":
                self.holds(deal)

    def expire(self) -> None:
        for deal in self.deals:
            if deal.late and deal.stands in ("CREATED", "WAITING_FOR_PAYMENT"):
                self.moved(deal, "CANCELLED")
            elif deal.late and status(deal.stands) == "CONFIRM_PERFORMER" and not deal.overdue:
                deal.overdue, deal.version = True, deal.version + 1

    def held(self, person: int, currency: str) -> int:
        mine = [deal for deal in self.deals if (deal.customer, deal.currency) == (person, currency)]
        return sum(deal.price for deal in mine if status(deal.stands) == "CONFIRM_PERFORMER")

    @staticmethod
    def moved(deal: Imagined, stands: str) -> None:
        deal.stands, deal.version = stands, deal.version + 1


class History:
    """One random life of a few people."""

    def __init__(self, make, rng) -> None:
        self.make, self.rng, self.model, self.people = make, rng, Model(), []

    async def live(self, steps: int) -> None:
        self.people = [(await self.make.person()).id for _ in range(PEOPLE)]
        kinds = [self.offer, self.adjust, self.act, self.promote, self.expire]
        for _ in range(steps):
            (kind,) = self.rng.choices(kinds, [6, 6, 48, 4, 1])
            await kind()
            await self.agrees()

    async def offer(self) -> None:
        customer, performer = self.rng.sample(self.people, 2)
        price, currency = self.rng.choice((10, 50, 120)), self.rng.choice(CURRENCIES)
        given = {
            "customer": {"number": customer}, "performer": {"number": performer}, "title": "T", "description": "D",
            "price": {"amount": str(price), "currency": currency}, "idempotencyKey": f"k{len(self.model.deals)}",
        }  # fmt: skip
        told = await self.make.ask(CREATE, by=self.make.user(customer), input=given)
        minor = money(f"{price} {currency}").minor
        self.model.deals.append(Imagined(told["number"], customer, performer, minor, currency))

    async def adjust(self) -> None:
        person, currency = self.rng.choice(self.people), self.rng.choice(CURRENCIES)
        amount = money(f"{self.rng.choice((-30, 60, 150))} {currency}")
        asked = """mutation ($n: Int!, $m: MoneyInput!, $k: String!) {
          adjustBalance(input: {person: {number: $n}, money: $m, reason: "r", idempotencyKey: $k}) {
            __typename ... on Refusal { code } } }"""
        given = {"amount": str(amount.amount), "currency": currency}
        told = await self.make.ask(asked, by=self.make.operator, n=person, m=given, k=str(self.rng.random()))
        assert ("code" not in told) == self.model.adjust(person, currency, amount.minor)

    async def act(self) -> None:
        if not self.model.deals:
            return
        deal = self.rng.choice(self.model.deals[-8:])
        onward = [verb for stands, verb in LEADS if stands == deal.stands and verb not in ("deny", "cancel")]
        if onward and self.rng.random() < 0.5:
            verb = self.rng.choice(onward)
            asker = self.rng.choice(sorted(WHO[verb]))
        else:
            verb, asker = self.rng.choice([*WHO]), self.rng.choice(["customer", "performer", "operator", "stranger"])
        before = replace(deal)
        code = self.model.tries(deal, verb, asker)
        query, more = QUERIES[verb]
        if "part" in more:
            more = more | {
                "part": str(money(f"3 {deal.currency}").amount * deal.price / money(f"10 {deal.currency}").minor)
            }
        answer = (await self.make.send(query, by=self.asker(deal, asker), n=deal.number, **more)).json()
        if "errors" in answer:
            assert answer["errors"][0]["extensions"]["code"] == code
            return
        (told,) = answer["data"].values()
        assert (before, verb, asker, told.get("code")) == (before, verb, asker, code)
        if code is None:
            assert (told["status"], told["version"]) == (status(deal.stands), deal.version)
            assert told["hasOpenDispute"] is (deal.stands == "DISPUTED")

    def asker(self, deal: Imagined, name: str) -> Asker:
        if name == "operator":
            return self.make.operator
        others = [person for person in self.people if person not in (deal.customer, deal.performer)]
        return self.make.user(
            {"customer": deal.customer, "performer": deal.performer}.get(name) or self.rng.choice(others)
        )

    async def promote(self) -> None:
        self.model.promote()
        assert (await promote_waiting_deals(TOOLS)).failures == 0

    async def expire(self) -> None:
        """Some deadlines pass, and the worker looks."""
        for deal in self.rng.sample(self.model.deals, min(1, len(self.model.deals))):
            deal.late = True
        late = [deal.number for deal in self.model.deals if deal.late]
        async with transaction() as db:
            await db.execute(
                "UPDATE deal SET deadline_at = $1 WHERE id = ANY($2::bigint[])", now() - timedelta(1), late
            )
        self.model.expire()
        assert (await expire_deals(TOOLS)).failures == 0

    async def agrees(self) -> None:
        """The database is what the model says, and the laws of the books hold."""
        rows = await fetch(sql("SELECT id, status, version, overdue FROM deal ORDER BY id"))
        assert [(r["id"], r["status"].upper(), r["version"], r["overdue"]) for r in rows] == [
            (deal.number, status(deal.stands), deal.version, deal.overdue) for deal in self.model.deals
        ]
        accounts = await fetch(
            sql(
                """SELECT a.name, a.currency, a.own + coalesce((SELECT sum(own_delta) FROM ledger_delta d
                          WHERE d.account_id = a.id), 0)::bigint AS own FROM ledger_account a"""
            )
        )
        own = {(row["name"], row["currency"]): row["own"] for row in accounts}
        for currency in CURRENCIES:
            assert sum(minor for (_, counted), minor in own.items() if counted == currency) == 0
        for person in self.people:
            for currency in CURRENCIES:
                has = own.get((f"person:{person}:available", currency), 0)
                assert has == self.model.has.get((person, currency), 0) >= 0
        for deal in self.model.deals:
            held = deal.price if status(deal.stands) == "CONFIRM_PERFORMER" else 0
            assert own.get((f"deal:{deal.number}:escrow", deal.currency), 0) == held

    async def corrections(self, person: int, currency: str) -> int:
        total, after = 0, None
        while True:
            page = await self.make.ask(CORRECTIONS, by=self.make.user(person), n=person, c=currency, a=after)
            total += sum(int(edge["node"]["amount"]["minorUnits"]) for edge in page["edges"])
            if not page["pageInfo"]["hasNextPage"]:
                return total
            after = page["pageInfo"]["endCursor"]


@pytest.mark.parametrize("seed", [0, 1, 2, 4])
async def test_35_whatever_is_asked_by_whomever_the_books_are_those_of_the_model(make, seed):
    history = History(make, random.Random(seed))
    await history.live(STEPS)
    for person in history.people:
        shown = {row["currency"]: row for row in await make.ask(BALANCE, by=make.user(person), n=person)}
        for currency in CURRENCIES:
            has = history.model.has.get((person, currency), 0)
            held = history.model.held(person, currency)
            row = shown[currency]
            assert (row["available"]["minorUnits"], row["held"]["minorUnits"]) == (str(has), str(held))
            assert await history.corrections(person, currency) == has
    seen = {deal.stands for deal in history.model.deals}
    assert len(seen) >= 7, seen
    assert (await audit([*CHECKS, *DEALS])).clean
