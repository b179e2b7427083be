"""What viewers read. Every read starts from what the viewer may see."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias, TypeVar
from uuid import UUID

from models.disputes.errors import DISPUTE_NOT_FOUND
from models.disputes.lifecycle import PUBLIC, DisputeStatus, Mode, PublicStatus
from models.disputes.reads.records import (
    AdjustmentRecord,
    AttachmentRecord,
    CallbackRecord,
    CommentRecord,
    DisputeNow,
    DisputeRecord,
    NotificationRecord,
)
from models.disputes.tables import OPEN_ONES
from models.disputes.views import visible_to
from models.kernel.money import Money
from models.kernel.pages import Column, Cut, Order, Page, page
from models.kernel.refusals import NotFound
from models.kernel.sql import FALSE, Row, Sql, all_of, fetch, join, sql
from models.kernel.viewer import Viewer

R = TypeVar("R")
DISPUTE = sql("SELECT r.* FROM dispute r WHERE")
OF_ONE_MAX = 100


@dataclass(frozen=True, slots=True)
class OfPayment:
    """The newest dispute of a payment."""

    invoice: str
    payment: str


Meant: TypeAlias = int | UUID | OfPayment
"""A dispute: by its number, by the id that everybody knows it by, or by its payment."""


def meant(which: Meant) -> Sql:
    """`r` is the dispute."""
    match which:
        case int():
            return sql("r.id = {}", which)
        case UUID():
            return sql("r.dispute_id = {}", which)
    newest = "r.id = (SELECT max(n.id) FROM dispute n WHERE n.invoice_id = {} AND n.payment_id = {})"
    return sql(newest, which.invoice, which.payment)


async def disputes(viewer: Viewer, ids: Sequence[int]) -> dict[int, DisputeRecord]:
    """Those of `ids` that there are and that the viewer may see."""
    where = visible_to(viewer) & sql("r.id = ANY({}::bigint[])", list(ids))
    return {row["id"]: DisputeRecord.of(row) for row in await fetch(join([DISPUTE, where]))}


async def dispute(viewer: Viewer, which: Meant) -> DisputeRecord:
    """Refuses DISPUTE_NOT_FOUND."""
    rows = await fetch(join([DISPUTE, visible_to(viewer) & meant(which)]))
    if not rows:
        raise NotFound("dispute", code=DISPUTE_NOT_FOUND)
    return DisputeRecord.of(rows[0])


async def open_of(invoice: str, payment: str) -> DisputeRecord | None:
    """The open dispute of a payment, of which there is one at most."""
    which = sql(f"r.invoice_id = {{}} AND r.payment_id = {{}} AND r.status IN ({OPEN_ONES})", invoice, payment)
    rows = await fetch(join([DISPUTE, which]))
    return DisputeRecord.of(rows[0]) if rows else None


async def count_of(invoice: str, payment: str) -> int:
    """How many disputes there were about a payment."""
    query = sql("SELECT count(*) FROM dispute WHERE invoice_id = {} AND payment_id = {}", invoice, payment)
    return int((await fetch(query))[0][0])


NEWEST = Order("dispute", (Column("r.created_at", datetime), Column("r.id", int)), descending=True)
OLDEST = Order("dispute_oldest", (Column("r.created_at", datetime), Column("r.id", int)))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which disputes: all that is given must be so. Amounts are what is disputed, with their currency. `search` is an id, whole:
    ours, the invoice's, or the provider's of the payment or of its dispute."""

    public_status: PublicStatus | None = None
    status: DisputeStatus | None = None
    party: str | None = None
    shop: str | None = None
    provider: int | None = None
    mode: Mode | None = None
    currency: str | None = None
    amount_from: Money | None = None
    amount_to: Money | None = None
    invoice: str | None = None
    payment: str | None = None
    needs_attention: bool | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    search: str | None = None

    @property
    def where(self) -> Sql:
        public = self.public_status and [
            status.value for status, shown in PUBLIC.items() if shown is self.public_status
        ]
        found = all_of(
            (
                ("r.status = ANY({}::text[])", public),
                ("r.status = {}", self.status and self.status.value),
                ("r.party_code = {}", self.party),
                ("r.shop_code = {}", self.shop),
                ("r.provider_id = {}", self.provider),
                ("r.mode = {}", self.mode and self.mode.value),
                ("r.currency = {}", self.currency),
                ("r.amount_minor >= {} AND r.currency = {}", _pair(self.amount_from)),
                ("r.amount_minor < {} AND r.currency = {}", _pair(self.amount_to)),
                ("r.invoice_id = {}", self.invoice),
                ("r.payment_id = {}", self.payment),
                ("r.needs_attention = {}", self.needs_attention),
                ("r.created_at >= {}", self.created_from),
                ("r.created_at < {}", self.created_to),
            )
        )
        return found if self.search is None else found & _sought(self.search)


def _pair(money: Money | None) -> tuple[int, str] | None:
    return None if money is None else (money.minor, money.currency)


OPENLY = ("r.invoice_id = {}",)
BY_ANY_ID = (*OPENLY, "r.provider_trx = {}", "r.provider_dispute_id = {}")


def _sought(words: str, ways: Sequence[str] = BY_ANY_ID) -> Sql:
    """Each way by an index of its own."""
    found = join([sql(way, words.strip()) for way in ways], " OR ")
    try:
        return found | sql("r.dispute_id = {}", UUID(words.strip()))
    except ValueError:
        return found


def _seen(viewer: Viewer, wanted: Wanted) -> Sql:
    """What providers are told is no merchant's: he finds nothing by their ids, their word or their work."""
    seen = visible_to(viewer)
    if viewer.reads_everything:
        return seen
    if viewer.shops and wanted.shop not in {None, *viewer.shops}:
        return FALSE  # nothing would be found, but PostgreSQL would look for it through the whole table
    return seen if wanted.search is None else seen & _sought(wanted.search, OPENLY)


async def listed(viewer: Viewer, wanted: Wanted, order: Order, cut: Cut) -> Page[DisputeRecord]:
    """A page of the disputes that the viewer may see."""
    return await page(
        sql("SELECT r.* FROM dispute r"), _seen(viewer, wanted) & wanted.where, order, cut, DisputeRecord.of
    )


@dataclass(frozen=True, slots=True)
class Counted:
    """How many disputes are in one status."""

    status: DisputeStatus
    count: int
    attention: int

    @property
    def public(self) -> PublicStatus:
        return PUBLIC[self.status]


async def counted(viewer: Viewer, wanted: Wanted) -> list[Counted]:
    """Of those that `wanted` means and the viewer may see, by status; those that need a human apart."""
    query = [
        sql(
            "SELECT r.status, count(*) AS n, count(*) FILTER (WHERE r.needs_attention) AS attention FROM dispute r WHERE"
        ),
        _seen(viewer, wanted) & wanted.where,
        sql("GROUP BY r.status ORDER BY r.status"),
    ]
    return [Counted(DisputeStatus(row["status"]), row["n"], row["attention"]) for row in await fetch(join(query))]


# what belongs to disputes that were seen already


async def now_of(ids: Sequence[int]) -> dict[int, DisputeNow]:
    query = sql("SELECT id, next_check_at, last_error FROM dispute WHERE id = ANY({}::bigint[])", list(ids))
    return {row["id"]: DisputeNow.of(row) for row in await fetch(query)}


async def adjustments_of(ids: Sequence[int]) -> dict[int, AdjustmentRecord]:
    """By the number of the dispute: the job of its payment, where it had a part in it. A later dispute may have begun it again."""
    query = sql(
        """SELECT a.*, d.id AS of_dispute FROM dispute d
             JOIN adjustment a ON a.invoice_id = d.invoice_id AND a.payment_id = d.payment_id
            WHERE d.id = ANY({}::bigint[]) AND d.adjustment_status IS NOT NULL""",
        list(ids),
    )
    return {row["of_dispute"]: AdjustmentRecord.of(row) for row in await fetch(query)}


async def adjustments(viewer: Viewer, ids: Sequence[int]) -> dict[int, AdjustmentRecord]:
    """Staff and nobody else."""
    return await _of_staff(viewer, "adjustment", ids, AdjustmentRecord.of)


async def notifications_of(ids: Sequence[int]) -> dict[int, NotificationRecord]:
    """By the number of the dispute."""
    query = sql("SELECT n.* FROM dispute_notification n WHERE n.dispute_id = ANY({}::bigint[])", list(ids))
    return {row["dispute_id"]: NotificationRecord.of(row) for row in await fetch(query)}


async def attachments_of(ids: Sequence[int]) -> list[AttachmentRecord]:
    """The oldest first, up to a hundred of each."""
    return [AttachmentRecord.of(row) for row in await fetch(_of_each("dispute_attachment", ids))]


async def comments_of(ids: Sequence[int]) -> list[CommentRecord]:
    """The oldest first, up to as many as there may be of each."""
    return [CommentRecord.of(row) for row in await fetch(_of_each("dispute_comment", ids))]


def _of_each(table: str, ids: Sequence[int]) -> Sql:
    return sql(
        f"""SELECT p.* FROM unnest({{}}::bigint[]) d(id) CROSS JOIN LATERAL (
              SELECT * FROM {table} WHERE dispute_id = d.id ORDER BY id LIMIT {OF_ONE_MAX}) p""",
        list(ids),
    )


async def callbacks(viewer: Viewer, ids: Sequence[int]) -> dict[int, CallbackRecord]:
    """Staff and nobody else."""
    return await _of_staff(viewer, "payment_callback", ids, CallbackRecord.of)


async def _of_staff(viewer: Viewer, table: str, ids: Sequence[int], of: Callable[[Row], R]) -> dict[int, R]:
    if not viewer.reads_everything:
        return {}
    return {
        row["id"]: of(row)
        for row in await fetch(sql(f"SELECT r.* FROM {table} r WHERE r.id = ANY({{}}::bigint[])", list(ids)))
    }
