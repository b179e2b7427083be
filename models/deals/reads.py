"""Deals as frozen records. Every read starts from `visible_to(viewer)`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Self

from models.deals.errors import DEAL_NOT_FOUND
from models.deals.lifecycle import LIFECYCLE, DealStatus, DisputeStatus, Resolution
from models.deals.views import visible_to
from models.kernel.clock import now
from models.kernel.money import Money
from models.kernel.pages import Column, Cut, Order, Page, page
from models.kernel.refusals import NotFound
from models.kernel.rows import moment
from models.kernel.sql import FALSE, Row, Sql, all_of, fetch, join, sql
from models.kernel.viewer import SERVICE, USER, Viewer
from models.unit import NounRecord


@dataclass(frozen=True, slots=True)
class DealRecord(NounRecord):
    """A deal at one version."""

    noun: ClassVar[str] = LIFECYCLE.noun

    id: int
    title: str
    description: str
    price: Money
    fee: Money
    status: DealStatus
    customer_id: int
    performer_id: int
    chat_id: str
    deadline_at: datetime | None
    confirmed_at: datetime | None
    closed_at: datetime | None
    overdue: bool
    dispute_status: DisputeStatus | None
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        return cls(
            id=row["id"],
            title=row["title"],
            description=row["description"],
            price=Money(row["price_minor"], row["currency"]),
            fee=Money(row["fee_minor"], row["currency"]),
            status=DealStatus(row["status"]),
            customer_id=row["customer_id"],
            performer_id=row["performer_id"],
            chat_id=str(row["chat_id"]),
            deadline_at=row["deadline_at"] and moment(row["deadline_at"]),
            confirmed_at=row["confirmed_at"] and moment(row["confirmed_at"]),
            closed_at=row["closed_at"] and moment(row["closed_at"]),
            overdue=row["overdue"],
            dispute_status=DisputeStatus(row["dispute_status"]) if row["dispute_status"] else None,
            version=row["version"],
            created_at=moment(row["created_at"]),
            updated_at=moment(row["updated_at"]),
        )

    @property
    def subject(self) -> str:
        return f"{self.noun}:{self.id}"


_SELECT = """SELECT r.id, r.title, r.description, r.price_minor, r.fee_minor, r.currency, r.status, r.customer_id,
                    r.performer_id, r.chat_id, r.deadline_at, r.confirmed_at, r.closed_at, r.overdue, r.dispute_status,
                    r.version, r.created_at, r.updated_at FROM deal r"""


async def deals(viewer: Viewer, ids: Sequence[int]) -> dict[int, DealRecord]:
    """Those of `ids` that there are and that the viewer may see."""
    where = visible_to(viewer) & sql("r.id = ANY({}::bigint[])", list(ids))
    return {row["id"]: DealRecord.of(row) for row in await fetch(join([sql(f"{_SELECT} WHERE"), where]))}


async def deal(viewer: Viewer, id: int) -> DealRecord:
    """Refuses DEAL_NOT_FOUND."""
    found = await deals(viewer, [id])
    if id not in found:
        raise NotFound("deal", code=DEAL_NOT_FOUND)
    return found[id]


NEWEST = Order("deal", (Column("r.id", int),), descending=True)
OLDEST = Order("deal_oldest", (Column("r.id", int),))
CHANGED = Order("deal_changed", (Column("r.updated_at", datetime), Column("r.id", int)), descending=True)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which deals: all that is given must be so."""

    customer: int | None = None
    performer: int | None = None
    status: DealStatus | None = None
    currency: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None

    @property
    def where(self) -> Sql:
        given = (
            ("r.customer_id = {}", self.customer),
            ("r.performer_id = {}", self.performer),
            ("r.status = {}", self.status and self.status.value),
            ("r.currency = {}", self.currency),
            ("r.created_at >= {}", self.created_from),
            ("r.created_at < {}", self.created_to),
        )
        return all_of(given)


async def listed(viewer: Viewer, wanted: Wanted, order: Order, cut: Cut) -> Page[DealRecord]:
    """A page of the deals that the viewer may see.

    A person's own deals come from two indexes, one for each side, each read no further than the page: a long table costs
    what a short one does.
    """
    if viewer.has(USER) and not viewer.reads_everything and viewer.person is not None:
        own = _own(viewer, viewer.person, wanted)
        return await page(lambda tail: _either(own, tail), wanted.where, order, cut, DealRecord.of)
    return await page(sql(_SELECT), visible_to(viewer) & wanted.where, order, cut, DealRecord.of)


def _own(viewer: Viewer, person: int, wanted: Wanted) -> list[Sql]:
    """In which ways a deal can be his own, no deal in two of them; without those that `wanted` rules out, for the planner
    does not know that nobody is both sides and would search the whole table."""
    own = []
    if wanted.performer != person:
        own.append(sql("r.customer_id = {}", person))
    if wanted.customer != person:
        own.append(sql("r.performer_id = {}", person))
    if viewer.has(SERVICE):
        own.append(sql("r.service = {} AND {} NOT IN (r.customer_id, r.performer_id)", viewer.subject, person))
    return own or [FALSE]


def _either(ways: Sequence[Sql], tail: Sql) -> Sql:
    """Rows for which one of `ways` holds."""
    parts = [join([sql(f"({_SELECT} WHERE"), way, sql("AND"), tail, sql(")")]) for way in ways]
    return join([sql("SELECT r.* FROM ("), join(parts, " UNION ALL "), sql(") r")])


@dataclass(frozen=True, slots=True)
class DisputeRecord:
    """A deal's dispute as it stands."""

    deal_id: int
    status: DisputeStatus
    opened_by: int
    title: str
    description: str
    resolution: Resolution | None
    performer_minor: int | None
    comment: str
    created_at: datetime
    closed_at: datetime | None


async def disputes(ids: Sequence[int]) -> dict[int, DisputeRecord]:
    """The disputes of deals that were seen already."""
    rows = await fetch(
        sql(
            """SELECT deal_id, opened_by, title, description, resolution, performer_minor, comment, created_at, closed_at
                 FROM deal_dispute WHERE deal_id = ANY({}::bigint[])""",
            list(ids),
        )
    )
    return {row["deal_id"]: _dispute(row) for row in rows}


def _dispute(row: Row) -> DisputeRecord:
    resolution = row["resolution"] and Resolution(row["resolution"])
    status = DisputeStatus.CLOSED if resolution else DisputeStatus.OPEN
    return DisputeRecord(**dict(row) | {"status": status, "resolution": resolution})


async def shortfalls(ids: Sequence[int]) -> dict[int, Money]:
    """What is missing for deals, seen already, that wait for money; zero where the next tick will find enough."""
    rows = await fetch(
        sql(
            """SELECT r.id, r.currency, greatest(0, r.price_minor - coalesce(a.own - a.pending_out, 0))::bigint AS missing
                 FROM deal r LEFT JOIN ledger_account a
                   ON a.name = 'person:' || r.customer_id || ':available' AND a.currency = r.currency
                WHERE r.id = ANY({}::bigint[]) AND r.status = 'waiting_for_payment'""",
            list(ids),
        )
    )
    return {row["id"]: Money(row["missing"], row["currency"]) for row in rows}


async def promotable(limit: int) -> list[list[int]]:
    """For each customer and currency, the numbers of the deals that wait and would fit, the oldest first."""
    rows = await fetch(
        sql(
            """SELECT array_agg(r.id ORDER BY r.id) AS ids
                 FROM deal r JOIN ledger_account a
                   ON a.name = 'person:' || r.customer_id || ':available' AND a.currency = r.currency
                WHERE r.status = 'waiting_for_payment' AND a.own - a.pending_out >= r.price_minor
                GROUP BY r.customer_id, r.currency ORDER BY min(r.id) LIMIT {}""",
            limit,
        )
    )
    return [list(row["ids"]) for row in rows]


async def waiting(customer: int, currency: str, limit: int) -> list[int]:
    """The numbers of a customer's deals that wait for money of a currency, the oldest first."""
    rows = await fetch(
        sql(
            """SELECT id FROM deal WHERE customer_id = {} AND currency = {} AND status = 'waiting_for_payment'
                ORDER BY id LIMIT {}""",
            customer,
            currency,
            limit,
        )
    )
    return [row["id"] for row in rows]


async def overdue(limit: int) -> list[int]:
    """The numbers of deals whose deadline has passed, where that is not known of them yet."""
    rows = await fetch(
        sql(
            """SELECT id FROM deal WHERE deadline_at <= {} AND (status IN ('created', 'waiting_for_payment')
                   OR status = 'confirm_performer' AND NOT overdue) ORDER BY deadline_at, id LIMIT {}""",
            now(),
            limit,
        )
    )
    return [row["id"] for row in rows]
