"""The ledger: what stands in it and why, and what a service does with accounts of its own."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from models.kernel import refusals
from models.kernel.pages import Cut
from models.kernel.viewer import AUDITOR, OPERATOR, Viewer
from models.ledger import balances
from models.ledger.audit import Report
from models.ledger.errors import PLAN_NOT_FOUND
from models.work import reads as work
from models.work.jobs import AUDIT_BOOKS
from resolvers.access import query
from schema.connections import Connection
from schema.context import Info
from schema.ledger import (
    ACCOUNT,
    PLAN,
    AuditReport,
    LedgerAccount,
    LedgerAccountFilter,
    LedgerPlan,
    LedgerTransfer,
    account_number,
    moments_in_order,
    plan_key,
)
from schema.money import Money
from schema.scalars import Cursor


async def _accounts(viewer: Viewer, ids: list[str]) -> dict[str, LedgerAccount]:
    found = await balances.accounts(viewer, [account_number(id) for id in ids])
    return {id: LedgerAccount.of(found[n]) for id in ids if (n := account_number(id)) in found}


async def _plans(viewer: Viewer, ids: list[str]) -> dict[str, LedgerPlan]:
    found = await balances.plans(viewer, [plan_key(id) for id in ids])
    return {id: LedgerPlan.of(found[key]) for id in ids if (key := plan_key(id)) in found}


NODES = {ACCOUNT: _accounts, PLAN: _plans}


@strawberry.type
class Queries:
    @query("An account of the ledger.")
    async def ledger_account(self, info: Info, id: strawberry.ID) -> LedgerAccount | None:
        return LedgerAccount.of(await balances.account(info.context.viewer, account_number(id)))

    @query("Accounts of the ledger: all of them for staff, his own for everybody else.")
    async def ledger_accounts(
        self,
        info: Info,
        filter: LedgerAccountFilter | None = None,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[LedgerAccount]:
        wanted, cut = filter or LedgerAccountFilter(), Cut(first, after, last, before)
        page = await balances.account_page(
            info.context.viewer, cut, owner=wanted.owner, kind=wanted.kind, currency=wanted.currency
        )
        return Connection[LedgerAccount].of(page, LedgerAccount.of)

    @query("A plan, by id.")
    async def ledger_plan(self, info: Info, id: strawberry.ID) -> LedgerPlan | None:
        found = await balances.plans(info.context.viewer, [plan_key(id)])
        if not found:
            raise refusals.NotFound("plan", code=PLAN_NOT_FOUND)
        return LedgerPlan.of(found[plan_key(id)])

    @query("What an account owned, on its normal side, strictly before a moment; now where none is given.")
    async def ledger_balance(self, info: Info, account: strawberry.ID, as_of: datetime | None = None) -> Money | None:
        viewer, number = info.context.viewer, account_number(account)
        if as_of is None:
            return Money.of((await balances.account(viewer, number)).balance)
        return Money.of(await balances.own_at(viewer, number, as_of))

    @query("How much an account's balance changed: `from` is counted in, `to` is not.")
    async def ledger_balance_diff(
        self,
        info: Info,
        account: strawberry.ID,
        start: Annotated[datetime, strawberry.argument(name="from")],
        end: Annotated[datetime, strawberry.argument(name="to")],
    ) -> Money | None:
        moments_in_order(start, end)
        return Money.of(await balances.own_between(info.context.viewer, account_number(account), start, end))

    @query('What moved for one subject ("person:7"), the oldest first.')
    async def ledger_transfers(
        self,
        info: Info,
        subject: str,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[LedgerTransfer]:
        page = await balances.transfers(info.context.viewer, subject, Cut(first, after, last, before))
        return Connection[LedgerTransfer].of(page, LedgerTransfer.of)

    @query("The last audit of the books; null before the first.", OPERATOR, AUDITOR)
    async def audit(self, info: Info) -> AuditReport | None:
        result = await work.last_result(info.context.viewer, AUDIT_BOOKS)
        return AuditReport.of(Report.read(dict(result))) if result else None
