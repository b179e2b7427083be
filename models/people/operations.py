"""What can be done with people."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from models.events.requests import Request
from models.inbox.topics import Payload, Received
from models.kernel.inputs import text
from models.kernel.lifecycle import AlreadyThere
from models.kernel.money import Money
from models.kernel.refusals import (
    CurrencyNotSupported,
    InvalidAmount,
    InvalidInput,
    NotAllowed,
    NotFound,
    VersionConflict,
)
from models.kernel.sql import TRUE, sql
from models.kernel.viewer import OPERATOR, SERVICE, SYSTEM, Viewer
from models.ledger.errors import InsufficientFunds
from models.people import postings
from models.people.errors import PERSON_NOT_FOUND
from models.people.lifecycle import LIFECYCLE
from models.people.reads import PersonRecord
from models.people.tables import IDENTITY_MAX, NAME_MAX, Identity, IdentityKind, Person
from models.people.views import visible_to
from models.unit import Unit, operation
from settings import settings

REASON_MAX = 500


@operation(answers=PersonRecord, refuses=(InvalidInput, NotAllowed, VersionConflict))
async def upsert(work: Unit, external_id: str, name: str, *, by: Viewer, request: Request | None = None) -> Person:
    """The person whom another system knows as `external_id`: born, renamed, or as he is. [spec/deals §3 row 1]

    Locks the identity's key, then the person. Repeated with the same name: the person, nothing written.
    """
    if problems := text("externalId", external_id, IDENTITY_MAX) or text("name", name, NAME_MAX):
        raise InvalidInput(*problems)
    if not by.has(OPERATOR, SERVICE, SYSTEM):
        raise NotAllowed("upsert")
    return await _named(work, external_id, name, by)


class PersonNamed(Payload):
    """Another system says what a person is called there."""

    external_id: Annotated[str, StringConstraints(min_length=1, max_length=IDENTITY_MAX, pattern=r"\S")]
    name: Annotated[str, StringConstraints(min_length=1, max_length=NAME_MAX, pattern=r"\S")]


async def named(work: Unit, said: PersonNamed, _received: Received) -> None:
    """The same as `upsert`, told through the inbox."""
    await _named(work, said.external_id, said.name, work.by)


async def _named(work: Unit, external_id: str, name: str, by: Viewer) -> Person:
    await work.alone(f"person_identity:{IdentityKind.EXTERNAL}:{external_id}")
    known = await Identity.get_or_none(kind=IdentityKind.EXTERNAL, value=external_id)
    if known is None:
        person = await work.open(Person(name=name), external_id=external_id)
        await work.attach(Identity(person_id=person.id, kind=IdentityKind.EXTERNAL, value=external_id))
        return person
    person = await work.lock(Person, sql("r.id = {}", known.person_id), visible_to=TRUE)
    if person.name == name:
        raise AlreadyThere(person)
    LIFECYCLE.may(person, "rename", by)
    before, person.name = person.name, name
    return await work.record(person, "rename", before=before)


@operation(
    answers=PersonRecord,
    refuses=(
        NotFound,
        NotAllowed,
        InvalidAmount,
        InvalidInput,
        CurrencyNotSupported,
        InsufficientFunds,
        VersionConflict,
    ),
)
async def adjust(
    work: Unit, number: int, money: Money, reason: str, *, by: Viewer, request: Request | None = None
) -> Person:
    """An operator corrects a person's available balance, up or down, and says why. [spec/deals §1, ADJUSTMENT]

    Locks the person, then his account. Posts house adjustments -> available, or back for a negative amount.
    Refuses INSUFFICIENT_FUNDS where the balance would go below zero.
    """
    if problems := text("reason", reason, REASON_MAX):
        raise InvalidInput(*problems)
    if money.currency not in settings().deal_currencies:
        raise CurrencyNotSupported(money.currency, settings().deal_currencies)
    if not money:
        raise InvalidAmount("An adjustment of zero changes nothing.")
    person = await work.lock(Person, sql("r.id = {}", number), visible_to=visible_to(by, "r.id"), code=PERSON_NOT_FOUND)
    LIFECYCLE.may(person, "adjust", by)
    call = await work.post(person, postings.adjust(person, money, reason))
    return await work.record(
        person, "adjust", amount_minor=money.minor, currency=money.currency, reason=reason, call=call
    )
