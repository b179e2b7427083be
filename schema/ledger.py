"""The ledger as clients see it: accounts, entries, transfers, plans, the audit; and a service's own use of it."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any

import strawberry

from models.kernel import money as kernel
from models.kernel.pages import Cut
from models.kernel.refusals import FieldProblem
from models.kernel.refusals import InvalidInput as WrongInput
from models.ledger import audit, balances, plans
from models.ledger.chart import Side
from schema.connections import Connection
from schema.context import Info
from schema.inputs import Readable
from schema.money import Money
from schema.node import Action, Node, global_id, key_of, number_of
from schema.scalars import BigInt, CurrencyCode, Cursor

ACCOUNT, PLAN = "LedgerAccount", "LedgerPlan"

strawberry.enum(Side, name="LedgerSide", description="On which side an account of this kind normally stands.")


@strawberry.enum(description="What changed an account.")
class LedgerOperation(Enum):
    POST = "post"
    HOLD = "hold"
    COMMIT = "commit"
    ROLLBACK = "rollback"
    REVERT = "revert"


@strawberry.enum(description="Where a plan stands.")
class LedgerPlanState(Enum):
    HOLD = "HOLD"
    COMMIT = "COMMIT"
    ROLLBACK = "ROLLBACK"


@strawberry.type(description="Money that moved from one account to another, and why.")
class LedgerTransfer:
    id: strawberry.ID = strawberry.field(description="Opaque.")
    key: str = strawberry.field(description="Unique for ever: the same thing cannot be posted twice.")
    kind: str = strawberry.field(description='Why: "adjustment", "deal.hold".')
    subject: str = strawberry.field(description='What it was for: "deal:7".')
    amount: Money = strawberry.field(description="Always positive.")
    description: str = strawberry.field(description="In words, where somebody gave them.")
    at: datetime = strawberry.field(description="When the books were changed.")
    from_id: strawberry.Private[int]
    to_id: strawberry.Private[int]

    @strawberry.field(description="Where it came from; null for an account of others.")
    async def source(self, info: Info) -> LedgerAccount | None:
        return LedgerAccount.seen(await info.context.load.account(self.from_id))

    @strawberry.field(description="Where it went; null for an account of others.")
    async def target(self, info: Info) -> LedgerAccount | None:
        return LedgerAccount.seen(await info.context.load.account(self.to_id))

    @classmethod
    def of(cls, record: balances.TransferRecord) -> LedgerTransfer:
        return cls(
            id=global_id("LedgerTransfer", record.id),
            key=record.key,
            kind=record.kind,
            subject=record.subject,
            amount=Money.of(record.money),
            description=record.description,
            at=record.at,
            from_id=record.from_id,
            to_id=record.to_id,
        )


@strawberry.type(description="One change of an account, with what stood on it afterwards.")
class LedgerEntry:
    version: int = strawberry.field(description="The account's version that it made; without a gap.")
    operation: LedgerOperation = strawberry.field(description="What changed the account.")
    change: Money = strawberry.field(description="By how much own changed; zero for a hold.")
    own: Money = strawberry.field(description="Received less given, afterwards.")
    min_available: Money = strawberry.field(description="Own less everything pending out, afterwards.")
    max_available: Money = strawberry.field(description="Own and everything pending in, afterwards.")
    at: datetime = strawberry.field(description="When; never earlier than the entry before.")
    record: strawberry.Private[balances.EntryRecord]

    @strawberry.field(description="The plan that it belongs to.")
    async def plan(self, info: Info) -> LedgerPlan | None:
        record = await info.context.load.plan(self.record.plan_id) if self.record.plan_id else None
        return LedgerPlan.of(record) if record else None

    @strawberry.field(description="The transfers of the same call that touched this account.")
    async def transfers(self, info: Info) -> list[LedgerTransfer]:
        of_call = await info.context.load.transfers(self.record.call)
        return [LedgerTransfer.of(t) for t in of_call if self.record.account_id in (t.from_id, t.to_id)]

    @classmethod
    def of(cls, record: balances.EntryRecord) -> LedgerEntry:
        def money(minor: int) -> Money:
            return Money.of(kernel.Money(minor, record.currency))

        return cls(
            version=record.version,
            operation=LedgerOperation(record.op),
            change=money(record.own_delta),
            own=money(record.own),
            min_available=money(record.own - record.pending_out),
            max_available=money(record.own + record.pending_in),
            at=record.at,
            record=record,
        )


@strawberry.type(description="An account in one currency, exact at the moment of the answer.")
class LedgerAccount(Node):
    name: str = strawberry.field(description='Unique with its currency: "person:7:available".')
    kind: str = strawberry.field(description="Its line in the chart of accounts.")
    side: Side = strawberry.field(description="On which side it normally stands.")
    owner: str = strawberry.field(description='Whose it is: "person:7", "service:rides", "house".')
    currency: CurrencyCode = strawberry.field(description="Of all amounts here.")
    description: str = strawberry.field(description="In the words of who opened it.")
    balance: Money = strawberry.field(description="Own, shown on the normal side: assets and expenses negated.")
    own: Money = strawberry.field(description="Received less given.")
    min_available: Money = strawberry.field(description="Own less everything pending out.")
    max_available: Money = strawberry.field(description="Own and everything pending in.")
    record: strawberry.Private[balances.AccountRecord]

    @strawberry.field(
        description="What changed the account, the newest first. Those of house accounts appear a moment later.",
        extensions=[Readable()],
    )
    async def entries(
        self,
        info: Info,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
        as_of: datetime | None = None,
    ) -> Connection[LedgerEntry]:
        page = await balances.entries(info.context.viewer, self.record.id, Cut(first, after, last, before), as_of=as_of)
        return Connection[LedgerEntry].of(page, LedgerEntry.of)

    @classmethod
    def seen(cls, record: balances.AccountRecord | None) -> LedgerAccount | None:
        return cls.of(record) if record else None

    @classmethod
    def of(cls, record: balances.AccountRecord) -> LedgerAccount:
        def money(minor: int) -> Money:
            return Money.of(kernel.Money(minor, record.currency))

        return cls(
            id=global_id(ACCOUNT, record.id),
            name=record.name,
            kind=record.kind,
            side=record.side,
            owner=record.owner,
            currency=CurrencyCode(record.currency),
            description=record.description,
            balance=Money.of(record.balance),
            own=money(record.own),
            min_available=money(record.own - record.pending_out),
            max_available=money(record.own + record.pending_in),
            version=record.version,
            created_at=record.created_at,
            updated_at=record.updated_at,
            subject=record.subject,
            record=record,
        )


@strawberry.type(description="What stood on an account when a call on a plan was answered.")
class LedgerAccountState:
    version: int = strawberry.field(description="The account's version that the call saw.")
    own: Money = strawberry.field(description="Received less given.")
    min_available: Money = strawberry.field(description="Own less everything pending out.")
    max_available: Money = strawberry.field(description="Own and everything pending in.")
    account_id: strawberry.Private[int]

    @strawberry.field(description="The account as it is now.")
    async def account(self, info: Info) -> LedgerAccount | None:
        return LedgerAccount.seen(await info.context.load.account(self.account_id))

    @classmethod
    def of(cls, state: plans.State) -> LedgerAccountState:
        def money(minor: int) -> Money:
            return Money.of(kernel.Money(minor, state.currency))

        return cls(
            version=state.version,
            own=money(state.own),
            min_available=money(state.min_available),
            max_available=money(state.max_available),
            account_id=state.id,
        )


@strawberry.type(description="One posting of a plan.")
class LedgerPosting:
    batch_id: BigInt = strawberry.field(description="The batch it was held in.")
    amount: Money = strawberry.field(description="Zero is kept and shown, and moves nothing.")
    description: str = strawberry.field(description="In the words of who held it.")
    from_id: strawberry.Private[int]
    to_id: strawberry.Private[int]

    @strawberry.field(description="Where it comes from; null for an account of others.")
    async def source(self, info: Info) -> LedgerAccount | None:
        return LedgerAccount.seen(await info.context.load.account(self.from_id))

    @strawberry.field(description="Where it goes; null for an account of others.")
    async def target(self, info: Info) -> LedgerAccount | None:
        return LedgerAccount.seen(await info.context.load.account(self.to_id))


@strawberry.type(
    description="Money that moves in two phases: held in batches, then committed or rolled back as a whole."
)
class LedgerPlan(Node):
    plan_id: str = strawberry.field(description="The id that its owner gave it.")
    owner: str = strawberry.field(description="Who alone may touch it.")
    state: LedgerPlanState = strawberry.field(description="Where it stands.")
    key: strawberry.Private[str]
    reverted: strawberry.Private[str | None]
    answered: strawberry.Private[tuple[plans.State, ...] | None] = None

    @strawberry.field(description="What has been held, in that order.")
    async def postings(self, info: Info) -> list[LedgerPosting]:
        return [
            LedgerPosting(
                batch_id=BigInt(p.batch_id),
                amount=Money.of(p.money),
                description=p.description,
                from_id=p.from_id,
                to_id=p.to_id,
            )
            for p in await info.context.load.postings(self.key)
        ]

    @strawberry.field(
        description="The accounts as the last call on the plan saw them; in the answer of a repeated call, as its first one did."
    )
    async def accounts(self, info: Info) -> list[LedgerAccountState]:
        states = self.answered if self.answered is not None else await info.context.load.answer(self.key)
        return [LedgerAccountState.of(state) for state in states]

    @strawberry.field(description="What could be done with the plan, and whether this viewer may do it now.")
    def allowed_actions(self, info: Info) -> list[Action]:
        return [
            Action.of(action) for action in balances.plan_actions(self.owner, self.state.value, info.context.viewer)
        ]

    @strawberry.field(description="The plan that this one undoes.")
    async def reverts(self, info: Info) -> LedgerPlan | None:
        record = await info.context.load.plan(self.reverted) if self.reverted else None
        return LedgerPlan.of(record) if record else None

    @classmethod
    def of(cls, record: balances.PlanRecord, answer: plans.PlanAnswer | None = None) -> LedgerPlan:
        """The plan as it stands, or as a call on it answered."""
        return cls(
            id=global_id(PLAN, record.id),
            plan_id=record.plan_id,
            owner=record.owner,
            state=LedgerPlanState(answer.state if answer else record.state),
            version=answer.version if answer else record.version,
            created_at=record.created_at,
            updated_at=record.updated_at,
            subject=f"plan:{record.id}",
            key=record.id,
            reverted=record.reverts,
            answered=answer.accounts if answer else None,
        )


@strawberry.type(description="What one check of the books found.")
class AuditFinding:
    check: str = strawberry.field(description="The check's name.")
    meaning: str = strawberry.field(description="The law of the books that it proves.")
    count: int = strawberry.field(description="How many differences there are; 0 is clean.")
    differences: list[str] = strawberry.field(description="The first of them.")


@strawberry.type(description="One audit of the books.")
class AuditReport:
    started_at: datetime = strawberry.field(description="When it began.")
    finished_at: datetime = strawberry.field(description="When it ended.")
    clean: bool = strawberry.field(description="Whether no check found a difference.")
    accounts: BigInt = strawberry.field(description="How many accounts were proved.")
    transfers: BigInt = strawberry.field(description="How many transfers were proved.")
    findings: list[AuditFinding] = strawberry.field(description="Every check with what it found.")

    @classmethod
    def of(cls, report: audit.Report) -> AuditReport:
        return cls(
            started_at=report.started_at,
            finished_at=report.finished_at,
            clean=report.clean,
            accounts=BigInt(report.accounts),
            transfers=BigInt(report.transfers),
            findings=[
                AuditFinding(check=f.check, meaning=f.meaning, count=f.count, differences=list(f.differences))
                for f in report.findings
            ],
        )


@strawberry.input(description="Which accounts are meant; each given field narrows.")
class LedgerAccountFilter:
    owner: str | None = strawberry.field(default=None, description='Whose: "person:7".')
    kind: str | None = strawberry.field(default=None, description="Of which line of the chart.")
    currency: CurrencyCode | None = strawberry.field(default=None, description="In which currency.")


def account_number(id: Any) -> int:
    """The number of an account id; 0, which no account has, for what is none."""
    return number_of(str(id), ACCOUNT) or 0


def plan_key(id: Any) -> str:
    return key_of(str(id), PLAN) or ""


def moments_in_order(start: datetime, end: datetime) -> None:
    """Refuses INVALID_INPUT unless `start` comes before `end` or with it."""
    if start > end:
        raise WrongInput(FieldProblem("to", "must not be before from"))
