"""People, their balances and corrections as frozen records. Every read starts from `visible_to(viewer)`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Self

from models.events.log import SNAPSHOT, EventRecord
from models.kernel.money import Money
from models.kernel.pages import Column, Cut, Order, Page, page
from models.kernel.refusals import NotFound
from models.kernel.rows import moment
from models.kernel.sql import TRUE, Row, Sql, fetch, join, sql
from models.kernel.viewer import Viewer
from models.ledger.balances import TRANSFER_COLUMNS
from models.people.errors import PERSON_NOT_FOUND
from models.people.lifecycle import LIFECYCLE, PersonStatus
from models.people.postings import AVAILABLE
from models.people.tables import IdentityKind, owner
from models.people.views import visible_to
from models.unit import NounRecord
from settings import settings


@dataclass(frozen=True, slots=True)
class PersonRecord(NounRecord):
    """A person at one version."""

    noun: ClassVar[str] = LIFECYCLE.noun

    id: int
    name: str
    status: PersonStatus
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        return cls(
            id=row["id"],
            name=row["name"],
            status=PersonStatus(row["status"]),
            version=row["version"],
            created_at=moment(row["created_at"]),
            updated_at=moment(row["updated_at"]),
        )

    @property
    def subject(self) -> str:
        return f"{self.noun}:{self.id}"


async def persons(viewer: Viewer, ids: Sequence[int]) -> dict[int, PersonRecord]:
    """Those of `ids` that there are and that the viewer may see."""
    where = visible_to(viewer, "r.id") & sql("r.id = ANY({}::bigint[])", list(ids))
    rows = await fetch(
        join([sql("SELECT r.id, r.name, r.status, r.version, r.created_at, r.updated_at FROM person r WHERE"), where])
    )
    return {row["id"]: PersonRecord.of(row) for row in rows}


async def person(viewer: Viewer, id: int) -> PersonRecord:
    """Refuses PERSON_NOT_FOUND."""
    found = await persons(viewer, [id])
    if id not in found:
        raise NotFound("person", code=PERSON_NOT_FOUND)
    return found[id]


async def number_of(viewer: Viewer, kind: IdentityKind, value: str) -> int:
    """The number of the person whom another system knows so. Refuses PERSON_NOT_FOUND."""
    mine = visible_to(viewer, "i.person_id") & sql("i.kind = {} AND i.value = {}", kind.value, value)
    rows = await fetch(join([sql("SELECT i.person_id FROM person_identity i WHERE"), mine]))
    if not rows:
        raise NotFound("person", code=PERSON_NOT_FOUND)
    number: int = rows[0]["person_id"]
    return number


@dataclass(frozen=True, slots=True)
class IdentityRecord:
    """A name under which another system knows a person."""

    person_id: int
    kind: IdentityKind
    value: str


async def identities(people: Sequence[int]) -> dict[int, list[IdentityRecord]]:
    """The identities of people who were seen already."""
    rows = await fetch(
        sql(
            "SELECT person_id, kind, value FROM person_identity WHERE person_id = ANY({}::bigint[]) ORDER BY id",
            list(people),
        )
    )
    found: dict[int, list[IdentityRecord]] = {number: [] for number in people}
    for row in rows:
        found[row["person_id"]].append(IdentityRecord(row["person_id"], IdentityKind(row["kind"]), row["value"]))
    return found


@dataclass(frozen=True, slots=True)
class BalanceRecord:
    """What a person has in one currency. `version` counts its changes; 0 where nothing ever happened."""

    person_id: int
    available: Money
    held: Money
    account_id: int | None
    version: int


_BALANCES = """SELECT a.owner, a.currency,
                      sum(a.own - a.pending_out) FILTER (WHERE a.kind = {})::bigint AS available,
                      sum(a.own) FILTER (WHERE l.held)::bigint AS held,
                      max(a.id) FILTER (WHERE a.kind = {}) AS account_id,
                      coalesce(max(a.version) FILTER (WHERE a.kind = {}), 0) AS version
                 FROM ledger_account a JOIN ledger_line l ON l.kind = a.kind
                WHERE a.owner = ANY({}::text[]) GROUP BY a.owner, a.currency"""


async def balances(people: Sequence[int]) -> dict[int, list[BalanceRecord]]:
    """Every currency of people who were seen already, zero where nothing happened."""
    kind = AVAILABLE.kind
    rows = await fetch(sql(_BALANCES, kind, kind, kind, [owner(number) for number in people]))
    known = {(row["owner"], row["currency"]): row for row in rows}
    return {number: [_balance(number, code, known) for code in _currencies(number, known)] for number in people}


def _currencies(person: int, known: Mapping[tuple[str, str], Row]) -> list[str]:
    """Those of the setting, then any other that the person once had."""
    usual = settings().deal_currencies
    return [*usual, *sorted(code for who, code in known if who == owner(person) and code not in usual)]


def _balance(person: int, currency: str, known: Mapping[tuple[str, str], Row]) -> BalanceRecord:
    row = known.get((owner(person), currency))
    if row is None:
        return BalanceRecord(person, Money(0, currency), Money(0, currency), None, 0)
    available, held = (Money(row[name] or 0, currency) for name in ("available", "held"))
    return BalanceRecord(person, available, held, row["account_id"], row["version"])


async def known_as(kind: IdentityKind, value: str) -> int | None:
    """The number of the person whom another system knows so, for naming him; None where nobody is known so."""
    rows = await fetch(sql("SELECT person_id FROM person_identity WHERE kind = {} AND value = {}", kind.value, value))
    return rows[0]["person_id"] if rows else None


async def names(ids: Sequence[int]) -> dict[int, str]:
    """What people are called: for whoever has something to do with them."""
    rows = await fetch(sql("SELECT id, name FROM person WHERE id = ANY({}::bigint[])", list(ids)))
    return {row["id"]: row["name"] for row in rows}


@dataclass(frozen=True, slots=True)
class BalanceChange:
    """What an event of a person's account says of his balance."""

    person_id: int
    available: Money
    change: Money

    @classmethod
    def of(cls, event: EventRecord) -> Self:
        was, moved = event.snapshot, event.facts
        change = 0 if event.name == SNAPSHOT else moved["own_delta"] - moved["out_delta"]
        return cls(
            int(was["owner"].removeprefix("person:")),
            Money(was["own"] - was["pending_out"], was["currency"]),
            Money(change, was["currency"]),
        )


async def accounts(person: int) -> list[str]:
    """The subjects of a person's balances, one for each currency in which something ever happened."""
    rows = await fetch(
        sql("SELECT id FROM ledger_account WHERE owner = {} AND kind = {} ORDER BY id", owner(person), AVAILABLE.kind)
    )
    return [f"account:{row['id']}" for row in rows]


@dataclass(frozen=True, slots=True)
class CorrectionRecord:
    """A transfer seen from the person's side: what came is positive, what went is negative."""

    id: int
    person_id: int
    kind: str
    subject: str
    money: Money
    note: str
    account_id: int
    at: datetime


NEWEST_CORRECTION = Order("correction", (Column("t.id", int),), descending=True)


async def corrections(
    person_id: int, cut: Cut, *, currency: str | None = None, kind: str | None = None
) -> Page[CorrectionRecord]:
    """The newest first, of a person who was seen already; their sum is what he has available.

    Each side of each account brings one page from its own index, so a long history costs what a short one does.
    """
    mine = sql("a.owner = {} AND a.kind = {}", owner(person_id), AVAILABLE.kind)
    if currency is not None:
        mine &= sql("a.currency = {}", currency)
    where = sql("t.kind = {}", kind) if kind is not None else TRUE

    def select(tail: Sql) -> Sql:
        sides = [
            join(
                [
                    sql(
                        f"(SELECT {sign} AS sign, {TRANSFER_COLUMNS} FROM ledger_transfer t WHERE t.{column} = a.id AND"
                    ),
                    tail,
                    sql(")"),
                ]
            )
            for sign, column in ((1, "to_id"), (-1, "from_id"))
        ]
        return join(
            [
                sql("SELECT t.*, a.id AS account_id FROM ledger_account a CROSS JOIN LATERAL ("),
                join(sides, " UNION ALL "),
                sql(") t WHERE"),
                mine,
            ]
        )

    def make(row: Row) -> CorrectionRecord:
        money = Money(row["sign"] * row["amount"], row["currency"])
        return CorrectionRecord(
            row["id"], person_id, row["kind"], row["subject"], money, row["description"], row["account_id"], row["at"]
        )

    return await page(select, where, NEWEST_CORRECTION, cut, make)
