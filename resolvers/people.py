"""People: who they are, what they have, and what operators and services do with them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import strawberry

from models.kernel.pages import Cut
from models.kernel.refusals import NotFound
from models.kernel.viewer import AUDITOR, OPERATOR, SERVICE, USER
from models.people import operations as people
from models.people import reads
from models.people.errors import PERSON_NOT_FOUND
from models.people.tables import owner
from models.people.wiring import BALANCE
from resolvers.access import mutation, query, subscription
from resolvers.finding import by_number
from resolvers.watching import Watch
from schema.connections import Connection
from schema.context import Info
from schema.people import (
    NOUN,
    AdjustBalanceInput,
    AdjustBalanceResult,
    Balance,
    BalanceFeedItem,
    Correction,
    CorrectionKind,
    Person,
    PersonRef,
    UpsertPersonInput,
    UpsertPersonResult,
)
from schema.scalars import CurrencyCode, Cursor

NODES = {NOUN: by_number(NOUN, reads.persons, Person.of)}


@strawberry.type
class Queries:
    @query("A person, by id, number or the id that another system knows.")
    async def person(self, info: Info, ref: PersonRef) -> Person | None:
        return Person.of(await reads.person(info.context.viewer, await ref.find(info)))

    @query("What a person has, in every currency.")
    async def balance(self, info: Info, person: PersonRef) -> list[Balance] | None:
        seen = await reads.person(info.context.viewer, await person.find(info))
        return [Balance.of(balance) for balance in await info.context.load.balances(seen.id)]

    @query("How a person's balances came to be, the newest first.")
    async def corrections(
        self,
        info: Info,
        person: PersonRef,
        currency: CurrencyCode | None = None,
        kind: CorrectionKind | None = None,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[Correction] | None:
        seen = await reads.person(info.context.viewer, await person.find(info))
        cut = Cut(first, after, last, before)
        page = await reads.corrections(seen.id, cut, currency=currency, kind=kind and kind.value)
        return Connection[Correction].of(page, Correction.of)


@strawberry.type
class Mutations:
    @mutation("Bring a person as another system knows him, or his new name.", OPERATOR, SERVICE, does=people.upsert)
    async def upsert_person(self, info: Info, input: UpsertPersonInput) -> UpsertPersonResult:
        request = input.request(info)
        return Person.of(await people.upsert(input.external_id, input.name, by=info.context.viewer, request=request))

    @mutation("Correct a person's available balance, up or down, and say why.", OPERATOR, does=people.adjust)
    async def adjust_balance(self, info: Info, input: AdjustBalanceInput) -> AdjustBalanceResult:
        request, money, viewer = input.request(info), input.money.money(), info.context.viewer
        number = await input.person.find(info)
        return Person.of(await people.adjust(number, money, input.reason, by=viewer, request=request))


@strawberry.type
class Subscriptions:
    @subscription(
        "What a person can spend, in every currency, now and at every change, in order, once. Without `person`: your own; "
        "staff then watch everybody's.",
        USER,
        OPERATOR,
        AUDITOR,
    )
    async def balance_changed(
        self, info: Info, person: PersonRef | None = None, after: Cursor | None = None
    ) -> AsyncIterator[BalanceFeedItem]:
        viewer = info.context.viewer
        if person is None and viewer.reads_everything:
            return Watch(nouns=[BALANCE], after=after)
        number = viewer.person if person is None else await person.find(info)
        if number is None:
            raise NotFound("person", code=PERSON_NOT_FOUND)
        seen = await reads.person(viewer, number)
        return Watch(nouns=[BALANCE], subjects=await reads.accounts(seen.id), about=owner(seen.id), after=after)
