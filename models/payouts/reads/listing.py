"""What viewers read. Every read starts from what the viewer may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime

from models.kernel.money import Money
from models.kernel.pages import Column, Cut, Order, Page, page
from models.kernel.refusals import NotFound
from models.kernel.sql import FALSE, Sql, all_of, fetch, join, sql
from models.kernel.viewer import Viewer
from models.parties.lifecycle import ToolKind
from models.payouts.errors import PAYOUT_NOT_FOUND
from models.payouts.lifecycle import DeliveryStatus, PayoutStatus
from models.payouts.reads.records import AttemptRecord, DeliveryRecord, PayoutRecord, ScheduleRecord
from models.payouts.views import visible_to

PAYOUT, SCHEDULE = (sql(f"SELECT r.* FROM {table} r WHERE") for table in ("payout", "payout_schedule"))


def meant(key: int | str) -> Sql:
    """The payout of a number, or of a plain id; `r` is the payout."""
    return sql("r.id = {}", key) if isinstance(key, int) else sql("r.payout_id = {}", key)


async def payouts(viewer: Viewer, ids: Sequence[int]) -> dict[int, PayoutRecord]:
    """Those of `ids` that there are and that the viewer may see."""
    where = visible_to(viewer) & sql("r.id = ANY({}::bigint[])", list(ids))
    return {row["id"]: PayoutRecord.of(row) for row in await fetch(join([PAYOUT, where]))}


async def payout(viewer: Viewer, key: int | str) -> PayoutRecord:
    """By its number, or by the id that everybody knows it by. Refuses PAYOUT_NOT_FOUND."""
    rows = await fetch(join([PAYOUT, visible_to(viewer) & meant(key)]))
    if not rows:
        raise NotFound("payout", code=PAYOUT_NOT_FOUND)
    return PayoutRecord.of(rows[0])


NEWEST = Order("payout", (Column("r.id", int),), descending=True)
OLDEST = Order("payout_oldest", (Column("r.id", int),))
CHANGED = Order("payout_changed", (Column("r.updated_at", datetime), Column("r.id", int)), descending=True)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which payouts: all that is given must be so. Amounts are what the merchant gets, with their currency."""

    party: str | None = None
    shop: str | None = None
    status: PayoutStatus | None = None
    delivery_status: DeliveryStatus | None = None
    tool_kind: ToolKind | None = None
    currency: str | None = None
    payout_ids: Sequence[str] | None = None
    amount_from: Money | None = None
    amount_to: Money | None = None
    needs_attention: bool | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None

    @property
    def where(self) -> Sql:
        given = (
            ("r.party_code = {}", self.party),
            ("r.shop_code = {}", self.shop),
            ("r.status = {}", self.status and self.status.value),
            ("r.delivery_status = {}", self.delivery_status and self.delivery_status.value),
            ("r.tool_kind = {}", self.tool_kind and self.tool_kind.value),
            ("r.currency = {}", self.currency),
            ("r.payout_id = ANY({}::text[])", None if self.payout_ids is None else list(self.payout_ids)),
            ("r.needs_attention = {}", self.needs_attention),
            ("r.created_at >= {}", self.created_from),
            ("r.created_at < {}", self.created_to),
            ("r.amount_minor >= {} AND r.currency = {}", self.amount_from and astuple(self.amount_from)),
            ("r.amount_minor < {} AND r.currency = {}", self.amount_to and astuple(self.amount_to)),
        )
        return all_of(given)


async def listed(viewer: Viewer, wanted: Wanted, order: Order, cut: Cut) -> Page[PayoutRecord]:
    """A page of the payouts that the viewer may see."""
    seen = visible_to(viewer)
    if viewer.shops and not viewer.reads_everything and wanted.shop not in {None, *viewer.shops}:
        seen = FALSE  # nothing would be found, but PostgreSQL would look for it through the whole table
    return await page(sql("SELECT r.* FROM payout r"), seen & wanted.where, order, cut, PayoutRecord.of)


async def deliveries_of(payouts: Sequence[int]) -> dict[int, DeliveryRecord]:
    """The deliveries of payouts that were seen already, by the payout's number."""
    query = sql("SELECT d.* FROM delivery d WHERE d.payout_id = ANY({}::bigint[])", list(payouts))
    return {row["payout_id"]: DeliveryRecord.of(row) for row in await fetch(query)}


async def attempts_of(deliveries: Sequence[int]) -> list[AttemptRecord]:
    """What was asked for deliveries that were seen already, the newest first, up to a hundred of each."""
    query = sql(
        """SELECT a.* FROM unnest({}::bigint[]) d(id) CROSS JOIN LATERAL (
             SELECT * FROM delivery_attempt WHERE delivery_id = d.id ORDER BY number DESC LIMIT 100) a""",
        list(deliveries),
    )
    return [AttemptRecord.of(row) for row in await fetch(query)]


# schedules


async def schedules(viewer: Viewer, ids: Sequence[int]) -> dict[int, ScheduleRecord]:
    where = visible_to(viewer) & sql("r.id = ANY({}::bigint[])", list(ids))
    return {row["id"]: ScheduleRecord.of(row) for row in await fetch(join([SCHEDULE, where]))}


async def schedules_of(viewer: Viewer, shops: Sequence[int]) -> dict[int, ScheduleRecord]:
    """By the number of their shop."""
    where = visible_to(viewer) & sql("r.shop_id = ANY({}::bigint[])", list(shops))
    return {row["shop_id"]: ScheduleRecord.of(row) for row in await fetch(join([SCHEDULE, where]))}


OLDEST_SCHEDULE = Order("payout_schedule", (Column("r.id", int),))


async def schedules_listed(
    viewer: Viewer, cut: Cut, *, party: str | None = None, needs_attention: bool | None = None
) -> Page[ScheduleRecord]:
    """A page of the schedules that the viewer may see, the oldest first."""
    where = visible_to(viewer)
    if party is not None:
        where &= sql("r.party_code = {}", party)
    if needs_attention is not None:
        where &= sql("r.needs_attention = {}", needs_attention)
    return await page(sql("SELECT r.* FROM payout_schedule r"), where, OLDEST_SCHEDULE, cut, ScheduleRecord.of)
