"""What viewers read. Every read starts from what the viewer may see."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from models.kernel.pages import Column, Cut, Order, Page, page
from models.kernel.refusals import NotFound
from models.kernel.sql import TRUE, Sql, all_of, fetch, join, sql
from models.kernel.viewer import Viewer
from models.payments.errors import PAYMENT_NOT_FOUND
from models.payments.lifecycle import (
    GatewayStatus,
    PaymentException,
    PaymentStatus,
    Purpose,
    Step,
    SweepStatus,
)
from models.payments.reads.records import (
    DepositRecord,
    GatewayRecord,
    PaymentNow,
    PaymentRecord,
    StepRecord,
    SweepRecord,
    WalletRecord,
)
from models.payments.views import staff, visible_to

GATEWAY, PAYMENT, WALLET, SWEEP = (
    sql(f"SELECT r.* FROM {table} r WHERE") for table in ("payment_gateway", "payment", "wallet", "sweep")
)


# gateways


async def gateways(ids: Sequence[int]) -> dict[int, GatewayRecord]:
    """Those of `ids` that there are: how one pays in is no secret."""
    rows = await fetch(join([GATEWAY, sql("r.id = ANY({}::bigint[])", list(ids))]))
    return {row["id"]: GatewayRecord.of(row) for row in rows}


async def offered(currency: str | None, *, all_of_them: bool = False) -> list[GatewayRecord]:
    """What is offered, or all that there is, for a currency or for any."""
    wanted = TRUE if all_of_them else sql("r.status = {}", GatewayStatus.ENABLED.value)
    if currency is not None:
        wanted &= sql("r.limits ? {}", currency)
    return [GatewayRecord.of(row) for row in await fetch(join([GATEWAY, wanted, sql("ORDER BY r.id")]))]


# payments


async def payments(viewer: Viewer, ids: Sequence[int]) -> dict[int, PaymentRecord]:
    """Those of `ids` that there are and that the viewer may see."""
    where = visible_to(viewer) & sql("r.id = ANY({}::bigint[])", list(ids))
    return {row["id"]: PaymentRecord.of(row) for row in await fetch(join([PAYMENT, where]))}


async def payment(viewer: Viewer, id: int) -> PaymentRecord:
    """Refuses PAYMENT_NOT_FOUND."""
    found = await payments(viewer, [id])
    if id not in found:
        raise NotFound("payment", code=PAYMENT_NOT_FOUND)
    return found[id]


NEWEST = Order("payment", (Column("r.id", int),), descending=True)
OLDEST = Order("payment_oldest", (Column("r.id", int),))
CHANGED = Order("payment_changed", (Column("r.updated_at", datetime), Column("r.id", int)), descending=True)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which payments: all that is given must be so."""

    person: int | None = None
    status: PaymentStatus | None = None
    currency: str | None = None
    gateway: str | None = None
    exception: PaymentException | None = None
    needs_attention: bool | None = None
    paid_to: str | None = None
    tx_id: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None

    @property
    def where(self) -> Sql:
        given = (
            ("r.person_id = {}", self.person),
            ("r.status = {}", self.status and self.status.value),
            ("r.currency = {}", self.currency),
            ("r.gateway_id = (SELECT id FROM payment_gateway WHERE code = {})", self.gateway),
            ("r.exception = {}", self.exception and self.exception.value),
            ("r.needs_attention = {}", self.needs_attention),
            (_PAID_TO, self.paid_to and (self.paid_to.strip(), _plain(self.paid_to))),
            ("r.id IN (SELECT payment_id FROM deposit WHERE tx_id = {})", self.tx_id),
            ("r.created_at >= {}", self.created_from),
            ("r.created_at < {}", self.created_to),
        )
        return all_of(given)


_PAID_TO = """r.id IN (SELECT payment_id FROM wallet WHERE address = {}
                        UNION ALL SELECT id FROM payment WHERE reference = {})"""


def _plain(reference: str) -> str:
    """A bank reference as it is kept, however it was typed."""
    return re.sub(r"[^0-9A-Z]", "", reference.upper())


async def listed(viewer: Viewer, wanted: Wanted, order: Order, cut: Cut) -> Page[PaymentRecord]:
    """A page of the payments that the viewer may see."""
    return await page(sql("SELECT r.* FROM payment r"), visible_to(viewer) & wanted.where, order, cut, PaymentRecord.of)


async def payments_now(ids: Sequence[int]) -> dict[int, PaymentNow]:
    """How the checks of payments fare that were seen already."""
    rows = await fetch(
        sql(
            """SELECT id, failures, failed_step, last_error, last_checked_at, next_check_at FROM payment
                WHERE id = ANY({}::bigint[])""",
            list(ids),
        )
    )
    return {
        row["id"]: PaymentNow(
            row["failures"],
            Step(row["failed_step"]) if row["failed_step"] else None,
            row["last_error"],
            row["last_checked_at"],
            row["next_check_at"],
        )
        for row in rows
    }


async def steps(ids: Sequence[int]) -> list[StepRecord]:
    """The steps done for payments that were seen already, in their order."""
    rows = await fetch(
        sql(
            "SELECT payment_id, step, done_at, detail FROM payment_step WHERE payment_id = ANY({}::bigint[])", list(ids)
        )
    )
    found = [StepRecord(**dict(row) | {"step": Step(row["step"])}) for row in rows]
    return sorted(found, key=lambda one: list(Step).index(one.step))


CONFIRMATIONS = """(SELECT greatest(c.seen_block - d.block + 1, 0) FROM chain_cursor c WHERE c.network = d.network)::int
   AS confirmations"""
"""How many blocks stand on a deposit's, its own among them, as far as the chain was looked at."""


async def deposits(ids: Sequence[int]) -> list[DepositRecord]:
    """What arrived for payments that were seen already, the newest first, up to a hundred of each."""
    query = sql(
        f"""SELECT d.*, {CONFIRMATIONS} FROM unnest({{}}::bigint[]) p(id) CROSS JOIN LATERAL (
              SELECT * FROM deposit WHERE payment_id = p.id ORDER BY id DESC LIMIT 100) d""",
        list(ids),
    )
    return [DepositRecord.of(row) for row in await fetch(query)]


UNMATCHED = Order("unmatched", (Column("d.id", int),), descending=True)


async def unmatched(viewer: Viewer, cut: Cut) -> Page[DepositRecord]:
    """What arrived for nobody that is known, the newest first."""
    where = staff(viewer) & sql("d.payment_id IS NULL")
    return await page(sql(f"SELECT d.*, {CONFIRMATIONS} FROM deposit d"), where, UNMATCHED, cut, DepositRecord.of)


async def paying(person_currencies: Sequence[tuple[int, str]]) -> dict[tuple[int, str], list[int]]:
    """For each person and currency the numbers of the payments that are under way, the newest first, up to five."""
    people, currencies = [p for p, _ in person_currencies], [c for _, c in person_currencies]
    rows = await fetch(
        sql(
            """SELECT k.person_id, k.currency, array(
                 SELECT r.id FROM payment r WHERE r.person_id = k.person_id AND r.currency = k.currency
                    AND r.status = 'waiting' ORDER BY r.id DESC LIMIT 5) AS ids
                 FROM unnest({}::bigint[], {}::text[]) k(person_id, currency)""",
            people,
            currencies,
        )
    )
    return {(row["person_id"], row["currency"]): list(row["ids"]) for row in rows}


# wallets and sweeps


async def wallets(viewer: Viewer, ids: Sequence[int]) -> dict[int, WalletRecord]:
    where = staff(viewer) & sql("r.id = ANY({}::bigint[])", list(ids))
    return {row["id"]: WalletRecord.of(row) for row in await fetch(join([WALLET, where]))}


async def wallets_of(viewer: Viewer, payments: Sequence[int]) -> dict[int, WalletRecord]:
    """By the number of their payment."""
    where = staff(viewer) & sql("r.payment_id = ANY({}::bigint[])", list(payments))
    return {row["payment_id"]: WalletRecord.of(row) for row in await fetch(join([WALLET, where]))}


async def sweeps(viewer: Viewer, ids: Sequence[int]) -> dict[int, SweepRecord]:
    where = staff(viewer) & sql("r.id = ANY({}::bigint[])", list(ids))
    return {row["id"]: SweepRecord.of(row) for row in await fetch(join([SWEEP, where]))}


async def sweeps_of(viewer: Viewer, payments: Sequence[int]) -> list[SweepRecord]:
    """The newest first, up to fifty of each payment."""
    query = join(
        [
            sql(
                """SELECT r.* FROM unnest({}::bigint[]) p(id) CROSS JOIN LATERAL (
                     SELECT * FROM sweep WHERE payment_id = p.id ORDER BY id DESC LIMIT 50) r WHERE""",
                list(payments),
            ),
            staff(viewer),
        ]
    )
    return [SweepRecord.of(row) for row in await fetch(query)]


NEWEST_SWEEP = Order("sweep", (Column("r.id", int),), descending=True)


@dataclass(frozen=True, slots=True)
class WantedSweeps:
    """Which sweeps: all that is given must be so."""

    status: SweepStatus | None = None
    purpose: Purpose | None = None
    payment: int | None = None

    @property
    def where(self) -> Sql:
        return all_of(
            (
                ("r.status = {}", self.status and self.status.value),
                ("r.purpose = {}", self.purpose and self.purpose.value),
                ("r.payment_id = {}", self.payment),
            )
        )


async def sweeps_listed(viewer: Viewer, wanted: WantedSweeps, cut: Cut) -> Page[SweepRecord]:
    """A page of what was sent over the chain, the newest first."""
    return await page(sql("SELECT r.* FROM sweep r"), staff(viewer) & wanted.where, NEWEST_SWEEP, cut, SweepRecord.of)
